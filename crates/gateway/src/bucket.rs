//! May this happen again already?  Token buckets, told the time.
//!
//! # Invariants
//!
//! - Over any time, a bucket lets through at most its burst plus one per interval.
//! - A refused attempt costs nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::time::Timestamp;

/// A bucket that refills by one each interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    interval: Duration,
    /// How far `full_at` may lie ahead.
    depth: Duration,
    full_at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(burst: u32, interval: Duration) -> Self {
        Self { interval, depth: interval.saturating_mul(burst), full_at: Timestamp::default() }
    }

    /// A full bucket that refills `per_second` times a second.
    pub(crate) fn per_second(burst: u32, per_second: u32) -> Self {
        Self::new(burst, Duration::from_secs(1) / per_second.max(1))
    }

    /// Takes one out; false if there is none.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        let fits = self.has(now);
        if fits {
            self.full_at = self.full_at.max(now) + self.interval;
        }
        fits
    }

    /// Whether there is one to take out.
    pub(crate) fn has(&self, now: Timestamp) -> bool {
        self.full_at.max(now) + self.interval - now <= self.depth
    }

    fn is_full(&self, now: Timestamp) -> bool {
        self.full_at <= now
    }
}

/// One bucket for each key somebody came by lately, and not more than a bound.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    fresh: Bucket,
    used: BTreeMap<K, Bucket>,
    max: usize,
}

impl<K: Ord> Buckets<K> {
    /// No key has come by yet.
    pub(crate) fn new(fresh: Bucket, max: usize) -> Self {
        Self { fresh, used: BTreeMap::new(), max }
    }

    /// Takes one out of the bucket of `key`; false if there is none, or if there are more
    /// keys than we follow.
    pub(crate) fn take(&mut self, now: Timestamp, key: K) -> bool {
        if !self.used.contains_key(&key) && !self.has_space(now) {
            return false;
        }
        self.used.entry(key).or_insert(self.fresh).take(now)
    }

    /// Whether one more key can be followed.
    fn has_space(&mut self, now: Timestamp) -> bool {
        if self.used.len() >= self.max {
            self.used.retain(|_, bucket| !bucket.is_full(now));
        }
        self.used.len() < self.max
    }

    /// Whether there is one to take out of the bucket of `key`.
    pub(crate) fn has(&mut self, now: Timestamp, key: &K) -> bool {
        match self.used.get(key) {
            Some(bucket) => bucket.has(now),
            None => self.has_space(now) && self.fresh.has(now),
        }
    }

    /// Fills the bucket of `key` again.
    pub(crate) fn forgive(&mut self, key: &K) {
        self.used.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_a_burst_through_and_then_one_per_interval() {
        let mut bucket = Bucket::new(3, Duration::from_millis(100));

        assert_eq!([0, 0, 0, 0].map(|ms| bucket.take(at(ms))), [true, true, true, false]);
        assert_eq!([99, 100, 100].map(|ms| bucket.take(at(ms))), [false, true, false]);
        assert_eq!(
            [10_000; 4].map(|ms| bucket.take(at(ms))),
            [true, true, true, false],
            "time saved up is bounded"
        );
    }

    #[test]
    fn follows_no_more_keys_than_its_bound() {
        let mut buckets = Buckets::new(Bucket::new(1, Duration::from_millis(100)), 2);

        assert!(buckets.take(at(0), 1));
        assert!(buckets.take(at(50), 2));
        assert!(!buckets.take(at(60), 3), "both are still in use");
        assert!(!buckets.take(at(60), 2));
        assert!(buckets.take(at(100), 3), "the first is full again and forgotten");
    }

    #[test]
    fn forgiving_fills_one_bucket() {
        let mut buckets = Buckets::new(Bucket::new(1, Duration::from_secs(100)), 8);
        assert!(buckets.take(at(0), 1));
        assert!(!buckets.take(at(0), 1));

        buckets.forgive(&1);

        assert!(buckets.take(at(0), 1));
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }
}
