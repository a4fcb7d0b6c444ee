//! The loop of one thread that owns a port and every peer connection on it.
//!
//! There is one shard now.  With more, each room lives whole on one of them: one port and one
//! [`State`] per shard, and orders go to the shard of their room.
//!
//! Each round: stop if told to; then orders, because they say who may send; then what the
//! socket holds, in bounded helpings; then what is due; then everything that waits is sent.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use forward::{Forwarder, PeerKey};
use mio::{Events, Poll};
use protocol::id::ParticipantId;
use protocol::time::Timestamp;

use crate::answer::{Answered, Ours, answer};
use crate::border::{MediaFact, MediaOrder};
use crate::clock::Clock;
use crate::contain::contained;
use crate::counters::{Counters, add, bump};
use crate::dtls::{Dtls, Identity};
use crate::facts::Facts;
use crate::outbox::{Outbox, send_one};
use crate::peer::{Names, Peer};
use crate::probe::Probes;
use crate::socket::{Buffers, Socket};
use crate::table::Table;

/// Peer connections of one shard.
const PEERS_MAX: usize = 4096;
/// Orders carried out in one round.
const ORDERS_PER_ROUND: usize = 64;
/// System calls for receiving in one round.
const HELPINGS_PER_ROUND: usize = 8;
/// How long facts wait for another try.
const LATE_FACTS_INTERVAL: Duration = Duration::from_millis(20);
/// How often time matters while there are peers at all.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// A shard: its socket, and everything else.
pub(crate) struct Shard {
    pub(crate) poll: Poll,
    pub(crate) socket: Socket,
    pub(crate) buffers: Buffers,
    pub(crate) state: State,
}

/// What a shard knows.
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) identity: Arc<Identity>,
    pub(crate) ours: Ours,
    pub(crate) forwarder: Forwarder,
    pub(crate) peers: Table<Peer>,
    pub(crate) by_ufrag: HashMap<String, PeerKey>,
    pub(crate) by_address: HashMap<SocketAddr, PeerKey>,
    pub(crate) waiting: Vec<PeerKey>,
    pub(crate) facts: Facts,
    pub(crate) probes: Probes,
    pub(crate) counters: Arc<Counters>,
    pub(crate) tick_at: Timestamp,
}

impl Shard {
    /// Works until told to stop, or until nobody can give orders any more.
    pub(crate) fn run(mut self, orders: &Receiver<MediaOrder>, stop: &AtomicBool) {
        let mut events = Events::with_capacity(8);
        let mut is_more = false;
        loop {
            let patience = if is_more { Some(Duration::ZERO) } else { self.state.patience() };
            match self.poll.poll(&mut events, patience) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::error!(%error, "cannot wait for the media socket");
                    break;
                }
            }
            let began = self.state.clock.now();
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let Some(more_orders) = self.take_orders(began, orders) else { break };
            is_more = self.receive() | more_orders;
            self.state.tick(self.state.clock.now(), &self.socket);
            self.state.facts.retry(&self.state.counters);
            let busy = self.state.clock.now() - began;
            let nanos = u64::try_from(busy.as_nanos()).unwrap_or(0);
            add(&self.state.counters.busy_nanos, nanos);
        }
        self.say_goodbye();
    }

    /// Carries orders out; says whether there are more, or nothing when nobody is left to
    /// give any.
    fn take_orders(&mut self, now: Timestamp, orders: &Receiver<MediaOrder>) -> Option<bool> {
        for _ in 0..ORDERS_PER_ROUND {
            match orders.try_recv() {
                Ok(order) => self.state.obey(now, &self.socket, order),
                Err(TryRecvError::Empty) => return Some(false),
                Err(TryRecvError::Disconnected) => return None,
            }
        }
        Some(true)
    }

    /// Takes what the socket holds; says whether there is more.
    fn receive(&mut self) -> bool {
        let Self { socket, buffers, state, .. } = self;
        for _ in 0..HELPINGS_PER_ROUND {
            let now = state.clock.now();
            let received = socket.receive(buffers, |path, datagram| {
                state.datagram(now, socket, path, datagram);
            });
            state.outbox(socket).1.flush();
            match received {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => {
                    // Linux tells of unreachable receivers here: theirs, not ours.
                    tracing::debug!(kind = ?error.kind(), "the media socket complains");
                    return true;
                }
            }
        }
        true
    }

    fn say_goodbye(&mut self) {
        let now = self.state.clock.instant(self.state.clock.now());
        for (_, peer) in self.state.peers.iter_mut() {
            for datagram in peer.dtls.close(now) {
                if let Some(path) = peer.path() {
                    send_one(&self.socket, &self.state.counters, path, &datagram);
                }
            }
        }
        tracing::info!("media plane has stopped");
    }
}

