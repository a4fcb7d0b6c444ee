//! What a publisher sent lately, kept once for all who may have missed it.
//!
//! # Invariants
//!
//! - What is got is what was put, byte for byte, or nothing.
//! - Memory is taken once, with the first packet, and never grows.

use crate::limits::{PAYLOAD_BYTES_MAX, RING_BYTES_MAX, RING_PACKETS_MAX};

/// The last packets of one video track.
#[derive(Debug, Default)]
pub struct Ring {
    entries: Vec<Option<Entry>>,
    bytes: Vec<u8>,
    /// How much was ever written; the place is this, modulo the size.
    written: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    begin: usize,
    length: usize,
    timestamp: u32,
    marker: bool,
}

/// One packet kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept<'a> {
    /// Media time of the publisher.
    pub timestamp: u32,
    /// Last packet of its frame.
    pub marker: bool,
    /// What it carried.
    pub payload: &'a [u8],
}

fn slot_of(number: u64) -> usize {
    usize::try_from(number % RING_PACKETS_MAX as u64).unwrap_or(0)
}

impl Ring {
    /// Keeps a packet.  Payloads over the limit are not kept.
    pub fn put(&mut self, number: u64, kept: Kept<'_>) {
        let length = kept.payload.len();
        if length > PAYLOAD_BYTES_MAX {
            return;
        }
        if self.bytes.is_empty() {
            self.bytes = vec![0; RING_BYTES_MAX];
            self.entries = vec![None; RING_PACKETS_MAX];
        }
        // A payload lies in one piece: what is left at the end is skipped if it is too little.
        let left = RING_BYTES_MAX - self.written % RING_BYTES_MAX;
        if left < length {
            self.written += left;
        }
        let begin = self.written;
        let from = begin % RING_BYTES_MAX;
        let (Some(room), Some(entry)) =
            (self.bytes.get_mut(from..from + length), self.entries.get_mut(slot_of(number)))
        else {
            debug_assert!(false, "the ring has room for every payload within the limit");
            return;
        };
        room.copy_from_slice(kept.payload);
        self.written += length;
        *entry = Some(Entry {
            number,
            begin,
            length,
            timestamp: kept.timestamp,
            marker: kept.marker,
        });
    }

    /// The packet `number`, if it is still here.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<Kept<'_>> {
        let entry =
            self.entries.get(slot_of(number))?.filter(|entry| entry.number == number)?;
        if self.written - entry.begin > RING_BYTES_MAX {
            return None;
        }
        let from = entry.begin % RING_BYTES_MAX;
        Some(Kept {
            timestamp: entry.timestamp,
            marker: entry.marker,
            payload: self.bytes.get(from..from + entry.length)?,
        })
    }

    /// Forgets everything: the source is another one.
    pub fn clear(&mut self) {
        self.entries.fill(None);
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payload(number: u64, length: usize) -> Vec<u8> {
        (0..length).map(|n| (number as usize * 31 + n) as u8).collect()
    }

    #[test]
    fn the_last_packets_are_kept_and_old_ones_are_not() {
        let mut ring = Ring::default();
        for number in 0..2_000 {
            let payload = payload(number, 100);
            ring.put(number, Kept { timestamp: 1, marker: false, payload: &payload });
        }
        assert_eq!(ring.get(1_999).unwrap().payload, payload(1_999, 100));
        assert!(ring.get(1_999 - RING_PACKETS_MAX as u64).is_none());
        ring.clear();
        assert!(ring.get(1_999).is_none());
    }

    proptest! {
        #[test]
        fn what_is_got_is_what_was_put(lengths in prop::collection::vec(0usize..=PAYLOAD_BYTES_MAX, 1..900)) {
            let mut ring = Ring::default();
            for (number, &length) in lengths.iter().enumerate() {
                let number = number as u64;
                let bytes = payload(number, length);
                ring.put(number, Kept { timestamp: 7, marker: true, payload: &bytes });
                prop_assert_eq!(ring.get(number).unwrap().payload, &bytes[..]);
            }
            for (number, &length) in lengths.iter().enumerate() {
                if let Some(kept) = ring.get(number as u64) {
                    prop_assert_eq!(kept.payload, &payload(number as u64, length)[..]);
                }
            }
            prop_assert_eq!(ring.bytes.len(), RING_BYTES_MAX);
        }
    }
}
