//! One track of one publisher: from which packets it comes, what is missing, what it shows.
//!
//! # Invariants
//!
//! - Of each packet, however often it comes, the first copy is taken and no other.
//! - Nothing is taken from a frame that does not look sealed by the publisher.

use protocol::id::LeafIndex;
use protocol::media::{Mid, TrackKind};
use protocol::time::Timestamp;

use crate::PeerKey;
use crate::keyframe::KeyframeWish;
use crate::limits::{NACKS_PER_ROUND_MAX, OLD_LEAF_PATIENCE, PAYLOAD_BYTES_MAX, SEEN_WORDS};
use crate::missing::{Arrival, Missing};
use crate::reception::{Block, Reception};
use crate::ring::{Kept, Ring};
use crate::rtcp::{self, Rtcp};
use crate::sealed::claimed_leaf;
use crate::sequence::{Seen, Sequence};
use crate::vp8::Descriptor;
use crate::wire::low16;

/// What the session description says about a track.
#[derive(Clone, Debug)]
pub struct TrackSpec {
    /// Its m-line.
    pub mid: Mid,
    /// What it is.
    pub kind: TrackKind,
    /// Its codec.
    pub payload_type: u8,
    /// Packets sent again, if agreed.
    pub rtx_payload_type: Option<u8>,
    /// Its source, if named.
    pub ssrc: Option<u32>,
    /// The source of packets sent again, if named.
    pub rtx_ssrc: Option<u32>,
}

impl TrackSpec {
    /// Units of media time in a second.
    #[must_use]
    pub const fn clock_rate(&self) -> u32 {
        if self.kind.is_audio() { 48_000 } else { 90_000 }
    }
}

/// A track and its state.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) spec: TrackSpec,
    pub(crate) peer: PeerKey,
    /// Slots that carry it.
    pub(crate) slots: Vec<u32>,
    pub(crate) held: bool,
    pub(crate) leaf: Leaf,
    pub(crate) keyframe: KeyframeWish,
    pub(crate) ring: Ring,
    source: Option<u32>,
    sequence: Sequence,
    seen: Seen<SEEN_WORDS>,
    missing: Missing,
    reception: Reception,
    /// Media time of a frame that did not look sealed: the rest of it is refused too.
    refused: Option<u32>,
}

/// The leaf frames must claim.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leaf {
    now: Option<LeafIndex>,
    before: Option<(LeafIndex, Timestamp)>,
}

impl Leaf {
    pub(crate) fn set(&mut self, now: Timestamp, leaf: LeafIndex) {
        if self.now != Some(leaf) {
            self.before = self.now.map(|before| (before, now + OLD_LEAF_PATIENCE));
            self.now = Some(leaf);
        }
    }

    fn fits(&self, now: Timestamp, first_bytes: &[u8], is_video: bool, whole: bool) -> bool {
        // Until the room has said which leaf it is, there is nothing to compare with.
        let Some(leaf) = self.now else { return true };
        let claimed = claimed_leaf(first_bytes, is_video, whole);
        claimed == Some(leaf)
            || self.before.is_some_and(|(leaf, until)| claimed == Some(leaf) && now < until)
    }
}

/// A packet of the track, as first sent or sent again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: &'a [u8],
    pub(crate) sent_again: bool,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It goes to the slots.
    Carry { number: u64, starts_keyframe: bool },
    /// It was here before, or is too old to tell.
    Duplicate,
    /// It does not look sealed.
    Unsealed,
    /// It cannot be of this track.
    Malformed,
    /// The track is held.
    Held,
}

impl Track {
    pub(crate) fn new(now: Timestamp, peer: PeerKey, spec: TrackSpec) -> Self {
        Self {
            reception: Reception::new(spec.clock_rate()),
            source: spec.ssrc,
            spec,
            peer,
            slots: Vec::new(),
            held: false,
            leaf: Leaf::default(),
            keyframe: KeyframeWish::default(),
            ring: Ring::default(),
            sequence: Sequence::default(),
            seen: Seen::default(),
            missing: Missing::new(now),
            refused: None,
        }
    }

