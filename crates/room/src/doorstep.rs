//! Sealed notes between the moderators and those who wait.  They are handed on to whoever is
//! connected, or refused; nothing is kept.

use protocol::client::DoorstepNote;
use protocol::id::ParticipantId;
use protocol::reject::Reject;
use protocol::server::{DoorstepNoted, Place, Role, ServerMessage};
use protocol::time::Timestamp;

use crate::participant::Participant;
use crate::{Answer, Room};

impl Room {
    /// Hands a note on.  "No such participant" is also said to somebody who was let in while
    /// their note was on its way, and while no moderator is there.
    pub(crate) fn doorstep_note(
        &mut self,
        now: Timestamp,
        who: ParticipantId,
        note: DoorstepNote,
    ) -> Result<Answer, Reject> {
        let sender = self.participants.get(&who).ok_or(Reject::NoSuchParticipant)?;
        let DoorstepNote { participant: to, sealed } = note;
        let message = ServerMessage::DoorstepNote(DoorstepNoted { participant: who, sealed });
        match (sender.place, sender.role(), to) {
            (Place::Room, Role::Moderator, Some(to)) => {
                let is_there = self.participants.get(&to).is_some_and(|one| {
                    !one.is_in_room() && one.has_knocked() && one.connection().is_some()
                });
                if !is_there {
                    return Err(Reject::NoSuchParticipant);
                }
                self.send(to, message);
            }
            (Place::Room, Role::Moderator, None) | (Place::Room, Role::Attendee, _) => {
                return Err(Reject::NoSuchParticipant);
            }
            (Place::Waiting, _, Some(_)) => return Err(Reject::NotModerator),
            (Place::Waiting, _, None) => {
                let invite = sender.visitor().map(|visitor| visitor.invite);
                let Some(invite) = invite.filter(|_| sender.has_knocked()) else {
                    return Err(Reject::NoSuchParticipant);
                };
                if !self.note_pace.take(now, invite) {
                    return Err(Reject::TooFast);
                }
                let is_heard = |one: &Participant| {
                    one.role() == Role::Moderator && one.connection().is_some()
                };
                if !self.in_room().any(|(_, one)| is_heard(one)) {
                    return Err(Reject::NoSuchParticipant);
                }
                self.tell_moderators(&message);
            }
        }
        Ok(Answer::Done)
    }
}

#[cfg(test)]
mod tests {
    use protocol::client::ClientMessage;
    use protocol::limits::{DOORSTEP_NOTE_INTERVAL, DOORSTEP_NOTES_BURST_MAX};
    use protocol::opaque::Opaque;

    use super::*;
    use crate::stage::{Guest, Stage};

    #[test]
    fn notes_pass_both_ways_and_reach_nobody_else() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let (waiting, other) = (stage.knocking(2, 2), stage.knocking(3, 3));
        stage.forget_heard();

        assert_eq!(stage.ask(moderator, note(Some(waiting.who), 1)), Ok(()));
        assert_eq!(stage.ask(waiting, note(None, 2)), Ok(()));

        assert_eq!(notes(&stage, waiting), [noted(moderator, 1)]);
        assert_eq!(notes(&stage, moderator), [noted(waiting, 2)]);
        assert!(notes(&stage, attendee).is_empty() && notes(&stage, other).is_empty());
    }

    #[test]
    fn only_moderators_and_those_who_wait_write_and_only_to_one_another() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let (waiting, other) = (stage.knocking(2, 2), stage.knocking(3, 3));
        let silent = stage.visitor(4, 4).unwrap();
        stage.forget_heard();
        let nobody = ParticipantId::from_raw(u64::MAX);
        let no_such = Err(Reject::NoSuchParticipant);
        let cases = [
            (moderator, Some(attendee.who), no_such.clone()),
            (moderator, Some(silent.who), no_such.clone()),
            (moderator, Some(nobody), no_such.clone()),
            (moderator, None, no_such.clone()),
            (attendee, None, no_such.clone()),
            (attendee, Some(waiting.who), no_such.clone()),
            (silent, None, no_such),
            (waiting, Some(other.who), Err(Reject::NotModerator)),
            (waiting, Some(moderator.who), Err(Reject::NotModerator)),
        ];
        for (who, to, expected) in cases {
            assert_eq!(stage.ask(who, note(to, 1)), expected, "{who:?} to {to:?}");
        }
        for guest in [moderator, attendee, waiting, other, silent] {
            assert!(notes(&stage, guest).is_empty());
        }
    }

    #[test]
    fn whoever_waits_cannot_flood_the_moderator_with_notes() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        let waiting = stage.knocking(1, 1);
        stage.forget_heard();
        let n_taken = (0..200).filter(|_| stage.ask(waiting, note(None, 1)).is_ok()).count();
        assert_eq!(n_taken, usize::try_from(DOORSTEP_NOTES_BURST_MAX).unwrap());
        assert_eq!(notes(&stage, moderator).len(), n_taken);
        assert_eq!(stage.ask(waiting, note(None, 1)), Err(Reject::TooFast));
        stage.wait(DOORSTEP_NOTE_INTERVAL);
        assert_eq!(stage.ask(waiting, note(None, 1)), Ok(()));
    }

    #[test]
    fn nothing_is_kept_for_a_moderator_who_is_not_there() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        let waiting = stage.knocking(1, 1);
        stage.hang_up(moderator);
        stage.forget_heard();
        assert_eq!(stage.ask(waiting, note(None, 1)), Err(Reject::NoSuchParticipant));
        let back = stage.moderator();
        assert!(notes(&stage, back).is_empty());
    }

    fn note(participant: Option<ParticipantId>, byte: u8) -> ClientMessage {
        let sealed = Opaque::new(vec![byte]).unwrap();
        ClientMessage::DoorstepNote(DoorstepNote { participant, sealed })
    }

    fn noted(from: Guest, byte: u8) -> ServerMessage {
        let sealed = Opaque::new(vec![byte]).unwrap();
        ServerMessage::DoorstepNote(DoorstepNoted { participant: from.who, sealed })
    }

    fn notes(stage: &Stage, guest: Guest) -> Vec<ServerMessage> {
        let heard = stage.heard(guest).iter();
        heard.filter(|m| matches!(m, ServerMessage::DoorstepNote(_))).cloned().collect()
    }
}
