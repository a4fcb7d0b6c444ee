//! What the server says to a client, over the WebSocket.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::client::{Added, Knock};
use crate::id::{Epoch, Generation, GroupId, InviteId, ParticipantId, RoomId};
use crate::limits::{
    APPLICATION_BYTES_MAX, COMMIT_BYTES_MAX, DOORSTEP_NOTE_BYTES_MAX, WELCOME_BYTES_MAX,
    WRAPPED_SECRET_BYTES_MAX,
};
use crate::media::{SlotBinding, TrackState};
use crate::opaque::Opaque;
use crate::reject::{FarewellReason, Reject};

/// Everything the server can say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum ServerMessage {
    /// Answer to `hello`: where the client is now.
    Entered(Entered),
    /// Request `n` was carried out.
    Done {
        /// The number of the request.
        n: u32,
    },
    /// A request was refused and changed nothing.
    Rejected {
        /// The number of the request, if it could be read.
        n: Option<u32>,
        /// Why.
        reject: Reject,
    },
    /// To moderators: somebody waits, or knocks again.
    Knocked(Knocked),
    /// To moderators: somebody who waited has gone.
    Unknocked {
        /// Who.
        participant: ParticipantId,
    },
    /// To moderators from somebody who waits, and to somebody who waits from a moderator.
    DoorstepNote(DoorstepNoted),
    /// To members: somebody is in the room, or what is known of them changed.
    Present(Presence),
    /// To members: somebody is no longer in the room.
    Gone {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: FarewellReason,
    },
    /// To members, in one order for all: a new group began.
    GroupOpened(GroupOpened),
    /// To members of the group, its sender included: the commit that won its epoch.
    Committed(Committed),
    /// To somebody let in: the way into the group.
    Welcomed(Welcomed),
    /// To the other members: a sealed message.
    Relayed(Relayed),
    /// Answer to `offer`.
    Answer(Answer),
    /// What the slots of the receiver carry from here on; all of them, each time.
    Slots {
        /// The bound slots.  A slot not named carries nothing.
        bindings: Vec<SlotBinding>,
    },
    /// The media path was lost (or never came up): offer again.
    MediaLost,
    /// The receiver's part is over; the connection closes after this.
    Farewell {
        /// Why.
        reason: FarewellReason,
    },
}

impl ServerMessage {
    /// Reads one text frame.
    ///
    /// # Errors
    ///
    /// [`Reject::Malformed`] when it is not one of ours.
    pub fn decode(text: &str) -> Result<Self, Reject> {
        serde_json::from_str(text).map_err(|_| Reject::Malformed)
    }

    /// Writes one text frame.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("our messages hold nothing JSON cannot say")
    }
}

/// What a participant may do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS,
)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum Role {
    /// The counsellor.
    Moderator,
    /// The person counselled.
    Attendee,
}

/// Where a participant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "wire.ts")]
pub enum Place {
    /// In the waiting room: hears and sees nothing.
    Waiting,
    /// In the room.
    Room,
}

/// "You are in", with all a client needs to catch up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Entered {
    /// The room.
    pub room: RoomId,
    /// The receiver.
    pub participant: ParticipantId,
    /// What the receiver may do.
    pub role: Role,
    /// Where the receiver is.
    pub place: Place,
    /// Lets the same participant go on over another connection.
    #[ts(type = "string")]
    pub resume: Opaque<32>,
    /// Whether this continues an earlier connection without a gap.
    pub resumed: bool,
    /// The room's group, if there is one.
    pub group: Option<GroupState>,
    /// To moderators: the highest generation any group of the room ever had, also before the
    /// server was started again.  A new group needs a higher one.
    #[serde(default)]
    pub last_generation: Option<Generation>,
    /// The other participants in the room (empty while waiting).
    pub present: Vec<Presence>,
    /// To moderators: everybody who waits, and everybody let in with the knock they came by.
    pub knocks: Vec<Knocked>,
}

