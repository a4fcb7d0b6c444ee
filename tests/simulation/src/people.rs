//! The people of a run: a core each, and what a shell keeps for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use e2ee::identity::CounsellorKey;
use participant::output::Phase;
use participant::{
    AttendeeStart, CallState, Input, InviteMaterials, ModeratorDraft, ModeratorStart,
    Participant, Randomness,
};
use protocol::id::{InviteId, RoomId};
use protocol::limits::WRAPPED_SECRET_BYTES_MAX;
use protocol::media::{Mid, OfferedSlot, OfferedTrack, TrackKind};
use protocol::opaque::Opaque;
use protocol::secret::Secret;
use protocol::time::{Timestamp, UnixSeconds};

use crate::dice::Dice;
use crate::logs::CANARY;
use crate::network::Line;
use crate::server::at;

/// The counsellor's place among the people.
pub const COUNSELLOR: usize = 0;

/// One person at one device.
pub struct Person {
    /// Their core.
    pub core: Participant,
    /// Counts their cores: a page that is loaded again begins a new life.
    pub life: u32,
    /// Their line, while their shell has one.
    pub line: Option<Line>,
    /// When the core was made.
    pub born: u64,
    /// What was shown last.
    pub state: Option<CallState>,
    /// What they wrote in this life and was neither shown as sent nor as not sent.
    pub in_doubt: BTreeSet<String>,
    /// Texts of others, in the order they were shown.
    pub heard: Vec<String>,
    /// Whether they left, or were removed, for good.
    pub is_out: bool,
    /// Whether the counsellor removed them.
    pub is_removed: bool,
    n_refused: usize,
}

impl Person {
    /// Their own time.
    #[must_use]
    pub fn local(&self, now: u64) -> Timestamp {
        at(now.saturating_sub(self.born))
    }

    /// Where they are.
    #[must_use]
    pub fn phase(&self) -> Option<&Phase> {
        self.state.as_ref().map(|state| &state.phase)
    }

    /// Whether they are in the call.
    #[must_use]
    pub fn is_in_call(&self) -> bool {
        matches!(self.phase(), Some(Phase::InCall))
    }

    /// Something they wrote could not be sent.
    pub const fn refused(&mut self) {
        self.n_refused += 1;
    }

    /// How often they were told so.
    #[must_use]
    pub const fn n_refused(&self) -> usize {
        self.n_refused
    }
}

/// What the people of one room were given beforehand.
pub struct Cast {
    room: RoomId,
    identity: CounsellorKey,
    room_secret: [u8; 32],
    links: Vec<[u8; 32]>,
    fragments: Vec<String>,
    devices: Vec<[u8; 16]>,
    /// What the store has of each invite.
    pub wrapped: BTreeMap<InviteId, Opaque<WRAPPED_SECRET_BYTES_MAX>>,
    start: UnixSeconds,
}

impl Cast {
    /// A counsellor and links for `n` others.
    #[must_use]
    pub fn new(room: RoomId, n: usize, dice: &mut Dice) -> Self {
        let identity = CounsellorKey::from_bytes(&dice.bytes());
        let room_secret: [u8; 32] = dice.bytes();
        let random = Randomness::from_seed(dice.bytes());
        let links: Vec<[u8; 32]> = (0..n).map(|_| dice.bytes()).collect();
        let mut wrapped = BTreeMap::new();
        let mut fragments = Vec::new();
        for link in &links {
            let materials = InviteMaterials::make(
                room,
                &Secret::from_bytes(*link),
                &Secret::from_bytes(room_secret),
                &identity.public(),
                &random,
            );
            wrapped.insert(materials.invite, materials.wrapped_room_secret);
            fragments.push(materials.fragment);
        }
        let devices = (0..n).map(|_| dice.bytes()).collect();
        let start = wall_clock();
        Self { room, identity, room_secret, links, fragments, devices, wrapped, start }
    }

    /// A page that has just been opened.
    ///
    /// # Panics
    ///
    /// If the cast is not made for so many.
    #[must_use]
    pub fn open_page(&self, who: usize, now: u64, dice: &mut Dice) -> Participant {
        let unix = self.start.plus(now / 1000);
        let random = Randomness::from_seed(dice.bytes());
        if who == COUNSELLOR {
            let draft = ModeratorDraft::new(ModeratorStart {
                room: self.room,
                name: format!("Ana {CANARY}"),
                room_secret: Secret::from_bytes(self.room_secret),
                idc_public: self.identity.public(),
                link_secrets: self.links.iter().map(|l| Secret::from_bytes(*l)).collect(),
                unix,
                random,
            })
            .expect("a good draft");
            let signature = self.identity.sign(draft.to_sign());
            return draft.finish(signature).expect("a good signature");
        }
        let fragment = self.fragments.get(who - 1).expect("one link each");
        let device = *self.devices.get(who - 1).expect("one device each");
        let name = name(who);
        Participant::attendee(AttendeeStart { fragment, name, device, unix, random })
            .expect("a good link")
    }

    /// Somebody who opens the page for the first time.
    #[must_use]
    pub fn person(&self, who: usize, now: u64, dice: &mut Dice) -> Person {
        Person {
            core: self.open_page(who, now, dice),
            life: 0,
            line: None,
            born: now,
            state: None,
            in_doubt: BTreeSet::new(),
            heard: Vec::new(),
            is_out: false,
            is_removed: false,
            n_refused: 0,
        }
    }
}

/// What an attendee is called.
#[must_use]
pub fn name(who: usize) -> String {
    format!("Person {who} {CANARY}")
}

/// What a shell answers when it is asked for an offer.
#[must_use]
pub fn offered() -> Input {
    let mid = |text: &str| Mid::new(text).expect("a short token");
    Input::Offered {
        sdp: "v=0".to_owned(),
        tracks: vec![
            OfferedTrack { mid: mid("0"), kind: TrackKind::Microphone },
            OfferedTrack { mid: mid("1"), kind: TrackKind::Camera },
        ],
        slots: (2..12)
            .map(|n: u32| OfferedSlot { mid: mid(&n.to_string()), audio: n.is_multiple_of(2) })
            .collect(),
    }
}

/// OpenMLS looks at the calendar when it judges a KeyPackage, so runs begin today.
#[expect(clippy::disallowed_methods, reason = "the calendar OpenMLS looks at")]
fn wall_clock() -> UnixSeconds {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    UnixSeconds(since.as_secs())
}
