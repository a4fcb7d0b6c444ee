//! Where opened frames go.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use protocol::id::ParticipantId;
use protocol::media::TrackKind;
use protocol::time::Timestamp;

use crate::{ivf, ogg, vp8};

/// A frame, opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Who sealed it.
    pub from: ParticipantId,
    /// On which of their tracks.
    pub kind: TrackKind,
    /// The frame, as their encoder made it.
    pub bytes: Bytes,
    /// When it was opened.
    pub at: Timestamp,
}

/// Takes opened frames.
pub trait Sink: Send {
    /// Takes one.
    fn take(&mut self, frame: &Opened);
}

/// Throws them away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl Sink for Nowhere {
    fn take(&mut self, _frame: &Opened) {}
}

/// Most frames a [`Collector`] keeps: some minutes of a call.
const COLLECTED_MAX: usize = 50_000;

/// Keeps them, for a test to look at.
#[derive(Clone, Debug, Default)]
pub struct Collector(Arc<Mutex<Vec<Opened>>>);

impl Collector {
    /// Everything that came so far.
    #[must_use]
    pub fn frames(&self) -> Vec<Opened> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for Collector {
    fn take(&mut self, frame: &Opened) {
        let mut frames = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.len() < COLLECTED_MAX {
            frames.push(frame.clone());
        }
    }
}

/// Writes them to files: `camera-1.ivf`, `microphone-1.ogg`, one pair for each sender.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    senders: BTreeMap<ParticipantId, usize>,
    pictures: BTreeMap<ParticipantId, ivf::Writer>,
    sounds: BTreeMap<ParticipantId, ogg::Writer>,
}

impl Recorder {
    /// Records into `folder`, which is made if need be.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            senders: BTreeMap::new(),
            pictures: BTreeMap::new(),
            sounds: BTreeMap::new(),
        })
    }

    fn write(&mut self, frame: &Opened) -> anyhow::Result<()> {
        let n_senders = self.senders.len();
        let nth = *self.senders.entry(frame.from).or_insert(n_senders + 1);
        match frame.kind {
            TrackKind::Camera => {
                if let Some(file) = self.pictures.get_mut(&frame.from) {
                    return file.frame(&frame.bytes);
                }
                // Nothing can be shown before the first key frame.
                if vp8::is_keyframe(&frame.bytes) {
                    let path = self.folder.join(format!("camera-{nth}.ivf"));
                    let mut file = ivf::Writer::create(&path, &frame.bytes)?;
                    file.frame(&frame.bytes)?;
                    self.pictures.insert(frame.from, file);
                }
                Ok(())
            }
            TrackKind::Microphone => {
                if let Some(file) = self.sounds.get_mut(&frame.from) {
                    return file.packet(&frame.bytes);
                }
                let path = self.folder.join(format!("microphone-{nth}.ogg"));
                let mut file = ogg::Writer::create(&path)?;
                file.packet(&frame.bytes)?;
                self.sounds.insert(frame.from, file);
                Ok(())
            }
        }
    }
}

impl Sink for Recorder {
    fn take(&mut self, frame: &Opened) {
        if let Err(error) = self.write(frame) {
            tracing::warn!(%error, "A frame was not recorded");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(kind: TrackKind, bytes: &[u8]) -> Opened {
        let from = ParticipantId::from_raw(7);
        Opened { from, kind, bytes: bytes.to_vec().into(), at: Timestamp::default() }
    }

    #[test]
    fn a_recording_begins_with_the_first_key_frame() {
        let folder = std::env::temp_dir().join(format!("aman-sink-{}", std::process::id()));
        let mut recorder = Recorder::new(&folder).unwrap();
        let keyframe = [0x50, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00];

        recorder.take(&opened(TrackKind::Camera, &[0x31, 1]));
        recorder.take(&opened(TrackKind::Camera, &keyframe));
        recorder.take(&opened(TrackKind::Camera, &[0x31, 2]));
        recorder.take(&opened(TrackKind::Microphone, &[0xfc, 1, 2]));
        let pictures = ivf::read(&folder.join("camera-1.ivf")).unwrap();
        let sounds = ogg::read(&folder.join("microphone-1.ogg")).unwrap();
        fs::remove_dir_all(&folder).unwrap();

        assert_eq!(pictures.frames, [&keyframe[..], &[0x31, 2]]);
        assert_eq!(sounds, [&[0xfc_u8, 1, 2][..]]);
    }
}
