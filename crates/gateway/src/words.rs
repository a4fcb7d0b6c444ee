//! How does a request body become words?  Bounded in size and time, JSON and nothing else.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use protocol::reject::Reject;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::app::Shared;
use crate::refusal::Refusal;

/// The words of a request.
pub(crate) struct Words<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Words<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request<Body>, app: &Shared) -> Result<Self, Refusal> {
        // Forms of other sites cannot send this type, so it is a second line against them.
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.split(';').next() == Some("application/json"));
        if !is_json {
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Reject::Malformed));
        }
        let read = to_bytes(request.into_body(), app.limits.body_bytes_max);
        let bytes = timeout(app.limits.body_patience, read)
            .await
            .map_err(|_| Refusal::new(StatusCode::REQUEST_TIMEOUT, Reject::Malformed))?
            .map_err(|_| Reject::TooLarge)?;
        Ok(Self(serde_json::from_slice(&bytes).map_err(|_| Reject::Malformed)?))
    }
}
