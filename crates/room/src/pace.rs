//! May somebody knock again already?
//!
//! Every knock is shown to the moderator.  Without a pace whoever holds a link could fill her
//! outbox from the waiting room and have her connection given up.
//!
//! # Invariants
//!
//! - Over any time, one invite knocks at most [`KNOCKS_BURST_MAX`] times plus once per
//!   [`KNOCK_INTERVAL`], over however many connections.
//! - A refused knock costs nothing.
//! - Only invites that knocked lately are followed.

use std::collections::BTreeMap;

use protocol::id::InviteId;
use protocol::limits::{KNOCK_INTERVAL, KNOCKS_BURST_MAX};
use protocol::time::Timestamp;

/// How fast each invite may knock.
#[derive(Debug, Default)]
pub(crate) struct KnockPace {
    /// When each may knock a whole burst again.
    rested_at: BTreeMap<InviteId, Timestamp>,
}

impl KnockPace {
    /// Whether one more knock may come; if so it is counted.
    pub(crate) fn take(&mut self, now: Timestamp, invite: InviteId) -> bool {
        self.rested_at.retain(|_, at| *at > now);
        let rested_at = self.rested_at.get(&invite).copied().unwrap_or(now) + KNOCK_INTERVAL;
        let fits = rested_at - now <= KNOCK_INTERVAL.saturating_mul(KNOCKS_BURST_MAX);
        if fits {
            self.rested_at.insert(invite, rested_at);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LINK: InviteId = InviteId::from_bytes([1; 16]);
    const OTHER: InviteId = InviteId::from_bytes([2; 16]);

    #[test]
    fn a_burst_and_then_one_per_interval() {
        let mut pace = KnockPace::default();
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
