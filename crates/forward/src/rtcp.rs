//! What RTCP says that concerns us (RFC 3550 section 6, RFC 4585, RFC 5104).
//!
//! [`read`] walks over a compound packet and tells each thing once; all else in it is skipped.
//! The writers make packets for [`Sink::rtcp`](crate::Sink::rtcp).

use crate::reception::Block;
use crate::wire::{Writer, u8_at, u16_at, u32_at};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

/// Bytes of the longest packet made here.
const PACKET_BYTES_MAX: usize = 512;

/// A packet being made.
#[derive(Debug)]
pub struct Rtcp(Writer<PACKET_BYTES_MAX>);

impl Rtcp {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.0.finish().unwrap_or_default()
    }
}

/// One thing said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A sender tells its clocks.
    Sender {
        /// The source.
        ssrc: u32,
        /// Its wallclock.
        ntp: u64,
        /// Its media time at that moment.
        timestamp: u32,
    },
    /// A receiver tells how a source of ours arrives.
    Received {
        /// The source.
        ssrc: u32,
        /// Lost lately, in 256ths.
        fraction_lost: u8,
        /// Middle bits of the NTP time of the last sender report it had.
        last_report: u32,
        /// How long ago that was, in 65536ths of a second.
        delay: u32,
    },
    /// A receiver lacks packets: `first`, and of the sixteen after it those in `others`.
    Lacks {
        /// The source.
        ssrc: u32,
        /// The first number.
        first: u16,
        /// A bit for each of the sixteen after it.
        others: u16,
    },
    /// A receiver needs a keyframe.
    Keyframe {
        /// The source.
        ssrc: u32,
    },
}

/// Tells everything said in a compound packet.  What cannot be read ends it.
pub fn read(mut compound: &[u8], mut tell: impl FnMut(Said)) {
    while let Some((packet, rest)) = split(compound) {
        read_one(packet, &mut tell);
        compound = rest;
    }
}

fn split(compound: &[u8]) -> Option<(&[u8], &[u8])> {
    if u8_at(compound, 0)? >> 6 != 2 {
        return None;
    }
    let bytes = 4 + 4 * usize::from(u16_at(compound, 2)?);
    compound.split_at_checked(bytes)
}

fn read_one(packet: &[u8], tell: &mut impl FnMut(Said)) -> Option<()> {
    let count = u8_at(packet, 0)? & 0x1f;
    match (u8_at(packet, 1)?, count) {
        (SENDER_REPORT, n) => {
            let ntp = u64::from(u32_at(packet, 8)?) << 32 | u64::from(u32_at(packet, 12)?);
            let timestamp = u32_at(packet, 16)?;
            tell(Said::Sender { ssrc: u32_at(packet, 4)?, ntp, timestamp });
            read_blocks(packet.get(28..)?, n, tell)
        }
        (RECEIVER_REPORT, n) => read_blocks(packet.get(8..)?, n, tell),
        (TRANSPORT_FEEDBACK, 1) => {
            let ssrc = u32_at(packet, 8)?;
            for item in packet.get(12..)?.chunks_exact(4) {
                tell(Said::Lacks { ssrc, first: u16_at(item, 0)?, others: u16_at(item, 2)? });
            }
            Some(())
        }
        (PAYLOAD_FEEDBACK, 1) => {
            tell(Said::Keyframe { ssrc: u32_at(packet, 8)? });
            Some(())
        }
        (PAYLOAD_FEEDBACK, 4) => {
            for item in packet.get(12..)?.chunks_exact(8) {
                tell(Said::Keyframe { ssrc: u32_at(item, 0)? });
            }
            Some(())
        }
        _ => None,
    }
}

fn read_blocks(blocks: &[u8], n: u8, tell: &mut impl FnMut(Said)) -> Option<()> {
    for block in blocks.chunks_exact(24).take(usize::from(n)) {
        tell(Said::Received {
            ssrc: u32_at(block, 0)?,
            fraction_lost: u8_at(block, 4)?,
            last_report: u32_at(block, 16)?,
            delay: u32_at(block, 20)?,
        });
    }
    Some(())
}

fn begin(count: u8, kind: u8) -> Writer<PACKET_BYTES_MAX> {
    let mut writer = Writer::new();
    writer.put(&[0x80 | count, kind, 0, 0]);
    writer
}

fn end(mut writer: Writer<PACKET_BYTES_MAX>) -> Rtcp {
    let words = u16::try_from(writer.len() / 4 - 1).unwrap_or(0);
    writer.patch_u16(2, words);
    Rtcp(writer)
}

/// A receiver report of `sender` about up to fifteen sources.
pub fn receiver_report(sender: u32, blocks: impl Iterator<Item = Block>) -> Rtcp {
    let mut writer = begin(0, RECEIVER_REPORT);
    writer.put_u32(sender);
    let mut n = 0;
    for block in blocks.take(15) {
        n += 1;
        writer.put_u32(block.ssrc);
        let [_, a, b, c] = block.lost.to_be_bytes();
        writer.put(&[block.fraction_lost, a, b, c]);
        writer.put_u32(block.highest);
        writer.put_u32(block.jitter);
        writer.put_u32(block.last_report);
        writer.put_u32(block.delay);
    }
    writer.patch_u8(0, 0x80 | n);
    end(writer)
}

