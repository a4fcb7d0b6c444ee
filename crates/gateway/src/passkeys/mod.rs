//! Is this a passkey, and is it the one we know?  (WebAuthn level 3, sections 7.1 and 7.2.)
//!
//! Checked here with `ring`, which is in the tree for TLS: the crates that speak the whole of
//! WebAuthn bring OpenSSL (`webauthn-rs`) or a second set of curves and RSA (`webauthn_rp`),
//! mostly for attestation, and we ask for none.  What is left is one JSON text, one fixed
//! layout of bytes and one signature.
//!
//! # Invariants
//!
//! - A passkey is taken only for the challenge, the origin and the name it was asked for.
//! - The person was there and was recognised by the device (UP and UV): it is two factors.

pub(crate) mod answered;
mod cose;

use protocol::limits::CREDENTIAL_BYTES_MAX;
use ring::digest;
use serde::Deserialize;

/// Bits of the flags of authenticator data.
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const MAY_BE_COPIED: u8 = 0x08;
const IS_COPIED: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The origin of the page.
    pub(crate) origin: &'a str,
    /// The name passkeys are bound to.
    pub(crate) rp: &'a str,
}

/// A new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) credential: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) n_signatures: u32,
}

/// The client data that the browser signed over (section 5.8.1).  Browsers may add members.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
}

/// The challenge that client data answers, unverified, if all else in it is as asked for.
fn challenge(client_data: &[u8], kind: &str, asked: Asked<'_>) -> Option<Vec<u8>> {
    let data: ClientData = serde_json::from_slice(client_data).ok()?;
    let is_asked = data.kind == kind && data.origin == asked.origin && !data.cross_origin;
    is_asked.then(|| protocol::opaque::decode_base64url(&data.challenge)).flatten()
}

/// The challenge that a new passkey answers, unverified.
pub(crate) fn challenge_of_new(client_data: &[u8], asked: Asked<'_>) -> Option<Vec<u8>> {
    challenge(client_data, "webauthn.create", asked)
}

/// The challenge that a proof answers, unverified.
pub(crate) fn challenge_of_proof(client_data: &[u8], asked: Asked<'_>) -> Option<Vec<u8>> {
    challenge(client_data, "webauthn.get", asked)
}

/// The new passkey in authenticator data.
pub(crate) fn made(authenticator_data: &[u8], asked: Asked<'_>) -> Option<Made> {
    let head = Head::read(authenticator_data, asked)?;
    if head.flags & HAS_CREDENTIAL == 0 {
        return None;
    }
    let (_aaguid, rest) = head.rest.split_at_checked(16)?;
    let (length, rest) = rest.split_at_checked(2)?;
    let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
    let (credential, rest) = rest.split_at_checked(length)?;
    if credential.is_empty() || length > CREDENTIAL_BYTES_MAX {
        return None;
    }
    let (_, after) = cose::PublicKey::read(rest)?;
    let public_key = rest.get(..rest.len().checked_sub(after.len())?)?;
    if head.flags & HAS_EXTENSIONS == 0 && !after.is_empty() {
        return None;
    }
    Some(Made {
        credential: credential.to_vec(),
        public_key: public_key.to_vec(),
        n_signatures: head.n_signatures,
    })
}

/// Whether the passkey with this public key signed; returns its counter.
pub(crate) fn proven(
    public_key: &[u8],
    client_data: &[u8],
    authenticator_data: &[u8],
    signature: &[u8],
    asked: Asked<'_>,
) -> Option<u32> {
    let head = Head::read(authenticator_data, asked)?;
    let (key, after) = cose::PublicKey::read(public_key)?;
    if !after.is_empty() {
        return None;
    }
    let hash = digest::digest(&digest::SHA256, client_data);
    let message = [authenticator_data, hash.as_ref()].concat();
    key.has_signed(&message, signature).then_some(head.n_signatures)
}

