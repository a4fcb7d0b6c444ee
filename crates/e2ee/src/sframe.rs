//! SFrame's header and key schedule, as in RFC 9605 sections 4.3 and 4.4.
//!
//! The seal itself is in [`frames`](crate::frames), with our additions to the layout.

use hkdf::Hkdf;
use hkdf::hmac::EagerHash;

/// The longest header: configuration, 8 bytes of KID, 8 bytes of CTR.
pub const HEADER_BYTES_MAX: usize = 17;

/// Bytes of a nonce, in every suite.
pub const NONCE_BYTES: usize = 12;

/// Which key and which counter a frame was sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The key's id.
    pub kid: u64,
    /// The counter.
    pub ctr: u64,
}

/// The bytes of a header, on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderBytes {
    bytes: [u8; HEADER_BYTES_MAX],
    len: usize,
}

impl HeaderBytes {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = *byte;
                self.len += 1;
            }
        }
    }
}

/// A number in as few bytes as hold it, at least one.
fn shortest(number: &[u8; 8]) -> &[u8] {
    let zeros = number.iter().take(7).take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The four bits that stand for a number: itself up to 7, else the length of what follows.
fn nibble(number: u64, bytes: &[u8]) -> u8 {
    match u8::try_from(number) {
        Ok(small @ 0..=7) => small,
        Ok(_) | Err(_) => 0b1000 | u8::try_from(bytes.len() - 1).unwrap_or(7),
    }
}

/// Reads what [`nibble`] announces; `None` if it is cut off or longer than needed.
fn read_number(nibble: u8, input: &[u8]) -> Option<(u64, &[u8])> {
    if nibble < 8 {
        return Some((u64::from(nibble), input));
    }
    let (bytes, rest) = input.split_at_checked(usize::from(nibble & 7) + 1)?;
    let number = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let is_shortest = number > 7 && shortest(&number.to_be_bytes()).len() == bytes.len();
    is_shortest.then_some((number, rest))
}

impl Header {
    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> HeaderBytes {
        let (kid, ctr) = (self.kid.to_be_bytes(), self.ctr.to_be_bytes());
        let (kid, ctr) = (shortest(&kid), shortest(&ctr));
        let (kid_bits, ctr_bits) = (nibble(self.kid, kid), nibble(self.ctr, ctr));
        let mut header = HeaderBytes { bytes: [0; HEADER_BYTES_MAX], len: 0 };
        header.push(&[kid_bits << 4 | ctr_bits]);
        if kid_bits >= 8 {
            header.push(kid);
        }
        if ctr_bits >= 8 {
            header.push(ctr);
        }
        header
    }

    /// Reads one and what follows it.  Only the shortest spelling is taken.
    #[must_use]
    pub fn decode(input: &[u8]) -> Option<(Self, &[u8])> {
        let (config, rest) = input.split_first()?;
        let (kid, rest) = read_number(config >> 4, rest)?;
        let (ctr, rest) = read_number(config & 0b1111, rest)?;
        Some((Self { kid, ctr }, rest))
    }
}

/// Derives a frame key and salt (RFC 9605 section 4.4.2) into `key` and `salt`, whose lengths
/// are those of the suite.
pub fn derive<H: EagerHash>(
    base_key: &[u8],
    kid: u64,
    suite: u16,
    key: &mut [u8],
    salt: &mut [u8; NONCE_BYTES],
) {
    let secret = Hkdf::<H>::new(Some(&[]), base_key);
    let (kid, suite) = (kid.to_be_bytes(), suite.to_be_bytes());
    secret
        .expand_multi_info(&[b"SFrame 1.0 Secret key ", &kid, &suite], key)
        .expect("no suite has keys of 255 hashes");
    secret
        .expand_multi_info(&[b"SFrame 1.0 Secret salt ", &kid, &suite], salt)
        .expect("a salt is 12 bytes");
}

/// The nonce of one frame: salt XOR counter.
#[must_use]
pub fn nonce(salt: &[u8; NONCE_BYTES], ctr: u64) -> [u8; NONCE_BYTES] {
    let mut nonce = *salt;
    for (byte, ctr) in nonce.iter_mut().skip(4).zip(ctr.to_be_bytes()) {
        *byte ^= ctr;
    }
    nonce
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn long_spellings_and_cut_headers_are_refused() {
        for bad in [&[][..], &[0x80], &[0x80, 7], &[0x90, 0, 200], &[0x08, 0], &[0x0f, 1]] {
            assert_eq!(Header::decode(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn headers_are_read_as_they_were_written(kid: u64, ctr: u64, rest: [u8; 3]) {
            for header in [Header { kid, ctr }, Header { kid: kid % 64, ctr: ctr % 64 }] {
                let bytes = [header.encode().as_slice(), &rest].concat();
                prop_assert_eq!(Header::decode(&bytes), Some((header, rest.as_slice())));
            }
        }

        #[test]
        fn what_is_read_is_written_the_same(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Some((header, rest)) = Header::decode(&bytes) {
                let again = header.encode();
                prop_assert_eq!(again.as_slice(), &bytes[..bytes.len() - rest.len()]);
            }
        }
    }
}
