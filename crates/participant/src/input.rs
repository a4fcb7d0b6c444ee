//! What a shell tells the participant core.

use e2ee::message;
use e2ee::receipt::Item;
use protocol::id::ParticipantId;
use protocol::media::{OfferedSlot, OfferedTrack, TrackKind};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Something happened outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export_to = "participant.ts")]
pub enum Input {
    /// Begin: leads to [`Output::Connect`](crate::Output::Connect).
    Start,
    /// The moderator's shell fetched a ticket, as [`Output::FetchTicket`](crate::Output::FetchTicket) asked.
    Ticket {
        /// base64url of its 32 bytes.
        ticket: String,
    },
    /// The ticket could not be had.
    NoTicket {
        /// Whether trying again later makes sense (else: signed out, room gone).
        retry: bool,
    },
    /// The WebSocket is open.
    Opened,
    /// A text frame came.
    Received {
        /// Its text.
        text: String,
    },
    /// The WebSocket closed, or could not be opened.
    Closed {
        /// The close code (1006 when there was none).
        code: u16,
    },
    /// The moderator lets somebody in.
    Admit {
        /// Whom.
        participant: ParticipantId,
    },
    /// The moderator does not let somebody in.
    Decline {
        /// Whom.
        participant: ParticipantId,
    },
    /// The moderator removes somebody.
    Remove {
        /// Whom.
        participant: ParticipantId,
    },
    /// The person wrote something.
    SendChat {
        /// What.
        text: String,
    },
    /// The device tells the other members something; see [`Topic`].
    Say {
        /// About what.
        topic: Topic,
        /// What: JSON, as the web client writes it.
        text: String,
    },
    /// A note to somebody who waits; from there, with nobody named, to the moderators.
    TellDoorstep {
        /// Whom; nobody if we wait ourselves.
        participant: Option<ParticipantId>,
        /// What: JSON, as the web client writes it.
        text: String,
    },
    /// What everybody who waits is told first, from here on.
    PresetNote {
        /// What; nothing any more if there is none.
        text: Option<String>,
    },
    /// The attendee agreed; leads to [`Output::Receipt`](crate::Output::Receipt) once the
    /// counsellor's device has signed.
    Agree {
        /// Which version of the texts was shown.
        version: String,
        /// In which language.
        language: String,
        /// What was shown, and the answers.
        items: Vec<AgreedItem>,
    },
    /// The attendee takes back what they agreed to.
    Withdraw,
    /// The person turned a track on or off.
    SetTrack {
        /// Which.
        kind: TrackKind,
        /// On or off.
        on: bool,
    },
    /// The person leaves.
    Leave,
    /// The moderator ends the room for everybody.
    EndRoom,
    /// The shell made the offer that [`Output::MakeOffer`](crate::Output::MakeOffer) asked for.
    Offered {
        /// The session description.
        sdp: String,
        /// Its sendonly m-lines.
        tracks: Vec<OfferedTrack>,
        /// Its recvonly m-lines.
        slots: Vec<OfferedSlot>,
    },
    /// The peer connection works.
    MediaConnected,
    /// The peer connection failed or was lost.
    MediaFailed,
    /// The page woke up, or the network is said to be back.
    Woke,
    /// Time passed.
    Tick,
}

/// One thing agreed to, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "participant.ts")]
pub struct AgreedItem {
    /// Its name in the texts of this version.
    pub name: String,
    /// Whether it was agreed to.
    pub agreed: bool,
}

impl From<AgreedItem> for Item {
    fn from(AgreedItem { name, agreed }: AgreedItem) -> Self {
        Self { name, agreed }
    }
}

/// What a saying is about.  Of `live`, `line` and `step` only the newest counts; every saying
/// of the others is delivered, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "participant.ts")]
pub enum Topic {
    /// Real-time text: the whole line as it stands while it is typed.
    Live,
    /// How good the sender's own line is.
    Line,
    /// Where the attendee is, for emergencies: asked and answered.
    Place,
    /// The exchange of a consent receipt.
    Consent,
    /// How much of the call the sender's device carries.
    Step,
    /// The safety code does not match.
    Mismatch,
}

impl From<Topic> for message::Topic {
    fn from(topic: Topic) -> Self {
        match topic {
            Topic::Live => Self::Live,
            Topic::Line => Self::Line,
            Topic::Place => Self::Place,
            Topic::Consent => Self::Consent,
            Topic::Step => Self::Step,
            Topic::Mismatch => Self::Mismatch,
        }
    }
}

impl From<message::Topic> for Topic {
    fn from(topic: message::Topic) -> Self {
        match topic {
            message::Topic::Live => Self::Live,
            message::Topic::Line => Self::Line,
            message::Topic::Place => Self::Place,
            message::Topic::Consent => Self::Consent,
            message::Topic::Step => Self::Step,
            message::Topic::Mismatch => Self::Mismatch,
        }
    }
}
