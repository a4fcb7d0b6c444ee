//! How the two cores of a room speak with each other.
//!
//! [`room`] asks, [`delivery`] decides, and whatever both want done comes out as one queue of
//! [`Effect`]s.  Nothing here has an opinion: each arm hands one thing on.

use std::collections::{BTreeMap, VecDeque};

use delivery::Delivery;
use media::{MediaFact, MediaOrder};
use protocol::client::Offer;
use protocol::id::{Generation, InviteId, ParticipantId, RoomId};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::{Place, ServerMessage, Welcomed};
use protocol::time::Timestamp;
use room::{
    By, ConnectionId, Decision, Enter, Input, MediaNews, MediaStep, Output, Request, Room,
    Step, Visit,
};
use store::Hash;

use crate::random::Token;

/// Both cores of one room.
#[derive(Debug)]
pub(crate) struct Cores {
    id: RoomId,
    room: Room,
    delivery: Delivery,
    effects: VecDeque<Effect>,
}

/// Somebody wants in, by a right that was found.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    /// By an invite that passed.
    Visit(Visit),
    /// By a ticket that was good.
    Moderate { participant: ParticipantId, last_generation: Option<Generation> },
    /// By a resume token; whether it is the newest, the room knows.
    Resume { participant: ParticipantId, shown: Hash, after: u64 },
}

impl Want {
    /// The same, with what the store knows of the room's groups.
    pub(crate) fn with_last_generation(self, last_generation: Option<Generation>) -> Self {
        match self {
            Self::Moderate { participant, last_generation: _ } => {
                Self::Moderate { participant, last_generation }
            }
            Self::Visit(_) | Self::Resume { .. } => self,
        }
    }
}

/// Something to carry out, in order.
#[derive(Debug)]
pub(crate) enum Effect {
    Accept { connection: ConnectionId, participant: ParticipantId },
    Refuse { connection: ConnectionId, reject: Reject },
    Send { to: ConnectionId, message: ServerMessage },
    Close { connection: ConnectionId },
    Order(MediaOrder),
    Forget { who: ParticipantId },
    PinDevice { invite: InviteId, device: Hash },
    UseUp { invite: InviteId },
    KeepGeneration { generation: Generation },
    KeepEnded,
    CommitAccepted,
    Finished,
}

impl Cores {
    pub(crate) fn new(id: RoomId, now: Timestamp) -> Self {
        let room = Room::new(id, now);
        Self { id, room, delivery: Delivery::default(), effects: VecDeque::new() }
    }

    pub(crate) fn enter(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        token: Token,
        want: Want,
    ) {
        let by = match want {
            Want::Visit(visit) => By::Invite(visit),
            Want::Moderate { participant, last_generation } => {
                By::Ticket { participant, last_generation }
            }
            Want::Resume { participant, shown, after } => {
                let backlog = self.delivery.covers(participant, after);
                By::Resume { participant, shown, after, backlog }
            }
        };
        let Token { secret: resume, hash: resume_hash } = token;
        self.handle_input(now, Input::Enter(Enter { connection, resume, resume_hash, by }));
    }

