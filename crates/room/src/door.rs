//! Who comes in, who comes back, and what happens when a connection breaks.
//!
//! - An invite leads to the waiting room, always.  When the same device comes again by the same
//!   invite, its older self is over ([`Replaced`]): a page was loaded again.  Another device
//!   waits beside the first, and the moderator is told.
//! - A ticket leads into the room; an older moderator is replaced.
//! - A resume token leads back to where its participant is, in place of an older connection.
//! - A participant without connection keeps the place for [`RESUME_PATIENCE`].
//!
//! [`Replaced`]: FarewellReason::Replaced

use std::collections::BTreeMap;

use protocol::id::ParticipantId;
use protocol::limits::{RESUME_PATIENCE, WAITING_MAX, WAITING_PER_INVITE_MAX};
use protocol::opaque::Opaque;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{Entered, Knocked, Place, Role, ServerMessage};
use protocol::time::Timestamp;

use crate::input::{By, ConnectionId, Enter, Hash, Visit};
use crate::participant::{Connected, Origin, Participant, Path, Visitor};
use crate::{Life, Output, Room};

impl Room {
    pub(crate) fn enter(&mut self, now: Timestamp, enter: Enter) {
        let Enter { connection, resume, resume_hash, by } = enter;
        let replay_after = match &by {
            By::Resume { after, .. } => Some(*after),
            By::Invite(_) | By::Ticket { .. } => None,
        };
        let outcome = self.require_open().and_then(|()| match by {
            By::Invite(visit) => self.visit(now, connection, resume_hash, visit),
            By::Ticket { participant } => self.moderate(connection, resume_hash, participant),
            By::Resume { participant, shown, after: _, backlog } => {
                self.resume(connection, resume_hash, participant, &shown, backlog)
            }
        });
        let who = match outcome {
            Ok(who) => who,
            Err(reject) => {
                self.outputs.push_back(Output::Refuse { connection, reject });
                return;
            }
        };
        self.connections.insert(connection, who);
        self.outputs.push_back(Output::Accept { connection, participant: who });
        self.greet(now, who, resume, replay_after.is_some());
        if let Some(after) = replay_after {
            self.outputs.push_back(Output::Replay { to: who, after });
            self.catch_up_media(who);
        }
        self.tell_presence(who);
    }

    pub(crate) fn hung(&mut self, now: Timestamp, connection: ConnectionId) {
        let Some(who) = self.connections.remove(&connection) else { return };
        let Some(participant) = self.participants.get_mut(&who) else { return };
        participant.presence = Connected::Until(now + RESUME_PATIENCE);
        self.tell_presence(who);
    }

    /// Takes the place of whoever was gone for too long.
    pub(crate) fn let_go_of_the_lost(&mut self, now: Timestamp) {
        let is_lost = |one: &Participant| match one.presence {
            Connected::By(_) => false,
            Connected::Until(deadline) => deadline <= now,
        };
        for who in self.those(is_lost) {
            self.dismiss(who, FarewellReason::Lost);
        }
    }

    /// Everybody, waiting or in the room, for whom `is_meant` holds.
    pub(crate) fn those(&self, is_meant: impl Fn(&Participant) -> bool) -> Vec<ParticipantId> {
        let meant = self.participants.iter().filter(|(_, one)| is_meant(one));
        meant.map(|(who, _)| *who).collect()
    }

    fn require_open(&self) -> Result<(), Reject> {
        match &self.life {
            Life::Lived | Life::Empty { .. } | Life::Ending { .. } => Ok(()),
            Life::Over { refusal } => Err(refusal.clone()),
        }
    }

