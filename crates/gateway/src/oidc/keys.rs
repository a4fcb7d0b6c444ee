//! With which keys does the provider sign, and is this one of its signatures?  (RFC 7517, 7518,
//! 8037.)
//!
//! RS256, ES256 and EdDSA with Ed25519, nothing else: no `none`, no HMAC.  A key has one kind
//! from the moment it is read, so the header of a token cannot choose how it is used.

use protocol::opaque::decode_base64url;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

/// Keys that are looked at.
const KEYS_MAX: usize = 64;

/// How something is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    /// By its name (`alg`).
    pub(super) fn read(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            // RFC 9864 names the curve.
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// The keys of the provider that we can use.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    public: Public,
}

#[derive(Clone, Debug)]
enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// Why a signature is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// No key, or more than one, that could have made it.
    UnknownKey,
    /// It was not made with that key.
    Wrong,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct KeyWords {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a key set; what we cannot use is left out.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let set: KeySet = serde_json::from_slice(bytes).ok()?;
        Some(Self(set.keys.into_iter().take(KEYS_MAX).filter_map(Key::read).collect()))
    }

    /// Whether `signature` over `signed` was made with the one key that can have made it.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), Unsigned> {
        let mut fitting = self.0.iter().filter(|key| {
            key.algorithm() == algorithm && (id.is_none() || key.id.as_deref() == id)
        });
        let key = fitting.next().ok_or(Unsigned::UnknownKey)?;
        if fitting.next().is_some() {
            return Err(Unsigned::UnknownKey);
        }
        key.verify(signed, signature).ok_or(Unsigned::Wrong)
    }
}

impl Key {
    fn read(words: serde_json::Value) -> Option<Self> {
        let words: KeyWords = serde_json::from_value(words).ok()?;
        if words.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| decode_base64url(text.as_deref()?);
        let of_32 = |text| bytes(text).filter(|bytes: &Vec<u8>| bytes.len() == 32);
        let public = match (words.kty.as_str(), words.crv.as_deref()) {
            ("RSA", None) => {
                Public::Rsa { n: trimmed(bytes(&words.n)?), e: trimmed(bytes(&words.e)?) }
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (of_32(&words.x)?, of_32(&words.y)?);
                Public::P256([&[4][..], &x, &y].concat())
            }
            ("OKP", Some("Ed25519")) => Public::Ed25519(of_32(&words.x)?),
            _ => return None,
        };
        let key = Self { id: words.kid, public };
        let is_for = |alg: &str| Algorithm::read(alg) == Some(key.algorithm());
        words.alg.as_deref().is_none_or(is_for).then_some(key)
    }

    const fn algorithm(&self) -> Algorithm {
        match self.public {
            Public::Rsa { .. } => Algorithm::Rs256,
            Public::P256(_) => Algorithm::Es256,
            Public::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> Option<()> {
        let verified = match &self.public {
            Public::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                signed,
                signature,
            ),
            Public::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(signed, signature),
            Public::Ed25519(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(signed, signature)
            }
        };
        verified.ok()
    }
}

/// Without zeros in front, as ring wants numbers.
fn trimmed(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}
