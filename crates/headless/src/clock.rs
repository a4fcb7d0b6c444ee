//! The one place in this crate that asks what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::time::{Timestamp, UnixSeconds};
use tokio::time::{Instant, sleep_until};

/// Real time, counted from when the clock was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts counting.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    #[expect(clippy::new_without_default, reason = "reading the clock should look like it")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// Now, for the cores.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_start(self.start.elapsed())
    }

    /// Wall-clock time, for what certificates and links mean by time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn unix(&self) -> UnixSeconds {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        UnixSeconds(since.as_secs())
    }

    /// Sleeps until `deadline`, or for ever if there is none.
    pub async fn sleep_until(&self, deadline: Option<Timestamp>) {
        match deadline {
            Some(deadline) => {
                sleep_until(self.start + (deadline - Timestamp::default())).await;
            }
            None => std::future::pending().await,
        }
    }
}
