//! `POST /api/sign-in`, `POST /api/sign-out`: the cookie comes and goes.
//!
//! A wrong name, a wrong password and too many tries are one answer (`cannot_sign_in`).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::api::{Me, SignIn};
use protocol::id::SignInId;
use protocol::limits::{NAME_BYTES_MAX, SIGN_IN_LIFETIME, SIGN_INS_PER_ACCOUNT_MAX};
use protocol::reject::Reject;
use store::records::Hash;
use store::{Account, SignInRecord, Stage};

use super::door::Stranger;
use crate::app::Shared;
use crate::cookie;
use crate::random::{self, sha256};
use crate::refusal::Refusal;
use crate::words::Words;

pub(super) async fn create(
    State(app): State<Shared>,
    stranger: Stranger,
    headers: HeaderMap,
    Words(words): Words<SignIn>,
) -> Result<Response, Refusal> {
    let name = words.name.trim();
    if name.len() > NAME_BYTES_MAX {
        return Err(Reject::CannotSignIn.into());
    }
    pace(&app, stranger, Some(name))?;
    let account = app.store.account_by_name(name).await?;
    let kept = account.as_ref().map(|account| account.password_hash.clone());
    let fits = app.passwords.fits(words.password, kept).await?;
    let Some(account) = account.filter(|_| fits) else {
        app.counters.sign_ins_refused.bump();
        return Err(Reject::CannotSignIn.into());
    };
    app.paces().forgive(stranger.address, name_key(&app, name));
    welcome(&app, account, cookie::token_hash(&headers)).await
}

pub(super) async fn delete(
    State(app): State<Shared>,
    _: Stranger,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if let Some(token_hash) = cookie::token_hash(&headers) {
        app.store.delete_sign_in(token_hash).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::take_back())]).into_response())
}

/// Signs somebody in and says who they are.  A cookie they had before is worth nothing then.
pub(super) async fn welcome(
    app: &Shared,
    account: Account,
    before: Option<Hash>,
) -> Result<Response, Refusal> {
    if let Some(token_hash) = before {
        app.store.delete_sign_in(token_hash).await?;
    }
    let token = random::secret::<32>().map_err(|_| Reject::Internal)?;
    let now = app.clock.unix();
    let sign_in = SignInRecord {
        token_hash: sha256(token.expose()),
        id: SignInId::from_bytes(random::bytes().map_err(|_| Reject::Internal)?),
        account: account.id,
        stage: Stage::Whole,
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus(SIGN_IN_LIFETIME.as_secs()),
    };
    app.store.put_sign_in(sign_in, SIGN_INS_PER_ACCOUNT_MAX).await?;
    app.counters.sign_ins.bump();
    tracing::info!(account = ?account.id, "Somebody signed in");
    let me = Me { account: account.id, name: account.name };
    Ok(([(header::SET_COOKIE, cookie::give(&token))], Json(me)).into_response())
}

/// Slows guessing down: from one address, under one name, and over all.
pub(super) fn pace(app: &Shared, stranger: Stranger, name: Option<&str>) -> Result<(), Reject> {
    let key = name.map(|name| name_key(app, name));
    if app.paces().sign_in(app.clock.now(), stranger.address, key) {
        return Ok(());
    }
    app.counters.sign_ins_slowed.bump();
    Err(if name.is_some() { Reject::CannotSignIn } else { Reject::TooFast })
}

fn name_key(app: &Shared, name: &str) -> Hash {
    sha256(&[app.name_key.as_slice(), name.as_bytes()].concat())
}
