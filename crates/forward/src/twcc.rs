//! When each packet of a publisher arrived, told back to it: transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).  The publisher's bandwidth
//! estimate lives on it.
//!
//! # Invariants
//!
//! - Every packet is reported as arrived at most once, and only if it did.
//! - A report has at most [`PACKETS_PER_REPORT_MAX`] packets and fits a datagram.

use std::time::Duration;

use protocol::time::Timestamp;

use crate::limits::TWCC_INTERVAL;
use crate::sequence::Sequence;
use crate::wire::{Writer, low16, low32};

/// Packets covered by one report.
pub const PACKETS_PER_REPORT_MAX: usize = 200;
/// Bytes of the longest report.
pub const REPORT_BYTES_MAX: usize = 1024;

const WINDOW: u64 = 1024;
/// Deltas are counted in quarters of a millisecond.
const TICK: u64 = 250;
/// The reference time is counted in 64 ms.
const REFERENCE: u64 = 64_000;

/// Records arrivals of one peer connection.
#[derive(Debug, Default)]
pub struct Recorder {
    sequence: Sequence,
    /// Microseconds of arrival plus one, by number modulo the window; 0: not arrived.
    arrivals: Vec<u64>,
    /// The first number not reported yet.
    next: u64,
    reported_at: Timestamp,
    n_reports: u8,
}

fn slot_of(number: u64) -> usize {
    usize::try_from(number % WINDOW).unwrap_or(0)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Absent,
    Small(u8),
    Large(i16),
}

impl Symbol {
    const fn code(self) -> u16 {
        match self {
            Self::Absent => 0,
            Self::Small(_) => 1,
            Self::Large(_) => 2,
        }
    }
}

impl Recorder {
    /// A packet with the transport-wide number `number` is here.
    pub fn arrived(&mut self, now: Timestamp, number: u16) {
        if self.arrivals.is_empty() {
            self.arrivals = vec![0; usize::try_from(WINDOW).unwrap_or(0)];
        }
        let first = self.sequence.highest().is_none();
        let number = self.sequence.unwrap(number);
        let highest = self.sequence.highest().unwrap_or(number);
        if first {
            self.next = number;
        }
        if number < self.next {
            return;
        }
        // Nobody asked for a report for long: what is too old for the window stays unreported.
        let oldest = highest.saturating_sub(WINDOW - 1);
        if self.next < oldest {
            if oldest - self.next >= WINDOW {
                self.arrivals.fill(0);
            } else {
                for number in self.next..oldest {
                    self.clear(number);
                }
            }
            self.next = oldest;
        }
        let us = u64::try_from(now.since_start().as_micros()).unwrap_or(u64::MAX - 1);
        if let Some(arrival) = self.arrivals.get_mut(slot_of(number))
            && *arrival == 0
        {
            *arrival = us + 1;
        }
    }

    fn clear(&mut self, number: u64) {
        if let Some(arrival) = self.arrivals.get_mut(slot_of(number)) {
            *arrival = 0;
        }
    }

    fn arrival(&self, number: u64) -> Option<u64> {
        self.arrivals.get(slot_of(number)).copied().unwrap_or(0).checked_sub(1)
    }

    /// Whether a report should leave now.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.sequence.highest().is_some_and(|highest| highest >= self.next)
            && now - self.reported_at >= TWCC_INTERVAL
    }

    /// Writes the next report.  `None` when there is nothing to say.
    pub fn report(&mut self, now: Timestamp, sender: u32, media: u32) -> Option<Report> {
        let highest = self.sequence.highest()?;
        self.reported_at = now;
        // What never came before the first arrival tells nothing.
        while self.next <= highest && self.arrival(self.next).is_none() {
            self.next += 1;
        }
        if self.next > highest {
            return None;
        }
        let base = self.next;
        let reference = self.arrival(base)? / REFERENCE;
        let mut symbols = [Symbol::Absent; PACKETS_PER_REPORT_MAX];
        let mut n = 0;
        let mut last_tick = reference * (REFERENCE / TICK);
        for (symbol, number) in symbols.iter_mut().zip(base..=highest) {
            *symbol = match self.arrival(number) {
                None => Symbol::Absent,
                Some(us) => {
                    let tick = us / TICK;
                    let delta = tick.cast_signed() - last_tick.cast_signed();
                    match (u8::try_from(delta), i16::try_from(delta)) {
                        (Ok(small), _) => {
                            last_tick = tick;
                            Symbol::Small(small)
                        }
                        (Err(_), Ok(large)) => {
                            last_tick = tick;
                            Symbol::Large(large)
                        }
                        // More than 8 s apart: the rest goes into the next report.
                        (Err(_), Err(_)) => break,
                    }
                }
            };
            self.clear(number);
            n += 1;
        }
        self.next = base + n;
        let covered = symbols.get(..usize::try_from(n).ok()?)?;
        let mut report = Report(Writer::new());
        report.begin(sender, media, low16(base), low16(n), low32(reference), self.n_reports);
        self.n_reports = self.n_reports.wrapping_add(1);
        report.chunks(covered);
        report.deltas(covered);
        report.end();
        Some(report)
    }
}

