//! How packets are sealed and opened where they lie: SRTP and SRTCP with AES-128-GCM
//! (RFC 3711, RFC 7714).  The adapter to `rtc-crypto`'s ciphers.
//!
//! # Invariants
//!
//! - State for a source is made only when a packet of it was authentic, and for at most
//!   [`SOURCES_MAX`] sources.
//! - A packet opens at most once.
//! - What does not open is told as such and changes nothing.

use forward::rtp;
use forward::sequence::{Seen, Sequence};
use rtc_crypto::{AeadAlgorithm, AeadCipher, BlockCipherAlgorithm, RTCCrypto};
use zeroize::Zeroize;

/// Bytes added to every packet.
pub(crate) const TAG_BYTES: usize = 16;
/// Bytes added to every RTCP packet.
pub(crate) const RTCP_EXTRA_BYTES: usize = TAG_BYTES + 4;
/// Sources one peer may use.
const SOURCES_MAX: usize = 32;

const KEY_BYTES: usize = 16;
const SALT_BYTES: usize = 12;
const RTCP_HEADER_BYTES: usize = 8;
/// The bit that says an RTCP packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Master key and salt of both directions.
#[derive(Clone)]
pub(crate) struct Keys {
    client: Master,
    server: Master,
}

#[derive(Clone)]
struct Master {
    key: [u8; KEY_BYTES],
    salt: [u8; SALT_BYTES],
}

impl Drop for Master {
    fn drop(&mut self) {
        self.key.zeroize();
        self.salt.zeroize();
    }
}

impl Keys {
    /// Bytes of key material needed.
    pub(crate) const MATERIAL_BYTES: usize = 2 * (KEY_BYTES + SALT_BYTES);

    /// Cuts key material up (RFC 5764 section 4.2).
    pub(crate) fn from_material(material: &[u8]) -> Option<Self> {
        let (client_key, rest) = material.split_first_chunk()?;
        let (server_key, rest) = rest.split_first_chunk()?;
        let (client_salt, rest) = rest.split_first_chunk()?;
        let (server_salt, []) = rest.split_first_chunk()? else { return None };
        Some(Self {
            client: Master { key: *client_key, salt: *client_salt },
            server: Master { key: *server_key, salt: *server_salt },
        })
    }
}

/// Why a packet did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is no packet.
    Malformed,
    /// Its tag is wrong, or there are too many sources.
    Unauthentic,
    /// It was here before, or is too old to tell.
    Replayed,
}

/// Both directions of one peer connection.
pub(crate) struct Srtp {
    opener: Opener,
    sealer: Sealer,
}

impl Srtp {
    /// The server's side.
    pub(crate) fn for_server(keys: &Keys, crypto: &dyn RTCCrypto) -> Option<Self> {
        Self::new(&keys.client, &keys.server, crypto)
    }

    /// The client's side, for tests.
    #[cfg(test)]
    pub(crate) fn for_client(keys: &Keys, crypto: &dyn RTCCrypto) -> Option<Self> {
        Self::new(&keys.server, &keys.client, crypto)
    }

    fn new(theirs: &Master, ours: &Master, crypto: &dyn RTCCrypto) -> Option<Self> {
        Some(Self {
            opener: Opener {
                rtp: Cipher::new(theirs, 0, crypto)?,
                rtcp: Cipher::new(theirs, 3, crypto)?,
                sources: Vec::new(),
                rtcp_sources: Vec::new(),
            },
            sealer: Sealer {
                rtp: Cipher::new(ours, 0, crypto)?,
                rtcp: Cipher::new(ours, 3, crypto)?,
                rtcp_index: 0,
            },
        })
    }

    /// Opens an RTP packet where it lies; what remains of it is returned.
    pub(crate) fn open_rtp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a [u8], Refused> {
        self.opener.open_rtp(packet)
    }

    /// Opens an RTCP packet where it lies; what remains of it is returned.
    pub(crate) fn open_rtcp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a [u8], Refused> {
        self.opener.open_rtcp(packet)
    }

    /// Seals an RTP packet of which header and payload are there, and the room for the tag.
    /// `index` must never be the same twice for one source.
    pub(crate) fn seal_rtp(
        &mut self,
        ssrc: u32,
        index: u64,
        header_bytes: usize,
        packet: &mut [u8],
    ) -> Option<()> {
        let nonce = self.sealer.rtp.rtp_nonce(ssrc, index);
        let (header, rest) = packet.split_at_mut_checked(header_bytes)?;
        let (payload, tag) = rest.split_at_mut_checked(rest.len().checked_sub(TAG_BYTES)?)?;
        self.sealer.rtp.aead.seal_in_place(&nonce, header, payload, tag).ok()
    }

