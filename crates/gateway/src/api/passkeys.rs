//! Passkeys over HTTP: made, used to sign in (alone: they are two factors), taken away.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use protocol::account::{NewPasskey, NewPasskeyChallenge, PasskeyChallenge, PasskeyProof};
use protocol::id::PasskeyId;
use protocol::limits::PASSKEYS_PER_ACCOUNT_MAX;
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use store::{Account, Created, PasskeyRecord, Stage};

use super::account::must_be_fresh;
use super::door::{Named, Securing, Stranger, Whole};
use super::{factors, sign_in};
use crate::app::Shared;
use crate::passkeys::{self, Asked};
use crate::refusal::Refusal;
use crate::server_key::Purpose;
use crate::words::Words;
use crate::{cookie, random};

pub(super) async fn sign_in_challenge(
    State(app): State<Shared>,
    _: Stranger,
    headers: HeaderMap,
) -> Result<Json<PasskeyChallenge>, Refusal> {
    let made = app.accounts.key.challenge(Purpose::SignInChallenge, None, app.clock.unix());
    Ok(Json(PasskeyChallenge {
        challenge: made.ok().and_then(|made| Opaque::new(made).ok()).ok_or(Reject::Internal)?,
        rp: asked(&headers)?.rp.to_owned(),
    }))
}

pub(super) async fn sign_in(
    State(app): State<Shared>,
    stranger: Stranger,
    headers: HeaderMap,
    Words(proof): Words<PasskeyProof>,
) -> Result<Response, Refusal> {
    sign_in::pace(&app, stranger, None)?;
    match owner(&app, asked(&headers)?, &proof).await? {
        Some(account) => {
            let before = cookie::token_hash(&headers);
            sign_in::welcome(&app, &account, Stage::Whole, before).await
        }
        None => {
            app.counters.sign_ins_refused.bump();
            Err(Reject::CannotSignIn.into())
        }
    }
}

/// Whose passkey it is, if everything about it is right.
async fn owner(
    app: &Shared,
    asked: Asked<'_>,
    proof: &PasskeyProof,
) -> Result<Option<Account>, Refusal> {
    let client_data = proof.client_data.as_slice();
    let Some(challenge) = passkeys::challenge_of_proof(client_data, asked) else {
        return Ok(None);
    };
    let made = app.accounts.key.made_challenge(Purpose::SignInChallenge, None, &challenge);
    let Some(until) = made else { return Ok(None) };
    let Some(passkey) = app.store.passkey(proof.credential.as_slice()).await? else {
        return Ok(None);
    };
    let n_signatures = passkeys::proven(
        &passkey.public_key,
        client_data,
        proof.authenticator_data.as_slice(),
        proof.signature.as_slice(),
        asked,
    );
    let Some(n_signatures) = n_signatures else { return Ok(None) };
    // Before the passkey is used: a reset in between takes it away.
    let account = app.store.account(passkey.account).await?;
    let now = app.clock.unix();
    let is_theirs = proof.account.is_none_or(|account| account == passkey.account);
    if !is_theirs || !app.answered().take(&challenge, until, now) {
        return Ok(None);
    }
    if !app.store.use_passkey(passkey.id, n_signatures, now).await? {
        tracing::warn!(passkey = ?passkey.id, "The counter of a passkey went back");
        return Ok(None);
    }
    Ok(account.filter(|account| !account.is_disabled))
}

pub(super) async fn new_challenge(
    State(app): State<Shared>,
    Securing(here): Securing,
    headers: HeaderMap,
) -> Result<Json<NewPasskeyChallenge>, Refusal> {
    must_be_fresh(&app, &here)?;
    let account = app.store.account(here.account).await?.ok_or(Reject::NotSignedIn)?;
    let purpose = Purpose::NewPasskeyChallenge;
    let made = app.accounts.key.challenge(purpose, Some(account.id), app.clock.unix());
    let known = app.store.passkeys_of(account.id).await?;
    Ok(Json(NewPasskeyChallenge {
        challenge: made.ok().and_then(|made| Opaque::new(made).ok()).ok_or(Reject::Internal)?,
        rp: asked(&headers)?.rp.to_owned(),
        account: account.id,
        name: account.name,
        known: known.into_iter().filter_map(|key| Opaque::new(key.credential).ok()).collect(),
    }))
}

pub(super) async fn create(
    State(app): State<Shared>,
    Securing(here): Securing,
    headers: HeaderMap,
    Words(new): Words<NewPasskey>,
) -> Result<Response, Refusal> {
    must_be_fresh(&app, &here)?;
    let asked = asked(&headers)?;
    let challenge = passkeys::challenge_of_new(new.client_data.as_slice(), asked);
    let challenge = challenge.ok_or(Reject::WrongCode)?;
    let purpose = Purpose::NewPasskeyChallenge;
    let until = app.accounts.key.made_challenge(purpose, Some(here.account), &challenge);
    let until = until.ok_or(Reject::WrongCode)?;
    let made = passkeys::made(new.authenticator_data.as_slice(), asked);
    let made = made.ok_or(Reject::WrongCode)?;
    let now = app.clock.unix();
    if !app.answered().take(&challenge, until, now) {
        return Err(Reject::WrongCode.into());
    }
    let passkey = PasskeyRecord {
        id: PasskeyId::from_bytes(random::bytes().map_err(|_| Reject::Internal)?),
        account: here.account,
        credential: made.credential,
        public_key: made.public_key,
        n_signatures: made.n_signatures,
        created_at: now,
        last_used_at: None,
    };
    let by = Some(here.token_hash);
    match app.store.create_passkey(passkey, PASSKEYS_PER_ACCOUNT_MAX, by).await? {
        Created::Done => {
            tracing::info!(account = ?here.account, "A passkey was set up");
            factors::added(&app, &here).await
        }
        Created::Full => Err(Reject::TooMany.into()),
        Created::Exists => Err(Reject::WrongCode.into()),
        Created::NoRoom => Err(Reject::NotSignedIn.into()),
    }
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Whole(here): Whole,
    Named(id): Named<PasskeyId>,
) -> Result<StatusCode, Refusal> {
    must_be_fresh(&app, &here)?;
    let passkeys = app.store.passkeys_of(here.account).await?;
    if !passkeys.iter().any(|passkey| passkey.id == id) {
        return Err(Reject::NoSuchRight.into());
    }
    // Codes alone let nobody in: where there is nothing else, one passkey stays.
    let account = app.store.account(here.account).await?.ok_or(Reject::NotSignedIn)?;
    let has_other_way = !account.password_hash.is_empty() || account.identity.is_some();
    if passkeys.len() == 1 && !has_other_way {
        return Err(Reject::NeedsSecondFactor.into());
    }
    let has_totp = app.store.totp(here.account).await?.is_some();
    let n_others = passkeys.len().saturating_sub(1) + usize::from(has_totp);
    factors::may_lose_one(&app, here.account, n_others).await?;
    app.store.delete_passkey(here.account, id).await?;
    tracing::info!(account = ?here.account, "A passkey was removed");
    Ok(StatusCode::NO_CONTENT)
}

/// The page that asks.  The guard has let in no other than ours.
fn asked(headers: &HeaderMap) -> Result<Asked<'_>, Reject> {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let origin = origin.ok_or(Reject::Malformed)?;
    let (_, authority) = origin.split_once("://").ok_or(Reject::Malformed)?;
    // Bare addresses have no passkeys (WebAuthn section 5.1.3), so a colon begins the port.
    let rp = authority.split(':').next().unwrap_or(authority);
    Ok(Asked { origin, rp })
}
