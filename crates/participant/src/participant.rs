//! The core itself: what it holds, how inputs enter and what is done after each of them.
//!
//! One rule for all parts: an input changes what is known; then [`Participant::pump`] sends and
//! asks for whatever is due, whichever input made it so; then the view is shown if it changed.
//!
//! # Invariants
//!
//! - After the end nothing is sent and no key is held.
//! - A state is shown exactly when it differs from the one shown last.
//! - No input, from the server or the shell, makes it panic.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use e2ee::door::{DeviceSecret, Door};
use e2ee::doorstep::Way;
use e2ee::group::Group;
use e2ee::identity::ModeratorIdentity;
use e2ee::random::Randomness;
use protocol::client::ClientMessage;
use protocol::id::{ParticipantId, RoomId};
use protocol::limits::ROOM_MEMBERS_MAX;
use protocol::media::{TrackKind, TrackState};
use protocol::opaque::{Opaque, decode_base64url};
use protocol::reject::{FarewellReason, Reject};
use protocol::server::{Place, Presence, Role};
use protocol::time::{Timestamp, UnixSeconds};

use crate::admission::Admission;
use crate::chat::Chat;
use crate::connection::{Connection, Entry, Fate};
use crate::consent::Consent;
use crate::doorstep::Doorstep;
use crate::group_life::Keys;
use crate::input::Input;
use crate::knocking::Knocking;
use crate::media_life::MediaLife;
use crate::moderating::Moderating;
use crate::output::{CallState, EndReason, Other, Output};
use crate::pulse::Pulse;
use crate::random::Jitter;
use crate::sayings::{Ears, Mouth};
use crate::start::{AttendeeStart, ModeratorParts, Refusal, attendee_keys};
use crate::view;

/// One participant's side of a call.
///
/// Times are counted from its construction.
pub struct Participant {
    unix: UnixSeconds,
    /// Of the last input.
    now: Timestamp,
    pub(crate) random: Randomness,
    pub(crate) side: Side,
    pub(crate) me: Option<ParticipantId>,
    pub(crate) place: Place,
    pub(crate) connection: Connection,
    pub(crate) group: Option<Group>,
    pub(crate) keys: Keys,
    pub(crate) media: MediaLife,
    pub(crate) chat: Chat,
    pub(crate) mouth: Mouth,
    pub(crate) ears: Ears,
    pub(crate) doorstep: Doorstep,
    pub(crate) pulse: Pulse,
    pub(crate) consent: Consent,
    /// A moderator's device has spoken to us while we wait.
    pub(crate) is_seen: bool,
    /// Since when nobody else has been here.
    alone_since: Option<Timestamp>,
    /// The others, as the server tells it.
    pub(crate) present: BTreeMap<ParticipantId, Presence>,
    tracks: BTreeMap<TrackKind, bool>,
    /// What the server knows of our tracks.
    pub(crate) tracks_told: BTreeMap<TrackKind, bool>,
    pub(crate) has_entered: bool,
    /// Messages of the server that changed nothing.
    pub(crate) n_ignored: u64,
    ended: Option<EndReason>,
    shown: Option<CallState>,
    pub(crate) out: VecDeque<Output>,
}

/// Neither names nor texts.
impl std::fmt::Debug for Participant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (role, me, place) = (self.role(), self.me, self.place);
        write!(f, "Participant({me:?}, {role:?}, {place:?}, {:?}, ", self.connection)?;
        write!(f, "{:?}, {:?}, {:?})", self.group, self.keys, self.media)
    }
}

/// What differs between the two roles.
pub(crate) enum Side {
    /// The person counselled.
    Attendee(Box<Knocking>),
    /// The counsellor.
    Moderator(Box<Moderating>),
}

