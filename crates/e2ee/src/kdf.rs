//! The few primitives our own key schedule is made of: HKDF, HMAC, AES-256-GCM with a random
//! nonce in front.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac};
use protocol::secret::Secret;
use sha2::{Digest, Sha256};

use crate::random::Randomness;

/// Bytes of an AES-GCM nonce.
const NONCE_BYTES: usize = 12;

/// HKDF-SHA-256 to exactly `N` bytes.
pub(crate) fn hkdf<const N: usize>(ikm: &[u8], salt: &[u8], info: &[u8]) -> Secret<N> {
    let mut out = [0; N];
    Hkdf::<Sha256>::new(Some(salt), ikm)
        .expand(info, &mut out)
        .expect("no key of ours is longer than 255 hashes");
    Secret::from_bytes(out)
}

/// HKDF-Expand of SHA-256; `None` if the key is too short or more is asked for than there is.
pub(crate) fn expand(prk: &[u8], info: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let mut okm = vec![0; bytes];
    Hkdf::<Sha256>::from_prk(prk).ok()?.expand(info, &mut okm).ok()?;
    Some(okm)
}

/// SHA-256 of the parts, one after the other.
pub(crate) fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn hmac_of(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

/// HMAC-SHA-256 of the parts.
pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    hmac_of(key, parts).finalize().into_bytes().into()
}

/// Whether `tag` is the HMAC-SHA-256 of the parts, in constant time.
pub(crate) fn hmac_is_good(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    hmac_of(key, parts).verify_slice(tag).is_ok()
}

/// Seals under a random nonce, which stands in front.
pub(crate) fn seal(
    key: &Secret<32>,
    aad: &[u8],
    plaintext: &[u8],
    random: &Randomness,
) -> Vec<u8> {
    let nonce: [u8; NONCE_BYTES] = random.bytes();
    let sealed = Aes256Gcm::new(key.expose().into())
        .encrypt(Nonce::from_slice(&nonce), Payload { msg: plaintext, aad })
        .expect("our texts are far below the limit of AES-GCM");
    [nonce.as_slice(), &sealed].concat()
}

/// Opens what [`seal`] made; `None` if it was not made so.
pub(crate) fn open(key: &Secret<32>, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES)?;
    Aes256Gcm::new(key.expose().into())
        .decrypt(Nonce::from_slice(nonce), Payload { msg: ciphertext, aad })
        .ok()
}
