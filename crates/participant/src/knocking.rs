//! The attendee at the door: KeyPackages that are fresh, a knock while waiting, a spare once in.
//!
//! The server can drop, repeat or withhold knocks; it can neither make nor change one, because
//! each is bound to the link (E2EE.md 1.4).
//!
//! # Invariants
//!
//! - What is sent is bound to this link, this room and this participant, and is less than two
//!   hours old.
//! - A used KeyPackage is replaced by a fresh one within a second.

use std::collections::VecDeque;
use std::time::Duration;

use e2ee::door::{AttendeeIdentity, DeviceSecret};
use e2ee::doorstep::DoorstepLine;
use e2ee::link::{CounsellorPin, InviteKeys};
use e2ee::random::Randomness;
use protocol::client::ClientMessage;
use protocol::id::{ParticipantId, RoomId};
use protocol::server::Place;
use protocol::time::{Timestamp, UnixSeconds};

use crate::connection::Connection;
use crate::output::Output;

/// How often the age of the KeyPackages is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Least time between two knocks: a server that refuses each gets no more.
const KNOCK_INTERVAL: Duration = Duration::from_secs(2);

/// How long after a Welcome the used KeyPackage is replaced: first things first.
const SPARE_DELAY: Duration = Duration::from_millis(500);

/// How long a newer group may exist without us before we ask to be let in anew.
const LEFT_OUT_PATIENCE: Duration = Duration::from_secs(15);

/// See the module.
pub(crate) struct Knocking {
    keys: InviteKeys,
    pub(crate) pin: CounsellorPin,
    name: String,
    device: DeviceSecret,
    random: Randomness,
    pub(crate) identity: Option<AttendeeIdentity>,
    /// The knock or spare that has no answer.
    n: Option<u32>,
    due: Option<Timestamp>,
    /// Whether to send one even if the KeyPackages are good.
    must: bool,
    left_out_at: Option<Timestamp>,
}

impl Knocking {
    pub(crate) fn new(
        keys: InviteKeys,
        pin: CounsellorPin,
        name: String,
        device: DeviceSecret,
        random: Randomness,
    ) -> Self {
        Self {
            keys,
            pin,
            name,
            device,
            random,
            identity: None,
            n: None,
            due: None,
            must: false,
            left_out_at: None,
        }
    }

    /// We entered as somebody new: new keys for a new name.
    pub(crate) fn start_over(
        &mut self,
        now: Timestamp,
        room: RoomId,
        participant: ParticipantId,
    ) {
        let keys = self.keys.clone();
        // The name was checked when we were made.
        self.identity =
            AttendeeIdentity::new(keys, room, participant, &self.name, &self.random)
                .ok()
                .map(|identity| identity.on_device(&self.device));
        self.n = None;
        self.send_at(now);
        self.left_out_at = None;
    }

    /// A KeyPackage was used: bring a fresh one.
    pub(crate) fn welcomed(&mut self, now: Timestamp) {
        self.send_at(now + SPARE_DELAY);
        self.left_out_at = None;
    }

    /// A newer group exists; the way into it should follow.
    pub(crate) fn left_out(&mut self, now: Timestamp) {
        self.left_out_at.get_or_insert(now + LEFT_OUT_PATIENCE);
    }

    /// Whether the way into a newer group has not come in time.  Says so once.
    pub(crate) fn is_left_out(&mut self, now: Timestamp) -> bool {
        self.left_out_at.take_if(|at| now >= *at).is_some()
    }

    /// The WebSocket broke: what had no answer is sent again.
    pub(crate) fn connection_lost(&mut self, now: Timestamp) {
        if self.n.take().is_some() {
            self.send_at(now);
        }
    }

    /// The server has request `n`.
    pub(crate) fn done(&mut self, now: Timestamp, n: u32) {
        if self.n == Some(n) {
            self.n = None;
            let look_at = now + LOOK_INTERVAL;
            self.due = Some(self.due.map_or(look_at, |due| due.min(look_at)));
        }
    }

    /// The server refused request `n`.
    pub(crate) fn rejected(&mut self, now: Timestamp, n: u32) {
        if self.n == Some(n) {
            self.n = None;
            self.send_at(now + KNOCK_INTERVAL);
        }
    }

    /// The line for notes to the moderators who have the last knock.
    pub(crate) fn doorstep_line(&self) -> Option<DoorstepLine> {
        self.identity.as_ref()?.doorstep_line()
    }

    /// Knocks, or brings a spare, when it is time.  `true` if something was sent.
    pub(crate) fn pump(
        &mut self,
        now: Timestamp,
        unix: UnixSeconds,
        place: Place,
        connection: &mut Connection,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let is_due = self.n.is_none() && self.due.is_some_and(|due| now >= due);
        let Some(identity) = self.identity.as_mut().filter(|_| is_due) else {
            return false;
        };
        if !connection.is_entered() {
            return false;
        }
        if !self.must && !identity.needs_new_packages(unix) {
            self.due = Some(now + LOOK_INTERVAL);
            return false;
        }
        let Ok(knock) = identity.knock(unix) else {
            self.due = Some(now + KNOCK_INTERVAL);
            return false;
        };
        let message = match place {
            Place::Waiting => ClientMessage::Knock(knock),
            Place::Room => ClientMessage::Spare(knock),
        };
        self.n = connection.request(message, out);
        self.due = None;
        self.must = false;
        true
    }

