//! Who knocks, who is let in, and who is put out.
//!
//! A commit is looked at twice.  Before it goes to the delivery service: may its maker do this,
//! and are those it names where it needs them ([`Room::check_commit`])?  And once it has won:
//! carry it out ([`Room::advanced`]).  In between nothing else happens.

use std::collections::{BTreeMap, BTreeSet};

use protocol::client::{Added, Commit, Knock};
use protocol::id::{LeafIndex, ParticipantId};
use protocol::limits::ROOM_MEMBERS_MAX;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{Place, Role, ServerMessage};
use protocol::time::Timestamp;

use crate::participant::Participant;
use crate::{Answer, MediaStep, Output, Room};

/// The leaf of whoever opens a group.
const FIRST_LEAF: LeafIndex = LeafIndex(0);

impl Room {
    /// Keeps the newest knock and shows it to the moderators.  Somebody already let in may
    /// knock again too: their KeyPackages may have been used up or grown old.
    pub(crate) fn knock(
        &mut self,
        now: Timestamp,
        who: ParticipantId,
        knock: Knock,
    ) -> Result<Answer, Reject> {
        let visitor = self.participants.get_mut(&who).and_then(Participant::visitor_mut);
        let visitor = visitor.ok_or(Reject::OutOfOrder)?;
        if !self.knock_pace.take(now, visitor.invite) {
            return Err(Reject::TooFast);
        }
        visitor.knock = Some(knock);
        if let Some(knocked) = self.knocked(now, who) {
            self.tell_moderators(&ServerMessage::Knocked(knocked));
        }
        Ok(Answer::Done)
    }

    /// The same, from somebody in the room only.
    pub(crate) fn spare(
        &mut self,
        now: Timestamp,
        who: ParticipantId,
        knock: Knock,
    ) -> Result<Answer, Reject> {
        self.require_room(who)?;
        self.knock(now, who, knock)
    }

    /// Refuses a knock.  Somebody who is in the room can only be removed, by a commit.
    pub(crate) fn decline(
        &mut self,
        by: ParticipantId,
        who: ParticipantId,
    ) -> Result<Answer, Reject> {
        self.require_moderator(by)?;
        match self.participants.get(&who).map(|one| one.place) {
            Some(Place::Waiting) => {
                self.dismiss(who, FarewellReason::Declined);
                Ok(Answer::Done)
            }
            Some(Place::Room) | None => Err(Reject::NoSuchParticipant),
        }
    }

    /// Whether the room could carry the commit out, should it win.
    ///
    /// `added` may name whoever knocked and waits, and attendees in the room (a new group takes
    /// them over; one who lost track is added again).  `removed` may name attendees in the
    /// room, and anybody who is gone already: their leaf is not.
    pub(crate) fn check_commit(
        &self,
        by: ParticipantId,
        commit: &Commit,
    ) -> Result<(), Reject> {
        self.require_moderator(by)?;
        let added: BTreeSet<_> = commit.added.iter().map(|added| added.participant).collect();
        let leaves: BTreeSet<_> = commit.added.iter().map(|added| added.leaf).collect();
        let removed: BTreeSet<_> = commit.removed.iter().copied().collect();
        let is_clear = added.len() == commit.added.len()
            && leaves.len() == commit.added.len()
            && leaves.iter().all(|leaf| usize::try_from(leaf.0).is_ok_and(is_leaf))
            && added.is_disjoint(&removed);
        if !is_clear {
            return Err(Reject::Malformed);
        }

        self.check_sole_use(&added)?;
        let mut n_attendees = self.in_room().filter(|(_, one)| is_attendee(one)).count();
        for who in &added {
            let one = self.participants.get(who).filter(|one| is_attendee(one));
            let one = one.ok_or(Reject::NoSuchParticipant)?;
            match one.place {
                Place::Room => {}
                Place::Waiting if one.has_knocked() => n_attendees += 1,
                Place::Waiting => return Err(Reject::NoSuchParticipant),
            }
        }
        for who in removed.iter().filter_map(|who| self.participants.get(who)) {
            if !who.is_in_room() || !is_attendee(who) {
                return Err(Reject::NoSuchParticipant);
            }
            n_attendees = n_attendees.saturating_sub(1);
        }
        // One place is always left for the moderator.
        if n_attendees < ROOM_MEMBERS_MAX { Ok(()) } else { Err(Reject::RoomFull) }
    }

