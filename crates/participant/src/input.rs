//! What a shell tells the participant core.

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
    /// Time passed.
    Tick,
}
