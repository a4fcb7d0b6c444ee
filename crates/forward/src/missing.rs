//! Which packets of a publisher to ask for again, and when.
//!
//! A gap in the numbers is given a moment to close by itself; then the packets are asked for,
//! each again only after a round trip, and only a few times.  Recovered packets come through
//! the same door ([`Missing::arrived`]) as all others, so one that came back is never asked
//! for again: that is what makes webrtc-rs 0.21.1 storm (RECIPES.md B.2).
//!
//! # Invariants
//!
//! - A packet that has arrived is not asked for.
//! - No packet is asked for more than [`NACK_TRIES_MAX`] times, nor sooner than a round trip
//!   after the last time, nor after [`NACK_PATIENCE`].
//! - No more than [`NACKS_PER_SECOND_MAX`] leave in a second; no more than [`MISSING_MAX`]
//!   packets are kept in mind.

use std::time::Duration;

use protocol::time::Timestamp;

use crate::limits::{
    MISSING_MAX, NACK_PATIENCE, NACK_TRIES_MAX, NACKS_PER_ROUND_MAX, NACKS_PER_SECOND_MAX,
    REORDER_PATIENCE,
};
use crate::police::Bucket;

const ROUND_TRIP_MIN: Duration = Duration::from_millis(20);
const ROUND_TRIP_FIRST: Duration = Duration::from_millis(100);
const ROUND_TRIP_MAX: Duration = Duration::from_millis(500);

/// The missing packets of one track.
#[derive(Debug)]
pub struct Missing {
    highest: Option<u64>,
    packets: Vec<Lost>,
    /// From asking to arriving, smoothed.
    round_trip: Duration,
    budget: Bucket,
}

#[derive(Clone, Copy, Debug)]
struct Lost {
    number: u64,
    since: Timestamp,
    due: Timestamp,
    asked_at: Option<Timestamp>,
    tries: u8,
}

/// What an arrival means for the track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Nothing special.
    Normal,
    /// So much is missing that only a keyframe helps.
    Broken,
}

impl Missing {
    /// Nothing is missing yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            highest: None,
            packets: Vec::with_capacity(MISSING_MAX),
            round_trip: ROUND_TRIP_FIRST,
            budget: Bucket::new(now, NACKS_PER_SECOND_MAX, NACKS_PER_SECOND_MAX),
        }
    }

    /// Forgets everything: the source is another one.
    pub fn clear(&mut self) {
        self.highest = None;
        self.packets.clear();
    }

    /// Whether anything is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Packet `number` is here, be it sent again or not.
    pub fn arrived(&mut self, now: Timestamp, number: u64) -> Arrival {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return Arrival::Normal;
        };
        if number <= highest {
            self.found(now, number);
            return Arrival::Normal;
        }
        self.highest = Some(number);
        let gap = number - highest - 1;
        let room = u64::try_from(MISSING_MAX - self.packets.len()).unwrap_or(0);
        if gap > room {
            self.packets.clear();
            return Arrival::Broken;
        }
        self.packets.extend((highest + 1..number).map(|number| Lost {
            number,
            since: now,
            due: now + REORDER_PATIENCE,
            asked_at: None,
            tries: 0,
        }));
        Arrival::Normal
    }

    fn found(&mut self, now: Timestamp, number: u64) {
        let Some(at) = self.packets.iter().position(|lost| lost.number == number) else {
            return;
        };
        let lost = self.packets.remove(at);
        // Only the first try tells the round trip: later ones may be answers to earlier ones.
        if let (Some(asked_at), 1) = (lost.asked_at, lost.tries) {
            let sample = now - asked_at;
            self.round_trip =
                ((self.round_trip * 7 + sample) / 8).clamp(ROUND_TRIP_MIN, ROUND_TRIP_MAX);
        }
    }

    /// Puts the numbers to ask for now into `into` and returns how many there are.
    pub fn ask(&mut self, now: Timestamp, into: &mut [u64; NACKS_PER_ROUND_MAX]) -> usize {
        self.packets
            .retain(|lost| lost.tries < NACK_TRIES_MAX && now - lost.since < NACK_PATIENCE);
        let mut n = 0;
        for lost in self.packets.iter_mut().filter(|lost| lost.due <= now) {
            let Some(room) = into.get_mut(n) else { break };
            if !self.budget.take(now, 1) {
                break;
            }
            *room = lost.number;
            n += 1;
            lost.tries += 1;
            lost.asked_at = Some(now);
            lost.due = now + self.round_trip.max(ROUND_TRIP_MIN) + REORDER_PATIENCE;
        }
        n
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }

    fn asked(missing: &mut Missing, now: Timestamp) -> Vec<u64> {
        let mut numbers = [0; NACKS_PER_ROUND_MAX];
        let n = missing.ask(now, &mut numbers);
        numbers[..n].to_vec()
    }

    #[test]
    fn a_late_packet_is_not_asked_for_and_a_lost_one_is() {
        let mut missing = Missing::new(at(0));
        for number in [1, 2, 5] {
            missing.arrived(at(0), number);
        }
        missing.arrived(at(5), 3);
        assert!(asked(&mut missing, at(9)).is_empty());
        assert_eq!(asked(&mut missing, at(10)), [4]);
        assert!(asked(&mut missing, at(50)).is_empty(), "not before a round trip");
        assert_eq!(asked(&mut missing, at(150)), [4]);
        missing.arrived(at(160), 4);
        assert!(missing.is_empty());
    }

    #[test]
    fn a_break_is_not_mended_packet_by_packet() {
        let mut missing = Missing::new(at(0));
        missing.arrived(at(0), 1);
        assert_eq!(missing.arrived(at(0), 2_000), Arrival::Broken);
        assert!(asked(&mut missing, at(500)).is_empty());
    }

    proptest! {
        #[test]
        fn no_packet_is_asked_for_after_it_came_nor_too_often(
            lost in prop::collection::vec(any::<bool>(), 50..400),
            back in prop::collection::vec(0u64..400, 0..100),
        ) {
            let mut missing = Missing::new(at(0));
            let mut tries = BTreeMap::new();
            let mut arrived = std::collections::BTreeSet::new();
            for (n, lost) in lost.iter().enumerate() {
                let number = n as u64;
                let now = at(number * 7);
                if !lost {
                    missing.arrived(now, number);
                    arrived.insert(number);
                }
                if let Some(&number) = back.get(n).filter(|&&b| b < number) {
                    missing.arrived(now, number);
                    arrived.insert(number);
                }
                for number in asked(&mut missing, now) {
                    prop_assert!(!arrived.contains(&number));
                    *tries.entry(number).or_insert(0) += 1;
                    prop_assert!(tries[&number] <= NACK_TRIES_MAX);
                }
            }
            let seconds = lost.len() as u32 * 7 / 1000 + 2;
            let all: u32 = tries.values().map(|&n| u32::from(n)).sum();
            prop_assert!(all <= seconds * NACKS_PER_SECOND_MAX);
        }
    }
}
