//! Bytes the server carries and does not read.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes unpadded base64url (RFC 4648 section 5).
#[must_use]
pub fn encode_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads unpadded base64url; `None` when `text` is anything else, trailing bits included.
#[must_use]
pub fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// At most `MAX` bytes, base64url on the wire.  The bound holds from the moment it is read.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque<const MAX: usize>(Vec<u8>);

/// More bytes than the message has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes, at most {max} are allowed")]
pub struct TooLong {
    /// How many there were.
    pub bytes: usize,
    /// How many there may be.
    pub max: usize,
}

impl<const MAX: usize> Opaque<MAX> {
    /// Takes `bytes` if they fit.
    ///
    /// # Errors
    ///
    /// [`TooLong`] over `MAX` bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, TooLong> {
        if bytes.len() > MAX {
            return Err(TooLong { bytes: bytes.len(), max: MAX });
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

/// Only the length: what is inside is nobody's business.
impl<const MAX: usize> fmt::Debug for Opaque<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

impl<const MAX: usize> Serialize for Opaque<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode_base64url(&self.0))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Opaque<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        // Refuse by length before decoding: the cost of a refusal stays small.
        if text.len() > MAX.div_ceil(3) * 4 {
            return Err(serde::de::Error::custom("too long"));
        }
        let bytes =
            decode_base64url(&text).ok_or_else(|| serde::de::Error::custom("not base64url"))?;
        Self::new(bytes).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_wire_and_stay_out_of_debug() {
        let opaque = Opaque::<4>::new(vec![1, 2, 3, 255]).unwrap();
        let text = serde_json::to_string(&opaque).unwrap();
        assert_eq!(text, "\"AQID_w\"");
        assert_eq!(serde_json::from_str::<Opaque<4>>(&text).unwrap(), opaque);
        assert_eq!(format!("{opaque:?}"), "[4 bytes]");
    }

    #[test]
    fn one_byte_too_many_is_refused() {
        assert_eq!(Opaque::<4>::new(vec![0; 5]), Err(TooLong { bytes: 5, max: 4 }));
        assert!(serde_json::from_str::<Opaque<4>>("\"AAAAAAA\"").is_err());
    }

    #[test]
    fn padding_and_other_alphabets_are_refused() {
        for text in ["\"AQID/w\"", "\"AQ==\"", "\"AQ \"", "\"AR\""] {
            assert!(serde_json::from_str::<Opaque<64>>(text).is_err(), "{text}");
        }
    }
}
