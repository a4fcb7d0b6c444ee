//! Who comes in, who comes back, and what happens when a connection breaks.
//!
//! - An invite leads to the waiting room, always.  When the same device comes again by the same
//!   invite, its older self is over ([`Replaced`]): a page was loaded again.  Another device
//!   waits beside the first, and the moderator is told.
//! - An invite for sole use is good for one device: once that was let in, others are refused
//!   and whoever of them waits is sent away, and when it leaves or is removed the invite is over.
//! - A ticket leads into the room; an older moderator is replaced.
//! - A resume token leads back to where its participant is, in place of an older connection.
//! - A participant without connection keeps the place for [`RESUME_PATIENCE`].
//!
//! [`Replaced`]: FarewellReason::Replaced

use std::collections::BTreeMap;

use protocol::client::Knock;
use protocol::id::ParticipantId;
use protocol::limits::{
    MESSAGE_BYTES_MAX, RESUME_PATIENCE, WAITING_MAX, WAITING_PER_INVITE_MAX,
};
use protocol::opaque::Opaque;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{Entered, Knocked, Place, Role, ServerMessage};
use protocol::time::Timestamp;

use crate::input::{By, ConnectionId, Enter, Hash, Visit};
use crate::participant::{Connected, Origin, Participant, Path, Visitor};
use crate::{Life, Output, Room};

/// What the knocks of one [`Entered`] may have on the wire; the rest of it needs a quarter.
const KNOCKS_BYTES_MAX: usize = MESSAGE_BYTES_MAX / 2;

/// What a knock has on the wire beside what the knocker chose.
const KNOCKED_BYTES: usize = 512;

