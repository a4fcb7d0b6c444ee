//! Frames sealed for the group (E2EE.md 1.7 and 1.8; ADR 3).
//!
//! ```text
//!   out = clear prefix || SFrame header || ciphertext || tag
//!   AAD = SFrame header || clear prefix || codec
//!   KID = context (mic 0, camera 2) · leaf (6 bits) · epoch mod 16 (4 bits)
//! ```
//!
//! The clear prefix is what the server must read to forward: nothing of Opus; of VP8 ten bytes
//! of a key frame and one byte else.  Its length follows from codec and first byte alone.  The
//! camera is context 2, the middle of the three that simulcast layers will have.
//!
//! # Invariants
//!
//! - No key and counter meet twice: an epoch's [`SealingEpoch`] exists once, counters only
//!   grow, and a sealer takes only newer epochs.
//! - A KID selects exactly one key; nothing is tried.
//! - A frame opens at most once, for the context it was sealed for, and never for our own leaf.
//! - A leaf opens as one participant's alone: frames of an old epoch whose leaf is nobody's or
//!   somebody else's in the newest one are refused.
//! - Without a key nothing is sealed and nothing passes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::{Aes128Gcm, Nonce, Tag};
use protocol::id::{Epoch, LeafIndex, ParticipantId};
use protocol::limits::{FRAME_BYTES_MAX, OLD_KEYS_PATIENCE, OLD_KEYS_PATIENCE_AFTER_REMOVAL};
use protocol::media::TrackKind;
use protocol::secret::Secret;
use protocol::time::Timestamp;
use sha2::Sha256;
use zeroize::Zeroize;

use crate::key_switch::KeyEpoch;
use crate::replay::ReplayWindow;
use crate::sframe::{self, HEADER_BYTES_MAX, Header, NONCE_BYTES};

/// AES_128_GCM_SHA256_128.
const SUITE: u16 = 4;
const TAG_BYTES: usize = 16;
const EPOCH_BITS: u32 = 4;
const LEAF_BITS: u32 = 6;
const VP8_KEY_FRAME_PREFIX: usize = 10;
const VP8_DELTA_PREFIX: usize = 1;
const AAD_BYTES_MAX: usize = HEADER_BYTES_MAX + VP8_KEY_FRAME_PREFIX + 1;

/// Most bytes a sealed frame has over the clear one.
pub const OVERHEAD_BYTES_MAX: usize = HEADER_BYTES_MAX + TAG_BYTES;

/// Epochs whose frames can be opened at a time: one fewer than KIDs can tell apart.
const EPOCHS_KEPT_MAX: usize = 15;

/// How the frames of a track are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    Opus,
    Vp8,
}

impl Codec {
    const fn of(kind: TrackKind) -> Self {
        match kind {
            TrackKind::Microphone => Self::Opus,
            TrackKind::Camera => Self::Vp8,
        }
    }

    /// Its name in the AAD.
    const fn id(self) -> u8 {
        match self {
            Self::Opus => 1,
            Self::Vp8 => 2,
        }
    }

    /// How many bytes stay clear; `None` for what is no frame of this codec.
    fn clear_prefix(self, frame: &[u8]) -> Option<usize> {
        match (self, frame.first()) {
            (Self::Opus, _) => Some(0),
            (Self::Vp8, None) => None,
            // Bit P of the frame tag: 0 for key frames (RFC 6386 section 9.1).
            (Self::Vp8, Some(tag)) if tag & 1 == 0 => {
                (frame.len() >= VP8_KEY_FRAME_PREFIX).then_some(VP8_KEY_FRAME_PREFIX)
            }
            (Self::Vp8, Some(_)) => Some(VP8_DELTA_PREFIX),
        }
    }

    /// Whether an opened frame begins as one of this codec must, before a decoder sees it.
    fn is_plausible(self, frame: &[u8]) -> bool {
        match (self, frame.first()) {
            (Self::Opus, _) => true,
            (Self::Vp8, None) => false,
            (Self::Vp8, Some(tag)) if tag & 1 == 0 => {
                frame.get(3..6) == Some(&[0x9d, 0x01, 0x2a])
            }
            (Self::Vp8, Some(_)) => true,
        }
    }
}