impl State {
    /// The tables, and the way out for what they send.
    pub(crate) fn outbox<'a>(
        &'a mut self,
        socket: &'a Socket,
    ) -> (&'a mut Forwarder, Outbox<'a>) {
        let outbox = Outbox {
            peers: &mut self.peers,
            waiting: &mut self.waiting,
            socket,
            counters: &self.counters,
        };
        (&mut self.forwarder, outbox)
    }

    /// How long to wait for something to happen.
    fn patience(&self) -> Option<Duration> {
        let late = self.facts.is_late().then_some(LATE_FACTS_INTERVAL);
        if self.peers.is_empty() {
            return late;
        }
        let due = self.tick_at - self.clock.now();
        Some(late.map_or(due, |late| late.min(due)))
    }

    /// Carries an order out.  If anything breaks over it, whom it concerns is lost.
    fn obey(&mut self, now: Timestamp, socket: &Socket, order: MediaOrder) {
        let whose = order.participant();
        if contained(|| self.order(now, socket, order)) {
            return;
        }
        bump(&self.counters.panics_contained);
        if let Some(key) = self.forwarder.peer_of(whose) {
            self.lose(key);
        }
    }

    fn order(&mut self, now: Timestamp, socket: &Socket, order: MediaOrder) {
        tracing::debug!(?order, "media order");
        match order {
            MediaOrder::OpenPeer { room, peer, offer, tracks, slots } => {
                self.remove_peer_of(now, socket, peer);
                let answered = answer((room, peer), &offer, &tracks, &slots, &self.ours);
                let fact = match answered {
                    Ok(_) if self.peers.len() >= PEERS_MAX => {
                        tracing::warn!("too many peer connections");
                        MediaFact::Refused { room, peer }
                    }
                    Ok(answered) => {
                        MediaFact::Opened { room, peer, answer: self.open(now, answered) }
                    }
                    Err(why) => {
                        tracing::info!(participant = ?peer, ?why, "an offer cannot be used");
                        MediaFact::Refused { room, peer }
                    }
                };
                self.facts.tell(fact, &self.counters);
            }
            MediaOrder::BindSlot { subscriber, binding } => {
                if let Err(why) = self.forwarder.bind(now, subscriber, &binding) {
                    tracing::debug!(?subscriber, ?why, "a slot cannot be bound");
                }
            }
            MediaOrder::UnbindSlot { subscriber, mid } => {
                if let Err(why) = self.forwarder.unbind(subscriber, &mid) {
                    tracing::debug!(?subscriber, ?why, "a slot cannot be unbound");
                }
            }
            MediaOrder::HoldTrack { publisher, kind, held } => {
                self.forwarder.hold(publisher, kind, held);
            }
            MediaOrder::SetLeaf { peer, leaf } => self.forwarder.set_leaf(now, peer, leaf),
            MediaOrder::ClosePeer { peer } => {
                self.remove_peer_of(now, socket, peer);
            }
        }
        bump(&self.counters.orders);
        // Whatever changed may want something sent at once.
        self.tick_at = now;
    }

    fn open(&mut self, now: Timestamp, answered: Answered) -> String {
        let Answered { text, ufrag, password, their_ufrag, fingerprint, spec } = answered;
        let names = Names {
            room: spec.room,
            participant: spec.participant,
            ufrag: ufrag.clone(),
            their_ufrag,
            password,
        };
        let key = self.forwarder.open(now, spec);
        let dtls = Dtls::new(Arc::clone(&self.identity), fingerprint);
        self.peers.insert(key, Peer::new(now, names, dtls));
        self.by_ufrag.insert(ufrag, key);
        self.count_peers();
        text
    }

    fn remove_peer_of(&mut self, now: Timestamp, socket: &Socket, participant: ParticipantId) {
        let Some(key) = self.forwarder.peer_of(participant) else { return };
        let Some(mut peer) = self.remove(key) else { return };
        if let Some(path) = peer.path() {
            for datagram in peer.dtls.close(self.clock.instant(now)) {
                send_one(socket, &self.counters, path, &datagram);
            }
        }
    }

    fn remove(&mut self, key: PeerKey) -> Option<Peer> {
        self.forwarder.close(key);
        let peer = self.peers.remove(key)?;
        self.by_ufrag.remove(&peer.ufrag);
        for path in peer.paths() {
            if self.by_address.get(&path.theirs) == Some(&key) {
                self.by_address.remove(&path.theirs);
            }
        }
        self.count_peers();
        Some(peer)
    }

    /// The peer connection is gone for good.
    pub(crate) fn lose(&mut self, key: PeerKey) {
        if let Some(peer) = self.remove(key) {
            let fact = MediaFact::Lost { room: peer.room, peer: peer.participant };
            self.facts.tell(fact, &self.counters);
        }
    }

    fn count_peers(&self) {
        let n = u64::try_from(self.peers.len()).unwrap_or(0);
        self.counters.peers.store(n, Ordering::Relaxed);
    }

    /// Time passed.
    fn tick(&mut self, now: Timestamp, socket: &Socket) {
        // Media that begins to flow makes time matter sooner.
        self.tick_at = self.tick_at.min(self.forwarder.poll_timeout(now));
        if self.peers.is_empty() || now < self.tick_at {
            return;
        }
        let (forwarder, mut outbox) = self.outbox(socket);
        forwarder.tick(now, &mut outbox);
        outbox.flush();
        self.tick_peers(now, socket);
        self.tick_at = self.forwarder.poll_timeout(now).min(now + CHECK_INTERVAL);
    }

    fn tick_peers(&mut self, now: Timestamp, socket: &Socket) {
        let instant = self.clock.instant(now);
        let (mut lost, mut due) = (Vec::new(), Vec::new());
        for (key, peer) in self.peers.iter_mut() {
            if peer.is_lost(now) || peer.dtls.is_stuck(instant) {
                tracing::info!(participant = ?peer.participant, "a peer connection fell silent");
                lost.push(key);
            } else if peer.dtls.poll_timeout().is_some_and(|at| at <= instant)
                && let Some(path) = peer.path()
            {
                due.push((key, path, peer.dtls.timeout(instant)));
            }
        }
        for key in lost {
            self.lose(key);
        }
        for (key, path, outcome) in due {
            self.handshake_outcome(now, socket, (key, path), outcome);
        }
    }
}
