//! The one place in this crate that asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::time::UnixSeconds;

/// Now, by the calendar.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn unix() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixSeconds(since.as_secs())
}
