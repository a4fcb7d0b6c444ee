//! `POST /api/rooms/{room}/ticket`: the right to enter one's own room, once and soon.

use axum::Json;
use axum::extract::State;
use protocol::api::Ticket;
use protocol::id::RoomId;

use super::door::{Named, SignedIn};
use crate::app::Shared;
use crate::refusal::Refusal;

pub(super) async fn create(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
    Named(room): Named<RoomId>,
) -> Result<Json<Ticket>, Refusal> {
    let ticket = app.switchboard.ticket(account, room).await?;
    Ok(Json(Ticket { ticket }))
}
