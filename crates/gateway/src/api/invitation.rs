//! `/api/invitation`: the operator's one-time link, to a new account or back to one.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use protocol::account::{AcceptInvitation, InvitationView, OpenInvitation};
use protocol::id::AccountId;
use protocol::limits::ACCOUNTS_MAX;
use protocol::reject::Reject;
use store::records::Hash;
use store::{Accepted, Account, InvitationRecord};

use super::door::Stranger;
use super::{setup, sign_in};
use crate::app::{App, Shared};
use crate::cookie;
use crate::passwords::Passwords;
use crate::random::{self, sha256};
use crate::refusal::Refusal;
use crate::words::Words;

pub(super) async fn open(
    State(app): State<Shared>,
    stranger: Stranger,
    Words(words): Words<OpenInvitation>,
) -> Result<Json<InvitationView>, Refusal> {
    sign_in::pace(&app, stranger, None)?;
    let (_, account) = found(&app, sha256(words.token.as_slice())).await?;
    Ok(Json(InvitationView { name: account.map(|account| account.name) }))
}

pub(super) async fn accept(
    State(app): State<Shared>,
    stranger: Stranger,
    headers: HeaderMap,
    Words(words): Words<AcceptInvitation>,
) -> Result<Response, Refusal> {
    sign_in::pace(&app, stranger, None)?;
    // Cheap questions first: strangers buy no hashing with guesses.
    let token_hash = sha256(words.token.as_slice());
    let (invitation, there) = found(&app, token_hash).await?;
    Passwords::check_new(&words.password)?;
    let password_hash = app.passwords.hash(words.password).await?;
    let account = match there {
        Some(account) => Account { password_hash, identity: None, ..account },
        None => Account {
            id: AccountId::from_bytes(random::bytes().map_err(|_| Reject::Internal)?),
            name: setup::name(&words.name)?,
            password_hash,
            created_at: app.clock.unix(),
            role: invitation.role,
            is_disabled: false,
            needs_second_factor: app.accounts.second_factor_required,
            identity: None,
        },
    };
    let now = app.clock.unix();
    let accepted = app.store.accept_invitation(token_hash, account.clone(), ACCOUNTS_MAX, now);
    match accepted.await? {
        Accepted::Done => {
            app.sign_ins_ended(account.id);
            tracing::info!(account = ?account.id, "An invitation was accepted");
            let stage = sign_in::stage_after_password(&app, &account).await?;
            sign_in::welcome(&app, &account, stage, cookie::token_hash(&headers)).await
        }
        Accepted::Refused => Err(Reject::NoSuchRight.into()),
        Accepted::NameTaken => Err(Reject::NameTaken.into()),
        Accepted::Full => Err(Reject::TooMany.into()),
        Accepted::IdentityTaken => Err(Reject::CannotSignIn.into()),
    }
}

/// The invitation and the account it leads back to.  One answer for all that is not good.
pub(super) async fn found(
    app: &App,
    token_hash: Hash,
) -> Result<(InvitationRecord, Option<Account>), Refusal> {
    let now = app.clock.unix();
    let found = app.store.invitation(token_hash).await?;
    let found = found.filter(|found| found.used_at.is_none() && found.expires_at > now);
    let found = found.ok_or(Reject::NoSuchRight)?;
    let Some(account) = found.account else { return Ok((found, None)) };
    let account = app.store.account(account).await?.filter(|account| !account.is_disabled);
    Ok((found, Some(account.ok_or(Reject::NoSuchRight)?)))
}
