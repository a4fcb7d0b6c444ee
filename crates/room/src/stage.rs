//! A stage for tests: a room, people who knock at it, and a delivery service that says yes to
//! whatever is in time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protocol::client::{Added, ClientMessage, Commit, Knock, Offer, OpenGroup};
use protocol::id::{Epoch, Generation, GroupId, InviteId, LeafIndex};
use protocol::media::{Mid, OfferedSlot, OfferedTrack, TrackKind};
use protocol::opaque::Opaque;

use super::*;

/// A room and everything it said.
pub(crate) struct Stage {
    pub(crate) room: Room,
    pub(crate) now: Timestamp,
    next: u64,
    sent: BTreeMap<ConnectionId, Vec<ServerMessage>>,
    pub(crate) closed: BTreeSet<ConnectionId>,
    pub(crate) refused: Vec<Reject>,
    pub(crate) media: Vec<MediaStep>,
    /// Every other order.
    pub(crate) other: Vec<Output>,
    /// Everybody a commit that won has named.
    pub(crate) added: BTreeSet<ParticipantId>,
}

/// One participant's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    pub(crate) who: ParticipantId,
    pub(crate) line: ConnectionId,
    pub(crate) token: u64,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let now = Timestamp::default();
        Self {
            room: Room::new(RoomId::from_bytes([1; 16]), now),
            now,
            next: 0,
            sent: BTreeMap::new(),
            closed: BTreeSet::new(),
            refused: Vec::new(),
            media: Vec::new(),
            other: Vec::new(),
            added: BTreeSet::new(),
        }
    }

    pub(crate) fn moderator(&mut self) -> Guest {
        let who = self.fresh_id();
        self.enter(By::Ticket { participant: who, last_generation: None })
            .expect("a ticket leads in")
    }

    /// Somebody comes by invite `invite` with device `device`.
    pub(crate) fn visitor(&mut self, invite: u8, device: u8) -> Result<Guest, Reject> {
        self.visitor_pinned(invite, device, None)
    }

    pub(crate) fn visitor_pinned(
        &mut self,
        invite: u8,
        device: u8,
        pinned: Option<u8>,
    ) -> Result<Guest, Reject> {
        self.visit(invite, device, pinned, false)
    }

    /// Somebody comes by an invite that is good for one device and one session.
    pub(crate) fn sole_visitor(&mut self, invite: u8, device: u8) -> Result<Guest, Reject> {
        self.visit(invite, device, None, true)
    }

    fn visit(
        &mut self,
        invite: u8,
        device: u8,
        pinned: Option<u8>,
        sole: bool,
    ) -> Result<Guest, Reject> {
        let participant = self.fresh_id();
        self.enter(By::Invite(Visit {
            participant,
            invite: InviteId::from_bytes([invite; 16]),
            device: [device; 32],
            pinned: pinned.map(|device| [device; 32]),
            sole,
            wrapped_room_secret: Opaque::new(vec![invite]).unwrap(),
        }))
    }

    /// A visitor who has knocked.
    pub(crate) fn knocking(&mut self, invite: u8, device: u8) -> Guest {
        let guest = self.visitor(invite, device).expect("there is room to wait");
        self.say(guest, ClientMessage::Knock(knock(invite)));
        guest
    }

    /// A visitor who was let in, at the next free leaf.
    pub(crate) fn let_in(&mut self, moderator: Guest, guest: Guest) {
        let answer = self.ask(moderator, self.adds(&[guest.who]));
        assert_eq!(answer, Ok(()));
    }

    /// A moderator with a group, and one attendee in the room.
    pub(crate) fn pair(&mut self) -> (Guest, Guest) {
        let moderator = self.moderator();
        self.open_group(moderator, 0);
        let attendee = self.knocking(1, 1);
        self.let_in(moderator, attendee);
        (moderator, attendee)
    }

    pub(crate) fn open_group(&mut self, moderator: Guest, generation: u32) {
        assert_eq!(self.ask(moderator, open_group(generation)), Ok(()));
    }

    pub(crate) fn resume(&mut self, guest: Guest, after: u64) -> Result<Guest, Reject> {
        let shown = token_hash(guest.token);
        self.enter(By::Resume { participant: guest.who, shown, after, backlog: Ok(()) })
    }

    pub(crate) fn enter(&mut self, by: By) -> Result<Guest, Reject> {
        self.next += 1;
        let token = self.next;
        let line = ConnectionId(token);
        let resume_hash = token_hash(token);
        let resume = Opaque::new(vec![u8::try_from(token % 256).unwrap(); 32]).unwrap();
        let n_refused = self.refused.len();
        self.step(Input::Enter(Enter { connection: line, resume, resume_hash, by }));
        match self.refused.get(n_refused) {
            Some(reject) => Err(reject.clone()),
            None => Ok(Guest { who: self.room.connections[&line], line, token }),
        }
    }

    pub(crate) fn hang_up(&mut self, guest: Guest) {
        self.step(Input::Hung { connection: guest.line });
    }

    pub(crate) fn wait(&mut self, patience: Duration) {
        self.now = self.now + patience;
        self.step(Input::Tick);
    }

    pub(crate) fn say(&mut self, guest: Guest, message: ClientMessage) -> u32 {
        self.next += 1;
        let n = u32::try_from(self.next).unwrap();
        let request = Request { connection: guest.line, n };
        self.step(Input::Said { request, message });
        n
    }

    /// Says something and waits for its answer, which must be the last thing said, and once.
    pub(crate) fn ask(&mut self, guest: Guest, message: ClientMessage) -> Result<(), Reject> {
        let n = self.say(guest, message);
        self.answer_to(guest, n).expect("there is an answer")
    }

    pub(crate) fn answer_to(&self, guest: Guest, n: u32) -> Option<Result<(), Reject>> {
        let answers: Vec<_> =
            self.heard(guest).iter().filter_map(|message| answer(message, n)).collect();
        assert!(answers.len() <= 1, "a request is answered once: {answers:?}");
        answers.first().cloned()
    }

    /// Everything a guest was sent over this connection.
    pub(crate) fn heard(&self, guest: Guest) -> &[ServerMessage] {
        self.sent.get(&guest.line).map_or(&[], Vec::as_slice)
    }

    /// The last thing a guest was sent that is no answer.
    pub(crate) fn last_heard(&self, guest: Guest) -> Option<&ServerMessage> {
        let is_news = |message: &&ServerMessage| {
            !matches!(message, ServerMessage::Done { .. } | ServerMessage::Rejected { .. })
        };
        self.heard(guest).iter().rev().find(is_news)
    }

    pub(crate) fn forget_heard(&mut self) {
        self.sent.clear();
        self.media.clear();
        self.other.clear();
    }

    /// An offer of both tracks with `n` slots of each kind, answered by the media plane.
    pub(crate) fn connect_media(&mut self, guest: Guest, n: u8) {
        let request = self.say(guest, offer(n));
        self.media_says(guest, MediaNews::Opened { answer: "v=0".to_owned() });
        assert_eq!(self.answer_to(guest, request), Some(Ok(())));
    }

    pub(crate) fn media_says(&mut self, guest: Guest, news: MediaNews) {
        self.step(Input::Media { peer: guest.who, news });
    }

    /// The message that adds these.
    pub(crate) fn adds(&self, who: &[ParticipantId]) -> ClientMessage {
        let first = u32::try_from(self.room.n_in_room()).unwrap();
        let added = (first..).zip(who);
        let added = added
            .map(|(leaf, who)| Added { participant: *who, leaf: LeafIndex(leaf) })
            .collect();
        self.commit(added, Vec::new())
    }

    pub(crate) fn removes(&self, who: &[ParticipantId]) -> ClientMessage {
        self.commit(Vec::new(), who.to_vec())
    }

    pub(crate) fn commit(
        &self,
        added: Vec<Added>,
        removed: Vec<ParticipantId>,
    ) -> ClientMessage {
        let group = self.room.group;
        ClientMessage::Commit(Commit {
            group: group.map_or(GroupId::from_bytes([0; 32]), |group| group.group),
            epoch: group.map_or(Epoch(0), |group| group.epoch),
            message: Opaque::default(),
            welcome: (!added.is_empty()).then(Opaque::default),
            added,
            removed,
        })
    }

    pub(crate) fn step(&mut self, input: Input) {
        self.room.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.room.poll_output() {
            match output {
                Output::Send { to, message } => {
                    assert!(!self.closed.contains(&to), "sent after close: {message:?}");
                    self.assert_fit_for(to, &message);
                    self.sent.entry(to).or_default().push(message);
                }
                Output::Close { connection } => {
                    let last = self.sent.get(&connection).and_then(|sent| sent.last());
                    assert!(matches!(last, Some(ServerMessage::Farewell { .. })), "{last:?}");
                    assert!(self.closed.insert(connection));
                }
                Output::Refuse { reject, .. } => self.refused.push(reject),
                Output::Media(step) => self.media.push(step),
                Output::Deliver { request, step } => {
                    let decision = self.decide(step);
                    if let Decision::Advanced { added, .. } = &decision {
                        self.added.extend(added.iter().map(|added| added.participant));
                    }
                    self.room.handle_input(self.now, Input::Decided { request, decision });
                }
                Output::Accept { .. }
                | Output::Replay { .. }
                | Output::Forget { .. }
                | Output::PinDevice { .. }
                | Output::UseUp { .. }
                | Output::KeepGeneration { .. }
                | Output::KeepEnded
                | Output::Finished => self.other.push(output),
            }
        }
    }

    /// A waiting participant never receives anything of the room.
    fn assert_fit_for(&self, to: ConnectionId, message: &ServerMessage) {
        let receiver = self.room.connections.get(&to);
        let receiver = receiver.and_then(|who| self.room.participants.get(who));
        if receiver.is_none_or(Participant::is_in_room) {
            return;
        }
        let is_fit = match message {
            ServerMessage::Done { .. }
            | ServerMessage::Rejected { .. }
            | ServerMessage::DoorstepNote(_)
            | ServerMessage::Farewell { .. } => true,
            ServerMessage::Entered(entered) => {
                entered.place == Place::Waiting
                    && entered.group.is_none()
                    && entered.present.is_empty()
                    && entered.knocks.is_empty()
            }
            ServerMessage::Knocked(_)
            | ServerMessage::Unknocked { .. }
            | ServerMessage::Present(_)
            | ServerMessage::Gone { .. }
            | ServerMessage::GroupOpened(_)
            | ServerMessage::Committed(_)
            | ServerMessage::Welcomed(_)
            | ServerMessage::Relayed(_)
            | ServerMessage::Answer(_)
            | ServerMessage::Slots { .. }
            | ServerMessage::MediaLost => false,
        };
        assert!(is_fit, "not for the waiting room: {message:?}");
    }

    fn decide(&self, step: Step) -> Decision {
        match step {
            Step::Open { by, open, .. } => Decision::Opened {
                by,
                group: GroupState {
                    group: open.group,
                    generation: open.generation,
                    epoch: Epoch(0),
                },
            },
            Step::Commit { commit, .. } => match self.room.group {
                Some(group) if group.epoch == commit.epoch => Decision::Advanced {
                    group: GroupState { epoch: Epoch(group.epoch.0 + 1), ..group },
                    added: commit.added,
                    removed: commit.removed,
                },
                Some(group) => Decision::Refused(Reject::StaleEpoch {
                    got: commit.epoch,
                    current: group.epoch,
                }),
                None => Decision::Refused(Reject::NoSuchGroup),
            },
            Step::Application { .. } => Decision::Relayed,
        }
    }

    fn fresh_id(&mut self) -> ParticipantId {
        self.next += 1;
        ParticipantId::from_raw(self.next)
    }
}