impl Participant {
    /// Somebody who opened a link.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadLink`] or [`Refusal::BadName`].
    pub fn attendee(start: AttendeeStart<'_>) -> Result<Self, Refusal> {
        let AttendeeStart { fragment, name, device, unix, random } = start;
        let (keys, pin) = attendee_keys(fragment, &name)?;
        let device = DeviceSecret::from_bytes(device);
        let entry = Entry::Invite {
            invite: keys.invite,
            server_auth: keys.server_auth().to_wire(),
            // The device's secret stays here; the server gets a name for it.
            device: Opaque::new(device.id(keys.invite).to_vec()).unwrap_or_default(),
        };
        let knocking = Knocking::new(keys, pin, name, device, random.fork());
        let side = Side::Attendee(Box::new(knocking));
        Ok(Self::new(side, entry, unix, random))
    }

    pub(crate) fn new_moderator(identity: ModeratorIdentity, parts: ModeratorParts) -> Self {
        let ModeratorParts { room, room_secret, invites, unix, random } = parts;
        let door = Door::new(room, identity.pin(), &random);
        let admission = Admission::new(door, invites);
        let side = Moderating::new(admission, identity, room_secret);
        Self::new(Side::Moderator(Box::new(side)), Entry::Ticket, unix, random)
    }

    fn new(side: Side, entry: Entry, unix: UnixSeconds, random: Randomness) -> Self {
        let seed = u64::from_le_bytes(random.bytes());
        let way = match side {
            Side::Attendee(_) => Way::ToModerators,
            Side::Moderator(_) => Way::ToWaiting,
        };
        let doorstep = Doorstep::new(way, random.fork());
        Self {
            unix,
            now: Timestamp::default(),
            random,
            side,
            me: None,
            place: Place::Waiting,
            connection: Connection::new(entry, Jitter::new(seed)),
            group: None,
            keys: Keys::default(),
            media: MediaLife::default(),
            chat: Chat::default(),
            mouth: Mouth::default(),
            ears: Ears::default(),
            doorstep,
            pulse: Pulse::default(),
            consent: Consent::default(),
            is_seen: false,
            alone_since: None,
            present: BTreeMap::new(),
            tracks: BTreeMap::new(),
            tracks_told: BTreeMap::new(),
            has_entered: false,
            n_ignored: 0,
            ended: None,
            shown: None,
            out: VecDeque::new(),
        }
    }

    /// Takes in what happened.  Never fails.
    pub fn handle_input(&mut self, now: Timestamp, input: Input) {
        if self.ended.is_some() {
            return;
        }
        self.now = self.now.max(now);
        match input {
            Input::Start => self.connection.start(now, &mut self.out),
            Input::Ticket { ticket } => self.ticket(now, &ticket),
            Input::NoTicket { retry } => {
                let fate = self.connection.no_ticket(now, retry);
                self.take_fate(now, fate);
            }
            Input::Opened => self.connection.opened(now, &mut self.out),
            Input::Received { text } => self.received(now, &text),
            Input::Closed { code: _ } => {
                let fate = self.connection.closed(now);
                self.take_fate(now, fate);
            }
            Input::Admit { participant } => self.admit(participant),
            Input::Decline { participant } => self.decline(participant),
            Input::Remove { participant } => self.remove(participant),
            Input::SendChat { text } => self.send_chat(text),
            Input::Say { topic, text } => self.say(topic, text),
            Input::TellDoorstep { participant, text } => self.tell_doorstep(participant, text),
            Input::PresetNote { text } => self.preset_note(text),
            Input::Agree { version, language, items } => {
                self.agree(now, version, language, items.into_iter().map(Into::into).collect());
            }
            Input::Withdraw => self.withdraw(now),
            Input::SetTrack { kind, on } => {
                self.tracks.insert(kind, on);
            }
            Input::Leave => self.leave(),
            Input::EndRoom => self.end_room(),
            Input::Offered { sdp, tracks, slots } => {
                for track in &tracks {
                    self.tracks.entry(track.kind).or_insert(true);
                }
                self.media.offered(now, protocol::client::Offer { sdp, tracks, slots });
            }
            Input::MediaConnected => self.media.connected(now),
            Input::MediaFailed => self.media.lost(now),
            Input::Woke => self.connection.hurry(now, &mut self.out),
            Input::Tick => (),
        }
        self.pump(now);
        self.show(now);
    }

