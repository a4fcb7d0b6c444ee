//! How sealed VP8 frames become RTP payloads and come back (RFC 7741).
//!
//! A sealed frame keeps the first bytes of the VP8 frame in clear (E2EE.md 1.8), so what
//! stands behind the payload descriptor looks to the server like any other VP8.  The rest is
//! opaque here: frames are cut and joined, never looked into.

use bytes::{BufMut, Bytes, BytesMut};

/// Most bytes of a frame that one packet carries.  With IP, UDP, SRTP, RTP and its extensions
/// around it a packet stays below 1,280 bytes, the smallest MTU IPv6 allows.
pub const PAYLOAD_BYTES_MAX: usize = 1100;

/// Our payload descriptor: X and I set, a 15-bit picture id.
const DESCRIPTOR_BYTES: usize = 4;

/// Cuts a sealed frame into RTP payloads.  The last of them carries the marker bit.
pub fn packetize(frame: &[u8], picture_id: u16) -> impl Iterator<Item = Bytes> + '_ {
    let [high, low] = (picture_id | 0x8000).to_be_bytes();
    frame.chunks(PAYLOAD_BYTES_MAX).enumerate().map(move |(nth, chunk)| {
        // X=1, S=1 on the first packet of the frame, PID=0; then I=1; then M=1 and 15 bits.
        let first = if nth == 0 { 0x90 } else { 0x80 };
        let mut payload = BytesMut::with_capacity(DESCRIPTOR_BYTES + chunk.len());
        payload.put_slice(&[first, 0x80, high, low]);
        payload.put_slice(chunk);
        payload.freeze()
    })
}

/// One RTP payload, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Whether a frame begins here (S=1, PID=0).
    pub begins_frame: bool,
    /// The part of the frame.
    pub bytes: Bytes,
}

/// Takes the payload descriptor off (RFC 7741 section 4.2); `None` when there is not enough.
#[must_use]
pub fn strip_descriptor(payload: &Bytes) -> Option<Piece> {
    let mut at = 0;
    let mut next = || {
        let byte = payload.get(at).copied();
        at += 1;
        byte
    };
    let first = next()?;
    let begins_frame = first & 0x10 != 0 && first & 0x07 == 0;
    if first & 0x80 != 0 {
        let extension = next()?;
        // I: one or two bytes of picture id.
        if extension & 0x80 != 0 && next()? & 0x80 != 0 {
            next()?;
        }
        // L: one byte.
        if extension & 0x40 != 0 {
            next()?;
        }
        // T or K: one byte.
        if extension & 0x30 != 0 {
            next()?;
        }
    }
    (at < payload.len()).then(|| Piece { begins_frame, bytes: payload.slice(at..) })
}

/// Whether a VP8 frame (sealed or not) can be decoded without any before it: the P bit of its
/// first byte is 0 (RFC 6386 section 9.1).
#[must_use]
pub fn is_keyframe(frame: &[u8]) -> bool {
    frame.first().is_some_and(|byte| byte & 1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_from_its_packets() {
        let frame: Vec<u8> = (0..3000_u32).map(|i| (i % 251) as u8).collect();

        let pieces: Vec<Piece> = packetize(&frame, 0x1234)
            .map(|payload| strip_descriptor(&payload).unwrap())
            .collect();

        assert_eq!(pieces.len(), 3);
        assert_eq!(
            pieces.iter().map(|piece| piece.begins_frame).collect::<Vec<_>>(),
            [true, false, false]
        );
        let joined: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.to_vec()).collect();
        assert_eq!(joined, frame);
    }

    #[test]
    fn every_form_of_descriptor_is_stripped() {
        for (descriptor, begins_frame) in [
            (&[0x10_u8][..], true),
            (&[0x00], false),
            (&[0x11], false),                              // a later partition
            (&[0x90, 0x80, 0x05], true),                   // 7-bit picture id
            (&[0x90, 0x80, 0x85, 0x05], true),             // 15-bit picture id
            (&[0x90, 0xe0, 0x85, 0x05, 0x01, 0x40], true), // as Chromium sends
            (&[0x90, 0x10, 0x01], true),                   // only key index
        ] {
            let mut payload = descriptor.to_vec();
            payload.extend_from_slice(b"frame");
            let piece = strip_descriptor(&payload.into()).unwrap();
            assert_eq!(&piece.bytes[..], b"frame", "{descriptor:02x?}");
            assert_eq!(piece.begins_frame, begins_frame, "{descriptor:02x?}");
        }
    }

    #[test]
    fn a_payload_cut_short_is_refused() {
        let whole = [0x90, 0xf0, 0x85, 0x05, 0x01, 0x40];
        for n in 0..=whole.len() {
            assert_eq!(strip_descriptor(&Bytes::copy_from_slice(&whole[..n])), None, "{n}");
        }
    }
}