    /// Seals an RTCP packet, of which the room for tag and index is there.
    pub(crate) fn seal_rtcp(&mut self, packet: &mut [u8]) -> Option<()> {
        let sealer = &mut self.sealer;
        sealer.rtcp_index = (sealer.rtcp_index + 1) & !ENCRYPTED;
        let word = (ENCRYPTED | sealer.rtcp_index).to_be_bytes();
        let body = packet.len().checked_sub(RTCP_EXTRA_BYTES)?;
        let (header, rest) = packet.split_at_mut_checked(RTCP_HEADER_BYTES)?;
        let (payload, rest) =
            rest.split_at_mut_checked(body.checked_sub(RTCP_HEADER_BYTES)?)?;
        let (tag, last) = rest.split_at_mut_checked(TAG_BYTES)?;
        last.copy_from_slice(&word);
        let ssrc = u32::from_be_bytes(*header.last_chunk()?);
        let nonce = sealer.rtcp.rtcp_nonce(ssrc, sealer.rtcp_index);
        sealer.rtcp.aead.seal_in_place(&nonce, &rtcp_aad(header, word)?, payload, tag).ok()
    }
}

/// Header and last word are authenticated (RFC 7714 section 9.2).
fn rtcp_aad(header: &[u8], word: [u8; 4]) -> Option<[u8; 12]> {
    let mut aad = [0; 12];
    let (first, last) = aad.split_at_mut_checked(RTCP_HEADER_BYTES)?;
    first.copy_from_slice(header);
    last.copy_from_slice(&word);
    Some(aad)
}

struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    rtcp_index: u32,
}

struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    sources: Vec<(u32, Source)>,
    rtcp_sources: Vec<(u32, Seen<2>)>,
}

struct Source {
    sequence: Sequence,
    seen: Seen<16>,
}

impl Opener {
    fn open_rtp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a [u8], Refused> {
        let header_bytes = rtp::header_bytes(packet).ok_or(Refused::Malformed)?;
        let ssrc = rtp::ssrc(packet).ok_or(Refused::Malformed)?;
        let number = rtp::sequence(packet).ok_or(Refused::Malformed)?;
        let known = self.sources.iter().find(|(source, _)| *source == ssrc);
        // The first packet of a source is in its first lap.
        let index =
            known.map_or(u64::from(number), |(_, source)| source.sequence.nearest(number));
        match known {
            Some((_, source)) if !source.seen.is_new(index) => return Err(Refused::Replayed),
            None if self.sources.len() >= SOURCES_MAX => return Err(Refused::Unauthentic),
            Some(_) | None => {}
        }
        let nonce = self.rtp.rtp_nonce(ssrc, index);
        let end = packet.len().checked_sub(TAG_BYTES).ok_or(Refused::Malformed)?;
        {
            let (rest, tag) = packet.split_at_mut_checked(end).ok_or(Refused::Malformed)?;
            let (header, payload) =
                rest.split_at_mut_checked(header_bytes).ok_or(Refused::Malformed)?;
            let opened = self.rtp.aead.open_in_place(&nonce, header, payload, tag);
            opened.map_err(|_| Refused::Unauthentic)?;
        }
        match self.sources.iter_mut().find(|(source, _)| *source == ssrc) {
            Some((_, source)) => {
                source.sequence.unwrap(number);
                source.seen.accept(index);
            }
            None => {
                let mut seen = Seen::default();
                seen.accept(index);
                self.sources
                    .push((ssrc, Source { sequence: Sequence::starting_at(index), seen }));
            }
        }
        packet.get(..end).ok_or(Refused::Malformed)
    }

    fn open_rtcp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a [u8], Refused> {
        let end = packet.len().checked_sub(RTCP_EXTRA_BYTES).ok_or(Refused::Malformed)?;
        let word = *packet.last_chunk().ok_or(Refused::Malformed)?;
        let index = u32::from_be_bytes(word);
        if index & ENCRYPTED == 0 {
            return Err(Refused::Unauthentic);
        }
        let index = index & !ENCRYPTED;
        let (header, rest) =
            packet.split_at_mut_checked(RTCP_HEADER_BYTES).ok_or(Refused::Malformed)?;
        let ssrc = u32::from_be_bytes(*header.last_chunk().ok_or(Refused::Malformed)?);
        let number = u64::from(index);
        let known = self.rtcp_sources.iter().find(|(source, _)| *source == ssrc);
        match known {
            Some((_, seen)) if !seen.is_new(number) => return Err(Refused::Replayed),
            None if self.rtcp_sources.len() >= SOURCES_MAX => return Err(Refused::Unauthentic),
            Some(_) | None => {}
        }
        let body = end.checked_sub(RTCP_HEADER_BYTES).ok_or(Refused::Malformed)?;
        let (payload, rest) = rest.split_at_mut_checked(body).ok_or(Refused::Malformed)?;
        let tag = rest.get(..TAG_BYTES).ok_or(Refused::Malformed)?;
        let aad = rtcp_aad(header, word).ok_or(Refused::Malformed)?;
        let nonce = self.rtcp.rtcp_nonce(ssrc, index);
        let opened = self.rtcp.aead.open_in_place(&nonce, &aad, payload, tag);
        opened.map_err(|_| Refused::Unauthentic)?;
        match self.rtcp_sources.iter_mut().find(|(source, _)| *source == ssrc) {
            Some((_, seen)) => {
                seen.accept(number);
            }
            None => {
                let mut seen = Seen::default();
                seen.accept(number);
                self.rtcp_sources.push((ssrc, seen));
            }
        }
        packet.get(..end).ok_or(Refused::Malformed)
    }
}

