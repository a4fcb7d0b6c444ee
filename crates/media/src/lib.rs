//! The media plane: UDP, ICE-lite, DTLS and SRTP around the `forward` core.
//!
//! A *shard* is one OS thread that owns one UDP port and every *peer connection* on it;
//! *orders* come from the switchboard, *facts* go back, and that is all it knows of rooms.
//! Nothing reaches a protocol stack before its address has answered for itself with an
//! authentic STUN Binding.

mod answer;
pub mod border;
mod chance;
mod clock;
mod contain;
mod counters;
mod door;
mod dtls;
mod facts;
mod ingress;
mod offer;
mod outbox;
mod peer;
mod probe;
mod records;
mod shard;
mod socket;
mod srtp;
#[cfg(test)]
mod steady;
mod stun;
mod table;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::Context as _;
use forward::Forwarder;
use mio::{Interest, Poll, Token, Waker};
use protocol::media::Probe;
use tokio::sync::{mpsc, watch};

pub use border::{Busy, MediaFact, MediaOrder};
pub use counters::CountersSnapshot;

use crate::answer::Ours;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::dtls::Identity;
use crate::facts::Facts;
use crate::probe::{Issuer, Key, Probes};
use crate::shard::{Shard, State};
use crate::socket::{Buffers, Socket};
use crate::table::Table;

/// Orders that may wait.
const ORDERS_MAX: usize = 1024;
/// Facts that may wait in the mailbox.
const FACTS_MAX: usize = 1024;

const SOCKET: Token = Token(0);
const ORDERS: Token = Token(1);

/// Where the media plane listens, and what it tells others about that.
#[derive(Clone, Debug)]
pub struct MediaSettings {
    /// The UDP address to bind.
    pub bind: SocketAddr,
    /// The addresses in answers, one host candidate each.  When empty, the one bound.
    pub advertise: Vec<IpAddr>,
}

/// The switchboard's end of the media plane.
#[derive(Clone, Debug)]
pub struct MediaHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    orders: SyncSender<MediaOrder>,
    waker: Waker,
    stop: Arc<AtomicBool>,
    counters: Arc<Counters>,
    local: SocketAddr,
    probes: Issuer,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Closed by the thread's end.
    running: watch::Receiver<()>,
}

/// Starts the media plane on a thread of its own.
///
/// # Errors
///
/// When the port cannot be bound, or there is no address to advertise.
pub fn start(
    settings: MediaSettings,
) -> anyhow::Result<(MediaHandle, mpsc::Receiver<MediaFact>)> {
    let mut socket = Socket::bind(settings.bind)?;
    let local = socket.local();
    let mut advertise = settings.advertise;
    if advertise.is_empty() && !local.ip().is_unspecified() {
        advertise.push(local.ip());
    }
    anyhow::ensure!(!advertise.is_empty(), "no address to advertise for media");
    let poll = Poll::new()?;
    poll.registry().register(socket.source(), SOCKET, Interest::READABLE)?;
    let waker = Waker::new(poll.registry(), ORDERS)?;
    let identity = Arc::new(Identity::generate()?);
    let counters = Arc::new(Counters::default());
    let (to_switchboard, facts) = mpsc::channel(FACTS_MAX);
    let (orders, from_switchboard) = sync_channel(ORDERS_MAX);
    let clock = Clock::start();
    let candidates = answer::candidates(&advertise, local.port());
    let key = Arc::new(Key::generate(Arc::clone(&identity)));
    let probes = Issuer::new(Arc::clone(&key), clock, candidates.clone());
    let shard = Shard {
        poll,
        socket,
        buffers: Buffers::default(),
        state: State {
            clock,
            ours: Ours { fingerprint: *identity.fingerprint(), candidates },
            identity,
            forwarder: Forwarder::default(),
            peers: Table::default(),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            waiting: Vec::new(),
            facts: Facts::new(to_switchboard),
            probes: Probes::new(clock.now(), key),
            counters: Arc::clone(&counters),
            tick_at: clock.now(),
        },
    };
    let stop = Arc::new(AtomicBool::new(false));
    let told_to_stop = Arc::clone(&stop);
    let (runs, running) = watch::channel(());
    let thread = std::thread::Builder::new()
        .name("media-0".to_owned())
        .spawn(move || {
            // Dropped with the thread, also when it panics.
            let _runs = runs;
            shard.run(&from_switchboard, &told_to_stop);
        })
        .context("cannot start the media thread")?;
    let thread = Mutex::new(Some(thread));
    let shared =
        Arc::new(Shared { orders, waker, stop, counters, local, probes, thread, running });
    Ok((MediaHandle { shared }, facts))
}

impl MediaHandle {
    /// Hands an order over.  Orders are carried out in the order they are given.
    ///
    /// # Errors
    ///
    /// [`Busy`] when too many orders wait already, or the media plane has stopped.
    pub fn order(&self, order: MediaOrder) -> Result<(), Busy> {
        self.shared.orders.try_send(order).map_err(|_| Busy)?;
        self.shared.waker.wake().map_err(|_| Busy)
    }

    /// What somebody needs to try, for half a minute, whether datagrams come through to the
    /// media port and back.  Nothing is kept of it (ADR 7).
    #[must_use]
    pub fn probe(&self) -> Probe {
        self.shared.probes.make()
    }

    /// What has been done so far.
    #[must_use]
    pub fn counters(&self) -> CountersSnapshot {
        self.shared.counters.snapshot()
    }

    /// Stops the media plane and waits until its port is free.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // If it cannot be woken it is gone already.
        let _ = self.shared.waker.wake();
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the media thread had panicked");
        }
    }

    /// Waits until the media plane is no more: stopped, or broken.
    pub async fn ended(&self) {
        let mut running = self.shared.running.clone();
        while running.changed().await.is_ok() {}
    }

    /// The UDP address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.local
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.waker.wake();
    }
}
