//! `/api/sign-in`, `/api/sign-out`: the cookie comes and goes.
//!
//! A wrong name, a wrong password, an account that is shut out and too many tries are one
//! answer (`cannot_sign_in`).  The password alone opens nothing where there is a second factor:
//! its cookie is good for `/api/sign-in/code` and `/api/me`, and for a few minutes.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::account::{self as words, SignInCode, SignInStep};
use protocol::api::{Me, SignIn};
use protocol::id::{AccountId, SignInId};
use protocol::limits::{
    NAME_BYTES_MAX, SECOND_FACTOR_PATIENCE, SIGN_IN_LIFETIME, SIGN_INS_PER_ACCOUNT_MAX,
};
use protocol::reject::Reject;
use store::records::Hash;
use store::{Account, AccountRole, SignInRecord, Stage};

use super::door::{Holder, Stranger};
use crate::app::{App, Shared};
use crate::random::{self, sha256};
use crate::refusal::Refusal;
use crate::server_key::Purpose;
use crate::words::Words;
use crate::{codes, cookie};

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
    let Some(account) = account.filter(|account| fits && !account.is_disabled) else {
        app.counters.sign_ins_refused.bump();
        return Err(Reject::CannotSignIn.into());
    };
    app.paces().forgive(stranger.address, name_key(&app, name));
    let stage = stage_after_password(&app, &account).await?;
    welcome(&app, &account, stage, cookie::token_hash(&headers)).await
}

/// The second step: a code of the app, or a recovery code.
pub(super) async fn code(
    State(app): State<Shared>,
    Holder(sign_in): Holder,
    Words(words): Words<SignInCode>,
) -> Result<Response, Refusal> {
    if sign_in.stage != Stage::Password {
        return Err(Reject::NotSignedIn.into());
    }
    pace_code(&app, sign_in.account)?;
    let typed = words.code.expose().ok_or(Reject::WrongCode)?;
    if !is_good_code(&app, sign_in.account, typed).await? {
        app.counters.sign_ins_refused.bump();
        return Err(Reject::WrongCode.into());
    }
    app.paces().forgive_codes(sign_in.account);
    let account = still_there(&app, &sign_in).await?;
    welcome(&app, &account, Stage::Whole, Some(sign_in.token_hash)).await
}

pub(super) async fn delete(
    State(app): State<Shared>,
    _: Stranger,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if let Some(token_hash) = cookie::token_hash(&headers) {
        app.store.delete_sign_in(token_hash).await?;
        app.sign_in_ended(token_hash);
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::take_back())]).into_response())
}

/// How far a right password leads.
pub(super) async fn stage_after_password(
    app: &App,
    account: &Account,
) -> Result<Stage, Refusal> {
    Ok(if has_factor(app, account.id).await? {
        Stage::Password
    } else if account.needs_second_factor {
        Stage::Bare
    } else {
        Stage::Whole
    })
}

/// Whether the account has a second factor.
pub(super) async fn has_factor(app: &App, account: AccountId) -> Result<bool, Refusal> {
    let has_totp = app.store.totp(account).await?.is_some();
    Ok(has_totp || !app.store.passkeys_of(account).await?.is_empty())
}

/// Whether it is a code of the account, and uses it up.
async fn is_good_code(app: &Shared, account: AccountId, typed: &str) -> Result<bool, Refusal> {
    if codes::digits(typed).is_none() {
        return Ok(app.store.use_recovery_code(account, codes::recovery_hash(typed)).await?);
    }
    let Some(totp) = app.store.totp(account).await? else { return Ok(false) };
    let opened = app.accounts.key.open(Purpose::TotpAtRest, account, &totp.sealed_secret);
    let Some(secret) = opened else {
        tracing::error!(?account, "A secret does not open: is server.key another one?");
        return Ok(false);
    };
    match codes::fitting_step(&secret, typed, app.clock.unix(), totp.last_step) {
        // Of two at once, one is first.
        Some(step) => Ok(app.store.use_totp_step(account, step).await?),
        None => Ok(false),
    }
}

