//! What a room is told.

use protocol::client::Added;
use protocol::client::ClientMessage;
use protocol::id::{Generation, InviteId, ParticipantId};
use protocol::limits::WRAPPED_SECRET_BYTES_MAX;
use protocol::opaque::Opaque;
use protocol::reject::{FarewellReason, Reject};
use protocol::server::GroupState;

/// A SHA-256.
pub type Hash = [u8; 32];

/// One WebSocket, as long as it lives.  Never used again within one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// A message that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where it came from.
    pub connection: ConnectionId,
    /// Its number there.
    pub n: u32,
}

/// Something happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A connection wants in, by a right that was looked up.
    Enter(Enter),
    /// A client said something.
    Said {
        /// Where, and under which number.
        request: Request,
        /// What.
        message: ClientMessage,
    },
    /// A connection is gone.
    Hung {
        /// Which.
        connection: ConnectionId,
    },
    /// The delivery service decided on what [`Output::Deliver`](crate::Output::Deliver) asked.
    Decided {
        /// What was asked.
        request: Request,
        /// How it came out.
        decision: Decision,
    },
    /// The media plane has news of a participant.
    Media {
        /// Whose.
        peer: ParticipantId,
        /// What.
        news: MediaNews,
    },
    /// An invite was taken back.
    Revoked {
        /// Which.
        invite: InviteId,
    },
    /// The store has it: the room has ended for good.
    Ended,
    /// The store could not keep that the room has ended.
    EndFailed,
    /// The room must stop, for no fault of those in it.
    Stop {
        /// What they are told.
        reason: FarewellReason,
    },
    /// Time passed.
    Tick,
}

/// A connection that wants in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enter {
    /// Which.
    pub connection: ConnectionId,
    /// The token that will let this participant go on later: random.
    pub resume: Opaque<32>,
    /// Its SHA-256.
    pub resume_hash: Hash,
    /// By what right.
    pub by: By,
}

/// A right to enter, with what the server knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// An invite that passed [`check_invite`](crate::right::check_invite).
    Invite(Visit),
    /// A ticket that was good.
    Ticket {
        /// Who they will be: random.
        participant: ParticipantId,
        /// The highest generation the store knows of.
        last_generation: Option<Generation>,
    },
    /// The resume token of an earlier connection.
    Resume {
        /// Whose token it is.
        participant: ParticipantId,
        /// SHA-256 of the token shown.
        shown: Hash,
        /// The highest place in the delivery order the client saw.
        after: u64,
        /// Whether the delivery service still has everything after it.
        backlog: Result<(), Reject>,
    },
}

/// Somebody comes by an invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Who they will be: random.
    pub participant: ParticipantId,
    /// The invite.
    pub invite: InviteId,
    /// SHA-256 of what the device calls itself.
    pub device: Hash,
    /// The device that was let in by this invite first.
    pub pinned: Option<Hash>,
    /// Whether the invite is good for one device and one session: whoever leaves does not come
    /// back by it, and nobody else ever comes by it.
    pub sole: bool,
    /// The room secret, sealed for this invite.
    pub wrapped_room_secret: Opaque<WRAPPED_SECRET_BYTES_MAX>,
}

/// How something the delivery service was asked for came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It changed nothing.
    Refused(Reject),
    /// The group is open, its opener at leaf 0.
    Opened {
        /// Who opened it.
        by: ParticipantId,
        /// The group.
        group: GroupState,
    },
    /// The commit won.
    Advanced {
        /// The group, after it.
        group: GroupState,
        /// Who is in by it.
        added: Vec<Added>,
        /// Who is out by it.
        removed: Vec<ParticipantId>,
    },
    /// The application message was sent on.
    Relayed,
}

/// News of one peer connection.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaNews {
    /// The offer is answered.
    Opened {
        /// The session description for the one who offered.
        answer: String,
    },
    /// The offer cannot be used.
    Refused,
    /// Media flows.
    Connected,
    /// The peer connection is gone for good.
    Lost,
}

/// A session description holds addresses and keys: it is not for logs.
impl std::fmt::Debug for MediaNews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Opened { answer: _ } => "Opened",
            Self::Refused => "Refused",
            Self::Connected => "Connected",
            Self::Lost => "Lost",
        })
    }
}
