//! The server's two cores, wired as the switchboard wires them, and what its store would keep.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use delivery::Delivery;
use protocol::client::{ClientEnvelope, ClientMessage, Hello, Right};
use protocol::id::{Epoch, Generation, GroupId, InviteId, ParticipantId, RoomId};
use protocol::limits::WRAPPED_SECRET_BYTES_MAX;
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::{Place, ServerMessage, Welcomed};
use protocol::time::Timestamp;
use room::{
    By, ConnectionId, Decision, Enter, Hash, Input, MediaNews, MediaStep, Output, Request,
    Room, Step, Visit,
};

use crate::dice::Dice;
use crate::network::Line;

/// Something the server does.
#[derive(Clone, Debug)]
pub enum Does {
    /// Sends a message.
    Send {
        /// On which line.
        line: Line,
        /// What.
        message: ServerMessage,
    },
    /// Closes a line.
    Close {
        /// Which.
        line: Line,
    },
    /// Orders the media plane to answer an offer.
    Answer {
        /// Whose.
        peer: ParticipantId,
    },
}

/// The server of one room.
pub struct Server {
    id: RoomId,
    room: Room,
    delivery: Delivery,
    /// What the store keeps: survives a restart.
    wrapped: BTreeMap<InviteId, Opaque<WRAPPED_SECRET_BYTES_MAX>>,
    pins: BTreeMap<InviteId, Hash>,
    last_generation: Option<Generation>,
    accepted: BTreeMap<Line, ParticipantId>,
    waits: BTreeMap<Line, bool>,
    tokens: BTreeMap<Vec<u8>, ParticipantId>,
    commits: BTreeMap<(GroupId, Epoch), Vec<u8>>,
    dice: Dice,
    does: VecDeque<Does>,
}

impl Server {
    /// A server that knows these invites.
    #[must_use]
    pub fn new(
        id: RoomId,
        wrapped: BTreeMap<InviteId, Opaque<WRAPPED_SECRET_BYTES_MAX>>,
        dice: Dice,
    ) -> Self {
        Self {
            id,
            room: Room::new(id, Timestamp::default()),
            delivery: Delivery::default(),
            wrapped,
            pins: BTreeMap::new(),
            last_generation: None,
            accepted: BTreeMap::new(),
            waits: BTreeMap::new(),
            tokens: BTreeMap::new(),
            commits: BTreeMap::new(),
            dice,
            does: VecDeque::new(),
        }
    }

    /// The process dies and comes back.
    pub fn restart(&mut self, now: Timestamp) {
        self.room = Room::new(self.id, now);
        self.delivery = Delivery::default();
        self.accepted.clear();
        self.waits.clear();
        self.tokens.clear();
        self.commits.clear();
        self.does.clear();
    }

    /// The next thing the server does.
    pub fn poll(&mut self) -> Option<Does> {
        self.does.pop_front()
    }

