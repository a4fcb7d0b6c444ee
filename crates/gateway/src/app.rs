//! What every request can reach.

use std::sync::{Arc, Mutex};

use store::Store;
use store::records::Hash;
use switchboard::Switchboard;
use tokio::sync::watch;

use crate::bucket::{Bucket, Buckets};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::limits::Limits;
use crate::origin::Origins;
use crate::pages::Pages;
use crate::passwords::Passwords;

/// Sums of another part of the server, for the metrics page.
pub type Sums = Arc<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>;

/// Names under which sign-ins are counted at a time.
const NAMES_MAX: usize = 4096;

/// The one [`App`].
pub(crate) type Shared = Arc<App>;

/// What every request can reach.
pub(crate) struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) switchboard: Switchboard,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) origins: Origins,
    pub(crate) pages: Pages,
    pub(crate) counters: Counters,
    pub(crate) media_sums: Sums,
    pub(crate) passwords: Passwords,
    pub(crate) sign_in_pace: Mutex<SignInPace>,
    pub(crate) hsts: bool,
    /// Whether `/metrics` is answered here, to loopback.
    pub(crate) metrics_here: bool,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// How fast sign-ins may be tried: over all names, and under one.
#[derive(Debug)]
pub(crate) struct SignInPace {
    pub(crate) all: Bucket,
    pub(crate) by_name: Buckets<Hash>,
    /// So that the keys of `by_name` say nothing to whoever sees memory.
    pub(crate) key: [u8; 32],
}

impl SignInPace {
    pub(crate) fn new(limits: &Limits, key: [u8; 32]) -> Self {
        let name = Bucket::new(limits.sign_ins_per_name_max, limits.sign_in_per_name_interval);
        Self {
            all: Bucket::new(limits.sign_ins_max, limits.sign_in_interval),
            by_name: Buckets::new(name, NAMES_MAX),
            key,
        }
    }
}
