//! How the two cores of a room speak with each other.
//!
//! [`room`] asks, [`delivery`] decides, and whatever both want done comes out as one queue of
//! [`Effect`]s.  Nothing here has an opinion: each arm hands one thing on.

use std::collections::VecDeque;

use delivery::Delivery;
use media::{MediaFact, MediaOrder};
use protocol::client::Offer;
use protocol::id::{InviteId, ParticipantId, RoomId};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::{ServerMessage, Welcomed};
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
    Moderate(ParticipantId),
    /// By a resume token; whether it is the newest, the room knows.
    Resume { participant: ParticipantId, shown: Hash, after: u64 },
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
            Want::Moderate(participant) => By::Ticket { participant },
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
