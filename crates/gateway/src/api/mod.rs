//! What the counsellor's desk says over HTTP: one file per resource.

mod door;
mod invites;
mod me;
mod rooms;
pub(crate) mod setup;
mod sign_in;
mod state;
mod ticket;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use protocol::reject::Reject;

use crate::app::Shared;
use crate::refusal::Refusal;

/// Everything below `/api`.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/state", get(state::read))
        .route("/setup", post(setup::create))
        .route("/sign-in", post(sign_in::create))
        .route("/sign-out", post(sign_in::delete))
        .route("/me", get(me::read))
        .route("/rooms", get(rooms::list).post(rooms::create))
        .route("/rooms/{room}", delete(rooms::end))
        .route("/rooms/{room}/invites", post(invites::create))
        .route("/invites/{invite}", delete(invites::revoke))
        .route("/rooms/{room}/ticket", post(ticket::create))
        .fallback(unknown)
        .method_not_allowed_fallback(async || {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Reject::Malformed)
        })
}

/// There is nothing of that name.
pub(crate) async fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, Reject::Malformed)
}
