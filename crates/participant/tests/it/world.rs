//! People, their cores and one server, in virtual time and without a network in between.

use std::time::Duration;

use e2ee::identity::CounsellorKey;
use e2ee::link::{
    CounsellorPin, DeskSecret, InviteKeys, LinkSecret, RoomSecret, format_fragment,
};
use e2ee::random::Randomness;
use participant::input::Topic;
use participant::output::{EndReason, Phase};
use participant::{
    AttendeeStart, CallState, Code, Input, ModeratorDraft, ModeratorStart, Output, Participant,
};
use protocol::id::{ParticipantId, RoomId};
use protocol::media::{Mid, OfferedSlot, OfferedTrack, SlotBinding, TrackKind};
use protocol::opaque::encode_base64url;
use protocol::reject::Reject;
use protocol::secret::Secret;
use protocol::server::ServerMessage;
use protocol::time::{Timestamp, UnixSeconds};

use crate::server::{Line, Server};

/// The counsellor, first of the people.
pub(crate) const ANA: usize = 0;
/// The first attendee.
pub(crate) const BEN: usize = 1;
/// The second one.
pub(crate) const CEM: usize = 2;

pub(crate) const ROOM: RoomId = RoomId::from_bytes([7; 16]);
pub(crate) const ROOM_SECRET: [u8; 32] = [9; 32];

/// A core and what its shell keeps.
pub(crate) struct Person {
    pub(crate) core: Participant,
    pub(crate) line: Option<Line>,
    pub(crate) state: Option<CallState>,
    pub(crate) n_shows: usize,
    pub(crate) chats: Vec<(String, String, bool)>,
    pub(crate) said: Vec<(ParticipantId, Topic, String)>,
    pub(crate) notes: Vec<(bool, String)>,
    pub(crate) receipts: Vec<String>,
    pub(crate) refused: Vec<Reject>,
    pub(crate) n_key_frames: usize,
    pub(crate) n_offers: usize,
    pub(crate) bindings: Vec<SlotBinding>,
    /// Whether peer connections come up.
    pub(crate) has_media: bool,
    /// Whether the network lets the WebSocket open.
    pub(crate) is_online: bool,
    /// Every text the core ever sent.
    pub(crate) sent: Vec<String>,
    born: Timestamp,
}

impl Person {
    /// The page is loaded anew: its clock begins again.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        self.born = now;
    }
}

/// Everybody, and the server between them.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) people: Vec<Person>,
    pub(crate) now: Timestamp,
    pub(crate) seed: u8,
    /// A hostile server has this.
    pub(crate) mangle: Option<Mangle>,
    next_line: Line,
    epoch_start: UnixSeconds,
}

/// What the counsellor's device derives links from.
pub(crate) fn desk() -> DeskSecret {
    DeskSecret::from_bytes([8; 32])
}

/// The link of invite `number`.
pub(crate) fn link(number: u8) -> LinkSecret {
    desk().link(ROOM, u32::from(number))
}

/// What the server brings instead of a message; it sees to whom it goes.
pub(crate) type Mangle = Box<dyn FnMut(&mut Server, Line, ServerMessage) -> Vec<ServerMessage>>;

impl World {
    /// The counsellor alone, with links 1 and 2.
    pub(crate) fn new(seed: u8) -> Self {
        let mut server = Server::new(ROOM);
        let random = Randomness::from_seed([seed; 32]);
        for number in 1..=2 {
            let keys = InviteKeys::derive(&link(number));
            let secret = RoomSecret::from_bytes(ROOM_SECRET);
            server.wrapped.insert(keys.invite, keys.wrap_room_secret(ROOM, &secret, &random));
        }
        let mut world = Self {
            server,
            people: Vec::new(),
            now: Timestamp::default(),
            seed,
            mangle: None,
            next_line: 1,
            epoch_start: wall_clock(),
        };
        let core = world.moderator_core();
        world.add(core);
        world
    }

    /// A counsellor's core, as after opening the page.
    pub(crate) fn moderator_core(&self) -> Participant {
        let identity = identity();
        let draft = ModeratorDraft::new(ModeratorStart {
            room: ROOM,
            name: "Ana Counsellor".to_owned(),
            room_secret: Secret::from_bytes(ROOM_SECRET),
            idc_public: identity.public(),
            link_secrets: (1..=2).map(|n| Secret::from_bytes(*link(n).expose())).collect(),
            unix: self.unix(),
            random: self.random(100),
        })
        .unwrap();
        let signature = identity.sign(draft.to_sign());
        draft.finish(signature).unwrap()
    }

    /// An attendee's core, as after opening the link.
    pub(crate) fn attendee_core(&self, number: u8, name: &str, device: u8) -> Participant {
        let pin = CounsellorPin::of(&identity().public());
        Participant::attendee(AttendeeStart {
            fragment: &format_fragment(&link(number), &pin),
            name: name.to_owned(),
            device: [device; 16],
            unix: self.unix(),
            random: self.random(device),
        })
        .unwrap()
    }

