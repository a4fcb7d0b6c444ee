//! `POST /api/setup`: the first account of a new server, by the one-time link.

use axum::extract::State;
use axum::response::Response;
use protocol::api::Setup;
use protocol::id::AccountId;
use protocol::limits::NAME_BYTES_MAX;
use protocol::opaque::encode_base64url;
use protocol::reject::Reject;
use store::{Account, AccountRole, SetUp, Stage, Store, StoreError};

use super::door::Stranger;
use super::sign_in;
use crate::app::Shared;
use crate::passwords::Passwords;
use crate::random::{self, sha256};
use crate::refusal::Refusal;
use crate::words::Words;

/// Makes the token of a new one-time link and keeps its hash; `None` if there is an account
/// already.  Each call makes the token before it worthless.
///
/// # Errors
///
/// When the store fails.
pub async fn offer(store: &dyn Store) -> Result<Option<String>, StoreError> {
    if store.has_account().await? {
        return Ok(None);
    }
    let token = random::secret::<32>().map_err(StoreError::new)?;
    store.put_setup_token(sha256(token.expose())).await?;
    Ok(Some(encode_base64url(token.expose())))
}

pub(super) async fn create(
    State(app): State<Shared>,
    stranger: Stranger,
    Words(setup): Words<Setup>,
) -> Result<Response, Refusal> {
    sign_in::pace(&app, stranger, None)?;
    // Cheap questions first: strangers buy no hashing with guesses.
    let token_hash = sha256(setup.token.as_slice());
    if !app.store.is_setup_token(token_hash).await? || app.store.has_account().await? {
        return Err(Reject::NoSuchRight.into());
    }
    let name = name(&setup.name)?;
    Passwords::check_new(&setup.password)?;
    let account = Account {
        id: AccountId::from_bytes(random::bytes().map_err(|_| Reject::Internal)?),
        name,
        password_hash: app.passwords.hash(setup.password).await?,
        created_at: app.clock.unix(),
        role: AccountRole::Admin,
        is_disabled: false,
        needs_second_factor: false,
        identity: None,
    };
    match app.store.create_first_account(token_hash, account.clone()).await? {
        SetUp::Refused => Err(Reject::NoSuchRight.into()),
        SetUp::Done => {
            tracing::info!(account = ?account.id, "The server is set up");
            sign_in::welcome(&app, &account, Stage::Whole, None).await
        }
    }
}

/// The name of a new account.
pub(super) fn name(given: &str) -> Result<String, Reject> {
    let name = given.trim();
    let is_name =
        !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if is_name { Ok(name.to_owned()) } else { Err(Reject::Malformed) }
}
