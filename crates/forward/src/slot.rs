//! One slot of one subscriber: an unchanging stream that carries changing tracks.
//!
//! # Invariants
//!
//! - A slot of pictures begins each track with a keyframe.
//! - A packet is sent again at most once per round trip, within a budget.

use protocol::id::ParticipantId;
use protocol::media::{Mid, TrackKind};
use protocol::time::Timestamp;

use std::time::Duration;

use crate::PeerKey;
use crate::layer::{Layer, LayerSelector, OnlyLayer};
use crate::limits::{MID_PACKETS, RTX_BYTES_BURST_MAX, RTX_BYTES_PER_SECOND_MAX};
use crate::police::Bucket;
use crate::rewrite::Rewriter;
use crate::ring::{Kept, Ring};
use crate::rtcp;
use crate::rtp::Header;
use crate::sequence::Seen;
use crate::sink::{Counted, Outgoing, Sink};
use crate::wire::{low16, low32};

/// What the session description says about a slot.
#[derive(Clone, Debug)]
pub struct SlotSpec {
    /// Its m-line.
    pub mid: Mid,
    /// Whether it takes sound.
    pub audio: bool,
    /// The codec, as the subscriber numbers it.
    pub payload_type: u8,
    /// Packets sent again, if agreed.
    pub rtx_payload_type: Option<u8>,
    /// Its source, named in the answer.
    pub ssrc: u32,
    /// The source of packets sent again.
    pub rtx_ssrc: u32,
    /// Number of the header extension that carries the mid, if agreed.
    pub mid_extension: Option<u8>,
    /// Random, below 2¹⁵.
    pub first_sequence: u16,
    /// Random.
    pub first_timestamp: u32,
    /// Binds the sound and the pictures shown together.
    pub cname: String,
}

/// A slot and its state.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) spec: SlotSpec,
    pub(crate) peer: PeerKey,
    /// Whether the subscriber can be sent to.
    pub(crate) ready: bool,
    /// What it should carry, be it there or not.
    pub(crate) wanted: Option<(ParticipantId, TrackKind)>,
    /// What it carries.
    pub(crate) track: Option<u32>,
    /// Chooses among qualities, once there are some.
    pub(crate) selector: OnlyLayer,
    rewriter: Rewriter,
    packets: u64,
    octets: u64,
    rtx_index: u64,
    rtx_budget: Bucket,
    /// Sent again lately, with the time; used round robin.
    sent_again: [(u16, Option<Timestamp>); 32],
    sent_again_next: usize,
    round_trip: Duration,
    /// The last sender report: middle bits of its NTP time, and when it left.
    reported: Option<(u32, Timestamp)>,
    /// Which packets have been given their place: the guard of the nonces.
    placed: Seen<32>,
}

/// A packet of the track, with its whole number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried<'a> {
    pub(crate) number: u64,
    pub(crate) kept: Kept<'a>,
    pub(crate) starts_keyframe: bool,
    /// The quality it belongs to.
    pub(crate) layer: Layer,
}

impl Slot {
    pub(crate) fn new(now: Timestamp, peer: PeerKey, spec: SlotSpec) -> Self {
        let clock_rate = if spec.audio { 48_000 } else { 90_000 };
        Self {
            rewriter: Rewriter::new(
                clock_rate,
                spec.first_sequence & 0x7fff,
                spec.first_timestamp,
            ),
            spec,
            peer,
            ready: false,
            wanted: None,
            track: None,
            selector: OnlyLayer,
            packets: 0,
            octets: 0,
            rtx_index: 1,
            rtx_budget: Bucket::new(now, RTX_BYTES_PER_SECOND_MAX, RTX_BYTES_BURST_MAX),
            sent_again: [(0, None); 32],
            sent_again_next: 0,
            round_trip: Duration::from_millis(20),
            reported: None,
            placed: Seen::default(),
        }
    }

    /// The next packet of the track begins anew.
    pub(crate) const fn begin_anew(&mut self) {
        self.rewriter.detach();
        self.reported = None;
    }

    /// Whether pictures are awaited that only a keyframe can begin.
    pub(crate) const fn awaits_keyframe(&self) -> bool {
        self.ready && !self.spec.audio && self.track.is_some() && !self.rewriter.is_running()
    }

