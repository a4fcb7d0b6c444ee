//! How packets of changing publishers become one stream on a slot.
//!
//! A slot has one source (SSRC) for life.  Whatever track is bound to it, the receiver must
//! see sequence numbers and media time go on as if nothing had happened.
//!
//! ```text
//!            start (first packet, or first of a keyframe)
//!   Detached ─────────────────────────────────────────────► Running
//!       ▲                        detach                        │
//!       └──────────────────────────────────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - Two different packets never get the same number, over all bindings: numbers are nonces.
//! - After a rebinding, numbers go on with the next one and media time moves forward.
//! - Within one binding, distances of numbers and of media time stay what they were.

use protocol::time::Timestamp;

use crate::wire::{low16, low32};

/// Rewrites what one slot carries.
#[derive(Clone, Debug)]
pub struct Rewriter {
    clock_rate: u32,
    /// The highest number sent.
    highest: u64,
    /// Media time of the last packet sent.
    last_timestamp: u32,
    last_at: Timestamp,
    running: Option<Running>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    /// First number of the publisher that is carried.
    first_in: u64,
    /// What it became.
    first_out: u64,
    timestamp_offset: u32,
}

/// Where a packet comes to lie in the stream of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The whole number, also the SRTP packet index.
    pub index: u64,
    /// The number on the wire.
    pub sequence: u16,
    /// Media time.
    pub timestamp: u32,
}

impl Rewriter {
    /// A slot that has sent nothing; the first packet gets `first_sequence + 1`, which should be
    /// random and below 2¹⁵ (RFC 3711 section 3.3.1).
    #[must_use]
    pub const fn new(clock_rate: u32, first_sequence: u16, first_timestamp: u32) -> Self {
        Self {
            clock_rate,
            highest: first_sequence as u64,
            last_timestamp: first_timestamp,
            last_at: Timestamp::from_start(std::time::Duration::ZERO),
            running: None,
        }
    }

    /// Whether a publisher's packets have a place.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The publisher is another one from here on.
    pub const fn detach(&mut self) {
        self.running = None;
    }

    /// `number` and `timestamp` are the first to be carried.
    pub fn start(&mut self, now: Timestamp, number: u64, timestamp: u32) {
        let elapsed =
            (now - self.last_at).as_micros() * u128::from(self.clock_rate) / 1_000_000;
        let elapsed = low32(u64::try_from(elapsed).unwrap_or(u64::MAX)).max(1);
        let begin = self.last_timestamp.wrapping_add(elapsed);
        self.running = Some(Running {
            first_in: number,
            first_out: self.highest + 1,
            timestamp_offset: begin.wrapping_sub(timestamp),
        });
    }

    /// The place of a publisher's packet; `None` when it is from before the start.
    pub fn place(&mut self, now: Timestamp, number: u64, timestamp: u32) -> Option<Place> {
        let running = self.running?;
        let index = running.first_out + number.checked_sub(running.first_in)?;
        let timestamp = timestamp.wrapping_add(running.timestamp_offset);
        if index > self.highest {
            self.highest = index;
            self.last_timestamp = timestamp;
            self.last_at = now;
        }
        Some(Place { index, sequence: low16(index), timestamp })
    }

    /// Media time of the publisher, in the stream of the slot.
    #[must_use]
    pub fn timestamp(&self, timestamp: u32) -> Option<u32> {
        Some(timestamp.wrapping_add(self.running?.timestamp_offset))
    }

    /// Which packet of the publisher went out as `sequence`, if it is of this binding.
    #[must_use]
    pub fn source_of(&self, sequence: u16) -> Option<u64> {
        let running = self.running?;
        let behind = low16(self.highest).wrapping_sub(sequence);
        let index = self.highest.checked_sub(u64::from(behind))?;
        Some(running.first_in + index.checked_sub(running.first_out)?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }

    #[test]
    fn a_rebinding_goes_on_with_the_next_number_and_later_media_time() {
        let mut rewriter = Rewriter::new(90_000, 100, 5_000);
        rewriter.start(at(0), 70_000, 1_000_000);
        assert_eq!(rewriter.place(at(0), 70_000, 1_000_000).unwrap().sequence, 101);
        let last = rewriter.place(at(33), 70_003, 1_003_000).unwrap();
        assert_eq!((last.sequence, last.timestamp), (104, 5_001 + 3_000));

        rewriter.detach();
        assert_eq!(rewriter.place(at(40), 70_004, 1_003_000), None);
        rewriter.start(at(133), 9, 42);
        let first = rewriter.place(at(133), 9, 42).unwrap();
        assert_eq!((first.sequence, first.timestamp), (105, last.timestamp + 9_000));
        assert_eq!(rewriter.source_of(105), Some(9));
        assert_eq!(rewriter.source_of(104), None);
        assert_eq!(rewriter.source_of(106), None);
    }

    #[test]
    fn packets_from_before_the_start_have_no_place() {
        let mut rewriter = Rewriter::new(48_000, 1, 1);
        rewriter.start(at(0), 500, 0);
        assert!(rewriter.place(at(0), 499, 0).is_none());
    }

    proptest! {
        #[test]
        fn numbers_are_given_once_and_can_be_traced_back(
            bindings in prop::collection::vec((0u64..1 << 40, prop::collection::btree_set(0u64..300, 1..60)), 1..6)
        ) {
            let mut rewriter = Rewriter::new(90_000, 7, 7);
            let mut given = BTreeMap::new();
            for (n, (first, offsets)) in bindings.into_iter().enumerate() {
                rewriter.detach();
                rewriter.start(at(n as u64 * 1000), first, 0);
                for offset in offsets {
                    let place = rewriter.place(at(n as u64 * 1000), first + offset, 0).unwrap();
                    prop_assert_eq!(given.insert(place.index, (n, offset)), None);
                    prop_assert_eq!(rewriter.source_of(place.sequence), Some(first + offset));
                }
            }
        }
    }
}
