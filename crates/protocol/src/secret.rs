//! Values that must not be seen, copied about or left in memory.

use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::opaque::Opaque;

/// `N` secret bytes: no `Debug` of the content, no `Serialize`, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the one who has to compute with them.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// The form that goes on the wire, for a message whose purpose is to carry it.
    #[must_use]
    pub fn to_wire(&self) -> Opaque<N> {
        Opaque::new(self.0.to_vec()).unwrap_or_default()
    }
}

impl<const N: usize> std::fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de, const N: usize> Deserialize<'de> for Secret<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Opaque::<N>::deserialize(deserializer)?.into_vec();
        bytes.try_into().map(Self).map_err(|_| serde::de::Error::custom("wrong length"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::from_bytes([0x41; 4]);
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(secret.to_wire().as_slice(), b"AAAA");
    }

    #[test]
    fn a_secret_of_the_wrong_length_is_refused() {
        assert!(serde_json::from_str::<Secret<4>>("\"QUFBQQ\"").is_ok());
        assert!(serde_json::from_str::<Secret<4>>("\"QUFB\"").is_err());
    }
}
