//! Frames in, sealed frames out, and back: thin over [`e2ee::frames`], closed when in doubt.

use e2ee::frames::{OpenError, SealError};
use protocol::id::LeafIndex;
use protocol::media::TrackKind;
use protocol::time::Timestamp;

use crate::participant::Participant;
use crate::start::{Code, Refusal};

/// Why a frame was not sealed.  It must not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealRefused {
    /// There is no key: not in the group, or not any more.
    #[error("no key to seal with")]
    NoKey,
    /// Nobody who matters has confirmed for too long that they are where we are.
    #[error("nobody confirms that they hear us")]
    Unconfirmed,
    /// The keys have not been renewed for too long.
    #[error("the epoch is too old to send in")]
    EpochTooOld,
    /// It is no frame of the track's codec, or too large.
    #[error("not a frame of this codec")]
    BadFrame,
    /// The key's counter is used up.
    #[error("the key is used up")]
    KeyUsedUp,
}

impl Code for SealRefused {
    fn code(&self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::Unconfirmed => "unconfirmed",
            Self::EpochTooOld => "epoch_too_old",
            Self::BadFrame => "bad_frame",
            Self::KeyUsedUp => "key_used_up",
        }
    }
}

impl From<SealError> for SealRefused {
    fn from(error: SealError) -> Self {
        match error {
            SealError::NoKey => Self::NoKey,
            SealError::BadFrame => Self::BadFrame,
            SealError::KeyUsedUp => Self::KeyUsedUp,
        }
    }
}

/// Why a frame was not opened.  It must not be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct OpenRefused(#[from] pub OpenError);

/// `unknown_key` is the one refusal worth waiting for: the commit may be on its way.
impl Code for OpenRefused {
    fn code(&self) -> &'static str {
        match self.0 {
            OpenError::NotSealed => "not_sealed",
            OpenError::UnknownEpoch => "unknown_key",
            OpenError::NotAMember => "not_a_member",
            OpenError::WrongTrack => "wrong_track",
            OpenError::NotAuthentic => "not_authentic",
            OpenError::Replayed => "replayed",
            OpenError::BadFrame => "bad_frame",
        }
    }
}

/// Whose frame was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The leaf whose key sealed it.
    pub leaf: LeafIndex,
    /// Which of their tracks.
    pub kind: TrackKind,
}

/// Reads the name of a track's kind, as the wire spells it.
///
/// # Errors
///
/// [`Refusal::BadInput`] for any other name.
pub fn track_kind(name: &str) -> Result<TrackKind, Refusal> {
    match name {
        "microphone" => Ok(TrackKind::Microphone),
        "camera" => Ok(TrackKind::Camera),
        _ => Err(Refusal::BadInput),
    }
}

impl Participant {
    /// Seals one encoded frame into `out`, whose content is replaced.
    ///
    /// # Errors
    ///
    /// [`SealRefused`]; `out` is empty then, and the frame must be dropped.
    pub fn seal_frame(
        &mut self,
        now: Timestamp,
        kind: TrackKind,
        frame: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealRefused> {
        out.clear();
        if self.keys.sealer.epoch().is_some() && self.keys.is_too_old(now) {
            return Err(SealRefused::EpochTooOld);
        }
        if self.pulse.is_silent(now, self.role()) {
            return Err(SealRefused::Unconfirmed);
        }
        if self.keys.is_withheld() {
            return Err(SealRefused::NoKey);
        }
        Ok(self.keys.sealer.seal(kind, frame, out)?)
    }

    /// Opens one sealed frame of a track that carries sound (`audio`) or pictures into `out`,
    /// whose content is replaced.
    ///
    /// # Errors
    ///
    /// [`OpenRefused`]; `out` is empty then, and the frame must be dropped.
    pub fn open_frame(
        &mut self,
        now: Timestamp,
        audio: bool,
        frame: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Opened, OpenRefused> {
        let kind = if audio { TrackKind::Microphone } else { TrackKind::Camera };
        let opened = self.keys.opener.open(now, kind, frame, out)?;
        Ok(Opened { leaf: opened.leaf, kind: opened.kind })
    }
}