    pub(crate) fn fact(&mut self, now: Timestamp, fact: MediaFact) {
        let (peer, news) = match fact {
            MediaFact::Opened { room: _, peer, answer } => (peer, MediaNews::Opened { answer }),
            MediaFact::Refused { room: _, peer } => (peer, MediaNews::Refused),
            MediaFact::Connected { room: _, peer } => (peer, MediaNews::Connected),
            MediaFact::Lost { room: _, peer } => (peer, MediaNews::Lost),
        };
        self.handle_input(now, Input::Media { peer, news });
    }

    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.delivery.handle_input(now, delivery::Input::Tick);
        self.handle_input(now, Input::Tick);
    }

    pub(crate) fn handle_input(&mut self, now: Timestamp, input: Input) {
        self.room.handle_input(now, input);
        while let Some(output) = self.room.poll_output() {
            self.carry_out(now, output);
        }
    }

    pub(crate) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        self.room.poll_timeout().into_iter().chain(self.delivery.poll_timeout()).min()
    }

    pub(crate) fn n_waiting(&self) -> usize {
        self.room.n_waiting()
    }

    pub(crate) fn invite_places(&self) -> BTreeMap<InviteId, Place> {
        self.room.invite_places()
    }

    pub(crate) fn n_in_room(&self) -> usize {
        self.room.n_in_room()
    }

    fn carry_out(&mut self, now: Timestamp, output: Output) {
        let effect = match output {
            Output::Deliver { request, step } => {
                self.delivery.handle_input(now, delivery_input(step));
                self.hand_out(now, Some(request));
                return;
            }
            Output::Replay { to, after } => {
                self.delivery.handle_input(now, delivery::Input::Replay { to, after });
                self.hand_out(now, None);
                return;
            }
            Output::Forget { who } => {
                self.delivery.handle_input(now, delivery::Input::Forget { who });
                self.hand_out(now, None);
                Effect::Forget { who }
            }
            Output::Accept { connection, participant } => {
                Effect::Accept { connection, participant }
            }
            Output::Refuse { connection, reject } => Effect::Refuse { connection, reject },
            Output::Send { to, message } => Effect::Send { to, message },
            Output::Close { connection } => Effect::Close { connection },
            Output::Media(step) => Effect::Order(media_order(self.id, step)),
            Output::PinDevice { invite, device } => Effect::PinDevice { invite, device },
            Output::UseUp { invite } => Effect::UseUp { invite },
            Output::KeepGeneration { generation } => Effect::KeepGeneration { generation },
            Output::KeepEnded => Effect::KeepEnded,
            Output::Finished => Effect::Finished,
        };
        self.effects.push_back(effect);
    }

    /// Carries out what the delivery service wants, and tells the room what it decided.
    fn hand_out(&mut self, now: Timestamp, request: Option<Request>) {
        while let Some(output) = self.delivery.poll_output() {
            let decision = match output {
                delivery::Output::Send { to, message } => {
                    self.send(to, message);
                    continue;
                }
                delivery::Output::Welcome { to, welcome } => {
                    let welcomed = self.room.complete_welcome(to, welcomed(welcome));
                    if let Some(welcomed) = welcomed {
                        self.send(to, ServerMessage::Welcomed(welcomed));
                    }
                    continue;
                }
                delivery::Output::Refused { reject } => Decision::Refused(reject),
                delivery::Output::Opened { by, group } => Decision::Opened { by, group },
                delivery::Output::Advanced { by: _, group, added, removed } => {
                    self.effects.push_back(Effect::CommitAccepted);
                    Decision::Advanced { group, added, removed }
                }
                delivery::Output::Relayed => Decision::Relayed,
            };
            debug_assert!(request.is_some(), "only requests are decided on");
            if let Some(request) = request {
                self.room.handle_input(now, Input::Decided { request, decision });
            }
        }
    }

    /// Whoever is not connected finds it in the backlog.
    fn send(&mut self, to: ParticipantId, message: ServerMessage) {
        if let Some(to) = self.room.connection_of(to) {
            self.effects.push_back(Effect::Send { to, message });
        }
    }
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

/// Everything but what the room adds.
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

