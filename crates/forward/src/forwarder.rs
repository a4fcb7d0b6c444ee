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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::Header;
    use crate::sink::{Counted, Outgoing, Sink};

    fn mid(text: &str) -> Mid {
        Mid::new(text).unwrap()
    }

    fn name(n: u64) -> ParticipantId {
        ParticipantId::from_raw(n)
    }

    fn spec(n: u64, room: u8) -> PeerSpec {
        let base = u32::try_from(n).unwrap() * 100;
        let track = |kind: TrackKind, offset: u32| TrackSpec {
            mid: mid(if kind.is_audio() { "0" } else { "1" }),
            kind,
            payload_type: if kind.is_audio() { 111 } else { 96 },
            rtx_payload_type: (!kind.is_audio()).then_some(97),
            ssrc: Some(base + offset),
            rtx_ssrc: None,
        };
        let slot = |text: &str, audio: bool, offset: u32| SlotSpec {
            mid: mid(text),
            audio,
            payload_type: if audio { 109 } else { 120 },
            rtx_payload_type: (!audio).then_some(124),
            ssrc: base + offset,
            rtx_ssrc: base + offset + 50,
            mid_extension: Some(3),
            first_sequence: 7,
            first_timestamp: 7,
            cname: "pair-1".to_owned(),
        };
        PeerSpec {
            room: RoomId::from_bytes([room; 16]),
            participant: name(n),
            tracks: vec![track(TrackKind::Microphone, 1), track(TrackKind::Camera, 2)],
            slots: vec![slot("2", true, 3), slot("3", false, 4), slot("4", false, 5)],
            twcc_extension: None,
            mid_extension: Some(4),
            rtcp_ssrc: base,
        }
    }

    /// Notes where packets go, and sees to it that no nonce is used twice.
    #[derive(Default)]
    struct Notes {
        sent: Vec<(PeerKey, u32, u64)>,
    }

    impl Sink for Notes {
        fn rtp(&mut self, to: PeerKey, packet: Outgoing<'_>) {
            let note = (to, packet.ssrc, packet.index);
            assert!(!self.sent.contains(&note), "a number is given twice");
            self.sent.push(note);
        }
        fn rtcp(&mut self, _to: PeerKey, _packet: &[u8]) {}
        fn count(&mut self, _what: Counted, _n: u64) {}
    }

    fn packet(n: u64, kind: TrackKind, sequence: u16) -> Vec<u8> {
        let base = u32::try_from(n).unwrap() * 100;
        let header = Header {
            marker: true,
            payload_type: if kind.is_audio() { 111 } else { 96 },
            sequence,
            timestamp: u32::from(sequence) * 960,
            ssrc: base + if kind.is_audio() { 1 } else { 2 },
            mid: None,
        };
        [header.write().as_slice(), &[0x10, 0, 0, 0]].concat()
    }

    /// The tables fit together.
    fn check(forwarder: &mut Forwarder) {
        let Forwarder { peers, tracks, slots, by_participant, .. } = forwarder;
        for (key, slot) in slots.iter_mut() {
            let subscriber = peers.get(slot.peer.0).expect("a slot has its peer");
            assert!(subscriber.slots.contains(&key));
            let Some(track) = slot.track else { continue };
            let track = tracks.get(track).expect("a slot's track is there");
            assert_eq!(track.slots.iter().filter(|other| **other == key).count(), 1);
            assert_eq!(track.spec.kind.is_audio(), slot.spec.audio);
            let publisher = peers.get(track.peer.0).expect("a track has its peer");
            assert_eq!(publisher.room, subscriber.room, "never across rooms");
            assert_eq!(slot.wanted, Some((publisher.participant, track.spec.kind)));
        }
        for (key, track) in tracks.iter_mut() {
            for slot in &track.slots {
                assert_eq!(slots.get(*slot).expect("a track's slot is there").track, Some(key));
            }
        }
        for (participant, key) in by_participant.iter() {
            assert_eq!(
                peers.get(key.0).expect("named peers are there").participant,
                *participant
            );
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Open(u64),
        Connect(u64),
        Close(u64),
        Bind(u64, u8, u64, bool),
        Unbind(u64, u8),
        Hold(u64, bool),
        Packet(u64, bool, u16),
        Lacks(u64, u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        let who = 1u64..6;
        prop_oneof![
            who.clone().prop_map(Step::Open),
            who.clone().prop_map(Step::Connect),
            who.clone().prop_map(Step::Close),
            (who.clone(), 2u8..6, 1u64..6, any::<bool>())
                .prop_map(|(to, slot, of, audio)| Step::Bind(to, slot, of, audio)),
            (who.clone(), 2u8..5).prop_map(|(of, slot)| Step::Unbind(of, slot)),
            (who.clone(), any::<bool>()).prop_map(|(of, held)| Step::Hold(of, held)),
            (who.clone(), any::<bool>(), 0u16..50)
                .prop_map(|(of, audio, number)| Step::Packet(of, audio, number)),
            (who, 0u16..50).prop_map(|(of, number)| Step::Lacks(of, number)),
        ]
    }

    fn kind(audio: bool) -> TrackKind {
        if audio { TrackKind::Microphone } else { TrackKind::Camera }
    }

    fn take(forwarder: &mut Forwarder, notes: &mut Notes, now: Timestamp, step: Step) {
        match step {
            Step::Open(n) => {
                if let Some(key) = forwarder.peer_of(name(n)) {
                    forwarder.close(key);
                    notes.sent.retain(|(to, _, _)| *to != key);
                }
                // Odd and even are in different rooms.
                forwarder.open(now, spec(n, u8::try_from(n % 2).unwrap()));
            }
            Step::Connect(n) => {
                if let Some(key) = forwarder.peer_of(name(n)) {
                    forwarder.connected(now, key);
                }
            }
            Step::Close(n) => {
                if let Some(key) = forwarder.peer_of(name(n)) {
                    forwarder.close(key);
                    notes.sent.retain(|(to, _, _)| *to != key);
                }
            }
            Step::Bind(to, slot, of, audio) => {
                let binding = SlotBinding {
                    mid: mid(&slot.to_string()),
                    publisher: name(of),
                    kind: kind(audio),
                };
                let fits = forwarder.peer_of(name(to)).is_some()
                    && matches!((slot, audio), (2, true) | (3 | 4, false));
                assert_eq!(forwarder.bind(now, name(to), &binding).is_ok(), fits);
            }
            Step::Unbind(of, slot) => {
                let known = forwarder.peer_of(name(of)).is_some();
                let unbound = forwarder.unbind(name(of), &mid(&slot.to_string()));
                assert_eq!(unbound.is_ok(), known);
            }
            Step::Hold(of, held) => forwarder.hold(name(of), TrackKind::Camera, held),
            Step::Packet(of, audio, number) => {
                if let Some(key) = forwarder.peer_of(name(of)) {
                    forwarder.rtp(now, key, &packet(of, kind(audio), number), notes);
                }
            }
            Step::Lacks(of, number) => {
                if let Some(key) = forwarder.peer_of(name(of)) {
                    let slot = u32::try_from(of).unwrap() * 100 + 4;
                    let nack =
                        crate::rtcp::negative_acknowledgement(1, slot, &[number, number + 1]);
                    forwarder.rtcp(now, key, nack.as_slice(), notes);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_tables_fit_together_whatever_is_ordered(steps in prop::collection::vec(step(), 1..120)) {
            let mut forwarder = Forwarder::default();
            let mut notes = Notes::default();
            for (n, step) in (0..).zip(steps) {
                let now = Timestamp::from_start(std::time::Duration::from_millis(n * 7));
                take(&mut forwarder, &mut notes, now, step);
                forwarder.tick(now, &mut notes);
                check(&mut forwarder);
            }
        }
    }

    #[test]
    fn a_new_peer_connection_holds_nothing() {
        let (mut forwarder, mut notes) = (Forwarder::default(), Notes::default());
        let now = Timestamp::default();
        for n in [1, 3] {
            let key = forwarder.open(now, spec(n, 1));
            forwarder.connected(now, key);
        }
        let binding =
            SlotBinding { mid: mid("2"), publisher: name(1), kind: TrackKind::Microphone };
        forwarder.bind(now, name(3), &binding).unwrap();
        forwarder.hold(name(1), TrackKind::Microphone, true);
        let key = forwarder.peer_of(name(1)).unwrap();
        forwarder.rtp(now, key, &packet(1, TrackKind::Microphone, 1), &mut notes);
        assert!(notes.sent.is_empty());
        forwarder.close(key);
        let key = forwarder.open(now, spec(1, 1));
        forwarder.rtp(now, key, &packet(1, TrackKind::Microphone, 2), &mut notes);
        assert_eq!(notes.sent.len(), 1);
    }
}