/// The SFrame context of a track.
#[must_use]
pub const fn context(kind: TrackKind) -> u64 {
    match kind {
        TrackKind::Microphone => 0,
        TrackKind::Camera => 2,
    }
}

fn kind_of(context: u64) -> Option<TrackKind> {
    [TrackKind::Microphone, TrackKind::Camera]
        .into_iter()
        .find(|kind| self::context(*kind) == context)
}

fn key_id(kind: TrackKind, leaf: LeafIndex, epoch: Epoch) -> u64 {
    context(kind) << (LEAF_BITS + EPOCH_BITS)
        | u64::from(leaf.0) << EPOCH_BITS
        | epoch_bits(epoch)
}

const fn epoch_bits(epoch: Epoch) -> u64 {
    epoch.0 % (1 << EPOCH_BITS)
}

/// A frame key with its salt.
struct FrameKey {
    cipher: Aes128Gcm,
    salt: [u8; NONCE_BYTES],
}

impl FrameKey {
    fn derive(base_key: &Secret<16>, kid: u64) -> Self {
        let (mut key, mut salt) = ([0; 16], [0; NONCE_BYTES]);
        sframe::derive::<Sha256>(base_key.expose(), kid, SUITE, &mut key, &mut salt);
        let cipher = Aes128Gcm::new(&key.into());
        key.zeroize();
        Self { cipher, salt }
    }
}

impl Drop for FrameKey {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

/// The additional data of one frame, on the stack.
struct Aad {
    bytes: [u8; AAD_BYTES_MAX],
    len: usize,
}

impl Aad {
    fn new(header: &[u8], prefix: &[u8], codec: Codec) -> Self {
        let mut aad = Self { bytes: [0; AAD_BYTES_MAX], len: 0 };
        for (place, byte) in
            aad.bytes.iter_mut().zip(header.iter().chain(prefix).chain(&[codec.id()]))
        {
            *place = *byte;
            aad.len += 1;
        }
        aad
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The frame keys of one epoch, as [`Group::frame_epoch`](crate::group::Group::frame_epoch)
/// hands them out: once.
pub struct FrameEpoch {
    sealing: SealingEpoch,
    opening: OpeningEpoch,
}

impl FrameEpoch {
    pub(crate) fn new(
        epoch: KeyEpoch,
        base_key: Secret<16>,
        own: LeafIndex,
        others: BTreeMap<LeafIndex, ParticipantId>,
    ) -> Self {
        let sealing = SealingEpoch { epoch, base_key: base_key.clone(), own };
        Self { sealing, opening: OpeningEpoch { epoch, base_key, others } }
    }

    /// Which epoch.
    #[must_use]
    pub const fn epoch(&self) -> KeyEpoch {
        self.sealing.epoch
    }

    /// The half to seal with, when the key switch says so, and the half to open with, at once.
    #[must_use]
    pub fn split(self) -> (SealingEpoch, OpeningEpoch) {
        (self.sealing, self.opening)
    }
}

/// What a sealer needs of an epoch.  There is one of each epoch; it cannot be copied.
pub struct SealingEpoch {
    epoch: KeyEpoch,
    base_key: Secret<16>,
    own: LeafIndex,
}

impl SealingEpoch {
    /// Which epoch.
    #[must_use]
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }
}

/// What an opener needs of an epoch.
pub struct OpeningEpoch {
    epoch: KeyEpoch,
    base_key: Secret<16>,
    others: BTreeMap<LeafIndex, ParticipantId>,
}

impl OpeningEpoch {
    /// Which epoch.
    #[must_use]
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }
}

/// No keys in it.
macro_rules! debug_shows_the_epoch {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.epoch())
            }
        }
    )*};
}

debug_shows_the_epoch!(FrameEpoch, SealingEpoch, OpeningEpoch);

/// Why a frame was not sealed.  It must not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is no epoch to seal with.
    #[error("no key to seal with")]
    NoKey,
    /// It is no frame of the track's codec, or too large.
    #[error("not a frame of this codec")]
    BadFrame,
    /// The counter is used up.
    #[error("the key is used up")]
    KeyUsedUp,
}

/// One encoder's key and counter.
struct SealingContext {
    key: FrameKey,
    kid: u64,
    next_ctr: u64,
}