/// One report, ready to be sealed.
#[derive(Debug)]
pub struct Report(Writer<REPORT_BYTES_MAX>);

impl Report {
    /// The RTCP packet.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.0.finish().unwrap_or_default()
    }

    fn begin(&mut self, sender: u32, media: u32, base: u16, n: u16, reference: u32, count: u8) {
        self.0.put(&[0x8f, 205, 0, 0]);
        self.0.put_u32(sender);
        self.0.put_u32(media);
        self.0.put_u16(base);
        self.0.put_u16(n);
        let [_, a, b, c] = reference.to_be_bytes();
        self.0.put(&[a, b, c, count]);
    }

    /// Runs of seven or more alike become a run-length chunk, all else vectors of seven.
    fn chunks(&mut self, mut symbols: &[Symbol]) {
        while let Some(first) = symbols.first() {
            let code = first.code();
            let run = symbols.iter().take_while(|symbol| symbol.code() == code).count();
            if run >= 7 {
                // PACKETS_PER_REPORT_MAX is far below the 13 bits of a run.
                self.0.put_u16(code << 13 | u16::try_from(run).unwrap_or(0));
                symbols = symbols.get(run..).unwrap_or_default();
            } else {
                let taken = symbols.len().min(7);
                let mut chunk = 0xc000;
                for (symbol, shift) in symbols.iter().zip([12, 10, 8, 6, 4, 2, 0]) {
                    chunk |= symbol.code() << shift;
                }
                self.0.put_u16(chunk);
                symbols = symbols.get(taken..).unwrap_or_default();
            }
        }
    }

    fn deltas(&mut self, symbols: &[Symbol]) {
        for symbol in symbols {
            match *symbol {
                Symbol::Absent => {}
                Symbol::Small(ticks) => self.0.put(&[ticks]),
                Symbol::Large(ticks) => self.0.put(&ticks.to_be_bytes()),
            }
        }
    }

    fn end(&mut self) {
        let padding = self.0.pad_to_word();
        if padding > 0 {
            // RTCP padding: a bit in the first byte, the count in the last.
            self.0.patch_u8(0, 0xaf);
            self.0.patch_u8(self.0.len() - 1, padding);
        }
        let words = u16::try_from(self.0.len() / 4 - 1).unwrap_or(0);
        self.0.patch_u16(2, words);
    }
}

/// How long a publisher waits at most for the next report while it sends.
pub const PATIENCE: Duration = TWCC_INTERVAL;

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(us: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_micros(us))
    }

    /// Reads a report the way a publisher does: number → arrival in ticks.
    fn read(report: &[u8]) -> BTreeMap<u16, i64> {
        let word = |at: usize| u16::from_be_bytes([report[at], report[at + 1]]);
        let (base, count) = (word(12), usize::from(word(14)));
        let mut time =
            i64::from(u32::from_be_bytes([0, report[16], report[17], report[18]])) * 256;
        let (mut codes, mut offset) = (vec![], 20);
        while codes.len() < count {
            let chunk = word(offset);
            offset += 2;
            if chunk & 0x8000 == 0 {
                codes.extend(vec![chunk >> 13; usize::from(chunk & 0x1fff)]);
            } else {
                codes.extend((0..7).map(|n| chunk >> (12 - 2 * n) & 3));
            }
        }
        let mut arrivals = BTreeMap::new();
        for (n, code) in codes.into_iter().take(count).enumerate() {
            match code {
                1 => {
                    time += i64::from(report[offset]);
                    offset += 1;
                }
                2 => {
                    time += i64::from(word(offset).cast_signed());
                    offset += 2;
                }
                _ => continue,
            }
            arrivals.insert(base.wrapping_add(n as u16), time);
        }
        assert_eq!(report.len() % 4, 0);
        assert_eq!(usize::from(word(2)) * 4 + 4, report.len());
        arrivals
    }

    proptest! {
        #[test]
        fn reports_tell_exactly_what_arrived(
            start: u16,
            packets in prop::collection::vec((any::<bool>(), 0u64..40_000), 1..600)
        ) {
            let mut recorder = Recorder::default();
            let (mut now, mut expected, mut told) = (100_000_000, BTreeMap::new(), BTreeMap::new());
            let mut first = true;
            for (n, (lost, step)) in packets.into_iter().enumerate() {
                now += step;
                let number = start.wrapping_add(n as u16);
                if !lost || first {
                    first = false;
                    recorder.arrived(at(now), number);
                    expected.insert(number, (now / TICK) as i64);
                }
                if recorder.is_due(at(now)) && let Some(report) = recorder.report(at(now), 1, 2) {
                    for (number, time) in read(report.as_slice()) {
                        prop_assert_eq!(told.insert(number, time), None);
                    }
                }
            }
            while let Some(report) = recorder.report(at(now), 1, 2) {
                told.extend(read(report.as_slice()));
            }
            prop_assert_eq!(told, expected);
        }
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        let mut recorder = Recorder::default();
        assert!(!recorder.is_due(at(1)));
        assert!(recorder.report(at(1), 1, 2).is_none());
    }
}
