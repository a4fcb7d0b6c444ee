//! Whether a number was seen before, for numbers that mostly grow.

/// How far back numbers are told apart.  What is older counts as seen.
const WINDOW: u64 = 1024;
const WORDS: usize = 16;

/// The last [`WINDOW`] numbers, one bit each.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplayWindow {
    /// One more than the highest number seen.
    next: u64,
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// Whether `number` may still be accepted.
    pub(crate) fn is_fresh(&self, number: u64) -> bool {
        if number >= self.next {
            return number < u64::MAX;
        }
        let (word, bit) = Self::place(number);
        self.next - number <= WINDOW && self.seen.get(word).is_some_and(|w| w & bit == 0)
    }

    /// Remembers `number`, which was found authentic.
    pub(crate) fn accept(&mut self, number: u64) {
        debug_assert!(self.is_fresh(number), "asked before it was accepted");
        if number >= self.next {
            if number - self.next >= WINDOW {
                self.seen = [0; WORDS];
            } else {
                for skipped in self.next..number {
                    self.set(skipped, false);
                }
            }
            self.next = number + 1;
        }
        self.set(number, true);
    }

    fn set(&mut self, number: u64, value: bool) {
        let (word, bit) = Self::place(number);
        if let Some(word) = self.seen.get_mut(word) {
            if value {
                *word |= bit;
            } else {
                *word &= !bit;
            }
        }
    }

    fn place(number: u64) -> (usize, u64) {
        let slot = number % WINDOW;
        (usize::try_from(slot / 64).unwrap_or(0), 1 << (slot % 64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_window_is_1024_wide() {
        let mut window = ReplayWindow::default();
        window.accept(5000);
        assert!(window.is_fresh(5000 - 1023));
        assert!(!window.is_fresh(5000 - 1024));
        assert!(!window.is_fresh(u64::MAX), "the counter after it would not exist");
    }

    proptest! {
        /// No number is accepted twice, and none inside the window is lost.
        #[test]
        fn each_number_is_fresh_once(
            numbers in prop::collection::vec(prop_oneof![0..3000_u64, any::<u64>()], 0..300)
        ) {
            let mut window = ReplayWindow::default();
            let mut seen = BTreeSet::new();
            for number in numbers {
                let highest: u64 = seen.last().copied().unwrap_or(0);
                let in_window = number < u64::MAX && highest.saturating_sub(number) < WINDOW;
                prop_assert_eq!(window.is_fresh(number), in_window && !seen.contains(&number));
                if window.is_fresh(number) {
                    window.accept(number);
                    seen.insert(number);
                }
            }
        }
    }
}