fn answer(message: &ServerMessage, n: u32) -> Option<Result<(), Reject>> {
    if let ServerMessage::Done { n: answered } = message {
        return (*answered == n).then_some(Ok(()));
    }
    if let ServerMessage::Rejected { n: answered, reject } = message {
        return (*answered == Some(n)).then(|| Err(reject.clone()));
    }
    None
}

pub(crate) fn knock(seed: u8) -> Knock {
    Knock {
        key_package: Opaque::new(vec![seed]).unwrap(),
        spare_key_package: Opaque::new(vec![seed]).unwrap(),
        nonce: Opaque::new(vec![seed; 16]).unwrap(),
        mac: Opaque::new(vec![seed; 32]).unwrap(),
        sealed_name: Opaque::new(vec![seed]).unwrap(),
    }
}

pub(crate) fn open_group(generation: u32) -> ClientMessage {
    let group = GroupId::from_bytes([u8::try_from(generation).unwrap() + 1; 32]);
    ClientMessage::OpenGroup(OpenGroup { group, generation: Generation(generation) })
}

/// Both tracks, and `n` slots of each kind.
pub(crate) fn offer(n: u8) -> ClientMessage {
    let slot = |n: u8| OfferedSlot { mid: mid(n), audio: n.is_multiple_of(2) };
    ClientMessage::Offer(Offer {
        sdp: "v=0".to_owned(),
        tracks: vec![
            OfferedTrack { mid: mid(0), kind: TrackKind::Microphone },
            OfferedTrack { mid: mid(1), kind: TrackKind::Camera },
        ],
        slots: (2..2 + 2 * n).map(slot).collect(),
    })
}

pub(crate) fn mid(n: u8) -> Mid {
    Mid::new(&n.to_string()).unwrap()
}

fn token_hash(token: u64) -> Hash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&token.to_be_bytes());
    hash
}
