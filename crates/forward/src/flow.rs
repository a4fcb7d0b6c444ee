//! How packets go through the tables: the hot path, RTCP, and what time brings.
//!
//! # Invariants
//!
//! - Forwarding takes no memory and no lock once a track runs.
//! - Nothing leaves towards a peer connection that is not connected.

use std::time::Duration;

use protocol::time::Timestamp;

use crate::forwarder::{Forwarder, Peer, Source};
use crate::layer::Layer;
use crate::limits::REPORT_INTERVAL;
use crate::ring::Kept;
use crate::rtcp::{self, Said};
use crate::rtp::Packet;
use crate::sink::{Counted, PeerKey, Sink};
use crate::slab::Slab;
use crate::slot::Carried;
use crate::track::{Incoming, Taken, Track};
use crate::wire::u16_at;

/// How often [`Forwarder::tick`] is due while media flows, and when it does not.
const TICK_BUSY: Duration = Duration::from_millis(10);
const TICK_IDLE: Duration = Duration::from_millis(250);

impl Forwarder {
    /// An RTP packet came, authenticated and open.
    pub fn rtp(&mut self, now: Timestamp, from: PeerKey, packet: &[u8], sink: &mut impl Sink) {
        let counted = self.try_rtp(now, from, packet, sink);
        sink.count(counted, 1);
    }

    fn try_rtp(
        &mut self,
        now: Timestamp,
        from: PeerKey,
        bytes: &[u8],
        sink: &mut impl Sink,
    ) -> Counted {
        let Some(packet) = Packet::parse(bytes) else { return Counted::Malformed };
        let Some(peer) = self.peers.get_mut(from.0) else { return Counted::Unmapped };
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if !peer.packet_budget.take(now, 1) || !peer.byte_budget.take(now, length) {
            return Counted::Policed;
        }
        self.last_media_at = Some(now);
        let twcc = peer.twcc_extension.and_then(|id| packet.extension(id));
        if let Some(number) = twcc.and_then(|value| u16_at(value, 0)) {
            peer.recorder.arrived(now, number);
        }
        let Some(source) = source_of(peer, &mut self.tracks, &packet) else {
            return Counted::Unmapped;
        };
        if source.is_new {
            self.begin_anew(source.source.track);
        }
        let Some(track) = self.tracks.get_mut(source.source.track) else {
            return Counted::Unmapped;
        };
        let Some(incoming) = incoming(track, &packet, source.source.sent_again, sink) else {
            return Counted::Unmapped;
        };
        match track.take(now, incoming) {
            Taken::Carry { number, starts_keyframe } => {
                let kept = Kept {
                    timestamp: incoming.timestamp,
                    marker: incoming.marker,
                    payload: incoming.payload,
                };
                let carried =
                    Carried { number, kept, starts_keyframe, layer: Layer::default() };
                for &slot in &track.slots {
                    if let Some(slot) = self.slots.get_mut(slot) {
                        slot.carry(now, &carried, sink);
                    }
                }
                Counted::Taken
            }
            Taken::Held => Counted::Taken,
            Taken::Duplicate => Counted::Duplicate,
            Taken::Unsealed => Counted::Unsealed,
            Taken::Malformed => Counted::Malformed,
        }
    }

    /// The track has another source: what was carried of the old one is over.
    fn begin_anew(&mut self, track: u32) {
        let Some(track) = self.tracks.get_mut(track) else { return };
        track.keyframe.wish();
        for &slot in &track.slots {
            if let Some(slot) = self.slots.get_mut(slot) {
                slot.begin_anew();
            }
        }
    }

    /// A compound RTCP packet came, authenticated and open.
    pub fn rtcp(
        &mut self,
        now: Timestamp,
        from: PeerKey,
        compound: &[u8],
        sink: &mut impl Sink,
    ) {
        let Some(peer) = self.peers.get_mut(from.0) else { return };
        if !peer.rtcp_budget.take(now, 1) {
            sink.count(Counted::Policed, 1);
            return;
        }
        rtcp::read(compound, |said| self.said(now, from, said, sink));
    }

