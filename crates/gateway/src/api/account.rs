//! `/api/account`: what somebody may see and change of their own account.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::account::{
    AccountView, ChangePassword, ConfirmPassword, PasskeyView, SignInView,
};
use protocol::api::Password;
use protocol::id::SignInId;
use protocol::limits::FRESH_PATIENCE;
use protocol::reject::Reject;
use store::{Account, SignInRecord, Stage};

use super::door::{Named, Securing, Whole};
use super::sign_in;
use crate::app::{App, Shared};
use crate::cookie;
use crate::passwords::Passwords;
use crate::refusal::Refusal;
use crate::words::Words;

pub(super) async fn read(
    State(app): State<Shared>,
    Securing(here): Securing,
) -> Result<Json<AccountView>, Refusal> {
    let store = &app.store;
    let account = store.account(here.account).await?.ok_or(Reject::NotSignedIn)?;
    let passkeys = store.passkeys_of(account.id).await?;
    let sign_ins = store.sign_ins_of(account.id).await?;
    let now = app.clock.unix();
    let alive = sign_ins.iter().filter(|one| one.stage == Stage::Whole && one.expires_at > now);
    Ok(Json(AccountView {
        has_totp: store.totp(account.id).await?.is_some(),
        n_recovery_codes: u32::try_from(store.n_recovery_codes(account.id).await?)
            .unwrap_or(u32::MAX),
        passkeys: passkeys
            .iter()
            .map(|passkey| PasskeyView {
                passkey: passkey.id,
                created_at: passkey.created_at,
                last_used_at: passkey.last_used_at,
            })
            .collect(),
        sign_ins: alive
            .map(|sign_in| SignInView {
                sign_in: sign_in.id,
                created_at: sign_in.created_at,
                last_seen_at: sign_in.last_seen_at,
                is_this: sign_in.id == here.id,
            })
            .collect(),
        needs_second_factor: account.needs_second_factor,
        has_password: !account.password_hash.is_empty(),
        has_provider: account.identity.is_some(),
    }))
}

/// The password once more: from here on the sign-in counts as fresh.
pub(super) async fn confirm(
    State(app): State<Shared>,
    Whole(here): Whole,
    Words(words): Words<ConfirmPassword>,
) -> Result<StatusCode, Refusal> {
    knows_password(&app, &here, words.password).await?;
    // Looking at a password takes a while, in which the sign-in may have been ended.
    if !app.store.renew_sign_in(here.token_hash, app.clock.unix()).await? {
        return Err(Reject::NotSignedIn.into());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A new password ends every other sign-in.
pub(super) async fn change_password(
    State(app): State<Shared>,
    Whole(here): Whole,
    Words(words): Words<ChangePassword>,
) -> Result<StatusCode, Refusal> {
    Passwords::check_new(&words.new)?;
    let account = knows_password(&app, &here, words.current).await?;
    let hash = app.passwords.hash(words.new).await?;
    // Looking at passwords takes a while, in which the operator may have reset the account.
    if !app.store.put_password(account.id, &account.password_hash, &hash).await? {
        return Err(Reject::NotSignedIn.into());
    }
    app.store.delete_sign_ins_of(account.id, Some(here.token_hash)).await?;
    app.sign_ins_ended(account.id);
    tracing::info!(account = ?account.id, "A password was changed");
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one sign-in, here or elsewhere.
pub(super) async fn end_sign_in(
    State(app): State<Shared>,
    Whole(here): Whole,
    Named(id): Named<SignInId>,
) -> Result<StatusCode, Refusal> {
    if !app.store.delete_sign_in_by_id(here.account, id).await? {
        return Err(Reject::NoSuchRight.into());
    }
    app.sign_ins_ended(here.account);
    Ok(StatusCode::NO_CONTENT)
}

/// Ends every sign-in of the account, this one too, and the calls that came from them.
pub(super) async fn sign_out_everywhere(
    State(app): State<Shared>,
    Securing(here): Securing,
) -> Result<Response, Refusal> {
    app.store.delete_sign_ins_of(here.account, None).await?;
    app.sign_ins_ended(here.account);
    tracing::info!(account = ?here.account, "Somebody signed out everywhere");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::take_back())]).into_response())
}

/// Somebody who found an open browser should not be able to lock its owner out.
pub(super) fn must_be_fresh(app: &App, sign_in: &SignInRecord) -> Result<(), Reject> {
    let until = sign_in.created_at.plus(FRESH_PATIENCE.as_secs());
    if app.clock.unix() < until { Ok(()) } else { Err(Reject::NotFresh) }
}

async fn knows_password(
    app: &Shared,
    here: &SignInRecord,
    password: Password,
) -> Result<Account, Refusal> {
    sign_in::pace_code(app, here.account)?;
    let account = app.store.account(here.account).await?.ok_or(Reject::NotSignedIn)?;
    if !app.passwords.fits(password, Some(account.password_hash.clone())).await? {
        return Err(Reject::CannotSignIn.into());
    }
    app.paces().forgive_codes(here.account);
    Ok(account)
}
