//! The one place in this crate that asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::time::{Timestamp, UnixSeconds};
use tokio::time::Instant;

/// Real time, counted from when the process began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts counting.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Now, since the start.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_start(self.start.elapsed())
    }

    /// Now, by the calendar.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub(crate) fn unix(&self) -> UnixSeconds {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixSeconds(since.as_secs())
    }
}