    fn said(&mut self, now: Timestamp, from: PeerKey, said: Said, sink: &mut impl Sink) {
        match said {
            Said::Sender { ssrc, ntp, timestamp } => {
                let Some(track) = self.track_from(from, ssrc) else { return };
                let Some(track) = self.tracks.get_mut(track) else { return };
                track.sender_reported(now, ntp);
                for &slot in &track.slots {
                    if let Some(slot) = self.slots.get_mut(slot) {
                        slot.report(now, ntp, timestamp, sink);
                    }
                }
            }
            Said::Received { ssrc, fraction_lost: _, last_report, delay } => {
                if let Some(slot) = self.slot_with(from, ssrc)
                    && let Some(slot) = self.slots.get_mut(slot)
                {
                    slot.received(now, last_report, delay);
                }
            }
            Said::Lacks { ssrc, first, others } => {
                self.send_again(now, from, ssrc, (first, others), sink);
            }
            Said::Keyframe { ssrc } => {
                let slot = self.slot_with(from, ssrc).and_then(|slot| self.slots.get(slot));
                if let Some(track) = slot.and_then(|slot| self.tracks.get_mut(slot.track?)) {
                    track.keyframe.wish();
                    self.ask_for_keyframe(now, from, ssrc, sink);
                }
            }
        }
    }

    /// Asks at once if the throttle allows: a wish need not wait for the next tick.
    fn ask_for_keyframe(
        &mut self,
        now: Timestamp,
        from: PeerKey,
        ssrc: u32,
        sink: &mut impl Sink,
    ) -> Option<()> {
        let slot = self.slots.get(self.slot_with(from, ssrc)?)?;
        let track = self.tracks.get_mut(slot.track?)?;
        let publisher = self.peers.get(track.peer.0).filter(|peer| peer.ready)?;
        let request = track.ask_for_keyframe(now, publisher.rtcp_ssrc)?;
        sink.rtcp(track.peer, request.as_slice());
        sink.count(Counted::KeyframeRequest, 1);
        Some(())
    }

    fn send_again(
        &mut self,
        now: Timestamp,
        from: PeerKey,
        ssrc: u32,
        (first, others): (u16, u16),
        sink: &mut impl Sink,
    ) -> Option<()> {
        let slot = self.slots.get_mut(self.slot_with(from, ssrc)?)?;
        let track = self.tracks.get(slot.track?).filter(|track| !track.held)?;
        for bit in 0..=16 {
            let is_lacking = bit == 0 || others & (1 << (bit - 1)) != 0;
            if is_lacking {
                sink.count(Counted::AskedFor, 1);
                slot.send_again(now, first.wrapping_add(bit), &track.ring, sink);
            }
        }
        Some(())
    }

    fn track_from(&self, from: PeerKey, ssrc: u32) -> Option<u32> {
        let sources = &self.peers.get(from.0)?.sources;
        let source = sources.iter().find(|source| source.ssrc == ssrc && !source.sent_again)?;
        Some(source.track)
    }

    fn slot_with(&self, from: PeerKey, ssrc: u32) -> Option<u32> {
        let slots = &self.peers.get(from.0)?.slots;
        slots
            .iter()
            .copied()
            .find(|&slot| self.slots.get(slot).is_some_and(|slot| slot.spec.ssrc == ssrc))
    }

    /// Time passed: reports, feedback, requests.
    pub fn tick(&mut self, now: Timestamp, sink: &mut impl Sink) {
        let Self { peers, tracks, slots, .. } = self;
        for (key, peer) in peers.iter_mut().filter(|(_, peer)| peer.ready) {
            let key = PeerKey(key);
            report_arrivals(now, key, peer, tracks, sink);
            for &track in &peer.tracks {
                let Some(track) = tracks.get_mut(track) else { continue };
                if let Some((request, n)) = track.ask_for_missing(now, peer.rtcp_ssrc) {
                    sink.rtcp(key, request.as_slice());
                    sink.count(Counted::Asked, u64::try_from(n).unwrap_or(0));
                }
                let awaited =
                    |&slot: &u32| slots.get(slot).is_some_and(|slot| slot.awaits_keyframe());
                if track.is_video() && !track.held && track.slots.iter().any(awaited) {
                    track.keyframe.wish();
                }
                if let Some(request) = track.ask_for_keyframe(now, peer.rtcp_ssrc) {
                    sink.rtcp(key, request.as_slice());
                    sink.count(Counted::KeyframeRequest, 1);
                }
            }
        }
    }

