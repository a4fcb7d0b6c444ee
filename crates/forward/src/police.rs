//! Whether somebody sends more than their share.
//!
//! # Invariants
//!
//! - Over any stretch of time no more passes than burst plus rate times the stretch.
//! - Who stays below the rate is never refused.

use protocol::time::Timestamp;

/// A bucket that fills at a rate and is emptied by what passes.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    per_second: u32,
    burst: u32,
    /// Millionths of a token.
    micro: u64,
    at: Timestamp,
}

impl Bucket {
    /// A full one.
    #[must_use]
    pub const fn new(now: Timestamp, per_second: u32, burst: u32) -> Self {
        Self { per_second, burst, micro: burst as u64 * 1_000_000, at: now }
    }

    /// Whether `n` may pass now.
    pub fn take(&mut self, now: Timestamp, n: u32) -> bool {
        let elapsed = u64::try_from((now - self.at).as_micros()).unwrap_or(u64::MAX);
        self.at = self.at.max(now);
        let gained = elapsed.saturating_mul(u64::from(self.per_second));
        self.micro = self.micro.saturating_add(gained).min(u64::from(self.burst) * 1_000_000);
        let price = u64::from(n) * 1_000_000;
        let passes = self.micro >= price;
        if passes {
            self.micro -= price;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_more_passes_than_burst_and_rate() {
        let start = Timestamp::default();
        let mut bucket = Bucket::new(start, 100, 20);
        let mut passed = 0;
        for ms in 0..2_000 {
            for _ in 0..10 {
                passed += u32::from(bucket.take(start + Duration::from_millis(ms), 1));
            }
        }
        assert!((219..=220).contains(&passed), "{passed}");
    }

    #[test]
    fn below_the_rate_everything_passes() {
        let start = Timestamp::default();
        let mut bucket = Bucket::new(start, 100, 1);
        assert!((0..500).all(|n| bucket.take(start + Duration::from_millis(n * 10), 1)));
    }
}