    pub(crate) const fn is_video(&self) -> bool {
        !self.spec.kind.is_audio()
    }

    /// From now on the track comes from `ssrc`.
    pub(crate) fn comes_from(&mut self, ssrc: u32) {
        self.source = Some(ssrc);
        self.sequence = Sequence::default();
        self.seen = Seen::default();
        self.missing.clear();
        self.ring.clear();
        self.reception = Reception::new(self.spec.clock_rate());
        self.refused = None;
    }

    pub(crate) fn take(&mut self, now: Timestamp, packet: Incoming<'_>) -> Taken {
        if packet.payload.len() > PAYLOAD_BYTES_MAX {
            return Taken::Malformed;
        }
        let number = self.sequence.unwrap(packet.sequence);
        if !packet.sent_again {
            self.reception.arrived(now, number, packet.timestamp);
        }
        if !self.seen.accept(number) {
            return Taken::Duplicate;
        }
        if self.is_video() && self.missing.arrived(now, number) == Arrival::Broken {
            self.keyframe.wish();
        }
        let Some(starts_keyframe) = self.inspect(now, &packet) else {
            return Taken::Unsealed;
        };
        if starts_keyframe {
            self.keyframe.fulfilled();
        }
        if self.held {
            return Taken::Held;
        }
        if self.is_video() {
            self.ring.put(
                number,
                Kept {
                    timestamp: packet.timestamp,
                    marker: packet.marker,
                    payload: packet.payload,
                },
            );
        }
        Taken::Carry { number, starts_keyframe }
    }

    /// Whether a keyframe begins here; `None` when the frame does not look sealed.
    fn inspect(&mut self, now: Timestamp, packet: &Incoming<'_>) -> Option<bool> {
        // Padding: no frame at all.
        if packet.payload.is_empty() {
            return Some(false);
        }
        if !self.is_video() {
            return self.leaf.fits(now, packet.payload, false, true).then_some(false);
        }
        let descriptor = Descriptor::parse(packet.payload)?;
        if !descriptor.starts_frame {
            return (self.refused != Some(packet.timestamp)).then_some(false);
        }
        let frame = packet.payload.get(descriptor.bytes..)?;
        if !self.leaf.fits(now, frame, true, packet.marker) {
            self.refused = Some(packet.timestamp);
            return None;
        }
        Some(descriptor.starts_keyframe)
    }

    pub(crate) fn sender_reported(&mut self, now: Timestamp, ntp: u64) {
        self.reception.sender_reported(now, ntp);
    }

    pub(crate) fn block(&mut self, now: Timestamp) -> Option<Block> {
        self.reception.block(now, self.source?)
    }

    /// A keyframe request, when one should leave.
    pub(crate) fn ask_for_keyframe(&mut self, now: Timestamp, sender: u32) -> Option<Rtcp> {
        let source = self.source?;
        self.keyframe.is_due(now).then(|| rtcp::picture_loss(sender, source))
    }

    /// A request for missing packets with their number, when one should leave.
    pub(crate) fn ask_for_missing(
        &mut self,
        now: Timestamp,
        sender: u32,
    ) -> Option<(Rtcp, usize)> {
        if self.missing.is_empty() {
            return None;
        }
        let mut numbers = [0; NACKS_PER_ROUND_MAX];
        let n = self.missing.ask(now, &mut numbers);
        let mut sequences = [0; NACKS_PER_ROUND_MAX];
        for (sequence, number) in sequences.iter_mut().zip(numbers) {
            *sequence = low16(number);
        }
        let source = self.source?;
        let asked = sequences.get(..n).filter(|asked| !asked.is_empty())?;
        Some((rtcp::negative_acknowledgement(sender, source, asked), n))
    }
}
