//! Which public key is it?  COSE keys (RFC 9052 section 7) of the three algorithms that
//! authenticators have: ES256, EdDSA with Ed25519, RS256.
//!
//! Keys are written in the canonical CBOR of CTAP2: one map, small integers as names, integers
//! and byte strings as values, lengths as short as they can be.  Anything else is no key.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

/// Most entries of a key's map.
const ENTRIES_MAX: u64 = 8;

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// An uncompressed point (SEC 1).
    Es256([u8; 65]),
    /// RFC 8032.
    Ed25519([u8; 32]),
    /// Modulus and exponent.
    Rs256 { n: Vec<u8>, e: Vec<u8> },
}

impl PublicKey {
    /// Reads a key; returns what comes after it.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (fields, rest) = Fields::read(bytes)?;
        // kty, alg, crv: RFC 9053 sections 2 and 7.
        let key = match (fields.kind?, fields.algorithm?) {
            (2, -7) if fields.curve == Some(1) => {
                let (x, y) = (fields.bytes_2?, fields.bytes_3?);
                if x.len() != 32 {
                    return None;
                }
                let point = [[4].as_slice(), x, y].concat();
                Self::Es256(point.try_into().ok()?)
            }
            (1, -8) if fields.curve == Some(6) => {
                Self::Ed25519(fields.bytes_2?.try_into().ok()?)
            }
            (3, -257) => {
                Self::Rs256 { n: fields.bytes_1?.to_vec(), e: fields.bytes_2?.to_vec() }
            }
            _ => return None,
        };
        Some((key, rest))
    }

    /// Whether the holder of the other half signed `message`.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let outcome = match self {
            Self::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
                .verify(message, signature),
            Self::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
            Self::Rs256 { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        };
        outcome.is_ok()
    }
}

/// The entries of a key's map that we know.
#[derive(Default)]
struct Fields<'a> {
    /// 1: kty.
    kind: Option<i64>,
    /// 3: alg.
    algorithm: Option<i64>,
    /// -1, a number: the curve.
    curve: Option<i64>,
    /// -1, bytes: the modulus.
    bytes_1: Option<&'a [u8]>,
    /// -2: x, or the exponent.
    bytes_2: Option<&'a [u8]>,
    /// -3: y.
    bytes_3: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (Item::Map(n), mut rest) = Item::read(bytes)? else { return None };
        if n > ENTRIES_MAX {
            return None;
        }
        let mut fields = Self::default();
        for _ in 0..n {
            let (name, after) = Item::read(rest)?;
            let (value, after) = Item::read(after)?;
            rest = after;
            let is_new = match (name, value) {
                (Item::Int(1), Item::Int(value)) => fields.kind.replace(value).is_none(),
                (Item::Int(3), Item::Int(value)) => fields.algorithm.replace(value).is_none(),
                (Item::Int(-1), Item::Int(value)) => fields.curve.replace(value).is_none(),
                (Item::Int(-1), Item::Bytes(value)) => fields.bytes_1.replace(value).is_none(),
                (Item::Int(-2), Item::Bytes(value)) => fields.bytes_2.replace(value).is_none(),
                (Item::Int(-3), Item::Bytes(value)) => fields.bytes_3.replace(value).is_none(),
                _ => false,
            };
            if !is_new {
                return None;
            }
        }
        Some((fields, rest))
    }
}

/// One item of CBOR (RFC 8949 section 3), as far as keys need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Map(u64),
}

impl<'a> Item<'a> {
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (first, rest) = bytes.split_first()?;
        let (number, rest) = match first & 0x1f {
            small @ 0..=23 => (u64::from(small), rest),
            24 => {
                let (byte, rest) = rest.split_first()?;
                if *byte < 24 {
                    return None;
                }
                (u64::from(*byte), rest)
            }
            25 => {
                let (two, rest) = rest.split_at_checked(2)?;
                let number = u64::from(u16::from_be_bytes(two.try_into().ok()?));
                if number < 256 {
                    return None;
                }
                (number, rest)
            }
            _ => return None,
        };
        match first >> 5 {
            0 => Some((Self::Int(i64::try_from(number).ok()?), rest)),
            1 => Some((Self::Int(-1 - i64::try_from(number).ok()?), rest)),
            2 => {
                let (bytes, rest) = rest.split_at_checked(usize::try_from(number).ok()?)?;
                Some((Self::Bytes(bytes), rest))
            }
            5 => Some((Self::Map(number), rest)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_key_of_each_kind_and_what_comes_after() {
        let es256 = [
            &[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..],
            &[7; 32],
            &[0x22, 0x58, 32],
            &[8; 32],
            &[1, 2],
        ]
        .concat();
        let (key, rest) = PublicKey::read(&es256).unwrap();
        assert!(matches!(key, PublicKey::Es256([4, 7, .., 8])));
        assert_eq!(rest, [1, 2]);

        let ed25519 = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], &[7; 32]].concat();
        assert_eq!(PublicKey::read(&ed25519).unwrap(), (PublicKey::Ed25519([7; 32]), &[][..]));

        let rs256 = [
            &[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0][..],
            &[7; 256],
            &[0x21, 0x43, 1, 0, 1],
        ]
        .concat();
        let (key, _) = PublicKey::read(&rs256).unwrap();
        assert_eq!(key, PublicKey::Rs256 { n: vec![7; 256], e: vec![1, 0, 1] });
    }

    #[test]
    fn keys_that_are_odd_are_no_keys() {
        let whole = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], &[7; 32]].concat();
        for (at, byte) in [
            (0, 0xa3), // an entry less than there is
            (0, 0xa9), // more than there are
            (0, 0xbf), // of no length
            (2, 2),    // another kind
            (4, 0x26), // another algorithm
            (6, 1),    // another curve
            (3, 1),    // the same name twice
            (9, 31),   // too short
        ] {
            let mut odd = whole.clone();
            odd[at] = byte;
            let read = PublicKey::read(&odd);
            assert!(read.is_none_or(|(_, rest)| !rest.is_empty()), "{byte:02x} at {at}");
        }
        // A length that is longer than it need be.
        assert_eq!(Item::read(&[0x18, 23]), None);
        assert_eq!(Item::read(&[0x19, 0, 255]), None);
        assert_eq!(Item::read(&[0x18, 24]), Some((Item::Int(24), &[][..])));
    }
}
