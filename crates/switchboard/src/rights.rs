//! Which room does a right lead to?
//!
//! Looks rights up; whether they are good is decided by the cores.

use protocol::client::Right;
use protocol::id::{InviteId, RoomId};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use room::Visit;
use room::right::{InviteFacts, check_invite};
use store::{InviteRecord, RoomRecord, StoreError};

use crate::cores::Want;
use crate::random::{participant_id, sha256};
use crate::{Clock, Shared};

/// A right that was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) room: RoomId,
    pub(crate) want: Want,
}

impl Shared {
    /// Finds out where a right leads.  A ticket is used up by it.
    pub(crate) async fn find_right(&self, right: &Right) -> Result<Found, Reject> {
        match right {
            Right::Invite { invite, server_auth, device } => {
                let visit = Visiting {
                    invite: *invite,
                    auth: sha256(server_auth.as_slice()),
                    device: sha256(device.as_slice()),
                };
                self.find_invite(visit).await
            }
            Right::Ticket { ticket } => {
                let hash = sha256(ticket.as_slice());
                let room = self.registry.take_ticket(&hash, self.clock.now());
                let room = room.ok_or(Reject::NoSuchRight)?;
                // The store is asked once the room runs: what it says then cannot be older
                // than what the room knows.
                let want =
                    Want::Moderate { participant: participant_id()?, last_generation: None };
                Ok(Found { room, want })
            }
            Right::Resume { resume, after } => {
                let shown = sha256(resume.as_slice());
                let (room, participant) =
                    self.registry.token(&shown).ok_or(Reject::NoSuchRight)?;
                Ok(Found { room, want: Want::Resume { participant, shown, after: *after } })
            }
        }
    }

    /// Looks again once the room runs.  Whoever ends a room or takes an invite back writes it
    /// down first and tells the running room then: so either this sees it, or the room hears.
    pub(crate) async fn find_right_again(
        &self,
        right: &Right,
        found: Found,
    ) -> Result<Found, Reject> {
        match right {
            Right::Invite { .. } => self.find_right(right).await,
            Right::Ticket { .. } => {
                let record = self.store.room(found.room).await;
                let record = record.map_err(store_failed)?;
                let record = record.filter(|record| record.ended_at.is_none());
                let last_generation = record.ok_or(Reject::RoomEnded)?.last_generation;
                let want = found.want.with_last_generation(last_generation);
                Ok(Found { want, ..found })
            }
            Right::Resume { .. } => Ok(found),
        }
    }

    async fn find_invite(&self, visit: Visiting) -> Result<Found, Reject> {
        let Visiting { invite, auth, device } = visit;
        let (record, room) = self.look_up(invite, &auth, Some(&device)).await?;
        let wrapped_room_secret =
            Opaque::new(record.wrapped_room_secret).map_err(|_| Reject::Internal)?;
        let visit = Visit {
            participant: participant_id()?,
            invite,
            device,
            pinned: record.device_hash,
            sole: !room.reusable,
            wrapped_room_secret,
        };
        Ok(Found { room: record.room, want: Want::Visit(visit) })
    }

    /// The invite and its room, if it is good for whoever shows `auth`, and for this device.
    pub(crate) async fn look_up(
        &self,
        invite: InviteId,
        auth: &store::Hash,
        device: Option<&store::Hash>,
    ) -> Result<(InviteRecord, RoomRecord), Reject> {
        let record = self.store.invite(invite).await.map_err(store_failed)?;
        let record = record.ok_or(Reject::NoSuchRight)?;
        let room = self.store.room(record.room).await.map_err(store_failed)?;
        let is_taken = || {
            let holder = record.device_hash.as_ref();
            let is_sole = room.as_ref().is_some_and(|room| !room.reusable);
            is_sole && device.is_some() && holder.is_some() && device != holder
        };
        let facts = InviteFacts {
            server_auth_hash: &record.server_auth_hash,
            expires_at: record.expires_at,
            revoked: record.revoked,
            room_ended: has_ended(room.as_ref()),
            used_up: record.used_up || is_taken(),
        };
        check_invite(facts, auth, Clock::unix_now())?;
        Ok((record, room.ok_or(Reject::RoomEnded)?))
    }
}

struct Visiting {
    invite: InviteId,
    auth: store::Hash,
    device: store::Hash,
}

pub(crate) fn has_ended(room: Option<&RoomRecord>) -> bool {
    room.is_none_or(|room| room.ended_at.is_some())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn store_failed(error: StoreError) -> Reject {
    tracing::error!(%error, "The store failed");
    Reject::Internal
}
