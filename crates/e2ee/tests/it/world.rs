//! A counsellor, a room, and people with links.

use std::time::{SystemTime, UNIX_EPOCH};

use e2ee::door::{AttendeeIdentity, Door, VerifiedKnock};
use e2ee::group::{CommitOutcome, Founding, Group, Pending};
use e2ee::identity::{CounsellorKey, ModeratorDraft, ModeratorIdentity};
use e2ee::link::{CounsellorPin, DeskSecret, InviteKeys, RoomSecret};
use e2ee::policy::Refused;
use e2ee::random::Randomness;
use e2ee::welcome::Expect;
use protocol::id::{Generation, ParticipantId, RoomId};
use protocol::time::UnixSeconds;

pub(crate) const COUNSELLOR: ParticipantId = ParticipantId::from_raw(1);

/// The counsellor's device, and the room.
pub(crate) struct World {
    pub(crate) room: RoomId,
    pub(crate) random: Randomness,
    pub(crate) idc: CounsellorKey,
    pub(crate) desk: DeskSecret,
    pub(crate) identity: ModeratorIdentity,
    pub(crate) door: Door,
    pub(crate) now: UnixSeconds,
}

impl World {
    pub(crate) fn new(seed: u8) -> Self {
        let random = Randomness::from_seed([seed; 32]);
        let (room, now) = (RoomId::from_bytes(random.bytes()), now());
        let idc = CounsellorKey::generate(&random);
        let identity = ModeratorDraft::new(room, idc.public(), "Dr Ana", now, &random)
            .unwrap()
            .finish_with(&idc)
            .unwrap();
        let door = Door::new(room, idc.pin(), &random);
        let desk = DeskSecret::from_bytes(random.bytes());
        Self { room, random, idc, desk, identity, door, now }
    }

    pub(crate) fn pin(&self) -> CounsellorPin {
        self.idc.pin()
    }

    pub(crate) fn secret(&self) -> RoomSecret {
        self.desk.room_secret(self.room)
    }

    /// The room's `generation`th group, with the counsellor alone in it.
    pub(crate) fn found(&self, generation: u32) -> Group {
        let founding = Founding {
            participant: COUNSELLOR,
            generation: Generation(generation),
            room_secret: self.secret(),
            now: self.now,
        };
        Group::found(&self.identity, &founding, &self.random).unwrap()
    }

    /// The keys of the `number`th link, which the counsellor made.
    pub(crate) fn link(&mut self, number: u32) -> InviteKeys {
        let keys = InviteKeys::derive(&self.desk.link(self.room, number));
        self.door.add_invite(keys.clone());
        keys
    }

    /// The person with the `number`th link.
    pub(crate) fn attendee(&mut self, number: u32) -> AttendeeIdentity {
        let keys = self.link(number);
        let name = format!("Person {number}");
        AttendeeIdentity::new(keys, self.room, participant(number), &name, &self.random)
            .unwrap()
    }

    pub(crate) fn expect(&self, generation: u32) -> Expect {
        Expect {
            generation: Generation(generation),
            newer_than: None,
            room_secret: self.secret(),
            pin: self.pin(),
        }
    }

    /// What the counsellor's device makes of somebody's knock.
    pub(crate) fn let_in(&self, attendee: &mut AttendeeIdentity, number: u32) -> VerifiedKnock {
        let knock = attendee.knock(self.now).unwrap();
        let invite = attendee.keys().invite;
        self.door.check(participant(number), invite, &knock, self.now).unwrap()
    }

    pub(crate) fn join(
        &self,
        attendee: &mut AttendeeIdentity,
        pending: &Pending,
    ) -> Result<Group, Refused> {
        let welcome = pending.welcome.as_ref().expect("somebody was added").as_slice();
        Group::join(attendee, welcome, &self.expect(0), self.now)
    }

    /// The counsellor and one person in a group.
    pub(crate) fn call(&mut self) -> (Group, Group) {
        let (mut counsellor, mut person) = (self.found(0), self.attendee(1));
        let knock = self.let_in(&mut person, 1);
        let pending = counsellor.add(self.now, &[knock]).unwrap();
        counsellor.confirm_own(self.now).unwrap();
        let joined = self.join(&mut person, &pending).unwrap();
        (counsellor, joined)
    }

    /// Brings a commit to its maker and to others; all must accept it.
    pub(crate) fn deliver(
        &self,
        maker: &mut Group,
        pending: &Pending,
        others: &mut [&mut Group],
    ) {
        let own = maker.handle_commit(self.now, pending.commit.as_slice());
        assert!(matches!(own, CommitOutcome::Accepted(_)), "{own:?}");
        for other in others {
            let outcome = other.handle_commit(self.now, pending.commit.as_slice());
            assert!(matches!(outcome, CommitOutcome::Accepted(_)), "{outcome:?}");
        }
    }
}

/// What the server calls the person with the `number`th link.
pub(crate) fn participant(number: u32) -> ParticipantId {
    ParticipantId::from_raw(100 + u64::from(number))
}

/// The real time: OpenMLS compares KeyPackage lifetimes with it, so tests cannot choose.
#[expect(clippy::disallowed_methods, reason = "the one place where these tests read a clock")]
pub(crate) fn now() -> UnixSeconds {
    UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}
