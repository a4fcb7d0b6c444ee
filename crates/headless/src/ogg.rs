//! Opus packets in files: Ogg (RFC 3533, RFC 7845), read whole and written one by one.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, ensure};
use bytes::{Buf, Bytes, BytesMut};

/// Largest file read: a microphone is played from memory.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Largest packet taken: two minutes of the largest Opus frame are less.
const PACKET_BYTES_MAX: usize = 64 * 1024;

/// Samples of one frame: 20 ms at 48 kHz, as every encoder does by default.
pub const FRAME_SAMPLES: u32 = 960;

/// Reads the Opus packets of a file, the two header packets left out.
///
/// # Errors
///
/// When it cannot be read, is too large, or is not Opus in Ogg.
pub fn read(path: &Path) -> anyhow::Result<Vec<Bytes>> {
    ensure!(std::fs::metadata(path)?.len() <= FILE_BYTES_MAX, "the file is too large");
    let mut packets = parse(std::fs::read(path)?.into())?.into_iter();
    let head = packets.next().context("no packets")?;
    ensure!(head.starts_with(b"OpusHead"), "not Opus");
    let tags = packets.next().context("no second header")?;
    ensure!(tags.starts_with(b"OpusTags"), "not Opus");
    let packets: Vec<Bytes> = packets.collect();
    ensure!(!packets.is_empty(), "no sound");
    Ok(packets)
}

/// All packets of the pages, joined across page borders.
fn parse(mut file: Bytes) -> anyhow::Result<Vec<Bytes>> {
    let mut packets = Vec::new();
    let mut packet = BytesMut::new();
    while !file.is_empty() {
        ensure!(file.len() >= 27 && file.starts_with(b"OggS"), "not an Ogg page");
        file.advance(26);
        let n_segments = usize::from(file.get_u8());
        ensure!(file.len() >= n_segments, "a page is cut off");
        let lacing = file.split_to(n_segments);
        for size in lacing {
            let size = usize::from(size);
            ensure!(file.len() >= size, "a page is cut off");
            packet.extend_from_slice(&file.split_to(size));
            ensure!(packet.len() <= PACKET_BYTES_MAX, "a packet is too large");
            if size < 255 {
                packets.push(packet.split().freeze());
            }
        }
    }
    Ok(packets)
}

/// Writes packets as they come, one to a page.
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<File>,
    n_pages: u32,
    granule: u64,
}

impl Writer {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        let mut writer = Self { file, n_pages: 0, granule: 0 };
        // Version 1, two channels, no pre-skip, 48 kHz, no gain, mapping family 0.
        writer.page(2, b"OpusHead\x01\x02\0\0\x80\xbb\0\0\0\0\0")?;
        writer.page(0, b"OpusTags\x04\0\0\0aman\0\0\0\0")?;
        Ok(writer)
    }

    /// Adds a packet of [`FRAME_SAMPLES`].
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn packet(&mut self, packet: &[u8]) -> anyhow::Result<()> {
        self.granule += u64::from(FRAME_SAMPLES);
        self.page(0, packet)?;
        Ok(self.file.flush()?)
    }

    fn page(&mut self, flags: u8, packet: &[u8]) -> anyhow::Result<()> {
        let n_full = u8::try_from(packet.len() / 255)?;
        ensure!(n_full < 255, "the packet does not fit a page");
        let mut page = Vec::with_capacity(282 + packet.len());
        page.extend_from_slice(b"OggS\0");
        page.push(flags);
        page.extend_from_slice(&self.granule.to_le_bytes());
        page.extend_from_slice(b"aman");
        page.extend_from_slice(&self.n_pages.to_le_bytes());
        page.extend_from_slice(&[0; 4]);
        page.push(n_full + 1);
        page.extend(std::iter::repeat_n(255, usize::from(n_full)));
        page.push(u8::try_from(packet.len() % 255)?);
        page.extend_from_slice(packet);
        let checksum = checksum(&page).to_le_bytes();
        if let Some(field) = page.get_mut(22..26) {
            field.copy_from_slice(&checksum);
        }
        self.n_pages += 1;
        Ok(self.file.write_all(&page)?)
    }
}

/// CRC-32 with the polynomial 0x04c11db7, not reflected (RFC 3533 section 6).
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |all, byte| {
        (0..8).fold(all ^ (u32::from(*byte) << 24), |crc, _| {
            if crc & 0x8000_0000 != 0 { (crc << 1) ^ 0x04c1_1db7 } else { crc << 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let path = std::env::temp_dir().join(format!("aman-ogg-{}.ogg", std::process::id()));
        let packets = [vec![1; 10], vec![2; 255], vec![3; 700], vec![4; 0]];
        let mut writer = Writer::create(&path).unwrap();
        for packet in &packets {
            writer.packet(packet).unwrap();
        }

        let back = read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();

        assert_eq!(back, packets);
    }

    #[test]
    fn a_packet_may_span_pages() {
        let mut file = b"OggS".to_vec();
        file.extend([0; 22]);
        file.extend([1, 255]);
        file.extend([7; 255]);
        file.extend(b"OggS");
        file.extend([0; 22]);
        file.extend([2, 3, 2]);
        file.extend([7, 7, 7, 8, 8]);
        let packets = parse(file.into()).unwrap();
        assert_eq!(packets, [vec![7; 258], vec![8; 2]]);
    }

    #[test]
    fn files_cut_short_are_refused() {
        let mut file = b"OggS".to_vec();
        file.extend([0; 22]);
        file.extend([1, 3, 1, 2, 3]);
        assert_eq!(parse(file.clone().into()).unwrap().len(), 1);
        for n in 1..file.len() {
            assert!(parse(file[..n].to_vec().into()).is_err(), "{n}");
        }
    }

    /// The known check value of this CRC (no reflection, zero at start and end).
    #[test]
    fn the_checksum_is_that_of_ogg() {
        assert_eq!(checksum(b"123456789"), 0x89a1_897f);
    }
}