    /// The same, with the input as JSON.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadInput`] if it is not one.
    pub fn handle_json(&mut self, now: Timestamp, json: &str) -> Result<(), Refusal> {
        let input = serde_json::from_str(json).map_err(|_| Refusal::BadInput)?;
        self.handle_input(now, input);
        Ok(())
    }

    /// The next thing to do.  Drain to `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The same, as JSON.
    pub fn poll_json(&mut self) -> Option<String> {
        let output = self.poll_output()?;
        Some(serde_json::to_string(&output).expect("our outputs hold nothing JSON cannot say"))
    }

    /// When [`Input::Tick`] is next due, if at all.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if self.ended.is_some() {
            return None;
        }
        let is_entered = self.connection.is_entered();
        let side = match &self.side {
            Side::Attendee(side) => side.poll_timeout(is_entered),
            Side::Moderator(side) => {
                let may_commit = self
                    .group
                    .as_ref()
                    .is_some_and(|group| group.is_sound() && !group.has_pending());
                let rekey_at = self.keys.rekey_at().filter(|_| may_commit);
                side.poll_timeout(is_entered, rekey_at)
            }
        };
        let speech =
            [self.chat.poll_timeout(), self.mouth.poll_timeout(), self.doorstep.poll_timeout()];
        let speech = speech.into_iter().flatten().min().filter(|_| is_entered);
        let ears = self.ears.poll_timeout();
        let pulse = self.pulse.poll_timeout(self.now, is_entered && self.group.is_some());
        let keys = self.keys.poll_timeout(is_entered);
        [
            self.connection.poll_timeout(),
            self.media.poll_timeout(),
            side,
            speech,
            ears,
            keys,
            pulse,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// To a moderator: whom they let in, for the page that is loaded after this one.  It says
    /// nothing secret, but only the moderator's own device may bring it back.
    #[must_use]
    pub fn note(&self) -> Vec<u8> {
        match &self.side {
            Side::Moderator(side) => side.admission.note(),
            Side::Attendee(_) => Vec::new(),
        }
    }

    /// Brings the [`note`](Self::note) of the page before this one, before [`Input::Start`].
    pub fn recall(&mut self, note: &[u8]) {
        if let Side::Moderator(side) = &mut self.side {
            side.admission.recall(note);
        }
    }

    /// How many messages of the server changed nothing: late, repeated, or not for us.
    #[must_use]
    pub const fn n_ignored(&self) -> u64 {
        self.n_ignored
    }

    pub(crate) fn unix_at(&self, now: Timestamp) -> UnixSeconds {
        self.unix.plus(now.since_start().as_secs())
    }

    pub(crate) const fn role(&self) -> Role {
        match self.side {
            Side::Attendee(_) => Role::Attendee,
            Side::Moderator(_) => Role::Moderator,
        }
    }

    pub(crate) fn ignore(&mut self) {
        self.n_ignored = self.n_ignored.saturating_add(1);
    }

    /// It is over.  Keys go, and what was not sent is told.
    pub(crate) fn end(&mut self, reason: EndReason) {
        for _ in 0..self.chat.end() {
            self.out.push_back(Output::Refused { reject: Reject::RoomEnded });
        }
        self.mouth = Mouth::default();
        self.doorstep.keep_only(|_| false);
        self.ears.clear();
        self.keys.close();
        self.pulse.close();
        self.group = None;
        self.present.clear();
        self.media.stop(&mut self.out);
        self.connection.end(&mut self.out);
        self.ended = Some(reason);
    }

    /// What the server delivered cannot be trusted.  Nothing more is sent.
    pub(crate) fn end_unsafe(&mut self, code: &str) {
        tracing::warn!(code, "What the server delivered cannot be trusted");
        self.end(EndReason::Unsafe { code: code.to_owned() });
    }

    /// Goes away from here and comes back by the first right, as somebody new.
    pub(crate) fn enter_anew(&mut self, now: Timestamp) {
        self.connection.enter_anew(now, &mut self.out);
        self.connection_lost(now);
    }

    pub(crate) fn take_fate(&mut self, now: Timestamp, fate: Fate) {
        match fate {
            Fate::Same => (),
            Fate::Lost => self.connection_lost(now),
            Fate::Refused(reject) => self.end(EndReason::Refused { reject }),
            Fate::SignedOut => self.end(EndReason::SignedOut),
        }
    }

    pub(crate) fn connection_lost(&mut self, now: Timestamp) {
        self.chat.connection_lost();
        self.mouth.connection_lost();
        self.doorstep.connection_lost();
        self.pulse.connection_lost();
        self.is_seen = false;
        self.media.connection_lost();
        self.keys.connection_lost(now);
        match &mut self.side {
            Side::Attendee(side) => side.connection_lost(now),
            Side::Moderator(side) => side.connection_lost(),
        }
    }

    /// Sends and asks for whatever is due.
    fn pump(&mut self, now: Timestamp) {
        if self.ended.is_some() {
            return;
        }
        let fate = self.connection.tick(now, &mut self.out);
        self.take_fate(now, fate);
        let unix = self.unix_at(now);
        if let Side::Attendee(side) = &mut self.side {
            if side.is_left_out(now) {
                self.enter_anew(now);
            }
        } else {
            self.pump_moderator(now);
        }
        if self.ended.is_some() {
            return;
        }
        let (connection, out) = (&mut self.connection, &mut self.out);
        self.keys.pump(now, unix, self.group.as_mut(), connection, out);
        self.pump_pulse(now);
        self.pump_consent();
        self.pump_speech(now);
        self.pump_media(now);
        self.tell_tracks();
        if let Side::Attendee(side) = &mut self.side {
            let (connection, out) = (&mut self.connection, &mut self.out);
            if side.pump(now, unix, self.place, connection, out)
                && let Some(me) = self.me
            {
                self.doorstep.bind(me, side.doorstep_line());
            }
        }
        self.pump_doorstep(now);
        self.note_whether_alone(now);
    }

    fn note_whether_alone(&mut self, now: Timestamp) {
        let somebody_waits = match &self.side {
            Side::Moderator(side) => !side.admission.waiting(now).is_empty(),
            Side::Attendee(_) => false,
        };
        let is_alone = self.place == Place::Room
            && self.has_entered
            && !somebody_waits
            && !self.present.values().any(|other| other.connected);
        self.alone_since = is_alone.then(|| self.alone_since.unwrap_or(now));
    }

    /// Tells the server which tracks are on, once it knows of them.
    fn tell_tracks(&mut self) {
        if !self.media.is_answered() {
            return;
        }
        for (kind, on) in &self.tracks {
            if self.tracks_told.get(kind) == Some(on) {
                continue;
            }
            let track = ClientMessage::Track(TrackState { kind: *kind, on: *on });
            if self.connection.request(track, &mut self.out).is_some() {
                self.tracks_told.insert(*kind, *on);
            }
        }
    }

    fn ticket(&mut self, now: Timestamp, ticket: &str) {
        let ticket = decode_base64url(ticket)
            .filter(|bytes| bytes.len() == 32)
            .and_then(|bytes| Opaque::new(bytes).ok());
        match ticket {
            Some(ticket) => self.connection.ticket(now, ticket, &mut self.out),
            None => {
                let fate = self.connection.no_ticket(now, true);
                self.take_fate(now, fate);
            }
        }
    }

    fn leave(&mut self) {
        self.connection.request(ClientMessage::Leave, &mut self.out);
        self.end(view::farewell(FarewellReason::Left));
    }

    fn end_room(&mut self) {
        match &mut self.side {
            Side::Moderator(side) => side.wants_end = true,
            Side::Attendee(_) => self.refuse(Reject::NotModerator),
        }
    }

    pub(crate) fn refuse(&mut self, reject: Reject) {
        self.out.push_back(Output::Refused { reject });
    }

    fn show(&mut self, now: Timestamp) {
        let state = self.state(now);
        let is_new =
            self.shown.as_ref().is_none_or(|shown| !view::looks_the_same(shown, &state));
        if is_new {
            self.shown = Some(state.clone());
            self.out.push_back(Output::Show { state });
        }
    }

    fn state(&self, now: Timestamp) -> CallState {
        let members = self.group.as_ref().map(Group::members).unwrap_or_default();
        let counsellor = members
            .iter()
            .find(|member| member.role == Role::Moderator && !member.own)
            .and_then(|member| member.name.clone());
        let safety_code = self.group.as_ref().and_then(Group::safety_code);
        CallState {
            phase: view::phase(view::Facts {
                ended: self.ended.clone(),
                has_entered: self.has_entered,
                is_entered: self.connection.is_entered(),
                pause_ms: self.connection.pause_ms(),
                place: self.place,
                has_media: self.media.has_connected(),
            }),
            me: self.me,
            role: self.role(),
            others: self.others(),
            waiting: match &self.side {
                Side::Moderator(side) if self.ended.is_none() => side.admission.waiting(now),
                Side::Moderator(_) | Side::Attendee(_) => Vec::new(),
            },
            unheard: self.pulse.unheard(now),
            is_seen: self.is_seen && self.place == Place::Waiting,
            alone_ms: self
                .alone_since
                .filter(|_| self.ended.is_none())
                .map(|since| u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX)),
            counsellor,
            safety_code: safety_code.map(|code| code.to_vec()),
            n_members: u32::try_from(members.len()).unwrap_or(u32::MAX),
            n_confirmed: u32::try_from(self.keys.n_confirmed()).unwrap_or(u32::MAX),
            tracks: self
                .tracks
                .iter()
                .map(|(kind, on)| TrackState { kind: *kind, on: *on })
                .collect(),
        }
    }

    /// Everybody the server names and every member, whether it names them or not: nobody can
    /// listen unseen.
    fn others(&self) -> Vec<Other> {
        let mut others: BTreeMap<ParticipantId, Other> = BTreeMap::new();
        for presence in self.present.values() {
            let other = Other {
                participant: presence.participant,
                name: None,
                role: presence.role,
                leaf: None,
                connected: presence.connected,
                tracks: presence.tracks.clone(),
            };
            others.insert(presence.participant, other);
        }
        let members = self.group.as_ref().map(Group::members).unwrap_or_default();
        for member in members.into_iter().filter(|member| !member.own) {
            let other = others.entry(member.participant).or_insert_with(|| Other {
                participant: member.participant,
                name: None,
                role: member.role,
                leaf: None,
                connected: false,
                tracks: Vec::new(),
            });
            other.name = member.name;
            other.role = member.role;
            other.leaf = Some(member.leaf);
        }
        others.into_values().collect()
    }

    /// Takes note of somebody in the room, as far as there is room for a note.
    pub(crate) fn note_present(&mut self, presence: Presence) {
        let who = presence.participant;
        if Some(who) == self.me {
            return;
        }
        if self.present.len() >= ROOM_MEMBERS_MAX && !self.present.contains_key(&who) {
            self.ignore();
            return;
        }
        let mut kinds = BTreeSet::new();
        let tracks = presence.tracks.into_iter().filter(|track| kinds.insert(track.kind));
        let presence = Presence { tracks: tracks.collect(), ..presence };
        self.present.insert(who, presence);
    }

    /// The room this participant belongs in, if it is known beforehand.
    pub(crate) fn own_room(&self) -> Option<RoomId> {
        match &self.side {
            Side::Attendee(side) => side.identity.as_ref().map(|identity| identity.room()),
            Side::Moderator(side) => Some(side.room()),
        }
    }
}
