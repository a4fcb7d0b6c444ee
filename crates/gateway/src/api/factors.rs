//! `/api/account/totp`, `/api/account/recovery-codes`: codes as a second factor.
//!
//! A secret is offered sealed and kept nowhere until the first code shows that the app has it.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::account::{ConfirmTotp, FactorAdded, RecoveryCodes, TotpOffer};
use protocol::id::AccountId;
use protocol::limits::CHALLENGE_LIFETIME;
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::time::UnixSeconds;
use store::{SignInRecord, Stage, TotpRecord};

use super::account::must_be_fresh;
use super::door::{Securing, Whole};
use super::sign_in;
use crate::app::Shared;
use crate::codes::{self, SECRET_BYTES};
use crate::random;
use crate::refusal::Refusal;
use crate::server_key::Purpose;
use crate::words::Words;

pub(super) async fn offer_totp(
    State(app): State<Shared>,
    Securing(here): Securing,
) -> Result<Json<TotpOffer>, Refusal> {
    must_be_fresh(&app, &here)?;
    let account = app.store.account(here.account).await?.ok_or(Reject::NotSignedIn)?;
    let secret = random::bytes::<SECRET_BYTES>().map_err(|_| Reject::Internal)?;
    let until = app.clock.unix().plus(CHALLENGE_LIFETIME.as_secs()).0.to_be_bytes();
    let plain = [secret.as_slice(), &until].concat();
    let sealed = app.accounts.key.seal(Purpose::TotpOffer, account.id, &plain);
    let sealed = sealed.map_err(|_| Reject::Internal)?;
    Ok(Json(TotpOffer {
        secret: codes::base32(&secret),
        uri: codes::uri(&secret, &account.name),
        sealed: Opaque::new(sealed).map_err(|_| Reject::Internal)?,
    }))
}

pub(super) async fn confirm_totp(
    State(app): State<Shared>,
    Securing(here): Securing,
    Words(words): Words<ConfirmTotp>,
) -> Result<Response, Refusal> {
    must_be_fresh(&app, &here)?;
    sign_in::pace_code(&app, here.account)?;
    let now = app.clock.unix();
    let secret = offered(&app, here.account, words.sealed.as_slice(), now)?;
    let typed = words.code.expose().ok_or(Reject::WrongCode)?;
    let step = codes::fitting_step(&secret, typed, now, 0).ok_or(Reject::WrongCode)?;
    let sealed = app.accounts.key.seal(Purpose::TotpAtRest, here.account, &secret);
    let sealed_secret = sealed.map_err(|_| Reject::Internal)?;
    let totp = TotpRecord { sealed_secret, last_step: step };
    if !app.store.put_totp(here.account, totp, Some(here.token_hash)).await? {
        return Err(Reject::NotSignedIn.into());
    }
    app.paces().forgive_codes(here.account);
    tracing::info!(account = ?here.account, "One-time codes were set up");
    added(&app, &here).await
}

fn offered(
    app: &Shared,
    account: AccountId,
    sealed: &[u8],
    now: UnixSeconds,
) -> Result<Vec<u8>, Reject> {
    let plain = app.accounts.key.open(Purpose::TotpOffer, account, sealed);
    let plain = plain.ok_or(Reject::Malformed)?;
    let (secret, until) = plain.split_at_checked(SECRET_BYTES).ok_or(Reject::Malformed)?;
    let until = u64::from_be_bytes(until.try_into().map_err(|_| Reject::Malformed)?);
    if UnixSeconds(until) <= now {
        return Err(Reject::Expired);
    }
    Ok(secret.to_vec())
}

pub(super) async fn remove_totp(
    State(app): State<Shared>,
    Whole(here): Whole,
) -> Result<StatusCode, Refusal> {
    must_be_fresh(&app, &here)?;
    let others = app.store.passkeys_of(here.account).await?.len();
    may_lose_one(&app, here.account, others).await?;
    app.store.delete_totp(here.account).await?;
    tracing::info!(account = ?here.account, "One-time codes were removed");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn renew_recovery_codes(
    State(app): State<Shared>,
    Whole(here): Whole,
) -> Result<Json<RecoveryCodes>, Refusal> {
    must_be_fresh(&app, &here)?;
    if !sign_in::has_factor(&app, here.account).await? {
        return Err(Reject::NeedsSecondFactor.into());
    }
    Ok(Json(RecoveryCodes { codes: new_codes(&app, here.account).await? }))
}

/// A factor was set up: the first one brings recovery codes, and opens what was not open.
pub(super) async fn added(app: &Shared, here: &SignInRecord) -> Result<Response, Refusal> {
    let account = sign_in::still_there(app, here).await?;
    let has_codes = app.store.n_recovery_codes(account.id).await? > 0;
    let recovery_codes = if has_codes { None } else { Some(new_codes(app, account.id).await?) };
    let answer = FactorAdded { me: sign_in::me(&account, Stage::Whole), recovery_codes };
    if here.stage == Stage::Whole {
        return Ok(Json(answer).into_response());
    }
    let cookie = sign_in::issue(app, &account, Stage::Whole, Some(here.token_hash)).await?;
    Ok(([(header::SET_COOKIE, cookie)], Json(answer)).into_response())
}

/// Whether a factor may go when so many others stay.  Without any, recovery codes mean nothing.
pub(super) async fn may_lose_one(
    app: &Shared,
    account: AccountId,
    n_others: usize,
) -> Result<(), Refusal> {
    if n_others > 0 {
        return Ok(());
    }
    let needs = app.store.account(account).await?.is_none_or(|found| found.needs_second_factor);
    if needs {
        return Err(Reject::NeedsSecondFactor.into());
    }
    app.store.put_recovery_codes(account, Vec::new()).await?;
    Ok(())
}

async fn new_codes(app: &Shared, account: AccountId) -> Result<Vec<String>, Refusal> {
    let (shown, hashes) = codes::recovery_codes().map_err(|_| Reject::Internal)?;
    app.store.put_recovery_codes(account, hashes).await?;
    Ok(shown)
}