    pub(crate) fn carry(&mut self, now: Timestamp, packet: &Carried<'_>, sink: &mut impl Sink) {
        if !self.ready || !self.selector.wants(packet.layer) {
            return;
        }
        if !self.rewriter.is_running() {
            if !self.spec.audio && !packet.starts_keyframe {
                return;
            }
            self.rewriter.start(now, packet.number, packet.kept.timestamp);
        }
        let Some(place) = self.rewriter.place(now, packet.number, packet.kept.timestamp) else {
            return;
        };
        if !self.placed.accept(place.index) {
            return;
        }
        let with_mid = self.packets < MID_PACKETS;
        let header = Header {
            marker: packet.kept.marker,
            payload_type: self.spec.payload_type,
            sequence: place.sequence,
            timestamp: place.timestamp,
            ssrc: self.spec.ssrc,
            mid: self
                .spec
                .mid_extension
                .filter(|_| with_mid)
                .map(|id| (id, self.spec.mid.as_str())),
        };
        self.packets += 1;
        self.octets += u64::try_from(packet.kept.payload.len()).unwrap_or(0);
        sink.rtp(
            self.peer,
            Outgoing {
                ssrc: self.spec.ssrc,
                index: place.index,
                header: header.write().as_slice(),
                prefix: &[],
                payload: packet.kept.payload,
            },
        );
    }

    /// The subscriber lacks `sequence` (RFC 4588 section 4).
    pub(crate) fn send_again(
        &mut self,
        now: Timestamp,
        sequence: u16,
        ring: &Ring,
        sink: &mut impl Sink,
    ) -> Option<()> {
        let payload_type = self.spec.rtx_payload_type?;
        let kept = ring.get(self.rewriter.source_of(sequence)?)?;
        let timestamp = self.rewriter.timestamp(kept.timestamp)?;
        let lately = self.sent_again.iter().any(|&(other, at)| {
            other == sequence && at.is_some_and(|at| now - at < self.round_trip)
        });
        let price = u32::try_from(kept.payload.len()).unwrap_or(u32::MAX);
        if lately || !self.rtx_budget.take(now, price) {
            return None;
        }
        if let Some(place) = self.sent_again.get_mut(self.sent_again_next) {
            *place = (sequence, Some(now));
        }
        self.sent_again_next = (self.sent_again_next + 1) % self.sent_again.len();
        let index = self.rtx_index;
        self.rtx_index += 1;
        let header = Header {
            marker: kept.marker,
            payload_type,
            sequence: low16(index),
            timestamp,
            ssrc: self.spec.rtx_ssrc,
            mid: None,
        };
        sink.rtp(
            self.peer,
            Outgoing {
                ssrc: self.spec.rtx_ssrc,
                index,
                header: header.write().as_slice(),
                prefix: &sequence.to_be_bytes(),
                payload: kept.payload,
            },
        );
        sink.count(Counted::SentAgain, 1);
        Some(())
    }

    /// The publisher told its clocks: the subscriber hears the same in terms of the slot.
    pub(crate) fn report(
        &mut self,
        now: Timestamp,
        ntp: u64,
        timestamp: u32,
        sink: &mut impl Sink,
    ) {
        let Some(timestamp) = self.rewriter.timestamp(timestamp).filter(|_| self.ready) else {
            return;
        };
        self.reported = Some((low32(ntp >> 16), now));
        let (packets, octets) = (low32(self.packets), low32(self.octets));
        let cname = &self.spec.cname;
        let packet =
            rtcp::sender_report(self.spec.ssrc, ntp, timestamp, packets, octets, cname);
        sink.rtcp(self.peer, packet.as_slice());
    }

    /// The subscriber tells how the slot arrives: from this the round trip is known.
    pub(crate) fn received(&mut self, now: Timestamp, last_report: u32, delay: u32) {
        let Some((_, at)) = self.reported.filter(|&(ntp, _)| ntp == last_report) else {
            return;
        };
        let delay = Duration::from_micros(u64::from(delay) * 1_000_000 / 65_536);
        let sample = (now - at).saturating_sub(delay);
        self.round_trip = sample.clamp(Duration::from_millis(10), Duration::from_millis(500));
    }
}
