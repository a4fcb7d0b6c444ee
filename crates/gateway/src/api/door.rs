//! Who is it?  The account behind the cookie, and the ids in a path.

use std::fmt::Display;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::extract::path::Path;
use axum::http::request::Parts;
use protocol::id::{
    AccountId, InviteId, KeyId, PairingId, PasskeyId, RoomId, SignInId, WebhookId,
};
use protocol::reject::Reject;
use serde::de::DeserializeOwned;
use store::records::Hash;
use store::{SignInRecord, Stage, StoreError};

use crate::app::{App, Shared};
use crate::cookie;
use crate::permits;
use crate::porch::Peer;
use crate::refusal::Refusal;

/// How often it is kept that a sign-in is used, in seconds.
const SEEN_INTERVAL_SECS: u64 = 30;

/// Somebody signed in, wholly.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignedIn(pub(super) AccountId);

impl FromRequestParts<Shared> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let Whole(sign_in) = Whole::from_request_parts(parts, app).await?;
        Ok(Self(sign_in.account))
    }
}

/// The same, with the sign-in itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole(pub(super) SignInRecord);

impl FromRequestParts<Shared> for Whole {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let Securing(sign_in) = Securing::from_request_parts(parts, app).await?;
        match sign_in.stage {
            Stage::Whole => Ok(Self(sign_in)),
            Stage::Password | Stage::Bare => Err(Reject::NeedsSecondFactor.into()),
        }
    }
}

/// Somebody signed in wholly, or who has to set up a second factor first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Securing(pub(super) SignInRecord);

impl FromRequestParts<Shared> for Securing {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let Holder(sign_in) = Holder::from_request_parts(parts, app).await?;
        match sign_in.stage {
            Stage::Bare | Stage::Whole => Ok(Self(sign_in)),
            Stage::Password => Err(Reject::NotSignedIn.into()),
        }
    }
}

/// Whoever holds a cookie of ours, however far the sign-in got.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder(pub(super) SignInRecord);

impl FromRequestParts<Shared> for Holder {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let found = match cookie::token_hash(&parts.headers) {
            Some(token_hash) => alive(app, token_hash).await?,
            None => None,
        };
        let Some(sign_in) = found else {
            Stranger::from_request_parts(parts, app).await?;
            return Err(Reject::NotSignedIn.into());
        };
        if !app.paces().account(app.clock.now(), sign_in.account) {
            app.counters.requests_slowed.bump();
            return Err(Reject::TooFast.into());
        }
        Ok(Self(sign_in))
    }
}

/// The sign-in, if it is neither over nor idle; keeps that it is used.
pub(crate) async fn alive(
    app: &App,
    token_hash: Hash,
) -> Result<Option<SignInRecord>, StoreError> {
    let now = app.clock.unix();
    let Some(found) = app.store.sign_in(token_hash).await? else { return Ok(None) };
    let idle_at = found.last_seen_at.plus(app.accounts.idle.as_secs());
    if found.expires_at <= now || idle_at <= now {
        return Ok(None);
    }
    if found.last_seen_at.plus(SEEN_INTERVAL_SECS) <= now {
        app.store.touch_sign_in(token_hash, now).await?;
    }
    Ok(Some(found))
}

/// Somebody who need not be signed in, and has not asked too much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stranger {
    /// Under which they are counted.  Not for logs.
    pub(super) address: Option<IpAddr>,
}

impl FromRequestParts<Shared> for Stranger {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let Peer(peer) = parts.extensions.get::<Peer>().copied().ok_or(Reject::Internal)?;
        let address = permits::counted(peer.ip());
        if !app.paces().stranger(app.clock.now(), address) {
            app.counters.requests_slowed.bump();
            return Err(Reject::TooFast.into());
        }
        Ok(Self { address })
    }
}

/// An id in the path.  A text that is none names nothing, so it is "no such right" too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Display + Send> FromRequestParts<Shared> for Named<T>
where
    T: Id,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let path = Path::<T>::from_request_parts(parts, app).await;
        path.map(|Path(id)| Self(id)).map_err(|_| Reject::NoSuchRight.into())
    }
}

/// What may be named in a path.
pub(super) trait Id {}

impl Id for RoomId {}
impl Id for InviteId {}
impl Id for KeyId {}
impl Id for WebhookId {}
impl Id for PairingId {}
impl Id for PasskeyId {}
impl Id for SignInId {}
