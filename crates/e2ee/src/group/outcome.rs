//! What a group tells its owner: members, changes, and why something was not done.

use protocol::id::{Epoch, GroupId, LeafIndex, ParticipantId};
use protocol::limits::{COMMIT_BYTES_MAX, WELCOME_BYTES_MAX};
use protocol::opaque::Opaque;
use protocol::server::Role;

use crate::message::Message;
use crate::policy::Refused;

/// A member, as the group proves it.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// Their leaf.
    pub leaf: LeafIndex,
    /// Which participant.
    pub participant: ParticipantId,
    /// In which role.
    pub role: Role,
    /// Their name, where it is known: a counsellor's from their claim, an attendee's to the
    /// counsellor who opened their knock, one's own.
    pub name: Option<String>,
    /// Whether it is ourselves.
    pub own: bool,
}

/// Not the name.
impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member({:?} {:?} {:?})", self.leaf, self.role, self.participant)
    }
}

/// A commit of ours that the delivery service has not accepted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The group.
    pub group: GroupId,
    /// The epoch it was made in.
    pub epoch: Epoch,
    /// The commit.
    pub commit: Opaque<COMMIT_BYTES_MAX>,
    /// The Welcome for those added.
    pub welcome: Option<Opaque<WELCOME_BYTES_MAX>>,
    /// Who is added, and where.
    pub added: Vec<(ParticipantId, LeafIndex)>,
    /// Who is removed.
    pub removed: Vec<ParticipantId>,
}

/// What a merged commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The epoch the group is in by it.
    pub epoch: Epoch,
    /// Who came.
    pub added: Vec<Member>,
    /// Who is out.
    pub removed: Vec<Member>,
}

/// Why a commit changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It is for another group.
    OtherGroup,
    /// Its epoch is over: it came late or again.
    Past,
    /// Its epoch is still to come: others are missing before it.
    Future,
    /// The group is closed.
    Closed,
}

/// What came of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It was merged.
    Accepted(Change),
    /// It was merged, and we are out.
    Evicted,
    /// It changes nothing.
    Ignored(Ignored),
    /// Somebody tampers, or our state is broken.  The group is closed; only a new one helps.
    Refused(Refused),
}

/// Why no commit was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotCommit {
    /// We are no moderator.
    #[error("not a moderator")]
    NotModerator,
    /// One is on its way already.
    #[error("a commit is on its way")]
    Busy,
    /// The group is closed.
    #[error("the group is closed")]
    Closed,
    /// Nobody is at one of the leaves.
    #[error("no such member")]
    NoSuchMember,
    /// Our own policy does not allow it.
    #[error("not allowed: {0}")]
    NotAllowed(Refused),
    /// OpenMLS could not make it.
    #[error("could not be made")]
    Failed,
}

/// Why a message was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSeal {
    /// The group is closed.
    #[error("the group is closed")]
    Closed,
    /// It is empty or too long.
    #[error("empty or too long")]
    BadMessage,
    /// OpenMLS could not seal it.
    #[error("could not be sealed")]
    Failed,
}

/// Why a message was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// For another group, or an epoch we have no keys of (any more, or yet).
    #[error("for another group or epoch")]
    OtherEpoch,
    /// Our own message, handed back to us.
    #[error("our own")]
    Own,
    /// It is not an authentic message of a member: forged, damaged or brought twice.
    #[error("not authentic")]
    NotAuthentic,
    /// The member who sent it sent it twice, or somebody sent it again in their name.
    #[error("seen before")]
    Replayed,
    /// Authentic, but not a message of ours.
    #[error("not a message of this version")]
    NotOurs,
    /// The acknowledgement is not for the epoch we are in, or its proof is wrong.
    #[error("no proof of this epoch")]
    BadAck,
    /// The heartbeat is not of our epoch, or one before it is missing.
    #[error("not the next heartbeat of this epoch")]
    BadBeat,
    /// The group is closed.
    #[error("the group is closed")]
    Closed,
}

/// A message and who said it, proven by their leaf's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The sender's leaf, in the epoch it was sealed in.
    pub leaf: LeafIndex,
    /// The sender.
    pub participant: ParticipantId,
    /// Grows with every message of one sender in this group.
    pub counter: u64,
    /// What they said.
    pub message: Message,
}
