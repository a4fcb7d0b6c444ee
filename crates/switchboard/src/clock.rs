//! The one place in this crate that asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::time::{Timestamp, UnixSeconds};
use tokio::time::{Instant, sleep_until};

/// Real time, counted from when the switchboard began.
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

    /// Now, for the cores.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_start(self.start.elapsed())
    }

    /// Now, for records that outlive the process.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub(crate) fn unix_now() -> UnixSeconds {
        // A clock set before 1970 makes everything look unexpired, and TLS fails long before.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixSeconds(since.as_secs())
    }

    /// Sleeps until `deadline`, or for ever if there is none.
    pub(crate) async fn sleep_until(&self, deadline: Option<Timestamp>) {
        match deadline {
            Some(deadline) => sleep_until(self.start + deadline.since_start()).await,
            None => std::future::pending().await,
        }
    }
}
