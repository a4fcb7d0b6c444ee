//! May somebody knock, or write a note from the waiting room, again already?
//!
//! Every knock and note is shown to the moderator.  Without a pace whoever holds a link could fill her
//! outbox from the waiting room and have her connection given up.
//!
//! # Invariants
//!
//! - Over any time, one invite knocks at most [`KNOCKS_BURST_MAX`] times plus once per
//!   [`KNOCK_INTERVAL`], over however many connections; notes likewise.
//! - What is refused costs nothing.
//! - Only invites that did something lately are followed.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::id::InviteId;
use protocol::limits::{
    DOORSTEP_NOTE_INTERVAL, DOORSTEP_NOTES_BURST_MAX, KNOCK_INTERVAL, KNOCKS_BURST_MAX,
};
use protocol::time::Timestamp;

/// How fast each invite may do something.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    burst: u32,
    /// When each may do a whole burst again.
    rested_at: BTreeMap<InviteId, Timestamp>,
}

impl Pace {
    pub(crate) const fn of_knocks() -> Self {
        Self::new(KNOCK_INTERVAL, KNOCKS_BURST_MAX)
    }

    pub(crate) const fn of_notes() -> Self {
        Self::new(DOORSTEP_NOTE_INTERVAL, DOORSTEP_NOTES_BURST_MAX)
    }

    const fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst, rested_at: BTreeMap::new() }
    }

    /// Whether one more may come; if so it is counted.
    pub(crate) fn take(&mut self, now: Timestamp, invite: InviteId) -> bool {
        self.rested_at.retain(|_, at| *at > now);
        let rested_at = self.rested_at.get(&invite).copied().unwrap_or(now) + self.interval;
        let fits = rested_at - now <= self.interval.saturating_mul(self.burst);
        if fits {
            self.rested_at.insert(invite, rested_at);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: InviteId = InviteId::from_bytes([1; 16]);
    const OTHER: InviteId = InviteId::from_bytes([2; 16]);

    #[test]
    fn a_burst_and_then_one_per_interval() {
        let mut pace = Pace::of_knocks();
        let start = Timestamp::from_start(Duration::from_secs(100));
        for _ in 0..KNOCKS_BURST_MAX {
            assert!(pace.take(start, LINK));
        }
        assert!(!pace.take(start, LINK));
        assert!(pace.take(start, OTHER), "others are not held up");
        assert!(pace.take(start + KNOCK_INTERVAL, LINK));
        assert!(!pace.take(start + KNOCK_INTERVAL, LINK));

        let later = start + Duration::from_secs(1000);
        assert!(pace.take(later, OTHER));
        assert_eq!(pace.rested_at.len(), 1, "who rested is forgotten");
    }
}
