//! How much happened, and how much there is, without saying to whom.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use protocol::id::InviteId;
use protocol::reject::Reject;
use protocol::server::Place;

/// What happened so far, and how much there is, over all rooms.  No ids, no names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountersSnapshot {
    /// Rooms that run at this moment.
    pub rooms: u64,
    /// People who knocked and wait at this moment.
    pub waiting: u64,
    /// People in rooms at this moment.
    pub members: u64,
    /// Connections at this moment.
    pub connections: u64,
    /// Rooms opened so far.
    pub rooms_opened: u64,
    /// Rooms that broke so far: each is a defect.
    pub rooms_broken: u64,
    /// Commits accepted so far.
    pub commits_accepted: u64,
    /// Commits and messages refused so far because their epoch was over.
    pub commits_stale: u64,
    /// Connections given up so far because they did not read.
    pub outboxes_overflowed: u64,
    /// Times so far that the media plane took no more orders.
    pub media_busy: u64,
    /// Refusals so far, by the stable code of the refusal.
    pub rejects: BTreeMap<&'static str, u64>,
}

/// The counters of one switchboard.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) rooms_opened: AtomicU64,
    pub(crate) rooms_broken: AtomicU64,
    pub(crate) commits_accepted: AtomicU64,
    pub(crate) outboxes_overflowed: AtomicU64,
    pub(crate) media_busy: AtomicU64,
    /// Bounded by the number of codes.
    rejects: Mutex<BTreeMap<&'static str, u64>>,
}

/// How many are in one room at this moment.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) n_waiting: AtomicU64,
    pub(crate) n_in_room: AtomicU64,
    /// Where people are, by the invites they came by; as bounded as the people are.
    places: Mutex<BTreeMap<InviteId, Place>>,
}

impl Gauge {
    pub(crate) fn places(&self) -> BTreeMap<InviteId, Place> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the places, and returns what they were.
    pub(crate) fn set_places(
        &self,
        places: BTreeMap<InviteId, Place>,
    ) -> BTreeMap<InviteId, Place> {
        let mut kept = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *kept, places)
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Sets a gauge to a number of people.
pub(crate) fn gauge(gauge: &AtomicU64, n: usize) {
    gauge.store(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Reads a counter or gauge.
pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    pub(crate) fn count_reject(&self, reject: &Reject) {
        let mut rejects = self.rejects.lock().unwrap_or_else(PoisonError::into_inner);
        *rejects.entry(reject.code()).or_default() += 1;
    }

    /// All but what is counted elsewhere.
    pub(crate) fn snapshot(&self) -> CountersSnapshot {
        let rejects = self.rejects.lock().unwrap_or_else(PoisonError::into_inner).clone();
        CountersSnapshot {
            rooms_opened: read(&self.rooms_opened),
            rooms_broken: read(&self.rooms_broken),
            commits_accepted: read(&self.commits_accepted),
            commits_stale: rejects.get("stale_epoch").copied().unwrap_or_default(),
            outboxes_overflowed: read(&self.outboxes_overflowed),
            media_busy: read(&self.media_busy),
            rejects,
            ..CountersSnapshot::default()
        }
    }
}