    fn visit(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        resume_hash: Hash,
        visit: Visit,
    ) -> Result<ParticipantId, Reject> {
        let Visit { participant: who, invite, device, pinned, wrapped_room_secret } = visit;
        self.require_new(who)?;
        let is_older_self = |one: &Participant| {
            one.visitor().is_some_and(|other| other.invite == invite && other.device == device)
        };
        let is_waiting = |one: &&Participant| !one.is_in_room() && !is_older_self(one);
        let n_waiting = self.participants.values().filter(is_waiting).count();
        let n_by_invite = self
            .participants
            .values()
            .filter(is_waiting)
            .filter(|one| one.came_by(invite))
            .count();
        if n_waiting >= WAITING_MAX || n_by_invite >= WAITING_PER_INVITE_MAX {
            return Err(Reject::RoomFull);
        }

        // What the store said may be older than what was let in a moment ago.
        let siblings = self.participants.values().filter_map(Participant::visitor);
        let known_pin = siblings
            .filter(|other| other.invite == invite)
            .find_map(|other| other.pinned)
            .or(pinned);
        for older in self.those(is_older_self) {
            self.dismiss(older, FarewellReason::Replaced);
        }
        let came_second = self.participants.values().any(|one| one.came_by(invite));
        let visitor = Visitor {
            invite,
            device,
            pinned: known_pin,
            came_second,
            wrapped_room_secret,
            came_at: now,
            knock: None,
        };
        let origin = Origin::Link(Box::new(visitor));
        self.seat(who, Place::Waiting, origin, connection, resume_hash);
        Ok(who)
    }

    fn moderate(
        &mut self,
        connection: ConnectionId,
        resume_hash: Hash,
        who: ParticipantId,
    ) -> Result<ParticipantId, Reject> {
        self.require_new(who)?;
        for older in self.those(|one| one.role() == Role::Moderator) {
            self.dismiss(older, FarewellReason::Replaced);
        }
        self.seat(who, Place::Room, Origin::Desk, connection, resume_hash);
        Ok(who)
    }

    fn resume(
        &mut self,
        connection: ConnectionId,
        resume_hash: Hash,
        who: ParticipantId,
        shown: &Hash,
        backlog: Result<(), Reject>,
    ) -> Result<ParticipantId, Reject> {
        let participant = self.participants.get_mut(&who).ok_or(Reject::NoSuchRight)?;
        if participant.resume_hash != *shown {
            return Err(Reject::NoSuchRight);
        }
        backlog?;
        participant.resume_hash = resume_hash;
        let older = participant.connection();
        participant.presence = Connected::By(connection);
        if let Some(older) = older {
            self.say_farewell(older, FarewellReason::Replaced);
        }
        Ok(who)
    }

    /// Ids are random: meeting one again is our fault, and never a way into somebody's place.
    fn require_new(&self, who: ParticipantId) -> Result<(), Reject> {
        if self.participants.contains_key(&who) { Err(Reject::Internal) } else { Ok(()) }
    }

    fn seat(
        &mut self,
        who: ParticipantId,
        place: Place,
        origin: Origin,
        connection: ConnectionId,
        resume_hash: Hash,
    ) {
        let participant = Participant {
            place,
            origin,
            presence: Connected::By(connection),
            resume_hash,
            leaf: None,
            tracks: BTreeMap::new(),
            path: Path::None,
        };
        self.participants.insert(who, participant);
    }

    /// "You are in", with no more than the place allows to know.
    fn greet(&mut self, now: Timestamp, who: ParticipantId, resume: Opaque<32>, resumed: bool) {
        let Some(participant) = self.participants.get(&who) else { return };
        let (role, place) = (participant.role(), participant.place);
        let (group, present) = match place {
            Place::Waiting => (None, Vec::new()),
            Place::Room => (self.group, self.others_in_room(who)),
        };
        let knocks = match (role, place) {
            (Role::Moderator, Place::Room) => self.knocks(now),
            (Role::Moderator, Place::Waiting) | (Role::Attendee, _) => Vec::new(),
        };
        let room = self.id;
        let entered = Entered {
            room,
            participant: who,
            role,
            place,
            resume,
            resumed,
            group,
            present,
            knocks,
        };
        self.send(who, ServerMessage::Entered(entered));
    }

    fn knocks(&self, now: Timestamp) -> Vec<Knocked> {
        self.participants.keys().filter_map(|who| self.knocked(now, *who)).collect()
    }
}
