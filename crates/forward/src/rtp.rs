//! What an RTP packet says outside its payload (RFC 3550 section 5.1, RFC 8285).

use crate::wire::{Writer, u8_at, u16_at, u32_at};

/// Bytes of the fixed part of the header.
pub const FIXED_BYTES: usize = 12;

/// Most bytes [`Header::write`] makes.
pub const HEADER_BYTES_MAX: usize = 64;

/// How long the header of a packet is, extensions included: what SRTP leaves readable.
///
/// `None` when `packet` is no RTP packet of version 2 or shorter than its header.
#[must_use]
pub fn header_bytes(packet: &[u8]) -> Option<usize> {
    let first = u8_at(packet, 0)?;
    if first >> 6 != 2 {
        return None;
    }
    let mut bytes = FIXED_BYTES + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        bytes += 4 + 4 * usize::from(u16_at(packet, bytes + 2)?);
    }
    (bytes <= packet.len()).then_some(bytes)
}

/// The SSRC of an RTP packet, readable before it is authenticated.
#[must_use]
pub fn ssrc(packet: &[u8]) -> Option<u32> {
    u32_at(packet, 8)
}

/// The sequence number of an RTP packet, readable before it is authenticated.
#[must_use]
pub fn sequence(packet: &[u8]) -> Option<u16> {
    u16_at(packet, 2)
}

/// An RTP packet taken apart where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Last packet of a frame (video), first after silence (audio).
    pub marker: bool,
    /// Which codec.
    pub payload_type: u8,
    /// Place in the order of the source.
    pub sequence: u16,
    /// Media time.
    pub timestamp: u32,
    /// The source.
    pub ssrc: u32,
    /// What is carried, without padding.
    pub payload: &'a [u8],
    profile: u16,
    extensions: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes `packet` apart; `None` when it is not a whole RTP packet.
    #[must_use]
    pub fn parse(packet: &'a [u8]) -> Option<Self> {
        let header = header_bytes(packet)?;
        let first = u8_at(packet, 0)?;
        let second = u8_at(packet, 1)?;
        let mut payload = packet.get(header..)?;
        if first & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            let rest = payload.len().checked_sub(padding)?;
            payload = if padding == 0 { return None } else { payload.get(..rest)? };
        }
        let fixed = FIXED_BYTES + 4 * usize::from(first & 0x0f);
        let (profile, extensions) = if first & 0x10 != 0 {
            (u16_at(packet, fixed)?, packet.get(fixed + 4..header)?)
        } else {
            (0, &[][..])
        };
        Some(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16_at(packet, 2)?,
            timestamp: u32_at(packet, 4)?,
            ssrc: u32_at(packet, 8)?,
            payload,
            profile,
            extensions,
        })
    }

    /// The header extension with the number `id`, if it is there.
    #[must_use]
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        let one_byte = self.profile == 0xbede;
        if !one_byte && self.profile & 0xfff0 != 0x1000 {
            return None;
        }
        let mut rest = self.extensions;
        while let Some((&first, after)) = rest.split_first() {
            if first == 0 {
                rest = after;
                continue;
            }
            let (number, bytes, body) = if one_byte {
                // Number 15 ends the list (RFC 8285 section 4.2).
                if first >> 4 == 15 {
                    return None;
                }
                (first >> 4, usize::from(first & 0x0f) + 1, after)
            } else {
                let (&length, body) = after.split_first()?;
                (first, usize::from(length), body)
            };
            let (value, next) = body.split_at_checked(bytes)?;
            if number == id {
                return Some(value);
            }
            rest = next;
        }
        None
    }
}

/// The header of a packet we send.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// As in [`Packet`].
    pub marker: bool,
    /// As in [`Packet`].
    pub payload_type: u8,
    /// As in [`Packet`].
    pub sequence: u16,
    /// As in [`Packet`].
    pub timestamp: u32,
    /// As in [`Packet`].
    pub ssrc: u32,
    /// The mid, with the number of its header extension.
    pub mid: Option<(u8, &'a str)>,
}

/// A header in bytes.
#[derive(Debug)]
pub struct HeaderBytes(Writer<HEADER_BYTES_MAX>);

impl HeaderBytes {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.0.finish().unwrap_or_default()
    }
}

impl Header<'_> {
    /// Writes the header.
    #[must_use]
    pub fn write(&self) -> HeaderBytes {
        let mut writer = Writer::new();
        // One-byte extensions hold 1 to 16 bytes under the numbers 1 to 14.
        let mid = self
            .mid
            .filter(|(id, mid)| (1..=14).contains(id) && !mid.is_empty() && mid.len() <= 16);
        let marker = if self.marker { 0x80 } else { 0 };
        writer.put(&[if mid.is_some() { 0x90 } else { 0x80 }, marker | self.payload_type]);
        writer.put_u16(self.sequence);
        writer.put_u32(self.timestamp);
        writer.put_u32(self.ssrc);
        if let Some((id, mid)) = mid {
            let length = u8::try_from(mid.len()).unwrap_or(1).saturating_sub(1);
            let words = u16::try_from((1 + mid.len()).div_ceil(4)).unwrap_or(0);
            writer.put_u16(0xbede);
            writer.put_u16(words);
            writer.put(&[id << 4 | length]);
            writer.put(mid.as_bytes());
            writer.pad_to_word();
        }
        HeaderBytes(writer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_written_reads_back() {
        let header = Header {
            marker: true,
            payload_type: 96,
            sequence: 0x1234,
            timestamp: 0x5678_9abc,
            ssrc: 0xdead_beef,
            mid: Some((4, "12")),
        };
        let mut bytes = header.write().as_slice().to_vec();
        assert_eq!(header_bytes(&bytes), Some(bytes.len()));
        bytes.extend_from_slice(b"payload");
        let packet = Packet::parse(&bytes).unwrap();
        assert!(packet.marker);
        assert_eq!((packet.payload_type, packet.sequence), (96, 0x1234));
        assert_eq!((packet.timestamp, packet.ssrc), (0x5678_9abc, 0xdead_beef));
        assert_eq!(packet.extension(4), Some(&b"12"[..]));
        assert_eq!(packet.extension(5), None);
        assert_eq!(packet.payload, b"payload");
    }

    #[test]
    fn padding_is_no_payload() {
        let mut bytes = vec![0xa0, 96];
        bytes.extend_from_slice(&[0; 10]);
        bytes.extend_from_slice(&[7, 7, 0, 0, 3]);
        assert_eq!(Packet::parse(&bytes).unwrap().payload, [7, 7]);
        *bytes.last_mut().unwrap() = 9;
        assert!(Packet::parse(&bytes).is_none());
        *bytes.last_mut().unwrap() = 0;
        assert!(Packet::parse(&bytes).is_none());
    }

    #[test]
    fn extensions_of_both_forms_are_found() {
        let one = [0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 2, 0x10, 9, 0, 0x31];
        let mut one = one.to_vec();
        one.extend_from_slice(&[1, 2, 0, 0]);
        let packet = Packet::parse(&one).unwrap();
        assert_eq!(packet.extension(1), Some(&[9][..]));
        assert_eq!(packet.extension(3), Some(&[1, 2][..]));
        let two = [0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 20, 2, 8, 9];
        assert_eq!(Packet::parse(&two).unwrap().extension(20), Some(&[8, 9][..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>, id: u8) {
            if let Some(packet) = Packet::parse(&bytes) {
                let _ = packet.extension(id);
                prop_assert!(packet.payload.len() + FIXED_BYTES <= bytes.len());
            }
        }
    }
}
