//! Who knocks, who is let in, and who is put out.
//!
//! A commit is looked at twice.  Before it goes to the delivery service: may its maker do this,
//! and are those it names where it needs them ([`Room::check_commit`])?  And once it has won:
//! carry it out ([`Room::advanced`]).  In between nothing else happens.

use std::collections::BTreeSet;

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
        visitor.ok_or(Reject::OutOfOrder)?.knock = Some(knock);
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
            added.iter().filter(|added| self.let_in(now, **added)).collect();
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
