//! How somebody's part, or the whole room, comes to its end.
//!
//! Whoever goes has their media closed first, then the farewell is sent and the connection
//! closed, then those who stay learn of it.  Nothing follows a farewell.

use protocol::id::{InviteId, ParticipantId};
use protocol::limits::INVITES_PER_ROOM_MAX;
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
        if let Some(invite) = used_up(&gone, reason) {
            self.forbid(invite);
            self.outputs.push_back(Output::UseUp { invite });
        }
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
        self.forbid(invite);
        for who in self.those(|one| one.came_by(invite)) {
            self.dismiss(who, FarewellReason::Revoked);
        }
    }

    fn forbid(&mut self, invite: InviteId) {
        // The store bounds the invites of a room, and those that are over count.
        if self.revoked.len() < INVITES_PER_ROOM_MAX {
            self.revoked.insert(invite);
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

/// The invite that is over because of how its visitor went.  Whoever was only lost, or loaded
/// the page again, may come back.
fn used_up(gone: &Participant, reason: FarewellReason) -> Option<InviteId> {
    let visitor = gone.visitor().filter(|visitor| visitor.sole && gone.is_in_room())?;
    let is_over = matches!(reason, FarewellReason::Left | FarewellReason::Removed);
    is_over.then_some(visitor.invite)
}

#[cfg(test)]
mod tests {
    use protocol::client::ClientMessage;
    use protocol::limits::ROOM_IDLE_PATIENCE;

    use super::*;
    use crate::Input;
    use crate::stage::{Guest, Stage};

    #[test]
    fn whoever_leaves_is_answered_and_then_gone() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        stage.connect_media(attendee, 1);

        assert_eq!(stage.ask(attendee, ClientMessage::Leave), Ok(()));

        assert_farewell(&stage, attendee, FarewellReason::Left);
        assert!(stage.media.contains(&MediaStep::ClosePeer { peer: attendee.who }));
        let (participant, reason) = (attendee.who, FarewellReason::Left);
        let gone = ServerMessage::Gone { participant, reason };
        assert_eq!(stage.last_heard(moderator), Some(&gone));
        let late = stage.say(attendee, ClientMessage::Ping);
        assert_eq!(stage.answer_to(attendee, late), None, "nothing more");
    }

    #[test]
    fn a_room_ends_once_the_store_has_it() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let waiting = stage.knocking(2, 2);

        let n = stage.say(moderator, ClientMessage::EndRoom);
        assert_eq!(stage.other.last(), Some(&Output::KeepEnded));
        assert_eq!(stage.answer_to(moderator, n), None);
        assert!(stage.closed.is_empty());
        assert_eq!(stage.ask(moderator, ClientMessage::EndRoom), Err(Reject::OutOfOrder));

        stage.step(Input::Ended);
        assert_eq!(stage.answer_to(moderator, n), Some(Ok(())));
        for guest in [moderator, attendee, waiting] {
            assert_farewell(&stage, guest, FarewellReason::RoomEnded);
        }
        assert_eq!(stage.other.last(), Some(&Output::Finished));
        assert_eq!(stage.visitor(1, 1), Err(Reject::RoomEnded));
    }

    #[test]
    fn a_room_the_store_cannot_end_goes_on() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let n = stage.say(moderator, ClientMessage::EndRoom);

        stage.step(Input::EndFailed);

        assert_eq!(stage.answer_to(moderator, n), Some(Err(Reject::Internal)));
        assert_eq!(stage.ask(attendee, ClientMessage::Ping), Ok(()));
    }

    #[test]
    fn a_revoked_invite_takes_along_whoever_came_by_it() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let (same, other) = (stage.knocking(1, 7), stage.knocking(2, 2));

        let invite = InviteId::from_bytes([1; 16]);
        stage.step(Input::Revoked { invite });

        assert_farewell(&stage, attendee, FarewellReason::Revoked);
        assert_farewell(&stage, same, FarewellReason::Revoked);
        assert!(!stage.closed.contains(&other.line) && !stage.closed.contains(&moderator.line));
    }

    #[test]
    fn a_room_nobody_comes_to_finishes() {
        let mut stage = Stage::new();
        assert_eq!(stage.room.poll_timeout(), Some(stage.now + ROOM_IDLE_PATIENCE));

        let guest = stage.visitor(1, 1).unwrap();
        stage.wait(ROOM_IDLE_PATIENCE);
        assert!(!stage.other.contains(&Output::Finished), "somebody waits");
        stage.ask(guest, ClientMessage::Leave).unwrap();
        stage.wait(ROOM_IDLE_PATIENCE);

        assert_eq!(stage.other.last(), Some(&Output::Finished));
        assert_eq!(stage.room.poll_timeout(), None);
    }

    #[test]
    fn stopping_says_farewell_to_everybody() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        stage.connect_media(attendee, 1);

        let reason = FarewellReason::ServerStopping;
        stage.step(Input::Stop { reason });

        assert_farewell(&stage, moderator, reason);
        assert_farewell(&stage, attendee, reason);
        assert!(stage.media.contains(&MediaStep::ClosePeer { peer: attendee.who }));
        assert_eq!(stage.other.last(), Some(&Output::Finished));
    }

    fn assert_farewell(stage: &Stage, guest: Guest, reason: FarewellReason) {
        assert_eq!(stage.heard(guest).last(), Some(&ServerMessage::Farewell { reason }));
        assert!(stage.closed.contains(&guest.line));
    }
}