    pub(crate) fn unix(&self) -> UnixSeconds {
        self.epoch_start.plus(self.now.since_start().as_secs())
    }

    fn random(&self, salt: u8) -> Randomness {
        let mut seed = [self.seed; 32];
        seed[1] = salt;
        seed[2..10].copy_from_slice(&self.now.since_start().as_millis().to_be_bytes()[8..]);
        Randomness::from_seed(seed)
    }

    /// Somebody opens the page.
    pub(crate) fn add(&mut self, core: Participant) -> usize {
        self.people.push(Person {
            core,
            line: None,
            state: None,
            n_shows: 0,
            chats: Vec::new(),
            said: Vec::new(),
            notes: Vec::new(),
            receipts: Vec::new(),
            refused: Vec::new(),
            n_key_frames: 0,
            n_offers: 0,
            bindings: Vec::new(),
            has_media: true,
            is_online: true,
            sent: Vec::new(),
            born: self.now,
        });
        let who = self.people.len() - 1;
        self.tell(who, Input::Start);
        who
    }

    /// Somebody reloads the page: a new core with the old one's note, the old connection
    /// is gone.
    pub(crate) fn reload(&mut self, who: usize, core: Participant) {
        self.cut(who);
        let person = &mut self.people[who];
        let note = person.core.note();
        person.core = core;
        person.core.recall(&note);
        person.state = None;
        person.born = self.now;
        self.tell(who, Input::Start);
    }

    /// Ana and Ben, in a call.
    pub(crate) fn in_call(seed: u8) -> Self {
        let mut world = Self::new(seed);
        world.settle();
        let ben = world.attendee_core(1, "Ben", 1);
        world.add(ben);
        world.settle();
        world.admit_all();
        world.advance(Duration::from_secs(3));
        assert_eq!(world.phase(ANA), Phase::InCall, "{:?}", world.people[ANA].state);
        assert_eq!(world.phase(BEN), Phase::InCall, "{:?}", world.people[BEN].state);
        world
    }

    /// Brings an input to somebody's core, in that core's own time.
    pub(crate) fn tell(&mut self, who: usize, input: Input) {
        let person = &mut self.people[who];
        let now = local(self.now, person.born);
        person.core.handle_input(now, input);
    }

    /// Somebody's WebSocket breaks, and both sides notice.
    pub(crate) fn cut(&mut self, who: usize) {
        if let Some(line) = self.people[who].line.take() {
            self.server.closed(line);
            self.tell(who, Input::Closed { code: 1006 });
        }
    }

    /// The server process dies and comes back.
    pub(crate) fn restart_server(&mut self) {
        self.server.restart();
        for who in 0..self.people.len() {
            if self.people[who].line.take().is_some() {
                self.tell(who, Input::Closed { code: 1006 });
            }
        }
    }

    /// The counsellor lets everybody in who waits.
    pub(crate) fn admit_all(&mut self) {
        let waiting = self.people[ANA].state.as_ref().unwrap().waiting.clone();
        for waiting in waiting {
            self.tell(ANA, Input::Admit { participant: waiting.participant });
        }
        self.settle();
    }