    /// An invite for sole use never brings two devices in.
    fn check_sole_use(&self, added: &BTreeSet<ParticipantId>) -> Result<(), Reject> {
        let mut devices = BTreeMap::new();
        let added = added.iter().filter_map(|who| self.participants.get(who)?.visitor());
        for visitor in added.filter(|visitor| visitor.sole) {
            let holder = visitor.pinned.unwrap_or(visitor.device);
            let first = *devices.entry(visitor.invite).or_insert(holder);
            if visitor.device != first {
                return Err(Reject::NoSuchParticipant);
            }
        }
        Ok(())
    }

    /// Sends away whoever waits by an invite for sole use that has its device now.
    fn close_behind(&mut self, newcomers: &[Added]) {
        let visitors = newcomers
            .iter()
            .filter_map(|added| self.participants.get(&added.participant)?.visitor());
        let sole: BTreeSet<_> =
            visitors.filter(|visitor| visitor.sole).map(|visitor| visitor.invite).collect();
        let is_left_over = |one: &Participant| {
            !one.is_in_room()
                && one.visitor().is_some_and(|visitor| sole.contains(&visitor.invite))
        };
        for who in self.those(is_left_over) {
            self.dismiss(who, FarewellReason::Revoked);
        }
    }

    /// Carries out a commit that won.
    pub(crate) fn advanced(
        &mut self,
        now: Timestamp,
        added: &[Added],
        removed: &[ParticipantId],
    ) {
        for who in removed {
            self.dismiss(*who, FarewellReason::Removed);
        }
        let newcomers: Vec<_> =
            added.iter().copied().filter(|added| self.let_in(now, *added)).collect();
        self.close_behind(&newcomers);
        let is_newcomer = |who| newcomers.iter().any(|added| added.participant == who);
        for newcomer in &newcomers {
            let who = newcomer.participant;
            let Some(one) = self.participants.get(&who) else { continue };
            // Newcomers learn of one another by their Welcomes.
            let message = ServerMessage::Present(one.describe(who));
            self.tell(&message, |other, _| !is_newcomer(other));
        }
    }

    /// The opener of a group has its first leaf.  The others keep theirs until the new group
    /// takes them over: what they send until then is sealed by the old one.
    pub(crate) fn opened(&mut self, by: ParticipantId) {
        self.set_leaf(by, FIRST_LEAF);
    }

    /// Returns whether they were not in the room before.
    fn let_in(&mut self, now: Timestamp, added: Added) -> bool {
        let Added { participant: who, leaf } = added;
        let Some(participant) = self.participants.get_mut(&who) else {
            debug_assert!(false, "a commit was checked and then not carried out at once");
            return false;
        };
        let was_waiting = !participant.is_in_room();
        participant.place = Place::Room;
        self.set_leaf(who, leaf);
        self.pin(who);
        debug_assert!(self.knocked(now, who).is_some(), "nobody is added without a knock");
        was_waiting
    }

    fn set_leaf(&mut self, who: ParticipantId, leaf: LeafIndex) {
        let Some(participant) = self.participants.get_mut(&who) else { return };
        if participant.leaf.replace(leaf) != Some(leaf) && participant.path.is_known_to_media()
        {
            self.order(MediaStep::SetLeaf { peer: who, leaf });
        }
    }

    /// The first device let in by an invite is the one that may come back by itself.
    fn pin(&mut self, who: ParticipantId) {
        let visitor = self.participants.get(&who).and_then(Participant::visitor);
        let Some(visitor) = visitor.filter(|visitor| visitor.pinned.is_none()) else { return };
        let (invite, device) = (visitor.invite, visitor.device);
        for other in self.participants.values_mut().filter_map(Participant::visitor_mut) {
            if other.invite == invite {
                other.pinned = Some(device);
            }
        }
        self.outputs.push_back(Output::PinDevice { invite, device });
    }
}

fn is_leaf(leaf: usize) -> bool {
    leaf < ROOM_MEMBERS_MAX
}

fn is_attendee(one: &Participant) -> bool {
    one.role() == Role::Attendee
}

