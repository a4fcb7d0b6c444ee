//! `GET /api/state`: what a page needs to know before anybody signed in.

use axum::Json;
use axum::extract::State;
use protocol::api::ServerState;

use super::door::Stranger;
use crate::app::Shared;
use crate::refusal::Refusal;

pub(super) async fn read(
    State(app): State<Shared>,
    _: Stranger,
) -> Result<Json<ServerState>, Refusal> {
    let needs_setup = !app.store.has_account().await?;
    let operator = app.operator.clone();
    Ok(Json(ServerState {
        needs_setup,
        exit_url: operator.exit_url,
        agency: operator.agency,
        sensitive: operator.sensitive,
        crisis: operator.crisis,
        idle_minutes: operator.idle_minutes,
        provider: app.provider.as_ref().map(|provider| provider.rules.name.clone()),
    }))
}