/// The group of a room, as far as the server knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct GroupState {
    /// The group.
    pub group: GroupId,
    /// Which group of the room it is.
    pub generation: Generation,
    /// The epoch it is in.
    pub epoch: Epoch,
}

/// Somebody in the room, without a name: names are sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Presence {
    /// Who.
    pub participant: ParticipantId,
    /// What they may do.
    pub role: Role,
    /// Whether they are connected at this moment.
    pub connected: bool,
    /// Their tracks.
    pub tracks: Vec<TrackState>,
}

/// Somebody at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Knocked {
    /// Who.
    pub participant: ParticipantId,
    /// By which invite.
    pub invite: InviteId,
    /// Where they are: waiting, or already let in (for re-founding).
    pub place: Place,
    /// Whether the link was used on another device before.
    pub other_device: bool,
    /// Whether this device was let in before, so that it may come back without asking again.
    pub returning: bool,
    /// How long they have been waiting, in milliseconds.
    #[ts(type = "number")]
    pub waited_ms: u64,
    /// What they sent.
    pub knock: Knock,
}

/// A sealed note before there is a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct DoorstepNoted {
    /// From whom, says the server; which link it was sealed under says more.
    pub participant: ParticipantId,
    /// The note.
    #[ts(type = "string")]
    pub sealed: Opaque<DOORSTEP_NOTE_BYTES_MAX>,
}

/// A new group began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct GroupOpened {
    /// Place in the order of all messages of this room's delivery.
    #[ts(type = "number")]
    pub seq: u64,
    /// The group.
    pub group: GroupId,
    /// Which group of the room it is.
    pub generation: Generation,
    /// The moderator who opened it.
    pub by: ParticipantId,
}

/// The commit that won its epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Committed {
    /// Place in the order of all messages of this room's delivery.
    #[ts(type = "number")]
    pub seq: u64,
    /// The group.
    pub group: GroupId,
    /// The epoch it ends; the group is one further afterwards.
    pub epoch: Epoch,
    /// Who made it.
    pub by: ParticipantId,
    /// The MLS commit.
    #[ts(type = "string")]
    pub message: Opaque<COMMIT_BYTES_MAX>,
    /// Who is said to be in by it.
    pub added: Vec<Added>,
    /// Who is said to be out by it.
    pub removed: Vec<ParticipantId>,
}

/// The way into the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Welcomed {
    /// Place in the order of all messages of this room's delivery.
    #[ts(type = "number")]
    pub seq: u64,
    /// The group.
    pub group: GroupId,
    /// Which group of the room it is.
    pub generation: Generation,
    /// The epoch it leads into.
    pub epoch: Epoch,
    /// Who let the receiver in.
    pub by: ParticipantId,
    /// The MLS Welcome.
    #[ts(type = "string")]
    pub message: Opaque<WELCOME_BYTES_MAX>,
    /// The room secret, sealed for the receiver's invite.
    #[ts(type = "string")]
    pub wrapped_room_secret: Opaque<WRAPPED_SECRET_BYTES_MAX>,
    /// The others in the room.
    pub present: Vec<Presence>,
}

/// A sealed message from another member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Relayed {
    /// Place in the order of all messages of this room's delivery.
    #[ts(type = "number")]
    pub seq: u64,
    /// The group.
    pub group: GroupId,
    /// The epoch it is sealed in.
    pub epoch: Epoch,
    /// Who sent it, says the server; the MLS signature says who really did.
    pub by: ParticipantId,
    /// The MLS PrivateMessage.
    #[ts(type = "string")]
    pub message: Opaque<APPLICATION_BYTES_MAX>,
}

/// The server's session description.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "wire.ts")]
pub struct Answer {
    /// The session description.
    pub sdp: String,
}

/// A session description holds addresses and keys: it is not for logs.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("sdp_bytes", &self.sdp.len()).finish()
    }
}