    pub(crate) fn poll_timeout(&self, is_entered: bool) -> Option<Timestamp> {
        let due = self.due.filter(|_| is_entered && self.n.is_none());
        [due, self.left_out_at].into_iter().flatten().min()
    }

    fn send_at(&mut self, at: Timestamp) {
        self.due = Some(at);
        self.must = true;
    }
}

#[cfg(test)]
mod tests {
    use e2ee::link::LinkSecret;
    use protocol::client::ClientEnvelope;
    use protocol::opaque::Opaque;

    use super::*;
    use crate::connection::Entry;
    use crate::random::Jitter;

    const ROOM: RoomId = RoomId::from_bytes([7; 16]);
    const BEN: ParticipantId = ParticipantId::from_raw(2);

    #[test]
    fn it_knocks_once_and_again_only_when_refused_or_unanswered() {
        let mut door = Doorway::new();
        door.knocking.start_over(at(0), ROOM, BEN);
        let first = door.pump(at(0), Place::Waiting);
        assert!(matches!(first[..], [ClientMessage::Knock(_)]));
        assert!(door.pump(at(1), Place::Waiting).is_empty());

        door.knocking.rejected(at(1), 2);
        assert!(door.pump(at(2), Place::Waiting).is_empty(), "not at once");
        let again = at(1) + KNOCK_INTERVAL;
        assert_eq!(door.pump(again, Place::Waiting).len(), 1);
        door.knocking.connection_lost(again);
        assert_eq!(door.pump(again, Place::Waiting).len(), 1);
        door.knocking.done(again, 4);
        let later = again + LOOK_INTERVAL;
        assert!(door.pump(later, Place::Waiting).is_empty(), "the KeyPackages are good");
    }

    #[test]
    fn a_used_key_package_is_replaced_and_an_old_one_too() {
        let mut door = Doorway::new();
        door.knocking.start_over(at(0), ROOM, BEN);
        door.pump(at(0), Place::Waiting);
        door.knocking.done(at(0), 2);
        door.knocking.welcomed(at(5));
        assert!(door.pump(at(5), Place::Room).is_empty(), "first things first");
        let spare = door.pump(at(5) + SPARE_DELAY, Place::Room);
        assert!(matches!(spare[..], [ClientMessage::Spare(_)]));

        door.knocking.done(at(5) + SPARE_DELAY, 3);
        let old = at(0) + Duration::from_secs(100 * 60);
        assert_eq!(door.pump(old, Place::Room).len(), 1);
    }

    #[test]
    fn left_out_of_a_newer_group_is_said_once_after_a_while() {
        let mut door = Doorway::new();
        door.knocking.start_over(at(0), ROOM, BEN);
        door.knocking.left_out(at(0));
        door.knocking.left_out(at(9000));
        assert!(!door.knocking.is_left_out(at(9000)));
        assert!(door.knocking.is_left_out(at(0) + LEFT_OUT_PATIENCE));
        assert!(!door.knocking.is_left_out(at(0) + LEFT_OUT_PATIENCE));
        door.knocking.left_out(at(0));
        door.knocking.welcomed(at(1));
        assert!(!door.knocking.is_left_out(at(0) + LEFT_OUT_PATIENCE));
    }

    #[test]
    fn nothing_is_due_while_there_is_no_way_to_the_server() {
        let mut door = Doorway::new();
        door.knocking.start_over(at(0), ROOM, BEN);
        assert_eq!(door.knocking.poll_timeout(false), None);
        assert_eq!(door.knocking.poll_timeout(true), Some(at(0)));
    }

    struct Doorway {
        knocking: Knocking,
        connection: Connection,
    }

    impl Doorway {
        fn new() -> Self {
            let keys = InviteKeys::derive(&LinkSecret::from_bytes([1; 32]));
            let pin = CounsellorPin::from_bytes([1; 16]);
            let random = Randomness::from_seed([1; 32]);
            let mut connection = Connection::new(Entry::Ticket, Jitter::new(1));
            let mut out = VecDeque::new();
            connection.start(at(0), &mut out);
            connection.ticket(at(0), Opaque::default(), &mut out);
            connection.opened(at(0), &mut out);
            connection.entered(at(0), Opaque::default(), false);
            let device = DeviceSecret::from_bytes([1; 16]);
            let knocking = Knocking::new(keys, pin, "Ben".to_owned(), device, random);
            Self { knocking, connection }
        }

        fn pump(&mut self, now: Timestamp, place: Place) -> Vec<ClientMessage> {
            let mut out = VecDeque::new();
            let unix = UnixSeconds(1_800_000_000 + now.since_start().as_secs());
            self.knocking.pump(now, unix, place, &mut self.connection, &mut out);
            let texts = out.into_iter().map(|output| match output {
                Output::Send { text } => ClientEnvelope::decode(&text).unwrap().body,
                other @ (Output::FetchTicket
                | Output::Connect
                | Output::Disconnect
                | Output::MakeOffer
                | Output::TakeAnswer { .. }
                | Output::CloseMedia
                | Output::BindSlots { .. }
                | Output::ForceKeyFrame { .. }
                | Output::Chat { .. }
                | Output::Said { .. }
                | Output::DoorstepNote { .. }
                | Output::Receipt { .. }
                | Output::Refused { .. }
                | Output::Show { .. }) => panic!("{other:?}"),
            });
            texts.collect()
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }
}
