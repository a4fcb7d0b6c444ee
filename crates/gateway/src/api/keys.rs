//! `/api/keys`: keys for programs of the counsellor's.
//!
//! A key is shown once; the server keeps its SHA-256.  Making one needs a fresh sign-in, and no
//! key can make another.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::{KeyView, MadeKey, NewKey};
use protocol::id::KeyId;
use protocol::limits::{KEY_LABEL_BYTES_MAX, KEYS_PER_ACCOUNT_MAX};
use protocol::reject::Reject;
use store::{Created, KeyRecord};

use super::account::must_be_fresh;
use super::door::{Named, SignedIn, Whole};
use crate::app::Shared;
use crate::bearer;
use crate::random::{self, sha256};
use crate::refusal::Refusal;
use crate::words::Words;

pub(super) async fn list(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
) -> Result<Json<Vec<KeyView>>, Refusal> {
    let keys = app.store.keys_of(account).await?;
    Ok(Json(keys.into_iter().map(view).collect()))
}

pub(super) async fn create(
    State(app): State<Shared>,
    Whole(here): Whole,
    Words(new): Words<NewKey>,
) -> Result<(StatusCode, Json<MadeKey>), Refusal> {
    must_be_fresh(&app, &here)?;
    let now = app.clock.unix();
    let label = new.label.trim();
    let mut scopes = new.scopes;
    scopes.sort_unstable();
    scopes.dedup();
    let is_good = !label.is_empty()
        && label.len() <= KEY_LABEL_BYTES_MAX
        && !label.chars().any(char::is_control)
        && !scopes.is_empty()
        && new.expires_at.is_none_or(|at| at > now);
    if !is_good {
        return Err(Reject::Malformed.into());
    }
    let secret = random::secret::<32>().map_err(|_| Reject::Internal)?;
    let key = KeyRecord {
        id: KeyId::from_bytes(random::bytes().map_err(|_| Reject::Internal)?),
        account: here.account,
        label: label.to_owned(),
        secret_hash: sha256(secret.expose()),
        scopes,
        created_at: now,
        expires_at: new.expires_at,
        used_at: None,
    };
    match app.store.create_key(key.clone(), KEYS_PER_ACCOUNT_MAX).await? {
        Created::Done => {
            tracing::info!(account = ?here.account, key = ?key.id, "A key was made");
            let made = MadeKey { view: view(key), secret: bearer::written(&secret) };
            Ok((StatusCode::CREATED, Json(made)))
        }
        Created::Full => Err(Reject::TooMany.into()),
        Created::Exists | Created::NoRoom => Err(Reject::Internal.into()),
    }
}

pub(super) async fn delete(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
    Named(key): Named<KeyId>,
) -> Result<StatusCode, Refusal> {
    if !app.store.delete_key(account, key).await? {
        return Err(Reject::NoSuchRight.into());
    }
    tracing::info!(?account, ?key, "A key was revoked");
    Ok(StatusCode::NO_CONTENT)
}

fn view(key: KeyRecord) -> KeyView {
    KeyView {
        key: key.id,
        label: key.label,
        scopes: key.scopes,
        created_at: key.created_at,
        expires_at: key.expires_at,
        used_at: key.used_at,
    }
}
