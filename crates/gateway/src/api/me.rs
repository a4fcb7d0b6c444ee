//! `GET /api/me`: who is signed in, and how far; or whose key it is.

use axum::Json;
use axum::extract::State;
use protocol::api::Me;
use protocol::reject::Reject;

use super::program::Somebody;
use super::sign_in;
use crate::app::Shared;
use crate::refusal::Refusal;

pub(super) async fn read(
    State(app): State<Shared>,
    Somebody(account, stage): Somebody,
) -> Result<Json<Me>, Refusal> {
    let account = app.store.account(account).await?.ok_or(Reject::NotSignedIn)?;
    Ok(Json(sign_in::me(&account, stage)))
}
