//! Who is it?  The account behind the cookie, and the ids in a path.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::extract::path::Path;
use axum::http::request::Parts;
use protocol::id::{AccountId, InviteId, RoomId};
use protocol::reject::Reject;
use serde::de::DeserializeOwned;

use crate::app::Shared;
use crate::cookie;
use crate::refusal::Refusal;

/// Somebody signed in.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignedIn(pub(super) AccountId);

impl FromRequestParts<Shared> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let token_hash = cookie::token_hash(&parts.headers).ok_or(Reject::NotSignedIn)?;
        let found = app.store.sign_in(token_hash).await?;
        let now = app.clock.unix();
        let sign_in =
            found.filter(|sign_in| sign_in.expires_at > now).ok_or(Reject::NotSignedIn)?;
        Ok(Self(sign_in.account))
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