/// The beginning of authenticator data (section 6.1).
struct Head<'a> {
    flags: u8,
    n_signatures: u32,
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8], asked: Asked<'_>) -> Option<Self> {
        let (rp_hash, rest) = bytes.split_at_checked(32)?;
        let (flags, rest) = rest.split_first()?;
        let (counter, rest) = rest.split_at_checked(4)?;
        let n_signatures = u32::from_be_bytes(counter.try_into().ok()?);
        let is_ours = rp_hash == digest::digest(&digest::SHA256, asked.rp.as_bytes()).as_ref();
        let is_person = flags & PRESENT != 0 && flags & VERIFIED != 0;
        let is_odd = flags & IS_COPIED != 0 && flags & MAY_BE_COPIED == 0;
        (is_ours && is_person && !is_odd).then_some(Self { flags: *flags, n_signatures, rest })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::opaque::encode_base64url;
    use ring::rand::SystemRandom;
    use ring::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    };

    use super::*;

    const ASKED: Asked<'_> = Asked { origin: "http://localhost:8080", rp: "localhost" };
    const CHALLENGE: &[u8] = b"a challenge of ours, long enough";

    #[test]
    fn a_passkey_that_was_made_proves_itself() {
        for device in [Device::p256(), Device::ed25519()] {
            let made = made(&device.data(0x45, true), ASKED).unwrap();
            assert_eq!(made.credential, [9; 20]);
            let (client_data, data) =
                (said("webauthn.get", ASKED.origin), device.data(0x05, false));
            let signature = device.sign(&client_data, &data);

            assert_eq!(challenge_of_proof(&client_data, ASKED).unwrap(), CHALLENGE);
            let counted = proven(&made.public_key, &client_data, &data, &signature, ASKED);
            assert_eq!(counted, Some(7));
        }
    }

    #[test]
    fn nothing_may_be_changed_once_it_was_signed() {
        let device = Device::p256();
        let key = made(&device.data(0x45, true), ASKED).unwrap().public_key;
        let (client_data, data) =
            (said("webauthn.get", ASKED.origin), device.data(0x05, false));
        let signature = device.sign(&client_data, &data);
        let bent = |bytes: &[u8], n: usize| {
            let mut bent = bytes.to_vec();
            bent[n] ^= 1;
            bent
        };
        for n in 0..client_data.len() {
            assert_eq!(proven(&key, &bent(&client_data, n), &data, &signature, ASKED), None);
        }
        for n in 0..data.len() {
            assert_eq!(proven(&key, &client_data, &bent(&data, n), &signature, ASKED), None);
        }
        for n in 0..signature.len() {
            assert_eq!(proven(&key, &client_data, &data, &bent(&signature, n), ASKED), None);
        }
        let other = made(&Device::p256().data(0x45, true), ASKED).unwrap().public_key;
        assert_eq!(proven(&other, &client_data, &data, &signature, ASKED), None);
    }

    #[test]
    fn another_page_kind_or_name_is_refused() {
        let elsewhere = said("webauthn.get", "http://localhost:8081");
        assert_eq!(challenge_of_proof(&elsewhere, ASKED), None);
        assert_eq!(challenge_of_proof(&said("webauthn.create", ASKED.origin), ASKED), None);
        assert_eq!(challenge_of_new(&said("webauthn.get", ASKED.origin), ASKED), None);
        let framed = br#"{"type":"webauthn.get","challenge":"AAAA","origin":"http://localhost:8080","crossOrigin":true}"#;
        assert_eq!(challenge_of_proof(framed, ASKED), None);
        assert_eq!(challenge_of_proof(b"{}", ASKED), None);

        let data = Device::p256().data(0x45, true);
        assert!(made(&data, ASKED).is_some());
        assert_eq!(made(&data, Asked { rp: "aman.example", ..ASKED }), None);
    }

    #[test]
    fn the_person_has_to_be_there_and_known_to_the_device() {
        let device = Device::ed25519();
        for (flags, fits) in [
            (0x45, true),
            (0x5d, true),
            (0x41, false),
            (0x44, false),
            (0x40, false),
            (0x55, false),
            (0x05, false),
        ] {
            assert_eq!(made(&device.data(flags, true), ASKED).is_some(), fits, "{flags:02x}");
        }
    }

    #[test]
    fn bytes_after_the_key_need_the_flag_of_extensions() {
        let mut data = Device::p256().data(0x45, true);
        data.push(0xa0);
        assert_eq!(made(&data, ASKED), None);
        data[32] |= HAS_EXTENSIONS;
        assert!(made(&data, ASKED).is_some());
    }

    #[test]
    fn half_of_it_is_nothing() {
        let data = Device::p256().data(0x45, true);
        for n in 0..data.len() {
            assert_eq!(made(&data[..n], ASKED), None, "{n}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut data = digest::digest(&digest::SHA256, b"localhost").as_ref().to_vec();
            data.push(0x45);
            data.extend_from_slice(&bytes);
            let _ = made(&data, ASKED);
            let _ = challenge_of_new(&bytes, ASKED);
            prop_assert_eq!(proven(&bytes, &bytes, &data, &bytes, ASKED), None);
        }
    }

    enum Device {
        P256(EcdsaKeyPair, SystemRandom),
        Ed25519(Ed25519KeyPair),
    }

    impl Device {
        fn p256() -> Self {
            let random = SystemRandom::new();
            let kind = &ECDSA_P256_SHA256_ASN1_SIGNING;
            let key = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
            Self::P256(EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).unwrap(), random)
        }

        fn ed25519() -> Self {
            let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
            Self::Ed25519(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
        }

        fn data(&self, flags: u8, with_key: bool) -> Vec<u8> {
            let mut data = digest::digest(&digest::SHA256, b"localhost").as_ref().to_vec();
            data.push(flags);
            data.extend_from_slice(&7_u32.to_be_bytes());
            if with_key {
                data.extend_from_slice(&[0; 16]);
                data.extend_from_slice(&[0, 20]);
                data.extend_from_slice(&[9; 20]);
                data.extend_from_slice(&self.cose());
            }
            data
        }

        fn cose(&self) -> Vec<u8> {
            match self {
                Self::P256(key, _) => {
                    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                    let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
                    [head.as_slice(), x, &[0x22, 0x58, 32], y].concat()
                }
                Self::Ed25519(key) => {
                    let head = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];
                    [head.as_slice(), key.public_key().as_ref()].concat()
                }
            }
        }

        fn sign(&self, client_data: &[u8], data: &[u8]) -> Vec<u8> {
            let hash = digest::digest(&digest::SHA256, client_data);
            let message = [data, hash.as_ref()].concat();
            match self {
                Self::P256(key, random) => {
                    key.sign(random, &message).unwrap().as_ref().to_vec()
                }
                Self::Ed25519(key) => key.sign(&message).as_ref().to_vec(),
            }
        }
    }

    fn said(kind: &str, origin: &str) -> Vec<u8> {
        let challenge = encode_base64url(CHALLENGE);
        format!(
            r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false,"other":1}}"#
        )
        .into_bytes()
    }
}