#[cfg(test)]
mod tests {
    use protocol::client::{ClientMessage, Decline};
    use protocol::limits::{KNOCK_INTERVAL, KNOCKS_BURST_MAX};

    use super::*;
    use crate::stage::{Guest, Stage, knock, open_group};

    #[test]
    fn a_knock_is_shown_to_the_moderator_and_the_newest_is_kept() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        let guest = stage.visitor(1, 1).unwrap();

        for seed in [7, 8] {
            assert_eq!(stage.ask(guest, ClientMessage::Knock(knock(seed))), Ok(()));
            let Some(ServerMessage::Knocked(knocked)) = stage.last_heard(moderator) else {
                panic!("no knock is heard");
            };
            assert_eq!((knocked.participant, &knocked.knock), (guest.who, &knock(seed)));
        }
        assert_eq!(stage.room.n_waiting(), 1);
    }

    fn used_up(stage: &Stage) -> usize {
        stage.other.iter().filter(|one| matches!(one, Output::UseUp { .. })).count()
    }

    #[test]
    fn an_invite_for_sole_use_takes_one_device_and_sends_the_others_away() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        stage.open_group(moderator, 0);
        let first = stage.sole_visitor(1, 1).unwrap();
        stage.say(first, ClientMessage::Knock(knock(1)));
        let second = stage.sole_visitor(1, 2).unwrap();
        stage.say(second, ClientMessage::Knock(knock(1)));
        let both = stage.adds(&[first.who, second.who]);
        assert_eq!(stage.ask(moderator, both), Err(Reject::NoSuchParticipant));

        stage.let_in(moderator, first);

        let reason = FarewellReason::Revoked;
        assert_eq!(stage.last_heard(second), Some(&ServerMessage::Farewell { reason }));
        assert_eq!(stage.sole_visitor(1, 2), Err(Reject::NoSuchRight));
        let again = stage.sole_visitor(1, 1);
        assert!(again.is_ok(), "a page that was loaded again is the same device");
        assert_eq!(used_up(&stage), 0);
    }

    #[test]
    fn an_invite_for_sole_use_is_over_when_its_device_leaves() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        stage.open_group(moderator, 0);
        let waiting = stage.sole_visitor(1, 1).unwrap();
        assert_eq!(stage.ask(waiting, ClientMessage::Leave), Ok(()));
        let guest = stage.sole_visitor(1, 1).expect("nobody was let in before");
        stage.say(guest, ClientMessage::Knock(knock(1)));
        stage.let_in(moderator, guest);

        assert_eq!(stage.ask(guest, ClientMessage::Leave), Ok(()));

        assert_eq!(used_up(&stage), 1);
        assert_eq!(stage.sole_visitor(1, 1), Err(Reject::NoSuchRight));
    }

    #[test]
    fn whoever_was_only_lost_comes_back_by_an_invite_for_sole_use() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        stage.open_group(moderator, 0);
        let guest = stage.sole_visitor(1, 1).unwrap();
        stage.say(guest, ClientMessage::Knock(knock(1)));
        stage.let_in(moderator, guest);
        stage.hang_up(guest);
        stage.wait(protocol::limits::RESUME_PATIENCE);

        assert_eq!(used_up(&stage), 0);
        assert!(stage.sole_visitor(1, 1).is_ok());
    }

    #[test]
    fn whoever_waits_cannot_flood_the_moderator() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        stage.forget_heard();
        let flood = 50;
        for device in 1..=3 {
            let guest = stage.visitor(1, device).unwrap();
            for _ in 0..flood {
                let answer = stage.ask(guest, ClientMessage::Knock(knock(1)));
                assert!(matches!(answer, Ok(()) | Err(Reject::TooFast)), "{answer:?}");
            }
        }
        let shown = stage.heard(moderator).len();
        assert!(shown <= usize::try_from(KNOCKS_BURST_MAX).unwrap(), "{shown}");

        let other = stage.visitor(2, 1).unwrap();
        assert_eq!(stage.ask(other, ClientMessage::Knock(knock(2))), Ok(()));
        stage.wait(KNOCK_INTERVAL);
        let again = stage.visitor(1, 3).unwrap();
        assert_eq!(stage.ask(again, ClientMessage::Knock(knock(3))), Ok(()));
    }

    #[test]
    fn a_commit_that_won_lets_in_and_pins_the_first_device() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        stage.open_group(moderator, 0);
        let (first, second) = (stage.knocking(1, 1), stage.knocking(1, 2));

        stage.let_in(moderator, first);
        stage.let_in(moderator, second);

        assert_eq!(stage.room.n_in_room(), 3);
        let pins: Vec<_> =
            stage.other.iter().filter(|one| matches!(one, Output::PinDevice { .. })).collect();
        let invite = protocol::id::InviteId::from_bytes([1; 16]);
        assert_eq!(pins, [&Output::PinDevice { invite, device: [1; 32] }]);
        assert!(stage.room.knocked(stage.now, second.who).unwrap().other_device);
        let Some(ServerMessage::Present(present)) = stage.last_heard(first) else {
            panic!("the newcomer is announced");
        };
        assert_eq!(present.participant, second.who);
    }

    #[test]
    fn a_welcome_is_completed_for_those_in_the_room_only() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let waiting = stage.knocking(2, 2);

        let completed = stage.room.complete_welcome(attendee.who, welcome()).unwrap();

        assert_eq!(completed.wrapped_room_secret.as_slice(), [1]);
        let present: Vec<_> = completed.present.iter().map(|one| one.participant).collect();
        assert_eq!(present, [moderator.who]);
        assert_eq!(stage.room.complete_welcome(waiting.who, welcome()), None);
    }

    #[test]
    fn a_commit_that_lost_lets_nobody_in() {
        let mut stage = Stage::new();
        let (moderator, _) = stage.pair();
        let waiting = stage.knocking(2, 2);
        let ClientMessage::Commit(commit) = stage.adds(&[waiting.who]) else { unreachable!() };
        let stale = Commit { epoch: protocol::id::Epoch(0), ..commit };

        let answer = stage.ask(moderator, ClientMessage::Commit(stale));

        assert!(matches!(answer, Err(Reject::StaleEpoch { .. })));
        assert_eq!(stage.room.participants[&waiting.who].place, Place::Waiting);
    }

    #[test]
    fn who_may_be_named_in_a_commit() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let knocking = stage.knocking(2, 2);
        let silent = stage.visitor(3, 3).unwrap();
        let nobody = ParticipantId::from_raw(u64::MAX);
        let add = |who: &[Guest]| {
            (1..).zip(who).map(|(n, who)| added(who.who, n)).collect::<Vec<_>>()
        };
        let no_such = Err(Reject::NoSuchParticipant);
        let malformed = Err(Reject::Malformed);

        let cases = [
            (add(&[silent]), vec![], no_such.clone()),
            (vec![added(nobody, 1)], vec![], no_such.clone()),
            (add(&[moderator]), vec![], no_such.clone()),
            (vec![], vec![moderator.who], no_such.clone()),
            (vec![], vec![knocking.who], no_such),
            (add(&[knocking, knocking]), vec![], malformed.clone()),
            (vec![added(attendee.who, 2), added(knocking.who, 2)], vec![], malformed.clone()),
            (vec![added(knocking.who, 64)], vec![], malformed.clone()),
            (add(&[attendee]), vec![attendee.who], malformed),
            (add(&[attendee, knocking]), vec![nobody], Ok(())),
            (vec![], vec![attendee.who, nobody], Ok(())),
        ];
        for (added, removed, expected) in cases {
            let ClientMessage::Commit(commit) = stage.commit(added, removed) else {
                unreachable!()
            };
            assert_eq!(stage.room.check_commit(moderator.who, &commit), expected, "{commit:?}");
        }
    }

    #[test]
    fn attendees_and_those_who_wait_may_not_moderate() {
        let mut stage = Stage::new();
        let (_, attendee) = stage.pair();
        let waiting = stage.knocking(2, 2);
        let decline = ClientMessage::Decline(Decline { participant: waiting.who });
        let removal = stage.removes(&[attendee.who]);

        for message in [decline, removal, open_group(5), ClientMessage::EndRoom] {
            let by_attendee = stage.ask(attendee, message.clone());
            assert_eq!(by_attendee, Err(Reject::NotModerator), "{message:?}");
            let by_waiting = stage.ask(waiting, message.clone());
            assert_eq!(by_waiting, Err(Reject::NotAdmitted), "{message:?}");
        }
        assert_eq!(stage.room.n_in_room(), 2);
    }

    #[test]
    fn the_room_has_an_end_and_a_place_for_the_moderator() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        stage.open_group(moderator, 0);
        for n in 1..u8::try_from(ROOM_MEMBERS_MAX).unwrap() {
            let guest = stage.knocking(n, n);
            stage.let_in(moderator, guest);
        }
        assert_eq!(stage.room.n_in_room(), ROOM_MEMBERS_MAX);

        let one_more = stage.knocking(200, 200);
        let commit = stage.commit(vec![added(one_more.who, 0)], vec![]);
        assert_eq!(stage.ask(moderator, commit), Err(Reject::RoomFull));
        stage.moderator();
        assert_eq!(stage.room.n_in_room(), ROOM_MEMBERS_MAX);
    }

    #[test]
    fn a_removed_participant_is_out_with_their_media_in_the_same_step() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        stage.connect_media(attendee, 2);
        stage.forget_heard();

        let removal = stage.removes(&[attendee.who]);
        assert_eq!(stage.ask(moderator, removal), Ok(()));

        assert!(stage.media.contains(&MediaStep::ClosePeer { peer: attendee.who }));
        let reason = FarewellReason::Removed;
        assert_eq!(stage.last_heard(attendee), Some(&ServerMessage::Farewell { reason }));
        assert!(stage.closed.contains(&attendee.line));
        assert!(stage.other.contains(&Output::Forget { who: attendee.who }));
        let gone = ServerMessage::Gone { participant: attendee.who, reason };
        assert_eq!(stage.last_heard(moderator), Some(&gone));
    }

    #[test]
    fn a_new_group_takes_over_who_is_in_the_room_with_new_leaves() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        stage.connect_media(attendee, 1);
        stage.open_group(moderator, 1);
        stage.forget_heard();

        let again = stage.commit(vec![added(attendee.who, 9)], vec![]);
        assert_eq!(stage.ask(moderator, again), Ok(()));

        let leaf = MediaStep::SetLeaf { peer: attendee.who, leaf: LeafIndex(9) };
        assert_eq!(stage.media, [leaf]);
        assert_eq!(stage.room.n_in_room(), 2);
        assert!(
            !stage.heard(moderator).iter().any(|one| matches!(one, ServerMessage::Present(_)))
        );
    }

    #[test]
    fn a_spare_is_taken_from_those_in_the_room_only() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let waiting = stage.knocking(2, 2);

        let spare = ClientMessage::Spare(knock(9));
        assert_eq!(stage.ask(attendee, spare.clone()), Ok(()));
        assert_eq!(stage.ask(waiting, spare.clone()), Err(Reject::NotAdmitted));
        assert_eq!(stage.ask(moderator, spare), Err(Reject::OutOfOrder));
        assert_eq!(stage.room.knocked(stage.now, attendee.who).unwrap().knock, knock(9));
    }

    #[test]
    fn whoever_is_declined_is_out_and_whoever_is_in_cannot_be() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let waiting = stage.knocking(2, 2);
        let decline = |who: Guest| ClientMessage::Decline(Decline { participant: who.who });

        assert_eq!(stage.ask(moderator, decline(waiting)), Ok(()));
        let reason = FarewellReason::Declined;
        assert_eq!(stage.last_heard(waiting), Some(&ServerMessage::Farewell { reason }));
        let again = stage.ask(moderator, decline(waiting));
        assert_eq!(again, Err(Reject::NoSuchParticipant));
        assert_eq!(stage.ask(moderator, decline(attendee)), Err(Reject::NoSuchParticipant));
    }

    fn added(who: ParticipantId, leaf: u32) -> Added {
        Added { participant: who, leaf: LeafIndex(leaf) }
    }

    fn welcome() -> protocol::server::Welcomed {
        protocol::server::Welcomed {
            seq: 1,
            group: protocol::id::GroupId::from_bytes([1; 32]),
            generation: protocol::id::Generation(0),
            epoch: protocol::id::Epoch(1),
            by: ParticipantId::from_raw(0),
            message: protocol::opaque::Opaque::default(),
            wrapped_room_secret: protocol::opaque::Opaque::default(),
            present: Vec::new(),
        }
    }
}
