//! Whether a frame looks sealed by the one who sent it.
//!
//! The server cannot open frames, but it can read who they claim to be from: the SFrame header
//! (RFC 9605 section 4.3) holds a key id whose middle bits are the sender's leaf (E2EE.md 1.7).
//! A frame in clear, or one that claims another member's key, does not get through by accident.
//!
//! # Invariants
//!
//! - A frame whose header names another leaf is not taken for the publisher's.

use protocol::id::LeafIndex;

use crate::wire::u8_at;

/// Epoch bits of a key id.
const EPOCH_BITS: u32 = 4;
/// Leaf bits of a key id.
const LEAF_MASK: u64 = 0x3f;
/// Bytes of the authentication tag at the end.
const TAG_BYTES: usize = 16;
/// Bytes left in clear before the header: VP8 keyframes, other VP8 frames, Opus.
const VP8_KEY_PREFIX: usize = 10;
const VP8_DELTA_PREFIX: usize = 1;

/// The leaf that the frame beginning with `first_bytes` claims; `None` if it holds no SFrame
/// header.  `whole` says whether all of the frame is there.
#[must_use]
pub fn claimed_leaf(first_bytes: &[u8], is_video: bool, whole: bool) -> Option<LeafIndex> {
    let prefix = match (is_video, u8_at(first_bytes, 0)?) {
        (false, _) => 0,
        (true, first) if first & 1 == 0 => VP8_KEY_PREFIX,
        (true, _) => VP8_DELTA_PREFIX,
    };
    let sealed = first_bytes.get(prefix..)?;
    let (&config, rest) = sealed.split_first()?;
    let counter_bytes = if config & 0x08 != 0 { usize::from(config & 0x07) + 1 } else { 0 };
    let (key_id, rest) = if config & 0x80 != 0 {
        let (key_id, rest) = rest.split_at_checked(usize::from(config >> 4 & 0x07) + 1)?;
        (key_id.iter().fold(0, |all, &byte| all << 8 | u64::from(byte)), rest)
    } else {
        (u64::from(config >> 4 & 0x07), rest)
    };
    let rest = rest.get(counter_bytes..)?;
    if whole && rest.len() < TAG_BYTES {
        return None;
    }
    u32::try_from(key_id >> EPOCH_BITS & LEAF_MASK).ok().map(LeafIndex)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(prefix: &[u8], context: u64, leaf: u64, epoch: u64) -> Vec<u8> {
        let key_id = context << 10 | leaf << 4 | (epoch % 16);
        let mut frame = prefix.to_vec();
        if key_id < 8 {
            frame.push((key_id as u8) << 4 | 0x08);
        } else if key_id < 256 {
            frame.extend([0x80 | 0x08, key_id as u8]);
        } else {
            frame.extend([0x90 | 0x08, (key_id >> 8) as u8, key_id as u8]);
        }
        frame.push(42);
        frame.extend([0; 20]);
        frame
    }

    #[test]
    fn the_leaf_is_read_behind_every_prefix() {
        for leaf in [0, 1, 15, 16, 63] {
            let expected = Some(LeafIndex(leaf as u32));
            assert_eq!(claimed_leaf(&frame(&[], 0, leaf, 3), false, true), expected);
            assert_eq!(claimed_leaf(&frame(&[0; 10], 1, leaf, 3), true, false), expected);
            assert_eq!(claimed_leaf(&frame(&[1], 1, leaf, 3), true, false), expected);
        }
    }

    #[test]
    fn a_frame_too_short_for_a_tag_is_not_sealed() {
        assert_eq!(claimed_leaf(&[0x08, 1, 2, 3], false, true), None);
        assert_eq!(claimed_leaf(&[], false, true), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>, is_video: bool, whole: bool) {
            let _ = claimed_leaf(&bytes, is_video, whole);
        }
    }
}
