//! `GET /api/openapi.json`: what can be asked, for programs and those who write them.
//!
//! Everybody may read it: it says nothing that the source does not.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::door::Stranger;
use crate::openapi;

pub(super) async fn read(_: Stranger) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi::COPY).into_response()
}
