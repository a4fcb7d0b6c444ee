//! Who sends what, and who gets it: the tables, and how orders change them.
//!
//! The packets themselves go through [`flow`](crate::flow).
//!
//! # Invariants
//!
//! - A slot carries only tracks of its own room.
//! - A track that goes is on no slot any more; a slot that goes is on no track any more.
//! - A peer connection begins with nothing held, without a leaf and with empty slots.

use std::collections::BTreeMap;

use protocol::id::{LeafIndex, ParticipantId, RoomId};
use protocol::media::{Mid, SlotBinding, TrackKind};
use protocol::time::Timestamp;

use crate::limits::{
    BYTES_BURST_MAX, BYTES_PER_SECOND_MAX, PACKETS_BURST_MAX, PACKETS_PER_SECOND_MAX,
    RTCP_BURST_MAX, RTCP_PER_SECOND_MAX,
};
use crate::police::Bucket;
use crate::sink::PeerKey;
use crate::slab::Slab;
use crate::slot::{Slot, SlotSpec};
use crate::track::{Track, TrackSpec};
use crate::twcc::Recorder;

/// What the session description says about a peer connection.
#[derive(Clone, Debug)]
pub struct PeerSpec {
    /// The room.
    pub room: RoomId,
    /// Whose it is.
    pub participant: ParticipantId,
    /// What is published.
    pub tracks: Vec<TrackSpec>,
    /// What can be shown.
    pub slots: Vec<SlotSpec>,
    /// Number of the header extension with the transport-wide number, if agreed.
    pub twcc_extension: Option<u8>,
    /// Number of the header extension with the mid, if agreed.
    pub mid_extension: Option<u8>,
    /// Our own name in RTCP.
    pub rtcp_ssrc: u32,
}

/// The forwarding tables.
#[derive(Debug, Default)]
pub struct Forwarder {
    pub(crate) peers: Slab<Peer>,
    pub(crate) tracks: Slab<Track>,
    pub(crate) slots: Slab<Slot>,
    by_participant: BTreeMap<ParticipantId, PeerKey>,
    pub(crate) last_media_at: Option<Timestamp>,
}

/// One peer connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) room: RoomId,
    pub(crate) participant: ParticipantId,
    pub(crate) tracks: Vec<u32>,
    pub(crate) slots: Vec<u32>,
    pub(crate) sources: Vec<Source>,
    pub(crate) twcc_extension: Option<u8>,
    pub(crate) mid_extension: Option<u8>,
    pub(crate) rtcp_ssrc: u32,
    pub(crate) ready: bool,
    pub(crate) recorder: Recorder,
    pub(crate) packet_budget: Bucket,
    pub(crate) byte_budget: Bucket,
    pub(crate) rtcp_budget: Bucket,
    pub(crate) reported_at: Timestamp,
}

/// From which SSRC a track comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) ssrc: u32,
    pub(crate) track: u32,
    pub(crate) sent_again: bool,
}

/// A slot could not be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindError {
    /// The subscriber has no peer connection.
    NoSubscriber,
    /// It has no such slot.
    NoSlot,
    /// The slot is for sound and the track has pictures, or the other way round.
    WrongKind,
}

impl Forwarder {
    /// A peer connection begins.  An older one of the same participant must be closed before.
    pub fn open(&mut self, now: Timestamp, spec: PeerSpec) -> PeerKey {
        debug_assert!(!self.by_participant.contains_key(&spec.participant), "closed before");
        let key = PeerKey(self.peers.insert(Peer {
            room: spec.room,
            participant: spec.participant,
            tracks: Vec::with_capacity(spec.tracks.len()),
            slots: Vec::with_capacity(spec.slots.len()),
            sources: Vec::with_capacity(spec.tracks.len() * 2),
            twcc_extension: spec.twcc_extension,
            mid_extension: spec.mid_extension,
            rtcp_ssrc: spec.rtcp_ssrc,
            ready: false,
            recorder: Recorder::default(),
            packet_budget: Bucket::new(now, PACKETS_PER_SECOND_MAX, PACKETS_BURST_MAX),
            byte_budget: Bucket::new(now, BYTES_PER_SECOND_MAX, BYTES_BURST_MAX),
            rtcp_budget: Bucket::new(now, RTCP_PER_SECOND_MAX, RTCP_BURST_MAX),
            reported_at: now,
        }));
        self.by_participant.insert(spec.participant, key);
        for track in spec.tracks {
            self.add_track(now, key, track);
        }
        for slot in spec.slots {
            let slot = self.slots.insert(Slot::new(now, key, slot));
            if let Some(peer) = self.peers.get_mut(key.0) {
                peer.slots.push(slot);
            }
        }
        self.fill_slots(now, spec.room, spec.participant);
        key
    }