/// Signs somebody in and says who they are.  A cookie they had before is worth nothing then.
pub(super) async fn welcome(
    app: &App,
    account: &Account,
    stage: Stage,
    before: Option<Hash>,
) -> Result<Response, Refusal> {
    let cookie = issue(app, account, stage, before).await?;
    Ok(([(header::SET_COOKIE, cookie)], Json(me(account, stage))).into_response())
}

/// The account of a sign-in that was not ended meanwhile.
pub(super) async fn still_there(app: &App, here: &SignInRecord) -> Result<Account, Refusal> {
    let account = app.store.account(here.account).await?.ok_or(Reject::NotSignedIn)?;
    // After the account was read: whoever changes its password later is seen by `issue`.
    app.store.sign_in(here.token_hash).await?.ok_or(Reject::NotSignedIn)?;
    Ok(account)
}

/// The cookie of a new sign-in.  Nobody gets one by what was good when they began and is not any
/// more: `account` is as it was read before.
pub(super) async fn issue(
    app: &App,
    account: &Account,
    stage: Stage,
    before: Option<Hash>,
) -> Result<HeaderValue, Refusal> {
    if let Some(token_hash) = before {
        app.store.delete_sign_in(token_hash).await?;
        app.sign_in_ended(token_hash);
    }
    let token = random::secret::<32>().map_err(|_| Reject::Internal)?;
    let now = app.clock.unix();
    let lifetime =
        if stage == Stage::Password { SECOND_FACTOR_PATIENCE } else { SIGN_IN_LIFETIME };
    let sign_in = SignInRecord {
        token_hash: sha256(token.expose()),
        id: SignInId::from_bytes(random::bytes().map_err(|_| Reject::Internal)?),
        account: account.id,
        stage,
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus(lifetime.as_secs()),
    };
    app.store.put_sign_in(sign_in, SIGN_INS_PER_ACCOUNT_MAX).await?;
    // Whoever changed the password or shut the account out before this line ended the sign-ins
    // there were; whoever does it after it ends this one.
    let found = app.store.account(account.id).await?;
    let is_same = |found: &Account| {
        let of = |one: &Account| (one.password_hash.clone(), one.identity);
        of(found) == of(account) && !found.is_disabled
    };
    if !found.as_ref().is_some_and(is_same) {
        app.store.delete_sign_in(sign_in.token_hash).await?;
        return Err(Reject::CannotSignIn.into());
    }
    if stage == Stage::Whole {
        app.counters.sign_ins.bump();
        tracing::info!(account = ?account.id, "Somebody signed in");
    }
    Ok(cookie::give(&token))
}

/// Who it is, and what comes next.
pub(super) fn me(account: &Account, stage: Stage) -> Me {
    Me {
        account: account.id,
        name: account.name.clone(),
        role: match account.role {
            AccountRole::Counsellor => words::AccountRole::Counsellor,
            AccountRole::Admin => words::AccountRole::Admin,
        },
        step: match stage {
            Stage::Password => SignInStep::SecondFactor,
            Stage::Bare => SignInStep::SetUpFactor,
            Stage::Whole => SignInStep::Done,
        },
    }
}

/// Slows guessing down: from one address, under one name, and over all.
pub(super) fn pace(app: &App, stranger: Stranger, name: Option<&str>) -> Result<(), Reject> {
    let key = name.map(|name| name_key(app, name));
    if app.paces().sign_in(app.clock.now(), stranger.address, key) {
        return Ok(());
    }
    app.counters.sign_ins_slowed.bump();
    Err(if name.is_some() { Reject::CannotSignIn } else { Reject::TooFast })
}

/// Slows guessing codes down, for one account.
pub(super) fn pace_code(app: &App, account: AccountId) -> Result<(), Reject> {
    if app.paces().code(app.clock.now(), account) {
        return Ok(());
    }
    app.counters.sign_ins_slowed.bump();
    Err(Reject::TooFast)
}

fn name_key(app: &App, name: &str) -> Hash {
    sha256(&[app.name_key.as_slice(), name.as_bytes()].concat())
}
