//! `/api/rooms/{room}/invites`, `/api/invites/{invite}`: links made and taken back.
//!
//! The link itself never comes here: only its id, a hash, and bytes it alone can open.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::{InviteState, InviteView, NewInvite};
use protocol::id::{InviteId, RoomId};
use protocol::limits::INVITES_PER_ROOM_MAX;
use protocol::reject::Reject;
use protocol::time::UnixSeconds;
use store::{Created, InviteRecord};

use super::door::{Named, SignedIn};
use crate::app::Shared;
use crate::refusal::Refusal;
use crate::words::Words;

pub(super) async fn create(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
    Named(room): Named<RoomId>,
    Words(new): Words<NewInvite>,
) -> Result<(StatusCode, Json<InviteView>), Refusal> {
    let owned = app.store.room(room).await?.filter(|room| room.owner == account);
    let owned = owned.ok_or(Reject::NoSuchRight)?;
    if owned.ended_at.is_some() {
        return Err(Reject::RoomEnded.into());
    }
    let now = app.clock.unix();
    let latest = now.plus(app.limits.invite_lifetime_max.as_secs());
    if new.expires_at <= now
        || new.expires_at > latest
        || new.wrapped_room_secret.as_slice().is_empty()
    {
        return Err(Reject::Malformed.into());
    }
    let hash = new.server_auth_hash.as_slice().try_into().map_err(|_| Reject::Malformed)?;
    let invite = InviteRecord {
        id: new.invite,
        room,
        number: new.number,
        server_auth_hash: hash,
        wrapped_room_secret: new.wrapped_room_secret.into_vec(),
        expires_at: new.expires_at,
        revoked: false,
        device_hash: None,
    };
    match app.store.create_invite(invite.clone(), INVITES_PER_ROOM_MAX).await? {
        Created::Done => Ok((StatusCode::CREATED, Json(view(&invite, now)))),
        Created::Full => Err(Reject::TooMany.into()),
        Created::Exists => Err(Refusal::new(StatusCode::CONFLICT, Reject::Malformed)),
        Created::NoRoom => Err(Reject::RoomEnded.into()),
    }
}

pub(super) async fn revoke(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
    Named(invite): Named<InviteId>,
) -> Result<StatusCode, Refusal> {
    app.switchboard.revoke_invite(account, invite).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How the desk sees an invite.
pub(super) fn view(invite: &InviteRecord, now: UnixSeconds) -> InviteView {
    let state = if invite.revoked {
        InviteState::Revoked
    } else if invite.expires_at <= now {
        InviteState::Expired
    } else if invite.device_hash.is_some() {
        InviteState::Used
    } else {
        InviteState::Unused
    };
    InviteView {
        invite: invite.id,
        number: invite.number,
        state,
        expires_at: invite.expires_at,
    }
}
