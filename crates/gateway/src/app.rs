//! What every request can reach.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::Store;
use switchboard::Switchboard;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::counters::Counters;
use crate::limits::Limits;
use crate::origin::Origins;
use crate::pace::Paces;
use crate::pages::Pages;
use crate::passwords::Passwords;

/// Sums of another part of the server, for the metrics page.
pub type Sums = Arc<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>;

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
    pub(crate) paces: Mutex<Paces>,
    /// So that what is kept of names tried says nothing to whoever sees memory.
    pub(crate) name_key: [u8; 32],
    pub(crate) hsts: bool,
    /// Whether `/metrics` is answered here, to loopback.
    pub(crate) metrics_here: bool,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl App {
    /// How fast things may be asked.
    pub(crate) fn paces(&self) -> MutexGuard<'_, Paces> {
        // Nothing panics half-way through a change.
        self.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