    /// When [`tick`](Self::tick) is next due, as of `now`.
    #[must_use]
    pub fn poll_timeout(&self, now: Timestamp) -> Timestamp {
        let is_busy = self.last_media_at.is_some_and(|at| now - at < Duration::from_secs(1));
        now + if is_busy { TICK_BUSY } else { TICK_IDLE }
    }
}

fn report_arrivals(
    now: Timestamp,
    key: PeerKey,
    peer: &mut Peer,
    tracks: &mut Slab<Track>,
    sink: &mut impl Sink,
) {
    if peer.recorder.is_due(now) {
        let media = peer.sources.first().map_or(0, |source| source.ssrc);
        while let Some(report) = peer.recorder.report(now, peer.rtcp_ssrc, media) {
            sink.rtcp(key, report.as_slice());
        }
    }
    if now - peer.reported_at >= REPORT_INTERVAL {
        peer.reported_at = now;
        let mut blocks = peer
            .tracks
            .iter()
            .filter_map(|&track| tracks.get_mut(track)?.block(now))
            .peekable();
        if blocks.peek().is_some() {
            sink.rtcp(key, rtcp::receiver_report(peer.rtcp_ssrc, blocks).as_slice());
        }
    }
}

/// Where a packet belongs, and whether that was only now learnt.
struct Found {
    source: Source,
    is_new: bool,
}

/// Finds the track by its source, or learns the source by the mid in the packet.
fn source_of(peer: &mut Peer, tracks: &mut Slab<Track>, packet: &Packet<'_>) -> Option<Found> {
    if let Some(&source) = peer.sources.iter().find(|source| source.ssrc == packet.ssrc) {
        return Some(Found { source, is_new: false });
    }
    let mid = packet.extension(peer.mid_extension?)?;
    let key = peer.tracks.iter().copied().find(|&track| {
        tracks.get(track).is_some_and(|track| track.spec.mid.as_str().as_bytes() == mid)
    })?;
    let track = tracks.get_mut(key)?;
    let sent_again = track.spec.rtx_payload_type == Some(packet.payload_type);
    if !sent_again {
        if track.spec.payload_type != packet.payload_type {
            return None;
        }
        track.comes_from(packet.ssrc);
    }
    let source = Source { ssrc: packet.ssrc, track: key, sent_again };
    // One source of each sort per track: the list cannot grow.
    peer.sources.retain(|other| other.track != key || other.sent_again != sent_again);
    peer.sources.push(source);
    tracing::debug!(participant = ?peer.participant, sent_again, "a source was learnt by its mid");
    Some(Found { source, is_new: !sent_again })
}

/// The packet as the track first sent it: retransmissions are unwrapped (RFC 4588 section 4).
fn incoming<'a>(
    track: &Track,
    packet: &Packet<'a>,
    sent_again: bool,
    sink: &mut impl Sink,
) -> Option<Incoming<'a>> {
    let mut incoming = Incoming {
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        marker: packet.marker,
        payload: packet.payload,
        sent_again,
    };
    if sent_again {
        if track.spec.rtx_payload_type != Some(packet.payload_type) {
            return None;
        }
        // Too short is padding, with which publishers probe the path.
        let (original, payload) = packet.payload.split_first_chunk()?;
        incoming.sequence = u16::from_be_bytes(*original);
        incoming.payload = payload;
        sink.count(Counted::CameAgain, 1);
    } else if track.spec.payload_type != packet.payload_type {
        return None;
    }
    Some(incoming)
}
