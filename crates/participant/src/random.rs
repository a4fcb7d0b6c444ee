//! Where jitter comes from: a small generator, seeded once, good for spreading load and for
//! nothing secret.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014): enough to keep a thousand clients from knocking at
/// the same moment.  Keys and nonces never come from here.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Somewhere between half of `whole` and `whole`.
    pub(crate) fn upper_half(&mut self, whole: Duration) -> Duration {
        let half = whole / 2;
        let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
        half + Duration::from_nanos(self.next() % nanos.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_in_the_upper_half_and_follows_its_seed() {
        let whole = Duration::from_millis(600);
        let mut one = Jitter::new(7);
        let mut two = Jitter::new(7);
        for _ in 0..1000 {
            let delay = one.upper_half(whole);
            assert!((whole / 2..=whole).contains(&delay), "{delay:?}");
            assert_eq!(delay, two.upper_half(whole));
        }
        assert_eq!(one.upper_half(Duration::ZERO), Duration::ZERO);
    }
}
