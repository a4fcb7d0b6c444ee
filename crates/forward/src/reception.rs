//! How well a publisher's packets arrive, for receiver reports (RFC 3550 sections 6.4.1, A.3
//! and A.8).
//!
//! # Invariants
//!
//! - The fraction lost is of the time since the last report, and never negative.

use protocol::time::Timestamp;

use crate::wire::{low16, low32};

/// Statistics of one source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reception {
    clock_rate: u32,
    first: Option<u64>,
    highest: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    /// Sixteenths of a unit of media time.
    jitter: u64,
    last_transit: Option<u32>,
    /// Middle bits of the NTP time of the last sender report, and when it came.
    sender_report: Option<(u32, Timestamp)>,
}

/// The report block about one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The source.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Lost since the beginning.
    pub lost: i32,
    /// The highest number so far, with its laps.
    pub highest: u32,
    /// Jitter in media time.
    pub jitter: u32,
    /// Middle bits of the NTP time of the last sender report.
    pub last_report: u32,
    /// How long ago that came, in 65536ths of a second.
    pub delay: u32,
}

impl Reception {
    /// A source nothing has come from yet.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self { clock_rate, ..Self::default() }
    }

    /// Packet `number` came as it was first sent.
    pub fn arrived(&mut self, now: Timestamp, number: u64, timestamp: u32) {
        self.received += 1;
        self.highest = self.highest.max(number);
        if self.first.is_none() {
            self.first = Some(number);
        }
        let units = now.since_start().as_micros() * u128::from(self.clock_rate) / 1_000_000;
        let transit = low32(u64::try_from(units & u128::from(u64::MAX)).unwrap_or(0))
            .wrapping_sub(timestamp);
        if let Some(last) = self.last_transit {
            let distance = u64::from(transit.wrapping_sub(last).cast_signed().unsigned_abs());
            // A jump of media time is no jitter.
            if distance < u64::from(self.clock_rate) * 2 {
                self.jitter = self.jitter + distance - (self.jitter + 8) / 16;
            }
        }
        self.last_transit = Some(transit);
    }

    /// A sender report came.
    pub const fn sender_reported(&mut self, now: Timestamp, ntp: u64) {
        self.sender_report = Some((low32(ntp >> 16), now));
    }

    /// The block for the next report; `None` before anything came.
    pub fn block(&mut self, now: Timestamp, ssrc: u32) -> Option<Block> {
        let first = self.first?;
        let expected = self.highest.saturating_sub(first) + 1;
        let expected_lately = expected.saturating_sub(self.expected_before);
        let received_lately = self.received - self.received_before;
        self.expected_before = expected;
        self.received_before = self.received;
        let lost_lately = expected_lately.saturating_sub(received_lately);
        let fraction = (lost_lately * 256).checked_div(expected_lately).unwrap_or(0).min(255);
        let lost = expected.cast_signed() - self.received.cast_signed();
        let (last_report, delay) = self.sender_report.map_or((0, 0), |(ntp, at)| {
            let delay = (now - at).as_micros() * 65_536 / 1_000_000;
            (ntp, u32::try_from(delay).unwrap_or(u32::MAX))
        });
        Some(Block {
            ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: i32::try_from(lost.clamp(-0x80_0000, 0x7f_ffff)).unwrap_or(0),
            highest: u32::from(low16(self.highest)) | low32((self.highest >> 16) - 1) << 16,
            jitter: u32::try_from(self.jitter / 16).unwrap_or(u32::MAX),
            last_report,
            delay,
        })
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }

    #[test]
    fn loss_is_counted_since_the_last_report() {
        let mut reception = Reception::new(48_000);
        for n in (0..100).filter(|n| n % 4 != 3) {
            reception.arrived(at(n * 20), 0x1_0000 + n, n as u32 * 960);
        }
        let block = reception.block(at(2_000), 7).unwrap();
        assert_eq!((block.lost, block.highest, block.jitter), (24, 98, 0));
        assert_eq!(block.fraction_lost, (24 * 256 / 99) as u8);
        for n in 100..150 {
            reception.arrived(at(n * 20), 0x1_0000 + n, n as u32 * 960);
        }
        assert_eq!(reception.block(at(3_000), 7).unwrap().fraction_lost, 5);
        assert_eq!(reception.block(at(4_000), 7).unwrap().fraction_lost, 0);
    }

    #[test]
    fn the_delay_since_the_sender_report_is_told() {
        let mut reception = Reception::new(90_000);
        assert!(reception.block(at(0), 7).is_none());
        reception.arrived(at(0), 0x1_0000, 0);
        reception.sender_reported(at(1_000), 0x1122_3344_5566_7788);
        let block = reception.block(at(1_500), 7).unwrap();
        assert_eq!((block.last_report, block.delay), (0x3344_5566, 32_768));
    }

    #[test]
    fn steady_lateness_is_no_jitter_and_unsteady_is() {
        let mut reception = Reception::new(1_000);
        for n in 0..100u32 {
            let late = if n % 2 == 0 { 0 } else { 10 };
            reception.arrived(at(u64::from(n) * 20 + late), 0x1_0000 + u64::from(n), n * 20);
        }
        let jitter = reception.block(at(0), 7).unwrap().jitter;
        assert!((8..=10).contains(&jitter), "{jitter}");
    }
}
