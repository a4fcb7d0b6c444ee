//! What time it is.  The only place in this crate that asks.

use std::time::Instant;

use protocol::time::Timestamp;

/// A clock that starts at zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is clock.rs")]
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "this is clock.rs")]
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_start(Instant::now().duration_since(self.start))
    }

    /// The same moment for those who want an `Instant`.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.start + at.since_start()
    }
}
