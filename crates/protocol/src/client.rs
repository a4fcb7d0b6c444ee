//! What a client says to the server, over the WebSocket.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::id::{Epoch, Generation, GroupId, InviteId, LeafIndex, ParticipantId};
use crate::limits::{
    APPLICATION_BYTES_MAX, COMMIT_ADDS_MAX, COMMIT_BYTES_MAX, DOORSTEP_NOTE_BYTES_MAX,
    KEY_PACKAGE_BYTES_MAX, M_LINES_MAX, MESSAGE_BYTES_MAX, ROOM_MEMBERS_MAX, SDP_BYTES_MAX,
    SEALED_NAME_BYTES_MAX, WELCOME_BYTES_MAX,
};
use crate::media::{OfferedSlot, OfferedTrack, TrackState};
use crate::opaque::Opaque;
use crate::reject::Reject;

/// A message and its number.  The server answers [`Done`](crate::server::ServerMessage::Done)
/// or [`Rejected`](crate::server::ServerMessage::Rejected) with the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct ClientEnvelope {
    /// Chosen by the client, growing by one from 1 on each connection.
    pub n: u32,
    /// The message.
    pub body: ClientMessage,
}

impl ClientEnvelope {
    /// Reads one text frame.
    ///
    /// # Errors
    ///
    /// [`Reject::TooLarge`] or [`Reject::Malformed`]; the frame is worth no closer look.
    pub fn decode(text: &str) -> Result<Self, Reject> {
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(Reject::TooLarge);
        }
        let envelope: Self = serde_json::from_str(text).map_err(|_| Reject::Malformed)?;
        envelope.body.check_lists().map(|()| envelope)
    }

    /// Writes one text frame.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("our messages hold nothing JSON cannot say")
    }
}

/// Everything a client can say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum ClientMessage {
    /// The first message: by what right the client wants in.
    Hello(Hello),
    /// A waiting participant asks to be let in.  May be sent again with a fresh KeyPackage.
    Knock(Knock),
    /// A member replaces the spare KeyPackage of its knock after it was used.
    Spare(Knock),
    /// A moderator opens the room's MLS group, or re-founds it.
    OpenGroup(OpenGroup),
    /// A moderator changes the group: admits, removes, renews keys.
    Commit(Commit),
    /// A member says something to the other members.
    Application(Application),
    /// A moderator and somebody who waits write to each other.
    DoorstepNote(DoorstepNote),
    /// A moderator does not let somebody in.
    Decline(Decline),
    /// A member offers its media.
    Offer(Offer),
    /// A member's track went on or off.
    Track(TrackState),
    /// The participant leaves for good.
    Leave,
    /// A moderator ends the room for everybody.
    EndRoom,
    /// Still there.  Answered by `done`.
    Ping,
}

impl ClientMessage {
    fn check_lists(&self) -> Result<(), Reject> {
        let fits = match self {
            Self::Commit(commit) => {
                commit.added.len() <= COMMIT_ADDS_MAX.max(ROOM_MEMBERS_MAX)
                    && commit.removed.len() <= ROOM_MEMBERS_MAX
            }
            Self::Offer(offer) => {
                offer.tracks.len() + offer.slots.len() <= M_LINES_MAX
                    && offer.sdp.len() <= SDP_BYTES_MAX
            }
            Self::Hello(_)
            | Self::Knock(_)
            | Self::Spare(_)
            | Self::OpenGroup(_)
            | Self::Application(_)
            | Self::DoorstepNote(_)
            | Self::Decline(_)
            | Self::Track(_)
            | Self::Leave
            | Self::EndRoom
            | Self::Ping => true,
        };
        if fits { Ok(()) } else { Err(Reject::TooLarge) }
    }
}

/// By what right a client wants in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct Hello {
    /// The right.
    pub right: Right,
}

