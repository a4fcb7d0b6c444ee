//! `/api/rooms/{room}/invites`, `/api/invites/{invite}`: links made, opened and taken back.
//!
//! The link itself never comes here: only its id, a hash, and bytes it alone can open.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::{Card, InviteState, InviteView, NewInvite, OpenCard};
use protocol::id::{InviteId, RoomId};
use protocol::limits::INVITES_PER_ROOM_MAX;
use protocol::media::Probe;
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::Place;
use protocol::time::UnixSeconds;
use store::{Created, InviteRecord};

use super::door::{Named, Stranger};
use super::program::{InvitesWrite, May};
use super::rooms;
use crate::app::Shared;
use crate::refusal::Refusal;
use crate::words::Words;

pub(super) async fn create(
    State(app): State<Shared>,
    May(account, _): May<InvitesWrite>,
    Named(room): Named<RoomId>,
    Words(new): Words<NewInvite>,
) -> Result<(StatusCode, Json<InviteView>), Refusal> {
    let room = rooms::owned(&app, account, room).await?;
    let now = app.clock.unix();
    let latest = now.plus(app.limits.invite_lifetime_max.as_secs());
    if new.expires_at <= now
        || new.expires_at > latest
        || new.wrapped_room_secret.as_slice().is_empty()
    {
        return Err(Reject::Malformed.into());
    }
    // No link outlives its appointment for long.
    let end = room.links_end();
    if end.is_some_and(|end| end <= now) {
        return Err(Reject::Expired.into());
    }
    let hash = new.server_auth_hash.as_slice().try_into().map_err(|_| Reject::Malformed)?;
    let invite = InviteRecord {
        id: new.invite,
        room: room.id,
        number: new.number,
        server_auth_hash: hash,
        wrapped_room_secret: new.wrapped_room_secret.into_vec(),
        expires_at: end.map_or(new.expires_at, |end| end.min(new.expires_at)),
        revoked: false,
        device_hash: None,
        sealed_card: new.sealed_card.into_vec(),
        opened: false,
        used_up: false,
    };
    match app.store.create_invite(invite.clone(), INVITES_PER_ROOM_MAX).await? {
        Created::Done => Ok((StatusCode::CREATED, Json(view(&invite, None, now)))),
        Created::Full => Err(Reject::TooMany.into()),
        Created::Exists => Err(Refusal::new(StatusCode::CONFLICT, Reject::Malformed)),
        Created::NoRoom => Err(Reject::RoomEnded.into()),
    }
}

/// For whoever holds the link, before anybody knows them.
pub(super) async fn open_card(
    State(app): State<Shared>,
    _: Stranger,
    Named(invite): Named<InviteId>,
    Words(open): Words<OpenCard>,
) -> Result<Json<Card>, Refusal> {
    let (invite, room) =
        app.switchboard.open_invite(invite, open.server_auth.as_slice()).await?;
    let place = app.switchboard.invite_places(room.id).get(&invite.id).copied();
    Ok(Json(Card {
        state: state(&invite, place, app.clock.unix()),
        sealed_card: Opaque::new(invite.sealed_card).map_err(|_| Reject::Internal)?,
        starts_at: room.starts_at,
        minutes: room.minutes,
        kind: room.kind,
    }))
}

/// For the device test of whoever holds the link: the way of sound and picture can be tried
/// before anybody lets them in.  Nobody else has a reason to, so nobody else may.
pub(super) async fn probe(
    State(app): State<Shared>,
    _: Stranger,
    Named(invite): Named<InviteId>,
    Words(open): Words<OpenCard>,
) -> Result<Json<Probe>, Refusal> {
    app.switchboard.open_invite(invite, open.server_auth.as_slice()).await?;
    Ok(Json((app.probes)()))
}

pub(super) async fn revoke(
    State(app): State<Shared>,
    May(account, _): May<InvitesWrite>,
    Named(invite): Named<InviteId>,
) -> Result<StatusCode, Refusal> {
    app.switchboard.revoke_invite(account, invite).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How the desk sees an invite.
pub(super) fn view(
    invite: &InviteRecord,
    place: Option<Place>,
    now: UnixSeconds,
) -> InviteView {
    InviteView {
        invite: invite.id,
        number: invite.number,
        state: state(invite, place, now),
        expires_at: invite.expires_at,
    }
}

/// What is so at this moment comes before what was.
fn state(invite: &InviteRecord, place: Option<Place>, now: UnixSeconds) -> InviteState {
    if invite.revoked {
        return InviteState::Revoked;
    }
    match place {
        Some(Place::Room) => InviteState::InSession,
        Some(Place::Waiting) => InviteState::Waiting,
        None if invite.used_up => InviteState::Used,
        None if invite.expires_at <= now => InviteState::Expired,
        None if invite.device_hash.is_some() => InviteState::Used,
        None if invite.opened => InviteState::Opened,
        None => InviteState::Unused,
    }
}
