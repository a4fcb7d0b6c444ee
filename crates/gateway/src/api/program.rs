//! Who asks: somebody signed in, or a program with a key that allows it?

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use protocol::api::KeyScope;
use protocol::id::AccountId;
use protocol::reject::Reject;
use store::records::Hash;
use store::{KeyRecord, Stage};

use super::door::{Holder, SignedIn, Stranger};
use crate::app::Shared;
use crate::bearer::{self, Brings};
use crate::refusal::Refusal;

/// How often it is kept that a key is used, in seconds.
const USED_INTERVAL_SECS: u64 = 60 * 60;

/// What a handler asks of a key.
pub(super) trait Scope {
    /// The scope.
    const SCOPE: KeyScope;
}

macro_rules! scopes {
    ($($name:ident)*) => {$(
        /// The scope of that name.
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $name;

        impl Scope for $name {
            const SCOPE: KeyScope = KeyScope::$name;
        }
    )*};
}

scopes!(SessionsRead SessionsWrite InvitesWrite);

/// Somebody who may: signed in, or a program with a key of this scope.
#[derive(Clone, Copy, Debug)]
pub(super) struct May<S>(pub(super) AccountId, pub(super) PhantomData<S>);

impl<S: Scope> FromRequestParts<Shared> for May<S> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let account = match bearer::brought(&parts.headers) {
            Brings::Nothing => {
                let SignedIn(account) = SignedIn::from_request_parts(parts, app).await?;
                account
            }
            Brings::Key(hash) => by_key(parts, app, hash, S::SCOPE).await?,
            Brings::Nonsense => return Err(stranger(parts, app).await),
        };
        Ok(Self(account, PhantomData))
    }
}

/// The account somebody signs in to or a program has a key of, and how far they got.
#[derive(Clone, Copy, Debug)]
pub(super) struct Somebody(pub(super) AccountId, pub(super) Stage);

impl FromRequestParts<Shared> for Somebody {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        match bearer::brought(&parts.headers) {
            Brings::Nothing => {
                let Holder(sign_in) = Holder::from_request_parts(parts, app).await?;
                Ok(Self(sign_in.account, sign_in.stage))
            }
            Brings::Key(hash) => {
                let account = by_key(parts, app, hash, KeyScope::AccountsRead).await?;
                Ok(Self(account, Stage::Whole))
            }
            Brings::Nonsense => Err(stranger(parts, app).await),
        }
    }
}

/// The account of a key, for what the key may be used for.
async fn by_key(
    parts: &mut Parts,
    app: &Shared,
    hash: Hash,
    scope: KeyScope,
) -> Result<AccountId, Refusal> {
    let Some(key) = good(app, hash).await? else { return Err(stranger(parts, app).await) };
    if !app.paces().key(app.clock.now(), key.id) {
        app.counters.requests_slowed.bump();
        return Err(Reject::TooFast.into());
    }
    if !key.scopes.contains(&scope) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, Reject::NoSuchRight));
    }
    let now = app.clock.unix();
    if key.used_at.is_none_or(|at| at.plus(USED_INTERVAL_SECS) <= now) {
        app.store.note_key_used(key.id, now).await?;
    }
    Ok(key.account)
}

/// The key, if it is neither over nor of an account that was shut out.
async fn good(app: &Shared, hash: Hash) -> Result<Option<KeyRecord>, Refusal> {
    let now = app.clock.unix();
    let key = app.store.key_by_hash(hash).await?;
    let Some(key) = key.filter(|key| key.expires_at.is_none_or(|at| at > now)) else {
        return Ok(None);
    };
    let account = app.store.account(key.account).await?;
    Ok(account.is_some_and(|account| !account.is_disabled).then_some(key))
}

/// Trying keys is as slow as anything a stranger tries.
async fn stranger(parts: &mut Parts, app: &Shared) -> Refusal {
    match Stranger::from_request_parts(parts, app).await {
        Ok(_) => Reject::NotSignedIn.into(),
        Err(refusal) => refusal,
    }
}
