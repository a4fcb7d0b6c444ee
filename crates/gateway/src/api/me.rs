//! `GET /api/me`: who is signed in.

use axum::Json;
use axum::extract::State;
use protocol::api::Me;
use protocol::reject::Reject;

use super::door::SignedIn;
use crate::app::Shared;
use crate::refusal::Refusal;

pub(super) async fn read(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
) -> Result<Json<Me>, Refusal> {
    let account = app.store.account(account).await?.ok_or(Reject::NotSignedIn)?;
    Ok(Json(Me { account: account.id, name: account.name }))
}