/// Seals the frames of one participant, each track with a key and counter of its own.
#[derive(Default)]
pub struct FrameSealer {
    epoch: Option<KeyEpoch>,
    contexts: BTreeMap<TrackKind, SealingContext>,
}

impl FrameSealer {
    /// Seals with `epoch` from the next frame on.  Epochs that are not newer change nothing.
    pub fn use_epoch(&mut self, epoch: SealingEpoch) {
        if self.epoch >= Some(epoch.epoch) {
            return;
        }
        self.epoch = Some(epoch.epoch);
        self.contexts = [TrackKind::Microphone, TrackKind::Camera]
            .into_iter()
            .map(|kind| {
                let kid = key_id(kind, epoch.own, epoch.epoch.epoch);
                let key = FrameKey::derive(&epoch.base_key, kid);
                (kind, SealingContext { key, kid, next_ctr: 0 })
            })
            .collect();
        drop(epoch);
    }

    /// Forgets all keys: nothing is sealed until a newer epoch comes.
    pub fn close(&mut self) {
        self.contexts.clear();
    }

    /// The epoch frames are sealed with.
    #[must_use]
    pub const fn epoch(&self) -> Option<KeyEpoch> {
        self.epoch
    }

    /// Seals a frame into `out`, whose content is replaced.
    ///
    /// # Errors
    ///
    /// [`SealError`]; `out` is empty then.
    pub fn seal(
        &mut self,
        kind: TrackKind,
        frame: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        out.clear();
        let context = self.contexts.get_mut(&kind).ok_or(SealError::NoKey)?;
        let codec = Codec::of(kind);
        if frame.len() > FRAME_BYTES_MAX {
            return Err(SealError::BadFrame);
        }
        let (prefix, body) = codec
            .clear_prefix(frame)
            .and_then(|len| frame.split_at_checked(len))
            .ok_or(SealError::BadFrame)?;
        let ctr = context.next_ctr;
        context.next_ctr = ctr.checked_add(1).ok_or(SealError::KeyUsedUp)?;

        let header = Header { kid: context.kid, ctr }.encode();
        out.extend_from_slice(prefix);
        out.extend_from_slice(header.as_slice());
        let start = out.len();
        out.extend_from_slice(body);
        let aad = Aad::new(header.as_slice(), prefix, codec);
        let nonce = sframe::nonce(&context.key.salt, ctr);
        let sealed = out.get_mut(start..).map(|body| {
            context.key.cipher.encrypt_in_place_detached(
                Nonce::from_slice(&nonce),
                aad.as_slice(),
                body,
            )
        });
        if let Some(Ok(tag)) = sealed {
            out.extend_from_slice(&tag);
            Ok(())
        } else {
            out.clear();
            Err(SealError::BadFrame)
        }
    }
}

/// Why a frame was not opened.  It must not be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It does not even look sealed: clear, cut off, or too large.
    #[error("not a sealed frame")]
    NotSealed,
    /// No key of that epoch: the commit has not arrived yet, or the epoch is over.
    #[error("no key of that epoch")]
    UnknownEpoch,
    /// The leaf is nobody's in that epoch, or our own.
    #[error("not sealed by another member")]
    NotAMember,
    /// It is of another track than it was delivered as.
    #[error("of another track")]
    WrongTrack,
    /// It was changed on the way, or was not sealed by a member.
    #[error("not authentic")]
    NotAuthentic,
    /// It was opened before, or is too old to know.
    #[error("seen before")]
    Replayed,
    /// It is authentic, but no frame of the codec.
    #[error("not a frame of this codec")]
    BadFrame,
}

/// Whose frame it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedFrame {
    /// The leaf its key belongs to.  Any member can seal as any other (E2EE.md 1.11); the
    /// server's check of the leaf is what stops that.
    pub leaf: LeafIndex,
    /// Of which track.
    pub kind: TrackKind,
    /// In which epoch it was sealed.
    pub epoch: KeyEpoch,
}

struct OpeningContext {
    key: FrameKey,
    window: ReplayWindow,
}

