//! `/api/rooms`: the rooms of whoever is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::{NewRoom, RoomView};
use protocol::id::RoomId;
use protocol::limits::ROOMS_PER_ACCOUNT_MAX;
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use store::{Created, RoomRecord};

use super::door::{Named, SignedIn};
use super::invites;
use crate::app::Shared;
use crate::random;
use crate::refusal::Refusal;
use crate::words::Words;

pub(super) async fn list(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
) -> Result<Json<Vec<RoomView>>, Refusal> {
    let mut views = Vec::new();
    for room in app.store.rooms_of(account).await? {
        views.push(view(&app, room).await?);
    }
    Ok(Json(views))
}

pub(super) async fn create(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
    Words(new): Words<NewRoom>,
) -> Result<(StatusCode, Json<RoomView>), Refusal> {
    let room = RoomRecord {
        id: RoomId::from_bytes(random::bytes().map_err(|_| Reject::Internal)?),
        owner: account,
        sealed_title: new.sealed_title.into_vec(),
        created_at: app.clock.unix(),
        ended_at: None,
        last_generation: None,
    };
    match app.store.create_room(room.clone(), ROOMS_PER_ACCOUNT_MAX).await? {
        Created::Done => {
            tracing::info!(room = ?room.id, "A room was made");
            Ok((StatusCode::CREATED, Json(view(&app, room).await?)))
        }
        Created::Full => Err(Reject::TooMany.into()),
        Created::Exists | Created::NoRoom => Err(Reject::Internal.into()),
    }
}

pub(super) async fn end(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
    Named(room): Named<RoomId>,
) -> Result<StatusCode, Refusal> {
    app.switchboard.end_room(account, room).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn view(app: &Shared, room: RoomRecord) -> Result<RoomView, Refusal> {
    let now = app.clock.unix();
    let occupancy = app.switchboard.occupancy(room.id);
    let invites = app.store.invites_of(room.id).await?;
    Ok(RoomView {
        room: room.id,
        sealed_title: Opaque::new(room.sealed_title).map_err(|_| Reject::Internal)?,
        created_at: room.created_at,
        starts_at: None,
        minutes: None,
        kind: protocol::api::RoomKind::Video,
        reusable: true,
        n_waiting: occupancy.n_waiting,
        live: occupancy.live,
        invites: invites.iter().map(|invite| invites::view(invite, now)).collect(),
    })
}