/// A session key at work, with its salt.
struct Cipher {
    aead: Box<dyn AeadCipher>,
    salt: [u8; SALT_BYTES],
}

impl Cipher {
    /// Derives the session key with `label` and the salt with `label + 2` (RFC 3711 section
    /// 4.3; RFC 7714 section 11).
    fn new(master: &Master, label: u8, crypto: &dyn RTCCrypto) -> Option<Self> {
        let mut key = derive(master, label, crypto)?;
        let salt = derive(master, label + 2, crypto)?;
        let aead = crypto.new_aead(AeadAlgorithm::Aes128Gcm, &key).ok();
        key.zeroize();
        Some(Self { aead: aead?, salt: *salt.first_chunk()? })
    }

    /// RFC 7714 section 8.1.
    fn rtp_nonce(&self, ssrc: u32, index: u64) -> [u8; 12] {
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        let [_, _, i0, i1, i2, i3, i4, i5] = index.to_be_bytes();
        self.salted([0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5])
    }

    /// RFC 7714 section 9.1.
    fn rtcp_nonce(&self, ssrc: u32, index: u32) -> [u8; 12] {
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        let [i0, i1, i2, i3] = index.to_be_bytes();
        self.salted([0, 0, s0, s1, s2, s3, 0, 0, i0, i1, i2, i3])
    }

    fn salted(&self, mut nonce: [u8; 12]) -> [u8; 12] {
        for (byte, salt) in nonce.iter_mut().zip(self.salt) {
            *byte ^= salt;
        }
        nonce
    }
}

