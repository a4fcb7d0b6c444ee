//! `/api/rooms`: the rooms of whoever is signed in, which are their appointments.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::{ChangeRoom, NewRoom, RoomView};
use protocol::id::{AccountId, InviteId, RoomId};
use protocol::limits::{ROOM_MINUTES_MAX, ROOMS_PER_ACCOUNT_MAX};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::Place;
use store::{Created, RoomChange, RoomRecord};

use super::door::Named;
use super::invites;
use super::program::{May, SessionsRead, SessionsWrite};
use crate::app::Shared;
use crate::random;
use crate::refusal::Refusal;
use crate::words::Words;

pub(super) async fn list(
    State(app): State<Shared>,
    May(account, _): May<SessionsRead>,
) -> Result<Json<Vec<RoomView>>, Refusal> {
    let mut views = Vec::new();
    for room in app.store.rooms_of(account).await? {
        views.push(view(&app, room).await?);
    }
    Ok(Json(views))
}

pub(super) async fn read(
    State(app): State<Shared>,
    May(account, _): May<SessionsRead>,
    Named(room): Named<RoomId>,
) -> Result<Json<RoomView>, Refusal> {
    let room = owned(&app, account, room).await?;
    Ok(Json(view(&app, room).await?))
}

pub(super) async fn create(
    State(app): State<Shared>,
    May(account, _): May<SessionsWrite>,
    Words(new): Words<NewRoom>,
) -> Result<(StatusCode, Json<RoomView>), Refusal> {
    let room = RoomRecord {
        id: RoomId::from_bytes(random::bytes().map_err(|_| Reject::Internal)?),
        owner: account,
        sealed_title: new.sealed_title.into_vec(),
        created_at: app.clock.unix(),
        ended_at: None,
        last_generation: None,
        starts_at: new.starts_at,
        minutes: new.minutes,
        kind: new.kind,
        reusable: new.reusable,
    };
    check_plan(&app, &room)?;
    match app.store.create_room(room.clone(), ROOMS_PER_ACCOUNT_MAX).await? {
        Created::Done => {
            tracing::info!(room = ?room.id, "A room was made");
            Ok((StatusCode::CREATED, Json(view(&app, room).await?)))
        }
        Created::Full => Err(Reject::TooMany.into()),
        Created::Exists | Created::NoRoom => Err(Reject::Internal.into()),
    }
}

pub(super) async fn change(
    State(app): State<Shared>,
    May(account, _): May<SessionsWrite>,
    Named(room): Named<RoomId>,
    Words(change): Words<ChangeRoom>,
) -> Result<Json<RoomView>, Refusal> {
    let room = owned(&app, account, room).await?;
    let is_planned = change.starts_at.is_some() || change.minutes.is_some();
    let change = RoomChange {
        sealed_title: change.sealed_title.map(Opaque::into_vec),
        starts_at: change.starts_at,
        minutes: change.minutes,
        kind: change.kind,
        reusable: change.reusable,
    };
    // Somebody who only renames a room that is over must not be told about its date.
    if is_planned {
        check_plan(&app, &change.clone().of(room.clone()))?;
    }
    let changed = app.store.change_room(room.id, change).await?.ok_or(Reject::RoomEnded)?;
    Ok(Json(view(&app, changed).await?))
}

pub(super) async fn end(
    State(app): State<Shared>,
    May(account, _): May<SessionsWrite>,
    Named(room): Named<RoomId>,
) -> Result<StatusCode, Refusal> {
    app.switchboard.end_room(account, room).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The room, if it is theirs and open.
pub(super) async fn owned(
    app: &Shared,
    account: AccountId,
    room: RoomId,
) -> Result<RoomRecord, Refusal> {
    let room = app.store.room(room).await?.filter(|room| room.owner == account);
    let room = room.ok_or(Reject::NoSuchRight)?;
    if room.ended_at.is_some() {
        return Err(Reject::RoomEnded.into());
    }
    Ok(room)
}

/// Whether a session can be planned like that: not for a day that is gone, nor one that links
/// could not wait for, nor longer than a day.
fn check_plan(app: &Shared, room: &RoomRecord) -> Result<(), Reject> {
    let now = app.clock.unix();
    let latest = now.plus(app.limits.invite_lifetime_max.as_secs());
    let fits = room.minutes.is_none_or(|minutes| (1..=ROOM_MINUTES_MAX).contains(&minutes))
        && room.links_end().is_none_or(|end| end > now && end <= latest);
    if fits { Ok(()) } else { Err(Reject::Malformed) }
}

async fn view(app: &Shared, room: RoomRecord) -> Result<RoomView, Refusal> {
    let now = app.clock.unix();
    let occupancy = app.switchboard.occupancy(room.id);
    let places: BTreeMap<InviteId, Place> = app.switchboard.invite_places(room.id);
    let invites = app.store.invites_of(room.id).await?;
    let view = |invite| invites::view(invite, places.get(&invite.id).copied(), now);
    Ok(RoomView {
        room: room.id,
        sealed_title: Opaque::new(room.sealed_title).map_err(|_| Reject::Internal)?,
        created_at: room.created_at,
        starts_at: room.starts_at,
        minutes: room.minutes,
        kind: room.kind,
        reusable: room.reusable,
        n_waiting: occupancy.n_waiting,
        live: occupancy.live,
        invites: invites.iter().map(view).collect(),
    })
}
