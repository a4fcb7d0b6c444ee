//! What a participant sends and sees, without the media itself.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::id::ParticipantId;
use crate::limits::MID_BYTES_MAX;

/// What a track shows or lets hear.  The value is the SFrame context (E2EE.md 1.7), so each
/// encoder of a participant has a key and a counter of its own.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS,
)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum TrackKind {
    /// The microphone; Opus.
    Microphone,
    /// The camera; VP8.
    Camera,
}

impl TrackKind {
    /// Whether this is sound.
    #[must_use]
    pub const fn is_audio(self) -> bool {
        match self {
            Self::Microphone => true,
            Self::Camera => false,
        }
    }
}

/// The `a=mid` of one m-line (RFC 8843 section 7.1): short visible ASCII.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct Mid(String);

impl Mid {
    /// Takes `text` if it can be a mid.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MID_BYTES_MAX;
        // The `token` of SDP, less what would need care elsewhere.
        let is_token =
            text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (fits && is_token).then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Mid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| serde::de::Error::custom("not a mid"))
    }
}

/// A sendonly m-line of an offer: what the participant will publish on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct OfferedTrack {
    /// The m-line.
    pub mid: Mid,
    /// What will be on it.
    pub kind: TrackKind,
}

/// A recvonly m-line of an offer: a place where the server may put somebody's track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct OfferedSlot {
    /// The m-line.
    pub mid: Mid,
    /// Whether it takes sound (else pictures).
    pub audio: bool,
}

/// Which publication a slot carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct SlotBinding {
    /// The slot, by the m-line of the subscriber's own offer.
    pub mid: Mid,
    /// Whose track is on it.
    pub publisher: ParticipantId,
    /// Which of their tracks.
    pub kind: TrackKind,
}

/// Whether somebody's track is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct TrackState {
    /// Which track.
    pub kind: TrackKind,
    /// Whether sound or pictures are being sent on it.
    pub on: bool,
}

/// What a page needs to try, for half a minute and before anybody is let in, whether datagrams
/// come through to the media port and back: ICE credentials and where to ask (ADR 7).
#[derive(Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Probe {
    /// The server's `a=ice-ufrag`.
    pub ufrag: String,
    /// The server's `a=ice-pwd`.
    pub password: String,
    /// Where it listens.
    pub candidates: Vec<ProbeCandidate>,
}

/// An address of the media port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct ProbeCandidate {
    /// The address.
    #[ts(type = "string")]
    pub ip: IpAddr,
    /// The UDP port.
    pub port: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mid_is_a_short_token() {
        for good in ["0", "audio-1", "a_b", "1234567890123456"] {
            assert!(Mid::new(good).is_some(), "{good}");
        }
        for bad in ["", "12345678901234567", "a b", "a\r\n", "é", "a:b"] {
            assert!(Mid::new(bad).is_none(), "{bad}");
        }
    }
}
