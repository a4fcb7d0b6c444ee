//! VP8 frames in files: IVF, read whole and written one by one.
//!
//! 32 bytes of file header, then 12 bytes before each frame, all little-endian.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::{Buf, Bytes};
use protocol::limits::FRAME_BYTES_MAX;

/// Largest file read: a camera is played from memory.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What an IVF file holds.
#[derive(Clone, Debug)]
pub struct Ivf {
    /// The frames.
    pub frames: Vec<Bytes>,
    /// How long each is shown.
    pub interval: Duration,
}

/// Reads a file.
///
/// # Errors
///
/// When it cannot be read, is too large, or is not VP8 in IVF.
pub fn read(path: &Path) -> anyhow::Result<Ivf> {
    ensure!(std::fs::metadata(path)?.len() <= FILE_BYTES_MAX, "the file is too large");
    parse(std::fs::read(path)?.into())
}

fn parse(mut file: Bytes) -> anyhow::Result<Ivf> {
    ensure!(file.len() >= 32, "shorter than an IVF header");
    let mut header = file.split_to(32);
    ensure!(header.starts_with(b"DKIF"), "not an IVF file");
    header.advance(8);
    ensure!(header.starts_with(b"VP80"), "not VP8");
    header.advance(8);
    let (rate, scale) = (header.get_u32_le(), header.get_u32_le());
    ensure!(rate > 0 && scale > 0, "no frame rate");
    let interval = Duration::from_secs(1) * scale / rate;
    ensure!(interval >= Duration::from_millis(1), "an impossible frame rate");

    let mut frames = Vec::new();
    while file.len() >= 12 {
        let bytes = usize::try_from(file.get_u32_le())?;
        file.advance(8);
        ensure!(bytes <= FRAME_BYTES_MAX, "a frame is too large");
        if bytes > file.len() {
            bail!("the last frame is cut off");
        }
        frames.push(file.split_to(bytes));
    }
    ensure!(!frames.is_empty(), "no frames");
    Ok(Ivf { frames, interval })
}

/// Writes frames as they come.
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<File>,
    n_frames: u64,
}

impl Writer {
    /// Begins a file; the first frame must be a key frame, which says how large the picture is.
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub fn create(path: &Path, keyframe: &[u8]) -> anyhow::Result<Self> {
        let (width, height) = dimensions(keyframe).context("not a key frame")?;
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(b"DKIF\0\0\x20\0VP80")?;
        file.write_all(&width.to_le_bytes())?;
        file.write_all(&height.to_le_bytes())?;
        // Timestamps count 1/30 s; the number of frames is left open.
        for number in [30_u32, 1, 0, 0] {
            file.write_all(&number.to_le_bytes())?;
        }
        Ok(Self { file, n_frames: 0 })
    }

    /// Adds a frame.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn frame(&mut self, frame: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(&u32::try_from(frame.len())?.to_le_bytes())?;
        self.file.write_all(&self.n_frames.to_le_bytes())?;
        self.file.write_all(frame)?;
        self.file.flush()?;
        self.n_frames += 1;
        Ok(())
    }
}

/// Width and height of a key frame (RFC 6386 section 9.1).
fn dimensions(frame: &[u8]) -> Option<(u16, u16)> {
    let &[tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = frame.first_chunk::<10>()? else {
        return None;
    };
    let size = |low, high| u16::from_le_bytes([low, high]) & 0x3fff;
    (tag & 1 == 0).then(|| (size(w0, w1), size(h0, h1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYFRAME: [u8; 12] =
        [0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00, 7, 7];

    #[test]
    fn what_is_written_can_be_read() {
        let path = std::env::temp_dir().join(format!("aman-ivf-{}.ivf", std::process::id()));
        let mut writer = Writer::create(&path, &KEYFRAME).unwrap();
        writer.frame(&KEYFRAME).unwrap();
        writer.frame(&[0x31, 9, 9]).unwrap();

        let ivf = read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();

        assert_eq!(ivf.frames, [&KEYFRAME[..], &[0x31, 9, 9]]);
        assert_eq!(ivf.interval, Duration::from_secs(1) / 30);
    }

    #[test]
    fn the_size_of_the_picture_is_read_from_the_key_frame() {
        assert_eq!(dimensions(&KEYFRAME), Some((320, 240)));
        assert_eq!(dimensions(&KEYFRAME[..9]), None);
        assert_eq!(dimensions(&[0x31; 12]), None);
    }

    #[test]
    fn other_files_and_files_cut_short_are_refused() {
        let mut good = b"DKIF\0\0\x20\0VP80\0\0\0\0".to_vec();
        for number in [30_u32, 1, 1, 0, 2] {
            good.extend(number.to_le_bytes());
        }
        good.extend([0; 8]);
        good.extend([1, 2]);
        assert_eq!(parse(good.clone().into()).unwrap().frames.len(), 1);
        for n in 0..good.len() {
            assert!(parse(good[..n].to_vec().into()).is_err(), "{n}");
        }
        good[8..12].copy_from_slice(b"VP90");
        assert!(parse(good.into()).is_err());
    }
}
