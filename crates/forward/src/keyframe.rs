//! When a publisher is asked for a keyframe.
//!
//! Every subscriber that lost its way asks, and a newly bound slot needs one at once; the
//! publisher pays for each with a burst of bytes.  Requests are merged.
//!
//! # Invariants
//!
//! - At most one request leaves per [`KEYFRAME_INTERVAL`], plus one when a slot is bound.
//! - A wish is not forgotten: it leaves when the interval is over.

use protocol::time::Timestamp;

use crate::limits::{KEYFRAME_INTERVAL, KEYFRAME_INTERVAL_ON_BIND};

/// Merges the wishes for keyframes of one track.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyframeWish {
    asked_at: Option<Timestamp>,
    wanted: bool,
    /// A slot was bound since the last request.
    bound: bool,
}

impl KeyframeWish {
    /// A subscriber asks.
    pub const fn wish(&mut self) {
        self.wanted = true;
    }

    /// A slot was bound and shows nothing until the next keyframe.
    pub const fn wish_for_bound(&mut self) {
        self.wanted = true;
        self.bound = true;
    }

    /// A keyframe has begun: earlier wishes are fulfilled.
    pub const fn fulfilled(&mut self) {
        self.wanted = false;
        self.bound = false;
    }

    /// Whether to ask the publisher now.
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        if !self.wanted {
            return false;
        }
        let interval = if self.bound { KEYFRAME_INTERVAL_ON_BIND } else { KEYFRAME_INTERVAL };
        if self.asked_at.is_some_and(|at| now - at < interval) {
            return false;
        }
        self.asked_at = Some(now);
        self.wanted = false;
        self.bound = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ten_thousand_wishes_a_second_become_one_request() {
        let mut wish = KeyframeWish::default();
        let mut asked = 0;
        for us in (0..3_000_000).step_by(100) {
            wish.wish();
            let now = Timestamp::from_start(Duration::from_micros(us));
            asked += u32::from(wish.is_due(now));
        }
        assert_eq!(asked, 3);
    }

    #[test]
    fn a_bound_slot_does_not_wait_for_the_interval() {
        let mut wish = KeyframeWish::default();
        let start = Timestamp::default();
        wish.wish();
        assert!(wish.is_due(start));
        wish.wish_for_bound();
        assert!(wish.is_due(start + Duration::from_millis(200)));
    }

    #[test]
    fn a_wish_within_the_interval_is_kept() {
        let mut wish = KeyframeWish::default();
        let start = Timestamp::default();
        wish.wish();
        assert!(wish.is_due(start));
        wish.wish();
        assert!(!wish.is_due(start + Duration::from_millis(999)));
        assert!(wish.is_due(start + Duration::from_millis(1000)));
        wish.wish();
        wish.fulfilled();
        assert!(!wish.is_due(start + Duration::from_secs(9)));
    }
}
