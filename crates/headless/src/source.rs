//! What the camera and the microphone give: a clip, played round and round at its own pace.
//!
//! When somebody needs a key frame the clip jumps to its next one: a file cannot be asked to
//! encode anew, but a decoder does not mind a cut.

use std::path::Path;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use protocol::media::TrackKind;
use protocol::time::Timestamp;

use crate::{ivf, ogg, vp8};

/// RTP clock of VP8 (RFC 7741 section 4.1), per second.
const VIDEO_CLOCK: u128 = 90_000;

/// RTP clock of Opus (RFC 7587 section 4.1), per second.
const AUDIO_CLOCK: u128 = 48_000;

/// A source this late starts afresh instead of catching up.
const LATE_MAX: Duration = Duration::from_millis(500);

/// Frames with nothing around them.
#[derive(Clone, Debug)]
pub struct Clip {
    frames: Vec<Bytes>,
    interval: Duration,
    is_audio: bool,
}

impl Clip {
    /// VP8 from an IVF file.
    ///
    /// # Errors
    ///
    /// See [`ivf::read`].
    pub fn from_ivf(path: &Path) -> anyhow::Result<Self> {
        let ivf = ivf::read(path)?;
        Ok(Self { frames: ivf.frames, interval: ivf.interval, is_audio: false })
    }

    /// Opus from an Ogg file.
    ///
    /// # Errors
    ///
    /// See [`ogg::read`].
    pub fn from_ogg(path: &Path) -> anyhow::Result<Self> {
        let frames = ogg::read(path)?;
        Ok(Self { frames, interval: Duration::from_millis(20), is_audio: true })
    }

    /// Frames that only look like VP8: a true header, then `mark` again and again.
    ///
    /// `frames_per_second` frames of `frame_bytes` bytes; one in thirty is a key frame.
    #[must_use]
    pub fn pictures_of(mark: &[u8], frames_per_second: u32, frame_bytes: usize) -> Self {
        let frames = (0..30_u8).map(|nth| {
            let mut frame = BytesMut::with_capacity(frame_bytes);
            if nth == 0 {
                frame.put_slice(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
            } else {
                frame.put_slice(&[0x11, 0, 0]);
            }
            frame.put_u8(nth);
            fill(&mut frame, mark, frame_bytes);
            frame.freeze()
        });
        let interval = Duration::from_secs(1) / frames_per_second.max(1);
        Self { frames: frames.collect(), interval, is_audio: false }
    }

    /// Frames that only look like Opus, 50 a second, made of `mark`.
    #[must_use]
    pub fn sound_of(mark: &[u8], frame_bytes: usize) -> Self {
        // CELT, 20 ms, stereo, one frame (RFC 6716 section 3.1).
        let mut frame = BytesMut::from(&[0xfc_u8][..]);
        fill(&mut frame, mark, frame_bytes);
        let interval = Duration::from_millis(20);
        Self { frames: vec![frame.freeze()], interval, is_audio: true }
    }

    /// Its frames.
    #[must_use]
    pub fn frames(&self) -> &[Bytes] {
        &self.frames
    }
}

fn fill(frame: &mut BytesMut, mark: &[u8], frame_bytes: usize) {
    let missing = frame_bytes.saturating_sub(frame.len());
    frame.extend(mark.iter().copied().cycle().take(missing));
}

/// A clip that is being played.
#[derive(Debug)]
pub(crate) struct Source {
    clip: Clip,
    kind: TrackKind,
    at: usize,
    next_at: Timestamp,
    played: Duration,
}

impl Source {
    pub(crate) fn new(clip: Clip, now: Timestamp) -> Self {
        let kind = if clip.is_audio { TrackKind::Microphone } else { TrackKind::Camera };
        Self { clip, kind, at: 0, next_at: now, played: Duration::ZERO }
    }

    pub(crate) fn kind(&self) -> TrackKind {
        self.kind
    }

    /// When the next frame is due.
    pub(crate) fn poll_timeout(&self) -> Timestamp {
        self.next_at
    }

    /// The next frame and its RTP timestamp, if it is due.
    pub(crate) fn poll_frame(&mut self, now: Timestamp) -> Option<(u32, Bytes)> {
        if now < self.next_at {
            return None;
        }
        let frame = self.clip.frames.get(self.at)?.clone();
        let clock = if self.clip.is_audio { AUDIO_CLOCK } else { VIDEO_CLOCK };
        let ticks = self.played.as_nanos() * clock / 1_000_000_000;
        self.at = (self.at + 1) % self.clip.frames.len();
        self.played += self.clip.interval;
        self.next_at = self.next_at + self.clip.interval;
        if now - self.next_at > LATE_MAX {
            self.next_at = now;
        }
        // RTP timestamps wrap (RFC 3550 section 5.1).
        let timestamp = u32::try_from(ticks & u128::from(u32::MAX)).unwrap_or_default();
        Some((timestamp, frame))
    }

    /// Goes on with the next key frame.
    pub(crate) fn jump_to_keyframe(&mut self) {
        let n = self.clip.frames.len();
        let next = (0..n)
            .map(|ahead| (self.at + ahead) % n)
            .find(|at| self.clip.frames.get(*at).is_some_and(|frame| vp8::is_keyframe(frame)));
        self.at = next.unwrap_or(self.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(ms))
    }

    #[test]
    fn frames_come_when_they_are_due_with_growing_timestamps() {
        let mut source = Source::new(Clip::pictures_of(b"x", 25, 100), at(0));
        assert_eq!(source.poll_frame(at(0)).unwrap().0, 0);
        assert_eq!(source.poll_frame(at(39)), None);
        assert_eq!(source.poll_frame(at(40)).unwrap().0, 3600);
        assert_eq!(source.poll_timeout(), at(80));
    }

    #[test]
    fn a_clip_goes_round() {
        let clip = Clip::sound_of(b"tone", 80);
        let mut source = Source::new(clip.clone(), at(0));
        for nth in 0..3_u32 {
            let (timestamp, frame) = source.poll_frame(at(u64::from(nth) * 20)).unwrap();
            assert_eq!((timestamp, &frame), (nth * 960, &clip.frames()[0]));
        }
    }

    #[test]
    fn a_jump_leads_to_a_key_frame() {
        let mut source = Source::new(Clip::pictures_of(b"x", 30, 100), at(0));
        source.poll_frame(at(0)).unwrap();
        source.jump_to_keyframe();
        assert!(vp8::is_keyframe(&source.poll_frame(at(100)).unwrap().1));
    }

    #[test]
    fn a_source_that_slept_does_not_send_in_bursts() {
        let mut source = Source::new(Clip::pictures_of(b"x", 30, 100), at(0));
        source.poll_frame(at(10_000)).unwrap();
        let burst = std::iter::from_fn(|| source.poll_frame(at(10_000))).count();
        assert!(burst <= 1, "{burst}");
    }
}
