//! What the SFU may know of VP8: the payload descriptor (RFC 7741 section 4.2) and, of the
//! sealed frame behind it, the one bit that tells keyframes (E2EE.md 1.8).

use crate::wire::u8_at;

/// What a packet of VP8 says about its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Length of the descriptor: the frame's bytes begin after it.
    pub bytes: usize,
    /// Whether the frame begins in this packet.
    pub starts_frame: bool,
    /// Whether a keyframe begins in this packet.
    pub starts_keyframe: bool,
}

impl Descriptor {
    /// Reads the descriptor at the start of an RTP payload.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = u8_at(payload, 0)?;
        let mut bytes = 1;
        if first & 0x80 != 0 {
            let present = u8_at(payload, 1)?;
            bytes = 2;
            if present & 0x80 != 0 {
                bytes += if u8_at(payload, bytes)? & 0x80 != 0 { 2 } else { 1 };
            }
            bytes += usize::from(present & 0x40 != 0);
            bytes += usize::from(present & 0x30 != 0);
        }
        let starts_frame = first & 0x17 == 0x10;
        let frame = u8_at(payload, bytes);
        if frame.is_none() && bytes > payload.len() {
            return None;
        }
        let starts_keyframe = starts_frame && frame.is_some_and(|frame| frame & 1 == 0);
        Some(Self { bytes, starts_frame, starts_keyframe })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn descriptors_of_every_shape_are_read() {
        let key = Descriptor { bytes: 1, starts_frame: true, starts_keyframe: true };
        assert_eq!(Descriptor::parse(&[0x10, 0x00]), Some(key));
        let delta = Descriptor { starts_keyframe: false, ..key };
        assert_eq!(Descriptor::parse(&[0x10, 0x01]), Some(delta));
        let long = Descriptor { bytes: 6, ..key };
        assert_eq!(Descriptor::parse(&[0x90, 0xe0, 0x81, 0x23, 7, 0x20, 0x10]), Some(long));
        let later = Descriptor { bytes: 1, starts_frame: false, starts_keyframe: false };
        assert_eq!(Descriptor::parse(&[0x00, 0x00]), Some(later));
        assert_eq!(Descriptor::parse(&[]), None);
        assert_eq!(Descriptor::parse(&[0x80]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            if let Some(descriptor) = Descriptor::parse(&bytes) {
                prop_assert!(descriptor.bytes <= bytes.len());
            }
        }
    }
}