impl Room {
    pub(crate) fn enter(&mut self, now: Timestamp, enter: Enter) {
        let Enter { connection, resume, resume_hash, by } = enter;
        let replay_after = match &by {
            By::Resume { after, .. } => Some(*after),
            By::Invite(_) | By::Ticket { .. } => None,
        };
        let outcome = self.require_open().and_then(|()| match by {
            By::Invite(visit) => self.visit(now, connection, resume_hash, visit),
            By::Ticket { participant, last_generation } => {
                self.last_generation = self.last_generation.max(last_generation);
                self.moderate(connection, resume_hash, participant)
            }
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
        let Visit { participant: who, invite, device, pinned, sole, wrapped_room_secret } =
            visit;
        self.require_new(who)?;
        // The store may have been asked just before the invite was taken back.
        if self.revoked.contains(&invite) {
            return Err(Reject::NoSuchRight);
        }
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
        if sole && known_pin.is_some_and(|pinned| pinned != device) {
            return Err(Reject::NoSuchRight);
        }
        for older in self.those(is_older_self) {
            self.dismiss(older, FarewellReason::Replaced);
        }
        let came_second = self.participants.values().any(|one| one.came_by(invite));
        let visitor = Visitor {
            invite,
            device,
            pinned: known_pin,
            sole,
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
        let (last_generation, mut knocks) = match (role, place) {
            (Role::Moderator, Place::Room) => (self.last_generation, self.knocks(now)),
            (Role::Moderator, Place::Waiting) | (Role::Attendee, _) => (None, Vec::new()),
        };
        let more_knocks = split_off_more(&mut knocks);
        let room = self.id;
        let entered = Entered {
            room,
            participant: who,
            role,
            place,
            resume,
            resumed,
            group,
            last_generation,
            present,
            knocks,
        };
        self.send(who, ServerMessage::Entered(entered));
        for knocked in more_knocks {
            self.send(who, ServerMessage::Knocked(knocked));
        }
    }

    /// Those in the room come first: they are in the group, or should be again.
    fn knocks(&self, now: Timestamp) -> Vec<Knocked> {
        let mut knocks: Vec<_> =
            self.participants.keys().filter_map(|who| self.knocked(now, *who)).collect();
        knocks.sort_by_key(|knocked| match knocked.place {
            Place::Room => 0,
            Place::Waiting => 1,
        });
        knocks
    }
}

/// Takes out what one message cannot carry.
fn split_off_more(knocks: &mut Vec<Knocked>) -> Vec<Knocked> {
    let mut bytes = 0;
    let fit = knocks.iter().take_while(|knocked| {
        bytes += wire_bytes(&knocked.knock);
        bytes <= KNOCKS_BYTES_MAX
    });
    let n_fit = fit.count();
    knocks.split_off(n_fit)
}

/// About how long a knock is on the wire, rather too much than too little.
fn wire_bytes(knock: &Knock) -> usize {
    let Knock { key_package, spare_key_package, nonce, mac, sealed_name } = knock;
    let chosen = key_package.as_slice().len()
        + spare_key_package.as_slice().len()
        + nonce.as_slice().len()
        + mac.as_slice().len()
        + sealed_name.as_slice().len();
    chosen.div_ceil(3) * 4 + KNOCKED_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Input;
    use crate::stage::open_group;
    use crate::stage::{Guest, Stage, knock};
    use protocol::client::ClientMessage;
    use protocol::id::{Generation, InviteId};
    use protocol::limits::{KEY_PACKAGE_BYTES_MAX, SEALED_NAME_BYTES_MAX};
    use std::time::Duration;

    #[test]
    fn a_greeting_fits_into_one_message_however_large_the_knocks_are() {
        let mut stage = Stage::new();
        for n in 0..WAITING_MAX {
            let n = u8::try_from(n).unwrap();
            let guest = stage.visitor(n, n).unwrap();
            let large = |bytes| vec![n; bytes];
            let largest = Knock {
                key_package: Opaque::new(large(KEY_PACKAGE_BYTES_MAX)).unwrap(),
                spare_key_package: Opaque::new(large(KEY_PACKAGE_BYTES_MAX)).unwrap(),
                sealed_name: Opaque::new(large(SEALED_NAME_BYTES_MAX)).unwrap(),
                ..knock(n)
            };
            assert_eq!(stage.ask(guest, ClientMessage::Knock(largest)), Ok(()));
        }

        let moderator = stage.moderator();

        let heard = stage.heard(moderator);
        let longest = heard.iter().map(|message| message.encode().len()).max().unwrap();
        assert!(longest <= MESSAGE_BYTES_MAX, "{longest}");
        let n_knocks = entered(&stage, moderator).knocks.len();
        assert_eq!(n_knocks + heard.len() - 1, WAITING_MAX, "everybody is named, once");
    }

    #[test]
    fn an_invite_looked_at_before_it_was_taken_back_leads_nowhere() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        let invite = InviteId::from_bytes([1; 16]);

        stage.step(Input::Revoked { invite });

        assert_eq!(stage.visitor(1, 1), Err(Reject::NoSuchRight));
        assert!(stage.visitor(2, 2).is_ok());
        assert_eq!(stage.ask(moderator, ClientMessage::Ping), Ok(()));
    }

    #[test]
    fn generations_rise_over_what_the_store_knows_and_moderators_alone_are_told() {
        let mut stage = Stage::new();
        let participant = ParticipantId::from_raw(99);
        let last_generation = Some(Generation(4));
        let moderator = stage.enter(By::Ticket { participant, last_generation }).unwrap();
        assert_eq!(entered(&stage, moderator).last_generation, last_generation);

        for stale in [0, 4] {
            let answer = stage.ask(moderator, open_group(stale));
            assert_eq!(answer, Err(Reject::StaleGeneration));
        }
        stage.open_group(moderator, 5);
        let kept = Output::KeepGeneration { generation: Generation(5) };
        assert_eq!(stage.other.iter().filter(|one| **one == kept).count(), 1);

        let newer = stage.moderator();
        assert_eq!(entered(&stage, newer).last_generation, Some(Generation(5)));
        let guest = stage.knocking(1, 1);
        assert_eq!(entered(&stage, guest).last_generation, None);
        assert_eq!(stage.ask(guest, open_group(6)), Err(Reject::NotAdmitted));
        stage.open_group(newer, 6);
    }

    #[test]
    fn an_invite_leads_to_the_waiting_room_which_shows_nothing() {
        let mut stage = Stage::new();
        stage.pair();

        let guest = stage.visitor(2, 2).unwrap();

        let entered = entered(&stage, guest);
        assert_eq!((entered.role, entered.place), (Role::Attendee, Place::Waiting));
        assert_eq!((entered.group, entered.present.len(), entered.knocks.len()), (None, 0, 0));
    }

    #[test]
    fn a_ticket_leads_into_the_room_with_everything_to_take_over() {
        let mut stage = Stage::new();
        let (older, attendee) = stage.pair();
        let waiting = stage.knocking(2, 2);
        let silent = stage.visitor(3, 3).unwrap();

        let newer = stage.moderator();

        let entered = entered(&stage, newer);
        assert_eq!((entered.role, entered.place), (Role::Moderator, Place::Room));
        assert_eq!(entered.group, stage.room.group);
        assert_eq!(ids(&entered.present), [attendee.who]);
        let knocks: Vec<_> =
            entered.knocks.iter().map(|one| (one.participant, one.place)).collect();
        assert_eq!(knocks, [(attendee.who, Place::Room), (waiting.who, Place::Waiting)]);
        assert!(!knocks.iter().any(|(who, _)| *who == silent.who));
        let farewell = ServerMessage::Farewell { reason: FarewellReason::Replaced };
        assert_eq!(stage.last_heard(older), Some(&farewell));
    }

    #[test]
    fn a_resume_token_is_good_once() {
        let mut stage = Stage::new();
        let (_, attendee) = stage.pair();
        stage.hang_up(attendee);

        let back = stage.resume(attendee, 5).unwrap();

        let entered = entered(&stage, back);
        assert!(entered.resumed && entered.place == Place::Room);
        assert!(stage.other.contains(&Output::Replay { to: attendee.who, after: 5 }));
        assert_eq!(stage.resume(attendee, 5), Err(Reject::NoSuchRight));
        assert!(stage.resume(back, 5).is_ok());
    }

    #[test]
    fn too_much_missed_leaves_everything_as_it_was() {
        let mut stage = Stage::new();
        let (_, attendee) = stage.pair();
        let gone = By::Resume {
            participant: attendee.who,
            shown: stage.room.participants[&attendee.who].resume_hash,
            after: 0,
            backlog: Err(Reject::BacklogGone),
        };

        assert_eq!(stage.enter(gone), Err(Reject::BacklogGone));

        assert!(!stage.closed.contains(&attendee.line));
        assert!(stage.resume(attendee, 9).is_ok());
    }

    #[test]
    fn resuming_replaces_a_connection_that_was_still_there() {
        let mut stage = Stage::new();
        let (_, attendee) = stage.pair();

        let second = stage.resume(attendee, 0).unwrap();

        let farewell = ServerMessage::Farewell { reason: FarewellReason::Replaced };
        assert_eq!(stage.last_heard(attendee), Some(&farewell));
        stage.hang_up(attendee);
        assert_eq!(stage.room.connection_of(attendee.who), Some(second.line));
    }

    #[test]
    fn a_broken_connection_keeps_the_place_for_a_while() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        stage.hang_up(attendee);
        assert!(is_present(stage.last_heard(moderator), false));

        stage.wait(RESUME_PATIENCE - Duration::from_secs(1));
        let back = stage.resume(attendee, 0).unwrap();
        assert!(is_present(stage.last_heard(moderator), true));

        stage.hang_up(back);
        stage.wait(RESUME_PATIENCE);
        let (participant, reason) = (attendee.who, FarewellReason::Lost);
        let gone = ServerMessage::Gone { participant, reason };
        assert_eq!(stage.last_heard(moderator), Some(&gone));
        assert_eq!(stage.resume(back, 0), Err(Reject::NoSuchRight));
    }

    #[test]
    fn whoever_waited_and_is_lost_is_no_longer_shown() {
        let mut stage = Stage::new();
        let moderator = stage.moderator();
        let waiting = stage.knocking(1, 1);
        stage.hang_up(waiting);

        stage.wait(RESUME_PATIENCE);

        let unknocked = ServerMessage::Unknocked { participant: waiting.who };
        assert_eq!(stage.last_heard(moderator), Some(&unknocked));
    }

    #[test]
    fn the_same_device_replaces_its_older_self_wherever_it_was() {
        let mut stage = Stage::new();
        let (moderator, attendee) = stage.pair();
        let first = stage.knocking(2, 2);

        let again = stage.knocking(1, 1);
        let second = stage.knocking(2, 2);

        let farewell = ServerMessage::Farewell { reason: FarewellReason::Replaced };
        assert_eq!(stage.last_heard(attendee), Some(&farewell));
        assert_eq!(stage.last_heard(first), Some(&farewell));
        let knocked = |guest: Guest| stage.room.knocked(stage.now, guest.who).unwrap();
        assert!(knocked(again).returning, "this device was let in before");
        assert!(!knocked(second).returning);
        assert!(!knocked(again).other_device && !knocked(second).other_device);
        let _ = moderator;
    }

    #[test]
    fn another_device_is_told_apart() {
        let mut stage = Stage::new();
        stage.moderator();
        let pinned = stage.visitor_pinned(1, 2, Some(1)).unwrap();
        stage.say(pinned, ClientMessage::Knock(knock(1)));
        let first = stage.knocking(2, 1);
        let second = stage.knocking(2, 2);

        let other =
            |guest: Guest| stage.room.knocked(stage.now, guest.who).unwrap().other_device;
        assert_eq!([other(pinned), other(first), other(second)], [true, false, true]);
    }

    #[test]
    fn the_waiting_room_has_an_end() {
        let mut stage = Stage::new();
        let mut n_waiting = 0;
        for invite in 0..u8::MAX {
            for device in 0..WAITING_PER_INVITE_MAX {
                if stage.visitor(invite, u8::try_from(device).unwrap()).is_ok() {
                    n_waiting += 1;
                }
            }
            let one_more = u8::try_from(WAITING_PER_INVITE_MAX).unwrap();
            assert_eq!(stage.visitor(invite, one_more), Err(Reject::RoomFull));
        }

        assert_eq!(n_waiting, WAITING_MAX);
        assert!(stage.visitor(0, 0).is_ok(), "who is there already can start again");
    }

    #[test]
    fn an_id_that_is_taken_is_never_given_again() {
        let mut stage = Stage::new();
        let (moderator, _) = stage.pair();

        let again =
            stage.enter(By::Ticket { participant: moderator.who, last_generation: None });

        assert_eq!(again, Err(Reject::Internal));
        assert!(!stage.closed.contains(&moderator.line));
    }

    fn entered(stage: &Stage, guest: Guest) -> Entered {
        let Some(ServerMessage::Entered(entered)) = stage.heard(guest).first() else {
            panic!("the first thing heard is {:?}", stage.heard(guest).first());
        };
        entered.clone()
    }

    fn ids(present: &[protocol::server::Presence]) -> Vec<ParticipantId> {
        present.iter().map(|one| one.participant).collect()
    }

    fn is_present(message: Option<&ServerMessage>, connected: bool) -> bool {
        matches!(message, Some(ServerMessage::Present(one)) if one.connected == connected)
    }
}