/// A sender report about a source of ours, with the name that binds its sound and pictures.
#[must_use]
pub fn sender_report(
    ssrc: u32,
    ntp: u64,
    timestamp: u32,
    packets: u32,
    octets: u32,
    cname: &str,
) -> Rtcp {
    let mut writer = begin(0, SENDER_REPORT);
    writer.put_u32(ssrc);
    writer.put(&ntp.to_be_bytes());
    writer.put_u32(timestamp);
    writer.put_u32(packets);
    writer.put_u32(octets);
    writer.patch_u16(2, 6);
    let begin_of_description = writer.len();
    writer.put(&[0x81, SOURCE_DESCRIPTION, 0, 0]);
    writer.put_u32(ssrc);
    let cname = cname.as_bytes().get(..cname.len().min(32)).unwrap_or_default();
    writer.put(&[1, u8::try_from(cname.len()).unwrap_or(0)]);
    writer.put(cname);
    // The list of items ends with a zero, then comes padding.
    writer.put(&[0]);
    writer.pad_to_word();
    let words = u16::try_from((writer.len() - begin_of_description) / 4 - 1).unwrap_or(0);
    writer.patch_u16(begin_of_description + 2, words);
    Rtcp(writer)
}

/// Asks a publisher for a keyframe.
#[must_use]
pub fn picture_loss(sender: u32, media: u32) -> Rtcp {
    let mut writer = begin(1, PAYLOAD_FEEDBACK);
    writer.put_u32(sender);
    writer.put_u32(media);
    end(writer)
}

/// Asks a publisher for packets again; `numbers` grow.
#[must_use]
pub fn negative_acknowledgement(sender: u32, media: u32, numbers: &[u16]) -> Rtcp {
    let mut writer = begin(1, TRANSPORT_FEEDBACK);
    writer.put_u32(sender);
    writer.put_u32(media);
    let mut numbers = numbers.iter().copied().peekable();
    while let Some(first) = numbers.next() {
        let mut others = 0;
        while let Some(next) =
            numbers.next_if(|next| (1..=16).contains(&next.wrapping_sub(first)))
        {
            others |= 1 << (next.wrapping_sub(first) - 1);
        }
        writer.put_u16(first);
        writer.put_u16(others);
    }
    end(writer)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(compound: &[u8]) -> Vec<Said> {
        let mut said = vec![];
        read(compound, |one| said.push(one));
        said
    }

    #[test]
    fn what_is_written_reads_back() {
        let report = sender_report(7, 0x0102_0304_0506_0708, 99, 3, 4, "pair-1");
        assert_eq!(report.as_slice().len() % 4, 0);
        assert_eq!(
            all(report.as_slice()),
            [Said::Sender { ssrc: 7, ntp: 0x0102_0304_0506_0708, timestamp: 99 }]
        );
        assert_eq!(all(picture_loss(1, 9).as_slice()), [Said::Keyframe { ssrc: 9 }]);
        let block = Block {
            ssrc: 5,
            fraction_lost: 3,
            lost: -1,
            highest: 77,
            jitter: 2,
            last_report: 11,
            delay: 12,
        };
        let report = receiver_report(1, [block].into_iter());
        let said = Said::Received { ssrc: 5, fraction_lost: 3, last_report: 11, delay: 12 };
        assert_eq!(all(report.as_slice()), [said]);
    }

    #[test]
    fn lacking_packets_are_named_in_few_words() {
        let packet = negative_acknowledgement(1, 9, &[65_530, 65_535, 3, 40]);
        assert_eq!(
            all(packet.as_slice()),
            [
                Said::Lacks { ssrc: 9, first: 65_530, others: 1 << 4 | 1 << 8 },
                Said::Lacks { ssrc: 9, first: 40, others: 0 },
            ]
        );
    }

    #[test]
    fn a_full_intra_request_is_a_keyframe_request() {
        let mut packet = vec![0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0];
        packet.extend([0, 0, 0, 9, 5, 0, 0, 0]);
        assert_eq!(all(&packet), [Said::Keyframe { ssrc: 9 }]);
    }

    #[test]
    fn every_part_of_a_compound_is_read() {
        let mut compound = receiver_report(1, std::iter::empty()).as_slice().to_vec();
        compound.extend([0x81, 202, 0, 2, 0, 0, 0, 1, 1, 1, b'x', 0]);
        compound.extend(picture_loss(1, 9).as_slice());
        assert_eq!(all(&compound), [Said::Keyframe { ssrc: 9 }]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            all(&bytes);
        }

        #[test]
        fn any_feedback_is_read_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 8..80), kind in 200u8..208) {
            bytes[0] = bytes[0] & 0x1f | 0x80;
            bytes[1] = kind;
            bytes[2] = 0;
            bytes[3] = (bytes.len() / 4 - 1) as u8;
            all(&bytes);
        }
    }
}