struct KeptEpoch {
    keys: OpeningEpoch,
    /// From when on its frames are refused.
    until: Option<Timestamp>,
    contexts: BTreeMap<u64, OpeningContext>,
}

/// Opens the frames of the other members.
#[derive(Default)]
pub struct FrameOpener {
    /// Oldest first; the last one is current.
    epochs: VecDeque<KeptEpoch>,
}

impl FrameOpener {
    /// Opens frames of `epoch` from here on.  Those of the epochs before can be opened for a
    /// while longer: less long after a removal.
    pub fn add_epoch(&mut self, now: Timestamp, epoch: OpeningEpoch, removes: bool) {
        if self.epochs.back().is_some_and(|newest| newest.keys.epoch >= epoch.epoch) {
            return;
        }
        let patience: Duration =
            if removes { OLD_KEYS_PATIENCE_AFTER_REMOVAL } else { OLD_KEYS_PATIENCE };
        for old in &mut self.epochs {
            let until = now + patience;
            old.until = Some(old.until.map_or(until, |earlier| earlier.min(until)));
            // Leaves are told apart by number alone: whoever had one that is somebody else's
            // by now must not be taken for them.
            old.keys.others.retain(|leaf, who| epoch.others.get(leaf) == Some(who));
        }
        // A KID must select one key: an epoch with the same four bits goes.
        let bits = epoch_bits(epoch.epoch.epoch);
        self.epochs.retain(|old| epoch_bits(old.keys.epoch.epoch) != bits);
        while self.epochs.len() >= EPOCHS_KEPT_MAX {
            self.epochs.pop_front();
        }
        self.epochs.push_back(KeptEpoch {
            keys: epoch,
            until: None,
            contexts: BTreeMap::new(),
        });
    }

    /// Forgets the keys whose time is over.  [`open`](Self::open) does so as well.
    pub fn forget_old(&mut self, now: Timestamp) {
        self.epochs.retain(|epoch| epoch.until.is_none_or(|until| now < until));
    }