    /// When it wants to be woken.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.room.poll_timeout().into_iter().chain(self.delivery.poll_timeout()).min()
    }

    /// Time passed.
    pub fn tick(&mut self, now: Timestamp) {
        self.delivery.handle_input(now, delivery::Input::Tick);
        self.take(now, Input::Tick);
    }

    /// A text arrived.
    pub fn received(&mut self, now: Timestamp, line: Line, text: &str) {
        let Ok(ClientEnvelope { n, body }) = ClientEnvelope::decode(text) else {
            panic!("a client of ours sent what is no message: {text}");
        };
        if self.accepted.contains_key(&line) {
            let request = Request { connection: ConnectionId(line), n };
            return self.take(now, Input::Said { request, message: body });
        }
        // Anything but a hello is left over from a line that was closed.
        if let ClientMessage::Hello(hello) = body {
            self.hello(now, line, hello);
        }
    }

    /// A line is gone.
    pub fn hung(&mut self, now: Timestamp, line: Line) {
        if self.accepted.remove(&line).is_some() {
            self.take(now, Input::Hung { connection: ConnectionId(line) });
        }
    }

    /// The media plane has news.
    pub fn media(&mut self, now: Timestamp, peer: ParticipantId, news: MediaNews) {
        self.take(now, Input::Media { peer, news });
    }

    fn hello(&mut self, now: Timestamp, line: Line, Hello { right }: Hello) {
        let participant = ParticipantId::from_raw(u64::from_be_bytes(self.dice.bytes()));
        let by = match right {
            Right::Invite { invite, server_auth: _, device } => {
                let Some(wrapped) = self.wrapped.get(&invite) else {
                    return self.reject(line, Reject::NoSuchRight);
                };
                By::Invite(Visit {
                    participant,
                    invite,
                    device: padded(device.as_slice()),
                    pinned: self.pins.get(&invite).copied(),
                    sole: false,
                    wrapped_room_secret: wrapped.clone(),
                })
            }
            Right::Ticket { ticket: _ } => {
                By::Ticket { participant, last_generation: self.last_generation }
            }
            Right::Resume { resume, after } => {
                let Some(participant) = self.tokens.get(resume.as_slice()).copied() else {
                    return self.reject(line, Reject::NoSuchRight);
                };
                let backlog = self.delivery.covers(participant, after);
                By::Resume { participant, shown: padded(resume.as_slice()), after, backlog }
            }
        };
        let token: [u8; 32] = self.dice.bytes();
        let resume = Opaque::new(token.to_vec()).unwrap_or_default();
        let connection = ConnectionId(line);
        let enter = Enter { connection, resume_hash: padded(&token), resume, by };
        self.take(now, Input::Enter(enter));
    }

    fn take(&mut self, now: Timestamp, input: Input) {
        self.room.handle_input(now, input);
        while let Some(output) = self.room.poll_output() {
            self.carry_out(now, output);
        }
    }

    fn carry_out(&mut self, now: Timestamp, output: Output) {
        match output {
            Output::Accept { connection, participant } => {
                self.accepted.insert(connection.0, participant);
            }
            Output::Refuse { connection, reject } => self.reject(connection.0, reject),
            Output::Send { to, message } => self.send(to.0, message),
            Output::Close { connection } => {
                self.accepted.remove(&connection.0);
                self.does.push_back(Does::Close { line: connection.0 });
            }
            Output::Deliver { request, step } => {
                self.delivery.handle_input(now, delivery_input(step));
                self.hand_out(now, Some(request));
            }
            Output::Replay { to, after } => {
                self.delivery.handle_input(now, delivery::Input::Replay { to, after });
                self.hand_out(now, None);
            }
            Output::Forget { who } => {
                self.tokens.retain(|_, of| *of != who);
                self.delivery.handle_input(now, delivery::Input::Forget { who });
                self.hand_out(now, None);
            }
            Output::Media(MediaStep::OpenPeer { peer, offer: _ }) => {
                self.does.push_back(Does::Answer { peer });
            }
            Output::Media(
                MediaStep::BindSlot { .. }
                | MediaStep::UnbindSlot { .. }
                | MediaStep::HoldTrack { .. }
                | MediaStep::SetLeaf { .. }
                | MediaStep::ClosePeer { .. },
            ) => (),
            Output::PinDevice { invite, device } => {
                self.pins.insert(invite, device);
            }
            Output::UseUp { .. } => (),
            Output::KeepGeneration { generation } => self.last_generation = Some(generation),
            Output::KeepEnded => self.room.handle_input(now, Input::Ended),
            Output::Finished => self.restart(now),
        }
    }

    fn hand_out(&mut self, now: Timestamp, request: Option<Request>) {
        while let Some(output) = self.delivery.poll_output() {
            let decision = match output {
                delivery::Output::Send { to, message } => {
                    self.send_to(to, message);
                    continue;
                }
                delivery::Output::Welcome { to, welcome } => {
                    let welcomed = self.room.complete_welcome(to, welcomed(welcome));
                    if let Some(welcomed) = welcomed {
                        self.send_to(to, ServerMessage::Welcomed(welcomed));
                    }
                    continue;
                }
                delivery::Output::Refused { reject } => Decision::Refused(reject),
                delivery::Output::Opened { by, group } => Decision::Opened { by, group },
                delivery::Output::Advanced { by: _, group, added, removed } => {
                    Decision::Advanced { group, added, removed }
                }
                delivery::Output::Relayed => Decision::Relayed,
            };
            let request = request.expect("only requests are decided on");
            self.room.handle_input(now, Input::Decided { request, decision });
        }
    }

    fn send_to(&mut self, to: ParticipantId, message: ServerMessage) {
        if let Some(to) = self.room.connection_of(to) {
            self.send(to.0, message);
        }
    }

    fn reject(&mut self, line: Line, reject: Reject) {
        self.send(line, ServerMessage::Rejected { n: Some(1), reject });
    }

    /// Sends, and holds the server itself to what it must never do.
    fn send(&mut self, line: Line, message: ServerMessage) {
        if let ServerMessage::Entered(entered) = &message {
            self.waits.insert(line, entered.place == Place::Waiting);
            self.tokens.insert(entered.resume.as_slice().to_vec(), entered.participant);
        }
        if matches!(message, ServerMessage::Welcomed(_)) {
            self.waits.insert(line, false);
        }
        if self.waits.get(&line) == Some(&true) {
            let is_harmless = matches!(
                message,
                ServerMessage::Entered(_)
                    | ServerMessage::Done { .. }
                    | ServerMessage::Rejected { .. }
                    | ServerMessage::DoorstepNote(_)
                    | ServerMessage::Farewell { .. }
            );
            assert!(is_harmless, "somebody who waits was sent {message:?}");
        }
        if let ServerMessage::Committed(committed) = &message {
            let commit = committed.message.as_slice().to_vec();
            let key = (committed.group, committed.epoch);
            let first = self.commits.entry(key).or_insert_with(|| commit.clone());
            assert!(*first == commit, "two commits for one epoch: {key:?}");
        }
        self.does.push_back(Does::Send { line, message });
    }
}

/// In the place of a hash: what is hashed is random and of one length.
fn padded(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    for (place, byte) in hash.iter_mut().zip(bytes) {
        *place = *byte;
    }
    hash
}

/// The moment `ms` milliseconds after the beginning of a run.
#[must_use]
pub const fn at(ms: u64) -> Timestamp {
    Timestamp::from_start(Duration::from_millis(ms))
}

fn delivery_input(step: Step) -> delivery::Input {
    match step {
        Step::Open { by, role, open, others } => {
            delivery::Input::Open { by, role, open, others }
        }
        Step::Commit { by, role, commit } => delivery::Input::Commit { by, role, commit },
        Step::Application { by, application } => {
            delivery::Input::Application { by, application }
        }
    }
}

fn welcomed(welcome: delivery::Welcome) -> Welcomed {
    let delivery::Welcome { seq, group, generation, epoch, by, message } = welcome;
    Welcomed {
        seq,
        group,
        generation,
        epoch,
        by,
        message,
        wrapped_room_secret: Opaque::default(),
        present: Vec::new(),
    }
}