fn media_order(room: RoomId, step: MediaStep) -> MediaOrder {
    match step {
        MediaStep::OpenPeer { peer, offer: Offer { sdp, tracks, slots } } => {
            MediaOrder::OpenPeer { room, peer, offer: sdp, tracks, slots }
        }
        MediaStep::BindSlot { subscriber, binding } => {
            MediaOrder::BindSlot { subscriber, binding }
        }
        MediaStep::UnbindSlot { subscriber, mid } => MediaOrder::UnbindSlot { subscriber, mid },
        MediaStep::HoldTrack { publisher, kind, held } => {
            MediaOrder::HoldTrack { publisher, kind, held }
        }
        MediaStep::SetLeaf { peer, leaf } => MediaOrder::SetLeaf { peer, leaf },
        MediaStep::ClosePeer { peer } => MediaOrder::ClosePeer { peer },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use proptest::prelude::*;
    use proptest::sample::Index;
    use protocol::client::{
        Added, Application, ClientMessage, Commit, Decline, Knock, OpenGroup,
    };
    use protocol::id::{Epoch, Generation, GroupId, LeafIndex};
    use protocol::limits::OUTBOX_MESSAGES_MAX;
    use protocol::server::Place;

    use super::*;

    /// One thing somebody does with both cores behind the door.
    #[derive(Clone, Debug)]
    enum Act {
        Visit { invite: u8, device: u8 },
        Moderate,
        Resume { who: Index, after: u64 },
        HangUp(Index),
        Say(Index, ClientMessage),
        Decline(Index, Index),
        Commit { by: Index, added: Vec<Index>, removed: Vec<Index>, epoch: u64, group: u8 },
        Wait(u64),
    }

    struct Seat {
        connection: ConnectionId,
        participant: ParticipantId,
        hash: Hash,
    }

    struct Play {
        cores: Cores,
        now: Timestamp,
        next: u64,
        seats: Vec<Seat>,
        closed: BTreeSet<ConnectionId>,
        /// Who has been welcomed into which epoch of which group.
        in_room: BTreeMap<ParticipantId, bool>,
        n_sent: usize,
    }

    proptest! {
        /// Nothing panics, nothing follows a farewell, nobody is sent anything of the group
        /// before they were let in, and one input causes no flood.
        #[test]
        fn both_cores_together_hold_against_anything(
            acts in proptest::collection::vec(any_act(), 1..120),
        ) {
            let mut play = Play::new();
            for act in &acts {
                play.perform(act)?;
            }
        }
    }

    impl Play {
        fn new() -> Self {
            let now = Timestamp::default();
            Self {
                cores: Cores::new(RoomId::from_bytes([1; 16]), now),
                now,
                next: 0,
                seats: Vec::new(),
                closed: BTreeSet::new(),
                in_room: BTreeMap::new(),
                n_sent: 0,
            }
        }

        fn perform(&mut self, act: &Act) -> Result<(), TestCaseError> {
            self.next += 1;
            let id = ParticipantId::from_raw(self.next);
            let who = |index: &Index| {
                (!self.seats.is_empty()).then(|| &self.seats[index.index(self.seats.len())])
            };
            let named = |index: &Index| who(index).map_or(id, |seat| seat.participant);
            match act {
                Act::Visit { invite, device } => {
                    let visit = Visit {
                        participant: id,
                        invite: InviteId::from_bytes([*invite; 16]),
                        device: [*device; 32],
                        pinned: None,
                        sole: *invite == 3,
                        wrapped_room_secret: Opaque::default(),
                    };
                    self.enter(Want::Visit(visit))?;
                }
                Act::Moderate => {
                    self.enter(Want::Moderate { participant: id, last_generation: None })?
                }
                Act::Resume { who: index, after } => {
                    let Some(seat) = who(index) else { return Ok(()) };
                    let (participant, shown) = (seat.participant, seat.hash);
                    self.enter(Want::Resume { participant, shown, after: *after })?;
                }
                Act::HangUp(index) => {
                    let Some(seat) = who(index) else { return Ok(()) };
                    let connection = seat.connection;
                    self.cores.handle_input(self.now, Input::Hung { connection });
                }
                Act::Say(index, message) => {
                    let Some(seat) = who(index) else { return Ok(()) };
                    let request = Request { connection: seat.connection, n: 1 };
                    let message = message.clone();
                    self.cores.handle_input(self.now, Input::Said { request, message });
                }
                Act::Decline(by, index) => {
                    let Some(seat) = who(by) else { return Ok(()) };
                    let request = Request { connection: seat.connection, n: 1 };
                    let participant = named(index);
                    let message = ClientMessage::Decline(Decline { participant });
                    self.cores.handle_input(self.now, Input::Said { request, message });
                }
                Act::Commit { by, added, removed, epoch, group } => {
                    let Some(seat) = who(by) else { return Ok(()) };
                    let request = Request { connection: seat.connection, n: 1 };
                    let added: Vec<_> = (1..)
                        .zip(added)
                        .map(|(leaf, index)| Added {
                            participant: named(index),
                            leaf: LeafIndex(leaf),
                        })
                        .collect();
                    let message = ClientMessage::Commit(Commit {
                        group: GroupId::from_bytes([*group; 32]),
                        epoch: Epoch(*epoch),
                        message: Opaque::default(),
                        welcome: (!added.is_empty()).then(Opaque::default),
                        added,
                        removed: removed.iter().map(named).collect(),
                    });
                    self.cores.handle_input(self.now, Input::Said { request, message });
                }
                Act::Wait(seconds) => {
                    self.now = self.now + Duration::from_secs(*seconds);
                    self.cores.tick(self.now);
                }
            }
            self.drain()
        }

        fn enter(&mut self, want: Want) -> Result<(), TestCaseError> {
            let connection = ConnectionId(self.next);
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&self.next.to_be_bytes());
            let token = Token { secret: Opaque::default(), hash };
            // Found again when it is accepted.
            self.seats.push(Seat { connection, participant: ParticipantId::from_raw(0), hash });
            self.cores.enter(self.now, connection, token, want);
            self.drain()
        }

        fn drain(&mut self) -> Result<(), TestCaseError> {
            let n_before = self.n_sent;
            while let Some(effect) = self.cores.poll_effect() {
                match effect {
                    Effect::Accept { connection, participant } => {
                        let seat =
                            self.seats.iter_mut().find(|one| one.connection == connection);
                        seat.unwrap().participant = participant;
                    }
                    Effect::Refuse { connection, .. } => {
                        self.seats.retain(|seat| seat.connection != connection);
                    }
                    Effect::Send { to, message } => {
                        self.n_sent += 1;
                        prop_assert!(!self.closed.contains(&to), "nothing follows a farewell");
                        self.watch(to, &message)?;
                    }
                    Effect::Close { connection } => {
                        prop_assert!(self.closed.insert(connection));
                    }
                    Effect::Forget { who } => {
                        self.in_room.remove(&who);
                    }
                    Effect::Order(_)
                    | Effect::PinDevice { .. }
                    | Effect::UseUp { .. }
                    | Effect::KeepGeneration { .. }
                    | Effect::KeepEnded
                    | Effect::CommitAccepted
                    | Effect::Finished => {}
                }
            }
            prop_assert!(
                self.n_sent - n_before <= OUTBOX_MESSAGES_MAX * self.seats.len().max(1)
            );
            Ok(())
        }

        fn watch(
            &mut self,
            to: ConnectionId,
            message: &ServerMessage,
        ) -> Result<(), TestCaseError> {
            let seat = self.seats.iter().find(|seat| seat.connection == to);
            let who = seat.expect("only those who came in are sent anything").participant;
            if let ServerMessage::Entered(entered) = message {
                self.in_room.insert(who, entered.place == Place::Room);
            }
            if matches!(message, ServerMessage::Welcomed(_)) {
                self.in_room.insert(who, true);
            }
            let is_of_the_group = matches!(
                message,
                ServerMessage::GroupOpened(_)
                    | ServerMessage::Committed(_)
                    | ServerMessage::Relayed(_)
            );
            let is_let_in = self.in_room.get(&who) == Some(&true);
            prop_assert!(!is_of_the_group || is_let_in, "{:?}", message);
            Ok(())
        }
    }

    fn any_act() -> impl Strategy<Value = Act> {
        let who = any::<Index>;
        let list = || proptest::collection::vec(any::<Index>(), 0..3);
        prop_oneof![
            4 => (0..4_u8, 0..3_u8).prop_map(|(invite, device)| Act::Visit { invite, device }),
            2 => Just(Act::Moderate),
            3 => (who(), 0..30_u64).prop_map(|(who, after)| Act::Resume { who, after }),
            3 => who().prop_map(Act::HangUp),
            20 => (who(), any_message()).prop_map(|(who, message)| Act::Say(who, message)),
            1 => (who(), who()).prop_map(|(by, who)| Act::Decline(by, who)),
            20 => (who(), list(), list(), 0..5_u64, 1..4_u8).prop_map(
                |(by, added, removed, epoch, group)| {
                    Act::Commit { by, added, removed, epoch, group }
                }
            ),
            2 => (0..90_u64).prop_map(Act::Wait),
        ]
    }

    fn any_message() -> impl Strategy<Value = ClientMessage> {
        let knock = Knock {
            key_package: Opaque::default(),
            spare_key_package: Opaque::default(),
            nonce: Opaque::default(),
            mac: Opaque::default(),
            sealed_name: Opaque::default(),
        };
        let offer = Offer { sdp: String::new(), tracks: vec![], slots: vec![] };
        prop_oneof![
            6 => Just(ClientMessage::Knock(knock.clone())),
            1 => Just(ClientMessage::Spare(knock)),
            6 => (1..4_u8).prop_map(|n| {
                let group = GroupId::from_bytes([n; 32]);
                let generation = Generation(n.into());
                ClientMessage::OpenGroup(OpenGroup { group, generation })
            }),
            6 => (1..4_u8, 0..5_u64).prop_map(|(group, epoch)| {
                ClientMessage::Application(Application {
                    group: GroupId::from_bytes([group; 32]),
                    epoch: Epoch(epoch),
                    message: Opaque::default(),
                    fleeting: false,
                })
            }),
            1 => Just(ClientMessage::Offer(offer)),
            1 => Just(ClientMessage::Leave),
            1 => Just(ClientMessage::Ping),
        ]
    }
}