    /// When [`forget_old`](Self::forget_old) is next needed, if at all.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.epochs.iter().filter_map(|epoch| epoch.until).min()
    }

    /// Forgets all keys.
    pub fn close(&mut self) {
        self.epochs.clear();
    }

    /// Opens a frame that was delivered as one of a `kind` track into `out`, whose content is
    /// replaced.  The caller compares the leaf with the one it expects.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; `out` is empty then.
    pub fn open(
        &mut self,
        now: Timestamp,
        kind: TrackKind,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<OpenedFrame, OpenError> {
        out.clear();
        self.forget_old(now);
        let opened = self.open_into(kind, sealed, out);
        if opened.is_err() {
            out.zeroize();
        }
        opened
    }

    fn open_into(
        &mut self,
        kind: TrackKind,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<OpenedFrame, OpenError> {
        let codec = Codec::of(kind);
        if sealed.len() > FRAME_BYTES_MAX + OVERHEAD_BYTES_MAX {
            return Err(OpenError::NotSealed);
        }
        let (prefix, rest) = codec
            .clear_prefix(sealed)
            .and_then(|len| sealed.split_at_checked(len))
            .ok_or(OpenError::NotSealed)?;
        let (header, body) = Header::decode(rest).ok_or(OpenError::NotSealed)?;
        let (body, tag) = body
            .len()
            .checked_sub(TAG_BYTES)
            .and_then(|len| body.split_at_checked(len))
            .ok_or(OpenError::NotSealed)?;
        let (epoch, leaf, context) = self.select(kind, header.kid)?;
        if !context.window.is_fresh(header.ctr) {
            return Err(OpenError::Replayed);
        }

        out.extend_from_slice(prefix);
        out.extend_from_slice(body);
        let aad = Aad::new(header.encode().as_slice(), prefix, codec);
        let nonce = sframe::nonce(&context.key.salt, header.ctr);
        let body = out.get_mut(prefix.len()..).ok_or(OpenError::NotSealed)?;
        context
            .key
            .cipher
            .decrypt_in_place_detached(
                Nonce::from_slice(&nonce),
                aad.as_slice(),
                body,
                Tag::from_slice(tag),
            )
            .map_err(|_| OpenError::NotAuthentic)?;
        context.window.accept(header.ctr);
        if !codec.is_plausible(out) {
            return Err(OpenError::BadFrame);
        }
        Ok(OpenedFrame { leaf, kind, epoch })
    }

    /// The one key a KID selects.
    fn select(
        &mut self,
        kind: TrackKind,
        kid: u64,
    ) -> Result<(KeyEpoch, LeafIndex, &mut OpeningContext), OpenError> {
        let context = kid >> (LEAF_BITS + EPOCH_BITS);
        match kind_of(context) {
            Some(sealed_as) if sealed_as == kind => (),
            Some(_) => return Err(OpenError::WrongTrack),
            None => return Err(OpenError::NotSealed),
        }
        let bits = kid % (1 << EPOCH_BITS);
        let kept = self
            .epochs
            .iter_mut()
            .find(|kept| epoch_bits(kept.keys.epoch.epoch) == bits)
            .ok_or(OpenError::UnknownEpoch)?;
        let leaf = u32::try_from(kid >> EPOCH_BITS & ((1 << LEAF_BITS) - 1))
            .map(LeafIndex)
            .map_err(|_| OpenError::NotAMember)?;
        if !kept.keys.others.contains_key(&leaf) {
            return Err(OpenError::NotAMember);
        }
        let opening = kept.contexts.entry(kid).or_insert_with(|| OpeningContext {
            key: FrameKey::derive(&kept.keys.base_key, kid),
            window: ReplayWindow::default(),
        });
        Ok((kept.keys.epoch, leaf, opening))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use protocol::id::Generation;

    use super::*;

    const MIC: TrackKind = TrackKind::Microphone;
    const CAMERA: TrackKind = TrackKind::Camera;
    const ANA: LeafIndex = LeafIndex(0);
    const BEN: LeafIndex = LeafIndex(1);
    const KEY_FRAME: &[u8] = &[0x10, 1, 2, 0x9d, 0x01, 0x2a, 7, 8, 9, 10, 11, 12, 13];
    const DELTA_FRAME: &[u8] = &[0x11, 1, 2, 3, 4];

    #[test]
    fn frames_of_both_codecs_open_for_the_other() {
        let (mut ana, mut ben) = pair(1);
        for (kind, frame) in
            [(MIC, &b"sound"[..]), (MIC, b""), (CAMERA, KEY_FRAME), (CAMERA, DELTA_FRAME)]
        {
            let sealed = seal(&mut ana, kind, frame);
            let (from, opened) = open(&mut ben, kind, &sealed).unwrap();
            assert_eq!(opened, frame);
            assert_eq!((from.leaf, from.kind, from.epoch), (ANA, kind, epoch(1)));
        }
    }

    #[test]
    fn only_the_prefix_stays_clear() {
        let (mut ana, _) = pair(1);
        let sealed = seal(&mut ana, CAMERA, KEY_FRAME);
        assert_eq!(sealed[..10], KEY_FRAME[..10]);
        assert_eq!(sealed.len(), KEY_FRAME.len() + 3 + TAG_BYTES, "KID 2049 has two bytes");
        let sealed = seal(&mut ana, CAMERA, DELTA_FRAME);
        assert_eq!(sealed[0], DELTA_FRAME[0]);
        assert_ne!(sealed[4..8], DELTA_FRAME[1..5]);
        let sealed = seal(&mut ana, MIC, b"sound");
        assert_eq!(sealed.len(), 5 + 1 + TAG_BYTES, "KID 1 stands in the first byte");
    }

    #[test]
    fn the_layout_is_as_written_down() {
        let mut sealer = FrameSealer::default();
        sealer.use_epoch(keys(1, LeafIndex(3), [7; 16]).split().0);
        let sealed = seal(&mut sealer, CAMERA, DELTA_FRAME);

        let kid: u64 = 2 << 10 | 3 << 4 | 1;
        let (mut key, mut salt) = ([0; 16], [0; 12]);
        sframe::derive::<Sha256>(&[7; 16], kid, 4, &mut key, &mut salt);
        let header = [0x90, 0x08, 0x31];
        let aad = [&header[..], &DELTA_FRAME[..1], &[2]].concat();
        let mut body = DELTA_FRAME[1..].to_vec();
        let tag = Aes128Gcm::new(&key.into())
            .encrypt_in_place_detached(Nonce::from_slice(&salt), &aad, &mut body)
            .unwrap();
        assert_eq!(sealed, [&DELTA_FRAME[..1], &header, &body, &tag].concat());
    }

    #[test]
    fn nothing_is_sealed_without_a_key() {
        let mut sealer = FrameSealer::default();
        let mut out = vec![1, 2, 3];
        assert_eq!(sealer.seal(MIC, b"sound", &mut out), Err(SealError::NoKey));
        assert!(out.is_empty());

        sealer.use_epoch(keys(1, ANA, [1; 16]).split().0);
        sealer.close();
        assert_eq!(sealer.seal(MIC, b"sound", &mut out), Err(SealError::NoKey));
    }

    #[test]
    fn what_is_no_frame_is_not_sealed() {
        let (mut ana, _) = pair(1);
        let mut out = Vec::new();
        for bad in [&[][..], &[0x10; 9]] {
            assert_eq!(ana.seal(CAMERA, bad, &mut out), Err(SealError::BadFrame));
        }
        let huge = vec![1; FRAME_BYTES_MAX + 1];
        assert_eq!(ana.seal(CAMERA, &huge, &mut out), Err(SealError::BadFrame));
        assert!(ana.seal(CAMERA, &huge[1..], &mut out).is_ok());
        assert!(out.len() <= FRAME_BYTES_MAX + OVERHEAD_BYTES_MAX);
    }

    #[test]
    fn a_frame_opens_once() {
        let (mut ana, mut ben) = pair(1);
        let first = seal(&mut ana, MIC, b"1");
        let second = seal(&mut ana, MIC, b"2");
        assert!(open(&mut ben, MIC, &second).is_ok());
        assert!(open(&mut ben, MIC, &first).is_ok(), "order does not matter");
        assert_eq!(open(&mut ben, MIC, &first), Err(OpenError::Replayed));
        assert_eq!(open(&mut ben, MIC, &second), Err(OpenError::Replayed));
    }

    #[test]
    fn a_frame_opens_as_what_it_is_alone() {
        let (mut ana, mut ben) = pair(1);
        let sound = seal(&mut ana, MIC, &[0x11; 20]);
        assert!(open(&mut ben, CAMERA, &sound).is_err());
        // The sound of a frame, dressed up as a delta frame of the camera.
        let dressed = [&[0x11][..], &sound].concat();
        assert_eq!(open(&mut ben, CAMERA, &dressed), Err(OpenError::WrongTrack));
        assert!(open(&mut ben, MIC, &sound).is_ok());
    }

    #[test]
    fn clear_frames_are_never_passed_on() {
        let (_, mut ben) = pair(1);
        for (kind, clear) in [
            (MIC, &[0xf8, 0xff, 0xfe][..]),
            (MIC, &[]),
            (CAMERA, KEY_FRAME),
            (CAMERA, DELTA_FRAME),
        ] {
            assert!(open(&mut ben, kind, clear).is_err(), "{clear:?}");
        }
    }

    #[test]
    fn frames_of_our_own_leaf_and_of_nobodys_are_refused() {
        let (mut ana, _) = pair(1);
        let sealed = seal(&mut ana, MIC, b"mine");
        let mut own_opener = FrameOpener::default();
        own_opener.add_epoch(at(0), keys(1, ANA, [1; 16]).split().1, false);
        assert_eq!(open(&mut own_opener, MIC, &sealed), Err(OpenError::NotAMember));

        let mut nobody = FrameSealer::default();
        nobody.use_epoch(keys(1, LeafIndex(9), [1; 16]).split().0);
        let sealed = seal(&mut nobody, MIC, b"whose");
        assert_eq!(open(&mut pair(1).1, MIC, &sealed), Err(OpenError::NotAMember));
    }

    #[test]
    fn frames_of_an_epoch_we_are_not_in_are_refused_by_name() {
        let (mut ana, _) = pair(2);
        let sealed = seal(&mut ana, MIC, b"early");
        assert_eq!(open(&mut pair(1).1, MIC, &sealed), Err(OpenError::UnknownEpoch));
        let mut other_room = sealer(1, [9; 16]);
        let sealed = seal(&mut other_room, MIC, b"elsewhere");
        assert_eq!(open(&mut pair(1).1, MIC, &sealed), Err(OpenError::NotAuthentic));
    }

    #[test]
    fn nobody_is_taken_for_whoever_had_their_leaf_before_or_has_it_after() {
        // The one who was removed may still have a server that helps.
        for after in [BTreeMap::new(), BTreeMap::from([(ANA, participant(7))])] {
            let (mut ana, mut ben) = pair(1);
            let sealed = seal(&mut ana, MIC, b"the last word");
            let next = FrameEpoch::new(epoch(2), Secret::from_bytes([2; 16]), BEN, after);
            ben.add_epoch(at(0), next.split().1, true);
            assert_eq!(open(&mut ben, MIC, &sealed), Err(OpenError::NotAMember));
        }
    }

    #[test]
    fn old_epochs_open_for_their_patience_and_no_longer() {
        for (removes, patience) in
            [(false, OLD_KEYS_PATIENCE), (true, OLD_KEYS_PATIENCE_AFTER_REMOVAL)]
        {
            let (mut ana, mut ben) = pair(1);
            let sealed = [seal(&mut ana, MIC, b"1"), seal(&mut ana, MIC, b"2")];
            ben.add_epoch(at(0), keys(2, BEN, [2; 16]).split().1, removes);
            assert_eq!(ben.poll_timeout(), Some(at(0) + patience));

            let mut out = Vec::new();
            let before = at(0) + (patience - Duration::from_millis(1));
            assert!(ben.open(before, MIC, &sealed[0], &mut out).is_ok());
            let after = ben.open(at(0) + patience, MIC, &sealed[1], &mut out);
            assert_eq!(after, Err(OpenError::UnknownEpoch));
            assert!(out.is_empty());
        }
    }

    #[test]
    fn a_later_removal_shortens_the_patience_and_a_later_join_does_not_lengthen_it() {
        let (_, mut ben) = pair(1);
        ben.add_epoch(at(0), keys(2, BEN, [2; 16]).split().1, false);
        ben.add_epoch(at(1000), keys(3, BEN, [3; 16]).split().1, true);
        ben.add_epoch(at(2000), keys(4, BEN, [4; 16]).split().1, false);
        assert_eq!(ben.poll_timeout(), Some(at(1000) + OLD_KEYS_PATIENCE_AFTER_REMOVAL));
    }

    #[test]
    fn a_kid_selects_the_newest_of_two_epochs_it_could_mean() {
        let (mut ana, mut ben) = pair(1);
        let old = seal(&mut ana, MIC, b"old");
        ben.add_epoch(at(0), keys(17, BEN, [2; 16]).split().1, false);
        let new = seal(&mut sealer(17, [2; 16]), MIC, b"new");
        assert_eq!(open(&mut ben, MIC, &old), Err(OpenError::NotAuthentic));
        assert_eq!(open(&mut ben, MIC, &new).unwrap().0.epoch, epoch(17));
    }

    #[test]
    fn older_epochs_are_neither_sealed_with_nor_added() {
        let (mut ana, mut ben) = pair(5);
        ana.use_epoch(keys(4, ANA, [4; 16]).split().0);
        ana.use_epoch(keys(5, ANA, [4; 16]).split().0);
        ben.add_epoch(at(0), keys(4, BEN, [4; 16]).split().1, false);
        assert_eq!(ana.epoch(), Some(epoch(5)));
        assert_eq!(ben.poll_timeout(), None);
        assert!(open(&mut ben, MIC, &seal(&mut ana, MIC, b"5")).is_ok());
    }

    #[test]
    fn an_authentic_key_frame_without_its_start_code_is_not_shown() {
        let (mut ana, mut ben) = pair(1);
        let sealed = seal(&mut ana, CAMERA, &[0x10; 20]);
        assert_eq!(open(&mut ben, CAMERA, &sealed), Err(OpenError::BadFrame));
    }

    #[test]
    fn no_epoch_shows_its_keys() {
        let text =
            format!("{:?} {:?}", keys(1, ANA, [0xab; 16]), keys(1, ANA, [0xab; 16]).split());
        assert!(!text.contains("ab") && !text.contains("171"), "{text}");
    }

    proptest! {
        /// Whatever bit of a sealed frame is turned, or wherever it is cut.
        #[test]
        fn tampered_frames_are_refused(
            camera: bool,
            key_frame: bool,
            body in prop::collection::vec(any::<u8>(), 0..60),
            at: usize,
            bit in 0..8_u8,
            cut: bool,
        ) {
            let (mut ana, mut ben) = pair(1);
            let head: &[u8] = match (camera, key_frame) {
                (false, _) => &[],
                (true, true) => &KEY_FRAME[..10],
                (true, false) => &[0x11],
            };
            let kind = if camera { CAMERA } else { MIC };
            let sealed = seal(&mut ana, kind, &[head, &body].concat());
            let mut bad = sealed.clone();
            let at = at % bad.len();
            if cut {
                bad.truncate(at);
            } else {
                bad[at] ^= 1 << bit;
            }
            prop_assert!(open(&mut ben, kind, &bad).is_err());
            prop_assert!(open(&mut ben, kind, &sealed).is_ok(), "control: the whole one opens");
        }

        /// Whatever bytes come as a frame.
        #[test]
        fn any_bytes_are_refused_without_harm(
            camera: bool,
            bytes in prop::collection::vec(any::<u8>(), 0..80)
        ) {
            let kind = if camera { CAMERA } else { MIC };
            prop_assert!(open(&mut pair(1).1, kind, &bytes).is_err());
        }

        /// No key and counter meet twice, however kinds and epochs follow each other.
        #[test]
        fn no_nonce_is_used_twice(steps in prop::collection::vec((any::<bool>(), 0..8_u64), 1..200)) {
            let mut sealer = FrameSealer::default();
            sealer.use_epoch(keys(0, ANA, [0; 16]).split().0);
            let seen = RefCell::new(BTreeSet::new());
            for (camera, step) in steps {
                if step > 0 {
                    sealer.use_epoch(keys(step, ANA, [u8::try_from(step).unwrap(); 16]).split().0);
                }
                let (kind, frame) = if camera { (CAMERA, DELTA_FRAME) } else { (MIC, &b"a"[..]) };
                let sealed = seal(&mut sealer, kind, frame);
                let (header, _) = Header::decode(&sealed[usize::from(camera)..]).unwrap();
                let newest = sealer.epoch().unwrap().epoch.0;
                let first = seen.borrow_mut().insert((newest, header.kid, header.ctr));
                prop_assert!(first, "epoch {newest}: {header:?}");
            }
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }

    fn epoch(epoch: u64) -> KeyEpoch {
        KeyEpoch { generation: Generation(0), epoch: Epoch(epoch) }
    }

    fn keys(number: u64, own: LeafIndex, base_key: [u8; 16]) -> FrameEpoch {
        let others = [ANA, BEN].into_iter().filter(|leaf| *leaf != own);
        let others = others.map(|leaf| (leaf, participant(u64::from(leaf.0)))).collect();
        FrameEpoch::new(epoch(number), Secret::from_bytes(base_key), own, others)
    }

    fn participant(raw: u64) -> ParticipantId {
        ParticipantId::from_raw(raw)
    }

    fn sealer(number: u64, base_key: [u8; 16]) -> FrameSealer {
        let mut sealer = FrameSealer::default();
        sealer.use_epoch(keys(number, ANA, base_key).split().0);
        sealer
    }

    /// Ana, who seals, and Ben, who opens.
    fn pair(number: u64) -> (FrameSealer, FrameOpener) {
        let mut ben = FrameOpener::default();
        ben.add_epoch(at(0), keys(number, BEN, [1; 16]).split().1, false);
        (sealer(number, [1; 16]), ben)
    }

    fn seal(sealer: &mut FrameSealer, kind: TrackKind, frame: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        sealer.seal(kind, frame, &mut out).unwrap();
        out
    }

    fn open(
        opener: &mut FrameOpener,
        kind: TrackKind,
        sealed: &[u8],
    ) -> Result<(OpenedFrame, Vec<u8>), OpenError> {
        let mut out = vec![0; 3];
        opener.open(at(0), kind, sealed, &mut out).map(|from| (from, out))
    }
}