/// A right to enter.  None of them ever travels in a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub enum Right {
    /// A link: leads to the waiting room.
    Invite {
        /// Which invite.
        invite: InviteId,
        /// `server-auth` of E2EE.md 1.2: 32 bytes.  The server knows its SHA-256.
        #[ts(type = "string")]
        server_auth: Opaque<32>,
        /// 16 random bytes the device made for this invite.  The first device let in pins its
        /// hash; the counsellor is told when another one comes.
        #[ts(type = "string")]
        device: Opaque<16>,
    },
    /// A ticket of the desk: leads into the room as its moderator.
    Ticket {
        /// 32 random bytes, good once, for [`TICKET_LIFETIME`](crate::limits::TICKET_LIFETIME).
        #[ts(type = "string")]
        ticket: Opaque<32>,
    },
    /// The token of an earlier connection: the same participant goes on.
    Resume {
        /// From [`Entered`](crate::server::Entered).
        #[ts(type = "string")]
        resume: Opaque<32>,
        /// The highest `seq` seen; everything after it is sent again.
        #[ts(type = "number")]
        after: u64,
    },
}

/// "Please let me in": what the moderator's device needs to check and to add somebody.
///
/// `mac` binds it to the link (E2EE.md 1.4): the server can neither make nor change one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct Knock {
    /// The MLS KeyPackage to add.
    #[ts(type = "string")]
    pub key_package: Opaque<KEY_PACKAGE_BYTES_MAX>,
    /// Another one, for when the group is re-founded.
    #[ts(type = "string")]
    pub spare_key_package: Opaque<KEY_PACKAGE_BYTES_MAX>,
    /// 16 random bytes.
    #[ts(type = "string")]
    pub nonce: Opaque<16>,
    /// HMAC-SHA-256 under the invite's `join-mac` key.
    #[ts(type = "string")]
    pub mac: Opaque<32>,
    /// The name, sealed under the invite's `wrap` key.
    #[ts(type = "string")]
    pub sealed_name: Opaque<SEALED_NAME_BYTES_MAX>,
}

/// The room's MLS group begins, with the moderator as its only member, at epoch 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct OpenGroup {
    /// The group.
    pub group: GroupId,
    /// Must be higher than that of any group the room has had.
    pub generation: Generation,
}

/// One step of the group, and who is in or out by it.
///
/// The server believes `added` and `removed` as far as its own doors go (who may connect
/// media); members believe only the commit itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct Commit {
    /// The group.
    pub group: GroupId,
    /// The epoch it was made in; accepted only if the group is still there.
    pub epoch: Epoch,
    /// The MLS commit (a PrivateMessage).
    #[ts(type = "string")]
    pub message: Opaque<COMMIT_BYTES_MAX>,
    /// The Welcome for those added; released only when the commit is accepted.
    #[ts(type = "string | null")]
    pub welcome: Option<Opaque<WELCOME_BYTES_MAX>>,
    /// Who is let in by it.
    pub added: Vec<Added>,
    /// Who is out by it.
    pub removed: Vec<ParticipantId>,
}

/// Somebody let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct Added {
    /// Who.
    pub participant: ParticipantId,
    /// Their leaf.  The media plane drops frames that claim another one.
    pub leaf: LeafIndex,
}

/// A sealed message to the other members: chat, acknowledgements, heartbeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct Application {
    /// The group.
    pub group: GroupId,
    /// The epoch it is sealed in.
    pub epoch: Epoch,
    /// The MLS PrivateMessage.
    #[ts(type = "string")]
    pub message: Opaque<APPLICATION_BYTES_MAX>,
    /// Worth nothing later: not kept for members whose connection broke.
    #[serde(default)]
    pub fleeting: bool,
}

/// A note before there is a group, sealed under the link.  The server hands it on to whoever is
/// connected and keeps nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct DoorstepNote {
    /// A moderator says for whom; whoever waits says nothing: it is for the moderators.
    pub participant: Option<ParticipantId>,
    /// The note.
    #[ts(type = "string")]
    pub sealed: Opaque<DOORSTEP_NOTE_BYTES_MAX>,
}

/// A knock is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct Decline {
    /// Whose.
    pub participant: ParticipantId,
}

/// Media of one participant: its tracks and slots, once, without renegotiation.  A new offer
/// replaces the peer connection.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export_to = "wire.ts")]
pub struct Offer {
    /// The session description.
    pub sdp: String,
    /// Its sendonly m-lines.
    pub tracks: Vec<OfferedTrack>,
    /// Its recvonly m-lines.
    pub slots: Vec<OfferedSlot>,
}

/// A session description holds addresses and keys: it is not for logs.
impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offer")
            .field("sdp_bytes", &self.sdp.len())
            .field("tracks", &self.tracks)
            .field("slots", &self.slots)
            .finish()
    }
}