/// The first block of the key stream for `label`: all that is needed of it.
fn derive(master: &Master, label: u8, crypto: &dyn RTCCrypto) -> Option<[u8; 16]> {
    let mut block = [0; 16];
    for (byte, salt) in block.iter_mut().zip(master.salt) {
        *byte = salt;
    }
    *block.get_mut(7)? ^= label;
    crypto.block_encrypt(BlockCipherAlgorithm::Aes128, &master.key, &mut block).ok()?;
    Some(block)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtc_srtp::context::Context;
    use rtc_srtp::protection_profile::ProtectionProfile;

    use super::*;

    fn material() -> Vec<u8> {
        (0..Keys::MATERIAL_BYTES).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect()
    }

    fn pair() -> (Srtp, Srtp) {
        let provider = rtc_crypto::default_provider().unwrap();
        let keys = Keys::from_material(&material()).unwrap();
        let client = Srtp::for_client(&keys, provider.crypto()).unwrap();
        (Srtp::for_server(&keys, provider.crypto()).unwrap(), client)
    }

    /// The same, by `rtc-srtp`: what the client seals and opens with.
    fn reference() -> (Context, Context) {
        let material = material();
        let context = |key: std::ops::Range<usize>, salt: std::ops::Range<usize>| {
            let provider = rtc_crypto::default_provider().unwrap();
            let profile = ProtectionProfile::AeadAes128Gcm;
            Context::new(
                &material[key],
                &material[salt],
                profile,
                None,
                None,
                provider.crypto(),
            )
            .unwrap()
        };
        (context(0..16, 32..44), context(16..32, 44..56))
    }

    fn packet(ssrc: u32, number: u16, payload: &[u8]) -> Vec<u8> {
        let header = rtp::Header {
            marker: false,
            payload_type: 96,
            sequence: number,
            timestamp: 7,
            ssrc,
            mid: Some((3, "1")),
        };
        [header.write().as_slice(), payload].concat()
    }

    fn seal(srtp: &mut Srtp, ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = packet(ssrc, u16::try_from(index & 0xffff).unwrap(), payload);
        let header = bytes.len() - payload.len();
        bytes.extend([0; TAG_BYTES]);
        srtp.seal_rtp(ssrc, index, header, &mut bytes).unwrap();
        bytes
    }

    /// RFC 7714 section 16.1.1.
    #[test]
    fn the_vector_of_the_rfc_is_sealed_as_printed() {
        let provider = rtc_crypto::default_provider().unwrap();
        let key: Vec<u8> = (0..16).collect();
        let mut cipher = Cipher {
            aead: provider.crypto().new_aead(AeadAlgorithm::Aes128Gcm, &key).unwrap(),
            salt: *b"Quid pro quo",
        };
        let header = hex("8040f17b8041f8d35501a0b2");
        let mut payload = b"Gallia est omnis divisa in partes tres".to_vec();
        let mut tag = [0; TAG_BYTES];
        let nonce = cipher.rtp_nonce(0x5501_a0b2, 0xf17b);
        cipher.aead.seal_in_place(&nonce, &header, &mut payload, &mut tag).unwrap();
        payload.extend(tag);
        assert_eq!(
            payload,
            hex(concat!(
                "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b",
                "36de3adf8833899d7f27beb16a9152cf765ee4390cce"
            ))
        );
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect()
    }

    #[test]
    fn a_packet_opens_once_and_a_changed_one_never() {
        let (mut server, mut client) = pair();
        let sealed = seal(&mut client, 9, 5, b"payload");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 4;
            assert!(server.open_rtp(&mut changed).is_err(), "{at}");
        }
        assert!(server.opener.sources.is_empty(), "nothing is kept of forgeries");
        let opened = server.open_rtp(&mut sealed.clone()).unwrap().to_vec();
        assert_eq!(opened, packet(9, 5, b"payload"));
        assert_eq!(server.open_rtp(&mut { sealed }), Err(Refused::Replayed));
    }

    #[test]
    fn sources_are_limited() {
        let (mut server, mut client) = pair();
        for ssrc in 0..100 {
            let mut sealed = seal(&mut client, ssrc, 1, b"x");
            assert_eq!(server.open_rtp(&mut sealed).is_ok(), (ssrc as usize) < SOURCES_MAX);
        }
    }

    #[test]
    fn rtcp_opens_once_and_only_when_encrypted() {
        let (mut server, mut client) = pair();
        let mut sealed = forward::rtcp::picture_loss(1, 2).as_slice().to_vec();
        let plain = sealed.clone();
        sealed.extend([0; RTCP_EXTRA_BYTES]);
        client.seal_rtcp(&mut sealed).unwrap();
        let mut clear = sealed.clone();
        let word = clear.len() - 4;
        clear[word] &= 0x7f;
        assert_eq!(server.open_rtcp(&mut clear), Err(Refused::Unauthentic));
        assert_eq!(server.open_rtcp(&mut sealed.clone()), Ok(&plain[..]));
        assert_eq!(server.open_rtcp(&mut sealed), Err(Refused::Replayed));
    }

    proptest! {
        #[test]
        fn we_seal_and_open_as_rtc_srtp_does(
            first in 0u16..0x8000,
            steps in prop::collection::vec((1u64..3000, prop::collection::vec(any::<u8>(), 0..300)), 1..60)
        ) {
            let (mut server, _) = pair();
            let (mut their_seal, mut their_open) = reference();
            let mut index = u64::from(first);
            for (step, payload) in steps {
                index += step;
                let number = (index & 0xffff) as u16;
                let plain = packet(9, number, &payload);
                let mut sealed = their_seal.encrypt_rtp(&plain).unwrap().to_vec();
                prop_assert_eq!(server.open_rtp(&mut sealed).unwrap(), &plain[..]);
                let ours = seal(&mut server, 7, index, &payload);
                let opened = their_open.decrypt_rtp(&ours).unwrap();
                prop_assert_eq!(&opened[..], &packet(7, number, &payload)[..]);
            }
            let plain = forward::rtcp::picture_loss(9, 2).as_slice().to_vec();
            let mut sealed = their_seal.encrypt_rtcp(&plain).unwrap().to_vec();
            prop_assert_eq!(server.open_rtcp(&mut sealed).unwrap(), &plain[..]);
            let mut ours = plain.clone();
            ours.extend([0; RTCP_EXTRA_BYTES]);
            server.seal_rtcp(&mut ours).unwrap();
            prop_assert_eq!(&their_open.decrypt_rtcp(&ours).unwrap()[..], &plain[..]);
        }

        #[test]
        fn any_bytes_are_refused_without_harm(bytes: Vec<u8>) {
            let (mut server, _) = pair();
            prop_assert!(server.open_rtp(&mut bytes.clone()).is_err());
            let mut bytes = bytes;
            prop_assert!(server.open_rtcp(&mut bytes).is_err());
        }
    }
}