    fn add_track(&mut self, now: Timestamp, key: PeerKey, spec: TrackSpec) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let named = [(spec.ssrc, false), (spec.rtx_ssrc, true)];
        let track = Track::new(now, key, spec);
        let track = self.tracks.insert(track);
        peer.tracks.push(track);
        for (ssrc, sent_again) in named {
            if let Some(ssrc) = ssrc {
                peer.sources.push(Source { ssrc, track, sent_again });
            }
        }
    }

    /// Tracks of `participant` go onto the slots that want them.
    fn fill_slots(&mut self, now: Timestamp, room: RoomId, participant: ParticipantId) {
        let Self { slots, peers, .. } = self;
        let waiting: Vec<u32> = slots
            .iter_mut()
            .filter(|(_, slot)| {
                slot.track.is_none()
                    && slot.wanted.is_some_and(|(publisher, _)| publisher == participant)
                    && peers.get(slot.peer.0).is_some_and(|peer| peer.room == room)
            })
            .map(|(key, _)| key)
            .collect();
        for slot in waiting {
            self.attach(now, slot);
        }
    }

    /// The peer connection can be sent to.
    pub fn connected(&mut self, _now: Timestamp, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        peer.ready = true;
        for &slot in &peer.slots {
            let Some(slot) = self.slots.get_mut(slot) else { continue };
            slot.ready = true;
            slot.begin_anew();
            if let Some(track) = slot.track.and_then(|track| self.tracks.get_mut(track))
                && track.is_video()
            {
                track.keyframe.wish_for_bound();
            }
        }
    }

    /// A peer connection ends.
    pub fn close(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.remove(key.0) else { return };
        self.by_participant.remove(&peer.participant);
        for slot in peer.slots {
            self.detach(slot);
            self.slots.remove(slot);
        }
        for track in peer.tracks {
            let Some(track) = self.tracks.remove(track) else { continue };
            for slot in track.slots {
                if let Some(slot) = self.slots.get_mut(slot) {
                    slot.track = None;
                    slot.begin_anew();
                }
            }
        }
    }

    /// The peer connection of a participant.
    #[must_use]
    pub fn peer_of(&self, participant: ParticipantId) -> Option<PeerKey> {
        self.by_participant.get(&participant).copied()
    }

    /// Puts a track on a slot, in place of what it carried.  The track may come later.
    ///
    /// # Errors
    ///
    /// When there is no such slot; nothing is changed then.
    pub fn bind(
        &mut self,
        now: Timestamp,
        subscriber: ParticipantId,
        binding: &SlotBinding,
    ) -> Result<(), BindError> {
        let key = self.slot_of(subscriber, &binding.mid)?;
        let slot = self.slots.get(key).ok_or(BindError::NoSlot)?;
        if slot.spec.audio != binding.kind.is_audio() {
            return Err(BindError::WrongKind);
        }
        let wanted = Some((binding.publisher, binding.kind));
        if slot.wanted == wanted && slot.track.is_some() {
            return Ok(());
        }
        self.detach(key);
        if let Some(slot) = self.slots.get_mut(key) {
            slot.wanted = wanted;
        }
        self.attach(now, key);
        Ok(())
    }

    /// Leaves a slot empty.
    ///
    /// # Errors
    ///
    /// When there is no such slot.
    pub fn unbind(&mut self, subscriber: ParticipantId, mid: &Mid) -> Result<(), BindError> {
        let key = self.slot_of(subscriber, mid)?;
        self.detach(key);
        if let Some(slot) = self.slots.get_mut(key) {
            slot.wanted = None;
        }
        Ok(())
    }

    fn slot_of(&self, subscriber: ParticipantId, mid: &Mid) -> Result<u32, BindError> {
        let peer = self.peer_of(subscriber).and_then(|key| self.peers.get(key.0));
        let peer = peer.ok_or(BindError::NoSubscriber)?;
        let found = peer
            .slots
            .iter()
            .copied()
            .find(|&key| self.slots.get(key).is_some_and(|slot| slot.spec.mid == *mid));
        found.ok_or(BindError::NoSlot)
    }

    fn detach(&mut self, key: u32) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        slot.begin_anew();
        if let Some(track) = slot.track.take().and_then(|track| self.tracks.get_mut(track)) {
            track.slots.retain(|&other| other != key);
        }
    }

    /// Puts the wanted track on the slot, if it is there.
    fn attach(&mut self, _now: Timestamp, key: u32) -> Option<()> {
        let slot = self.slots.get_mut(key)?;
        let (publisher, kind) = slot.wanted?;
        let room = self.peers.get(slot.peer.0)?.room;
        let publisher = self.by_participant.get(&publisher)?;
        let publisher = self.peers.get(publisher.0).filter(|peer| peer.room == room)?;
        let found =
            publisher.tracks.iter().copied().find(|&track| {
                self.tracks.get(track).is_some_and(|track| track.spec.kind == kind)
            });
        let track = self.tracks.get_mut(found?)?;
        slot.track = found;
        slot.begin_anew();
        track.slots.push(key);
        if track.is_video() {
            track.keyframe.wish_for_bound();
        }
        Some(())
    }

    /// Mutes a track here, or lets it go on.
    pub fn hold(&mut self, participant: ParticipantId, kind: TrackKind, held: bool) {
        let Some(peer) = self.peer_of(participant).and_then(|key| self.peers.get(key.0)) else {
            return;
        };
        for &track in &peer.tracks {
            let Some(track) = self.tracks.get_mut(track) else { continue };
            if track.spec.kind != kind || track.held == held {
                continue;
            }
            track.held = held;
            track.keyframe.wish_for_bound();
            for &slot in &track.slots {
                if let Some(slot) = self.slots.get_mut(slot) {
                    slot.begin_anew();
                }
            }
        }
    }

    /// The leaf a participant was given.
    pub fn set_leaf(&mut self, now: Timestamp, participant: ParticipantId, leaf: LeafIndex) {
        let Some(peer) = self.peer_of(participant).and_then(|key| self.peers.get(key.0)) else {
            return;
        };
        for &track in &peer.tracks {
            if let Some(track) = self.tracks.get_mut(track) {
                track.leaf.set(now, leaf);
            }
        }
    }
}
