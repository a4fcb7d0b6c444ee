//! Who is it?  The account behind the cookie, and the ids in a path.

use std::fmt::Display;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::extract::path::Path;
use axum::http::request::Parts;
use protocol::id::{AccountId, InviteId, RoomId};
use protocol::reject::Reject;
use serde::de::DeserializeOwned;

use crate::app::Shared;
use crate::cookie;
use crate::permits;
use crate::porch::Peer;
use crate::refusal::Refusal;

/// Somebody signed in.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignedIn(pub(super) AccountId);

impl FromRequestParts<Shared> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let found = match cookie::token_hash(&parts.headers) {
            Some(token_hash) => app.store.sign_in(token_hash).await?,
            None => None,
        };
        let now = app.clock.unix();
        let Some(sign_in) = found.filter(|sign_in| sign_in.expires_at > now) else {
            Stranger::from_request_parts(parts, app).await?;
            return Err(Reject::NotSignedIn.into());
        };
        if !app.paces().account(app.clock.now(), sign_in.account) {
            app.counters.requests_slowed.bump();
            return Err(Reject::TooFast.into());
        }
        Ok(Self(sign_in.account))
    }
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