    /// Carries everything out until nothing moves; time stands still.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            for who in 0..self.people.len() {
                while let Some(output) = self.people[who].core.poll_output() {
                    moved = true;
                    self.carry_out(who, output);
                }
            }
            if let Some((line, message)) = self.server.outbox.pop_front() {
                moved = true;
                let messages = match &mut self.mangle {
                    Some(mangle) => mangle(&mut self.server, line, message),
                    None => vec![message],
                };
                let to = self.people.iter().position(|person| person.line == Some(line));
                for message in messages {
                    if let Some(to) = to {
                        self.tell(to, Input::Received { text: message.encode() });
                    }
                }
            }
            if !moved {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    /// Lets time pass, waking every core when it asked to be woken.
    pub(crate) fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        for _ in 0..100_000 {
            let due = self.people.iter().filter_map(|person| {
                let due = person.core.poll_timeout()?;
                Some(person.born + due.since_start())
            });
            let Some(due) = due.min().filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            for who in 0..self.people.len() {
                let now = local(self.now, self.people[who].born);
                if self.people[who].core.poll_timeout().is_some_and(|due| due <= now) {
                    self.tell(who, Input::Tick);
                }
            }
            self.settle();
        }
        panic!("the cores ask to be woken without end");
    }

    fn carry_out(&mut self, who: usize, output: Output) {
        let person = &mut self.people[who];
        match output {
            Output::FetchTicket if person.is_online => {
                let ticket = encode_base64url(&[3; 32]);
                self.tell(who, Input::Ticket { ticket });
            }
            Output::FetchTicket => self.tell(who, Input::NoTicket { retry: true }),
            Output::Connect if person.is_online => {
                let old = person.line.replace(self.next_line);
                self.next_line += 1;
                if let Some(old) = old {
                    self.server.closed(old);
                }
                self.tell(who, Input::Opened);
            }
            Output::Connect => self.tell(who, Input::Closed { code: 1006 }),
            Output::Send { text } => {
                person.sent.push(text.clone());
                if let Some(line) = person.line {
                    self.server.received(line, &text);
                }
            }
            Output::Disconnect => {
                if let Some(line) = person.line.take() {
                    self.server.closed(line);
                }
            }
            Output::MakeOffer => {
                person.n_offers += 1;
                self.tell(who, offered());
            }
            Output::TakeAnswer { .. } => {
                let input =
                    if person.has_media { Input::MediaConnected } else { Input::MediaFailed };
                self.tell(who, input);
            }
            Output::CloseMedia => (),
            Output::BindSlots { bindings } => person.bindings = bindings,
            Output::ForceKeyFrame { .. } => person.n_key_frames += 1,
            Output::Chat { name, own, text, .. } => person.chats.push((name, text, own)),
            Output::Said { from, topic, text } => person.said.push((from, topic, text)),
            Output::DoorstepNote { own, text, .. } => person.notes.push((own, text)),
            Output::Receipt { receipt, .. } => person.receipts.push(receipt),
            Output::Refused { reject } => person.refused.push(reject),
            Output::Show { state } => {
                assert_ne!(person.state.as_ref(), Some(&state), "shown without a change");
                person.state = Some(state);
                person.n_shows += 1;
            }
        }
    }

    pub(crate) fn state(&self, who: usize) -> &CallState {
        self.people[who].state.as_ref().expect("something was shown")
    }

    pub(crate) fn phase(&self, who: usize) -> Phase {
        self.state(who).phase.clone()
    }

    pub(crate) fn id(&self, who: usize) -> ParticipantId {
        self.state(who).me.expect("the server gave an id")
    }

    /// The code of the tampering somebody was warned of.
    pub(crate) fn unsafe_code(&self, who: usize) -> Option<String> {
        match self.phase(who) {
            Phase::Ended { reason: EndReason::Unsafe { code } } => Some(code),
            Phase::Connecting
            | Phase::Waiting
            | Phase::Joining
            | Phase::InCall
            | Phase::Reconnecting { .. }
            | Phase::Ended { .. } => None,
        }
    }

    /// One frame of `from`, sealed.
    pub(crate) fn seal(&mut self, from: usize, plain: &[u8]) -> Result<Vec<u8>, String> {
        let person = &mut self.people[from];
        let now = local(self.now, person.born);
        let mut sealed = Vec::new();
        let kind = TrackKind::Microphone;
        person
            .core
            .seal_frame(now, kind, plain, &mut sealed)
            .map_err(|error| error.code().to_owned())?;
        Ok(sealed)
    }

    /// Opens one frame.
    pub(crate) fn open(&mut self, to: usize, sealed: &[u8]) -> Result<Vec<u8>, String> {
        let person = &mut self.people[to];
        let now = local(self.now, person.born);
        let mut plain = Vec::new();
        person
            .core
            .open_frame(now, true, sealed, &mut plain)
            .map_err(|error| error.code().to_owned())?;
        Ok(plain)
    }

    /// Whether a frame of `from` is heard by `to`.
    pub(crate) fn hears(&mut self, from: usize, to: usize) -> bool {
        let plain = b"a frame of sound".to_vec();
        self.seal(from, &plain).is_ok_and(|sealed| self.open(to, &sealed) == Ok(plain))
    }
}

/// The counsellor's identity.
pub(crate) fn identity() -> CounsellorKey {
    CounsellorKey::from_bytes(&[5; 32])
}

/// What a shell answers when it is asked for an offer.
pub(crate) fn offered() -> Input {
    let mid = |text| Mid::new(text).unwrap();
    Input::Offered {
        sdp: "v=0".to_owned(),
        tracks: vec![
            OfferedTrack { mid: mid("0"), kind: TrackKind::Microphone },
            OfferedTrack { mid: mid("1"), kind: TrackKind::Camera },
        ],
        slots: vec![
            OfferedSlot { mid: mid("2"), audio: true },
            OfferedSlot { mid: mid("3"), audio: false },
        ],
    }
}

fn local(now: Timestamp, born: Timestamp) -> Timestamp {
    Timestamp::from_start(now.since(born))
}

/// OpenMLS looks at the system's calendar when it judges a KeyPackage, so virtual time begins
/// with it.
#[expect(clippy::disallowed_methods, reason = "the calendar OpenMLS looks at")]
fn wall_clock() -> UnixSeconds {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixSeconds(since.as_secs())
}
