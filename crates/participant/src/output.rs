//! What the participant core wants done, and what it wants shown.

use protocol::id::{LeafIndex, ParticipantId};
use protocol::media::{SlotBinding, TrackKind, TrackState};
use protocol::reject::{FarewellReason, Reject};
use protocol::server::Role;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::input::Topic;

/// An order to the shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export_to = "participant.ts")]
pub enum Output {
    /// Fetch a fresh ticket for the moderator's room, then bring `Ticket` or `NoTicket`.
    FetchTicket,
    /// Open the WebSocket, then bring `Opened` or `Closed`.
    Connect,
    /// Send a text frame.
    Send {
        /// Its text.
        text: String,
    },
    /// Close the WebSocket.
    Disconnect,
    /// Make a new peer connection (closing the old one) and bring `Offered`.
    MakeOffer,
    /// Give the peer connection its answer.
    TakeAnswer {
        /// The session description.
        sdp: String,
    },
    /// Close the peer connection.
    CloseMedia,
    /// What the slots carry from here on; all of them, each time.
    BindSlots {
        /// The bound slots.
        bindings: Vec<SlotBinding>,
    },
    /// Ask the encoders of this kind for a key frame: somebody new must be able to start.
    ForceKeyFrame {
        /// Which track.
        kind: TrackKind,
    },
    /// Somebody wrote something (the person themself included, once it was sent).
    Chat {
        /// Who, as their credential says.
        from: ParticipantId,
        /// Their name.
        name: String,
        /// Whether it is the person's own.
        own: bool,
        /// The text.
        text: String,
    },
    /// Another member's device told us something.
    Said {
        /// Who, as their credential says.
        from: ParticipantId,
        /// About what.
        topic: Topic,
        /// What.  Their words: to be checked before use.
        text: String,
    },
    /// A note before admission was written, or came.
    DoorstepNote {
        /// The person who waits; on their side whoever wrote it.
        participant: ParticipantId,
        /// Whether it is our own.
        own: bool,
        /// What.  If it is not our own, their words: to be checked before use.
        text: String,
    },
    /// What the attendee agreed to, or took back, signed by both.
    Receipt {
        /// The attendee.
        participant: Option<ParticipantId>,
        /// JSON of the receipt, for both to keep.
        receipt: String,
    },
    /// Something the person asked for could not be done.
    Refused {
        /// Why.
        reject: Reject,
    },
    /// What to show from here on.
    Show {
        /// The whole state.
        state: CallState,
    },
}

/// Everything a view needs to draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "participant.ts")]
pub struct CallState {
    /// Where the participant is in the journey.
    pub phase: Phase,
    /// The participant's own id, once the server gave one.
    pub me: Option<ParticipantId>,
    /// What the participant may do.
    pub role: Role,
    /// The others in the room, the name from their sealed credential.
    pub others: Vec<Other>,
    /// To moderators: who waits.
    pub waiting: Vec<Waiting>,
    /// Members who have not said for twenty seconds that they are where we are and hear us:
    /// their network is bad, or somebody splits the call.  Media stop a little later.
    pub unheard: Vec<ParticipantId>,
    /// To whoever waits: a moderator's device knows of it.
    pub is_seen: bool,
    /// For how long nobody else has been in the room or at its door, when this was shown, in
    /// milliseconds.  `None` while somebody is.
    #[ts(type = "number | null")]
    pub alone_ms: Option<u64>,
    /// Who the counsellor is, as proven by the group (to attendees, once in).
    pub counsellor: Option<String>,
    /// The code both can compare: four groups of five digits.  `None` until there are two.
    pub safety_code: Option<Vec<String>>,
    /// Members of the group, the participant included.
    pub n_members: u32,
    /// Members who have said that they are in the same epoch, the participant included.
    pub n_confirmed: u32,
    /// Own tracks.
    pub tracks: Vec<TrackState>,
}

/// Where a participant is in the journey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export_to = "participant.ts")]
pub enum Phase {
    /// On the way to the server.
    Connecting,
    /// In the waiting room.
    Waiting,
    /// Let in, keys and media on the way.
    Joining,
    /// In the call.
    InCall,
    /// The connection broke; trying again by itself.
    Reconnecting {
        /// Milliseconds until the next try.
        #[ts(type = "number")]
        retry_in_ms: u64,
    },
    /// Over.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// Why it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export_to = "participant.ts")]
pub enum EndReason {
    /// The server said farewell.
    Farewell {
        /// Why.
        reason: FarewellReason,
    },
    /// The server did not let us in at all.
    Refused {
        /// Why.
        reject: Reject,
    },
    /// What the server delivered cannot be trusted: somebody tampers.  Nothing was sent.
    Unsafe {
        /// A stable short code for the helper on the telephone.
        code: String,
    },
    /// The moderator's sign-in is over.
    SignedOut,
}

/// Somebody else in the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "participant.ts")]
pub struct Other {
    /// Who.
    pub participant: ParticipantId,
    /// Their name; `None` until the group vouches for them.
    pub name: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Their leaf; `None` until the group vouches for them: frames of nobody else are theirs.
    pub leaf: Option<LeafIndex>,
    /// Whether they are connected at this moment.
    pub connected: bool,
    /// Their tracks.
    pub tracks: Vec<TrackState>,
}

/// Somebody at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "participant.ts")]
pub struct Waiting {
    /// Who.
    pub participant: ParticipantId,
    /// Their name, opened with the invite's key.
    pub name: String,
    /// The invite's number in the room.
    pub invite_number: u32,
    /// Whether the link was used on another device before.
    pub other_device: bool,
    /// How long they have been waiting, in milliseconds, when this was shown.
    #[ts(type = "number")]
    pub waited_ms: u64,
}
