//! Which packet is meant by sixteen bits: RTP sequence numbers without their wrap.
//!
//! # Invariants
//!
//! - The low sixteen bits of an unwrapped number are the number on the wire.
//! - Of all numbers with those bits, the one nearest to the highest so far is chosen.

use crate::wire::low16;

/// Follows one source's sequence numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    highest: Option<u64>,
}

impl Sequence {
    /// One that begins at `first`.
    #[must_use]
    pub const fn starting_at(first: u64) -> Self {
        Self { highest: Some(first) }
    }

    /// The highest number so far.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// What `number` stands for, without moving on.
    #[must_use]
    pub fn nearest(&self, number: u16) -> u64 {
        let Some(highest) = self.highest else {
            // One lap up, so that packets from before the first have a number too.
            return 0x1_0000 + u64::from(number);
        };
        let ahead = number.wrapping_sub(low16(highest));
        if ahead < 0x8000 {
            highest.saturating_add(u64::from(ahead))
        } else {
            let behind = u64::from(ahead.wrapping_neg());
            // Below zero there is nothing: a number that far back is one lap up instead.
            highest.checked_sub(behind).unwrap_or(highest + u64::from(ahead))
        }
    }

    /// What `number` stands for.
    pub fn unwrap(&mut self, number: u16) -> u64 {
        let whole = self.nearest(number);
        if self.highest.is_none_or(|highest| whole > highest) {
            self.highest = Some(whole);
        }
        whole
    }
}

/// Remembers which of the last packets of a source were seen.
///
/// # Invariants
///
/// - [`accept`](Self::accept) says yes at most once for any number.
#[derive(Clone, Debug)]
pub struct Seen<const WORDS: usize> {
    highest: Option<u64>,
    bits: [u64; WORDS],
}

impl<const WORDS: usize> Default for Seen<WORDS> {
    fn default() -> Self {
        Self { highest: None, bits: [0; WORDS] }
    }
}

impl<const WORDS: usize> Seen<WORDS> {
    /// How many numbers back it remembers.
    pub const WINDOW: u64 = WORDS as u64 * 64;

    fn bit(&mut self, number: u64) -> Option<(&mut u64, u64)> {
        let word = usize::try_from(number / 64 % (WORDS as u64)).ok()?;
        self.bits.get_mut(word).map(|word| (word, 1 << (number % 64)))
    }

    /// Whether `number` is new; nothing is remembered.
    #[must_use]
    pub fn is_new(&self, number: u64) -> bool {
        let Some(highest) = self.highest else { return true };
        if number > highest {
            return true;
        }
        if highest - number >= Self::WINDOW {
            return false;
        }
        let word = usize::try_from(number / 64 % (WORDS as u64)).ok();
        let word = word.and_then(|word| self.bits.get(word)).copied().unwrap_or(u64::MAX);
        word & (1 << (number % 64)) == 0
    }

    /// Whether `number` is new; from now on it is not.
    pub fn accept(&mut self, number: u64) -> bool {
        if !self.is_new(number) {
            return false;
        }
        match self.highest {
            Some(highest) if number > highest => self.move_to(highest, number),
            Some(_) => {}
            None => self.highest = Some(number),
        }
        if let Some((word, bit)) = self.bit(number) {
            *word |= bit;
        }
        true
    }

    /// Forgets what falls out of the window.
    fn move_to(&mut self, highest: u64, number: u64) {
        if number - highest >= Self::WINDOW {
            self.bits = [0; WORDS];
        } else {
            for skipped in highest + 1..=number {
                if let Some((word, bit)) = self.bit(skipped) {
                    *word &= !bit;
                }
            }
        }
        self.highest = Some(number);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_go_on_over_the_wrap() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.unwrap(0xfffe), 0x1_fffe);
        assert_eq!(sequence.unwrap(1), 0x2_0001);
        assert_eq!(sequence.unwrap(0xffff), 0x1_ffff);
        assert_eq!(sequence.highest(), Some(0x2_0001));
    }

    proptest! {
        #[test]
        fn the_low_bits_are_the_number_on_the_wire(numbers: Vec<u16>) {
            let mut sequence = Sequence::default();
            for number in numbers {
                prop_assert_eq!(low16(sequence.unwrap(number)), number);
            }
        }

        #[test]
        fn no_number_is_new_twice(start in 0u64..200_000, steps in prop::collection::vec(-600i64..600, 1..400)) {
            let mut seen = Seen::<4>::default();
            let mut accepted = BTreeSet::new();
            let mut at = start;
            for step in steps {
                at = at.saturating_add_signed(step);
                if seen.accept(at) {
                    prop_assert!(accepted.insert(at));
                }
            }
        }

        #[test]
        fn in_order_every_number_is_new(start: u32, gaps in prop::collection::vec(1u64..500, 1..100)) {
            let mut seen = Seen::<16>::default();
            let mut at = u64::from(start);
            for gap in gaps {
                prop_assert!(seen.accept(at));
                prop_assert!(!seen.accept(at));
                at += gap;
            }
        }
    }
}
