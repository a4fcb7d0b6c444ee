//! Names of things.  They are short in logs and whole only on the wire.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ts_rs::TS;

use crate::opaque::{decode_base64url, encode_base64url};

/// An identifier could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed identifier")]
pub struct BadId;

/// Makes an id of random bytes that travels as base64url text.
macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $tag:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, TS)]
        #[ts(type = "string")]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Takes the bytes as they are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Reads the base64url text of the wire.
            ///
            /// # Errors
            ///
            /// [`BadId`] unless `text` is exactly the unpadded base64url of the right length.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                let bytes = decode_base64url(text).ok_or(BadId)?;
                bytes.try_into().map(Self).map_err(|_| BadId)
            }
        }

        /// The text of the wire.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode_base64url(&self.0))
            }
        }

        /// Two bytes: enough to follow one thing through a log, too few to recognise it
        /// in another.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let [a, b, ..] = self.0;
                write!(f, concat!($tag, ":{:02x}{:02x}"), a, b)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

byte_id!(
    /// One room.  Random, made by the server.
    RoomId, 16, "r"
);
byte_id!(
    /// One person's right to knock.  Derived from the link's secret (E2EE.md 1.2), so that it
    /// says nothing about the room.
    InviteId, 16, "i"
);
byte_id!(
    /// One MLS group: the hash of the room's id and the generation of the group.
    GroupId, 32, "g"
);
byte_id!(
    /// One counsellor's account.
    AccountId, 16, "a"
);
byte_id!(
    /// One sign-in of an account: a browser that holds a cookie.
    SignInId, 16, "s"
);
byte_id!(
    /// One passkey of an account.
    PasskeyId, 16, "k"
);
byte_id!(
    /// The bringing of keys to a second device.  Derived from the secret of its link, so that it
    /// says nothing of it.
    PairingId, 16, "pr"
);
byte_id!(
    /// The operator's one-time link for a counsellor.
    InvitationId, 16, "o"
);
byte_id!(
    /// One key of the API.  It names the key and opens nothing.
    KeyId, 16, "ak"
);
byte_id!(
    /// One webhook of an account.
    WebhookId, 16, "w"
);

/// One device in one room.  A person with two devices is two participants.
///
/// On the wire it is decimal text: JavaScript numbers lose bits above 2⁵³.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, TS)]
#[ts(type = "string")]
pub struct ParticipantId(u64);

impl ParticipantId {
    /// Takes the number as it is.
    #[must_use]
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The number.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }
}

/// The text of the wire.
impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Four hex digits.
impl fmt::Debug for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p:{:04x}", self.0 & 0xffff)
    }
}

impl Serialize for ParticipantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ParticipantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let canonical = text == "0" || !text.starts_with(['0', '+']);
        match text.parse() {
            Ok(raw) if canonical => Ok(Self(raw)),
            Ok(_) | Err(_) => Err(serde::de::Error::custom(BadId)),
        }
    }
}

/// An MLS epoch, and nothing else.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    TS,
)]
#[serde(transparent)]
#[ts(type = "number")]
pub struct Epoch(pub u64);

/// Which MLS group of a room this is: 0 for the first, one more each time it is re-founded.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    TS,
)]
#[serde(transparent)]
#[ts(type = "number")]
pub struct Generation(pub u32);

/// A member's place in the ratchet tree of the group.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS,
)]
#[serde(transparent)]
#[ts(type = "number")]
pub struct LeafIndex(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_the_wire() {
        let room = RoomId::from_bytes([7; 16]);
        let text = serde_json::to_string(&room).unwrap();
        assert_eq!(serde_json::from_str::<RoomId>(&text).unwrap(), room);

        let participant = ParticipantId::from_raw(u64::MAX);
        let text = serde_json::to_string(&participant).unwrap();
        assert_eq!(text, "\"18446744073709551615\"");
        assert_eq!(serde_json::from_str::<ParticipantId>(&text).unwrap(), participant);
    }

    #[test]
    fn odd_spellings_of_ids_are_refused() {
        for text in
            ["\"\"", "\"+1\"", "\"01\"", "\"-1\"", "\"1 \"", "1", "\"99999999999999999999\""]
        {
            assert!(serde_json::from_str::<ParticipantId>(text).is_err(), "{text}");
        }
        for text in
            ["\"\"", "\"AAAA\"", "\"BwcHBwcHBwcHBwcHBwcHBw==\"", "\"BwcHBwcHBwcHBwcHBwcHBx\""]
        {
            assert!(serde_json::from_str::<RoomId>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_only_two_bytes() {
        assert_eq!(format!("{:?}", RoomId::from_bytes([0xab; 16])), "r:abab");
        assert_eq!(format!("{:?}", ParticipantId::from_raw(0x1234_5678)), "p:5678");
    }
}
