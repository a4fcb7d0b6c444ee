//! How somebody's part, or the whole room, comes to its end.
//!
//! Whoever goes has their media closed first, then the farewell is sent and the connection
//! closed, then those who stay learn of it.  Nothing follows a farewell.

use protocol::id::{InviteId, ParticipantId};
use protocol::reject::{FarewellReason, Reject};
use protocol::server::ServerMessage;

use crate::input::{ConnectionId, Request};
use crate::participant::{Participant, Path};
use crate::{Answer, Life, MediaStep, Output, Room};

impl Room {
    /// Ends one participant's part.
    pub(crate) fn dismiss(&mut self, who: ParticipantId, reason: FarewellReason) {
        let Some(gone) = self.participants.remove(&who) else { return };
        self.put_out(who, &gone, reason);
        if gone.is_in_room() {
            self.replan_slots();
            self.tell(&ServerMessage::Gone { participant: who, reason }, |_, _| true);
        } else if gone.has_knocked() {
            self.tell_moderators(&ServerMessage::Unknocked { participant: who });
        }
    }

    /// Says farewell on one connection and closes it.
    pub(crate) fn say_farewell(&mut self, connection: ConnectionId, reason: FarewellReason) {
        if self.connections.remove(&connection).is_some() {
            let message = ServerMessage::Farewell { reason };
            self.outputs.push_back(Output::Send { to: connection, message });
            self.outputs.push_back(Output::Close { connection });
        }
    }

    /// An invite was taken back: whoever came by it goes, wherever they are.
    pub(crate) fn revoked(&mut self, invite: InviteId) {
        for who in self.those(|one| one.came_by(invite)) {
            self.dismiss(who, FarewellReason::Revoked);
        }
    }

    /// A moderator ends the room; farewells follow once the store has it.
    pub(crate) fn end(
        &mut self,
        who: ParticipantId,
        request: Request,
    ) -> Result<Answer, Reject> {
        self.require_moderator(who)?;
        if matches!(self.life, Life::Ending { .. }) {
            return Err(Reject::OutOfOrder);
        }
        self.life = Life::Ending { request };
        self.outputs.push_back(Output::KeepEnded);
        Ok(Answer::Later)
    }

    pub(crate) fn ended(&mut self) {
        if let Life::Ending { request } = self.life {
            self.answer(request, Ok(()));
        }
        self.stop(FarewellReason::RoomEnded, Reject::RoomEnded);
    }

    pub(crate) fn end_failed(&mut self) {
        if let Life::Ending { request } = self.life {
            self.life = Life::Lived;
            self.answer(request, Err(Reject::Internal));
        }
    }

    /// Ends everybody's part.
    pub(crate) fn stop(&mut self, reason: FarewellReason, refusal: Reject) {
        for (who, gone) in std::mem::take(&mut self.participants) {
            self.put_out(who, &gone, reason);
        }
        self.finish(refusal);
    }

    pub(crate) fn finish(&mut self, refusal: Reject) {
        if !matches!(self.life, Life::Over { .. }) {
            self.outputs.push_back(Output::Finished);
            self.life = Life::Over { refusal };
        }
    }

    fn put_out(&mut self, who: ParticipantId, gone: &Participant, reason: FarewellReason) {
        match gone.path {
            Path::Opening(_) | Path::Open(_) | Path::Lost { .. } => {
                self.order(MediaStep::ClosePeer { peer: who });
            }
            Path::None => {}
        }
        self.outputs.push_back(Output::Forget { who });
        if let Some(connection) = gone.connection() {
            self.say_farewell(connection, reason);
        }
    }
}
