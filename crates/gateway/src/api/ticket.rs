//! `POST /api/rooms/{room}/ticket`: the right to enter one's own room, once and soon.

use axum::Json;
use axum::extract::State;
use protocol::api::Ticket;
use protocol::id::RoomId;

use super::door::{Named, Whole};
use crate::app::Shared;
use crate::refusal::Refusal;

pub(super) async fn create(
    State(app): State<Shared>,
    Whole(sign_in): Whole,
    Named(room): Named<RoomId>,
) -> Result<Json<Ticket>, Refusal> {
    let ticket = app.switchboard.ticket(sign_in.account, room).await?;
    app.holders.gave_ticket(&ticket, sign_in.token_hash, app.clock.unix());
    Ok(Json(Ticket { ticket }))
}
