//! What a room knows of one participant.

use std::collections::{BTreeMap, BTreeSet};

use protocol::client::{Knock, Offer};
use protocol::id::{InviteId, LeafIndex, ParticipantId};
use protocol::limits::WRAPPED_SECRET_BYTES_MAX;
use protocol::media::{OfferedSlot, TrackKind, TrackState};
use protocol::opaque::Opaque;
use protocol::server::{Place, Presence, Role};
use protocol::time::Timestamp;

use crate::input::{ConnectionId, Hash, Request};
use crate::slots::Bindings;

/// One device of one person.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) place: Place,
    pub(crate) origin: Origin,
    pub(crate) presence: Connected,
    /// SHA-256 of the one token that lets them go on.
    pub(crate) resume_hash: Hash,
    /// The leaf they were given last.
    pub(crate) leaf: Option<LeafIndex>,
    /// What they said of their tracks; at most one entry for each kind.
    pub(crate) tracks: BTreeMap<TrackKind, bool>,
    pub(crate) path: Path,
}

/// How they came.
#[derive(Debug)]
pub(crate) enum Origin {
    /// By a ticket of the desk.
    Desk,
    /// By an invite.
    Link(Box<Visitor>),
}

/// Somebody who came by an invite.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) invite: InviteId,
    pub(crate) device: Hash,
    pub(crate) pinned: Option<Hash>,
    /// Whether the invite is over when they leave.
    pub(crate) sole: bool,
    /// Whether another device was here by the same invite when they came.
    pub(crate) came_second: bool,
    pub(crate) wrapped_room_secret: Opaque<WRAPPED_SECRET_BYTES_MAX>,
    pub(crate) came_at: Timestamp,
    /// The newest, kept after they were let in: a re-founded group needs it.
    pub(crate) knock: Option<Knock>,
}

/// Whether there is a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connected {
    /// By this one.
    By(ConnectionId),
    /// No, and the place is kept until then.
    Until(Timestamp),
}

/// The way of their media.
#[derive(Debug)]
pub(crate) enum Path {
    /// Nothing was offered.
    None,
    /// The media plane is looking at an offer.
    Opening(Box<Opening>),
    /// The offer was answered.
    Open(Open),
    /// It was lost, and the client has been told or will be.
    Lost {
        /// Whether it has been told.
        told: bool,
    },
}

/// An offer the media plane is looking at.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) request: Request,
    pub(crate) open: Open,
    /// How long the room waits for the answer.
    pub(crate) deadline: Timestamp,
    /// A newer offer that came meanwhile.
    pub(crate) next: Option<(Request, Offer)>,
}

/// What was offered, and what is bound.
#[derive(Debug, Default)]
pub(crate) struct Open {
    pub(crate) tracks: BTreeSet<TrackKind>,
    pub(crate) slots: Vec<OfferedSlot>,
    pub(crate) bindings: Bindings,
}

impl Participant {
    pub(crate) fn role(&self) -> Role {
        match self.origin {
            Origin::Desk => Role::Moderator,
            Origin::Link(_) => Role::Attendee,
        }
    }

    pub(crate) fn is_in_room(&self) -> bool {
        self.place == Place::Room
    }

    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        match self.presence {
            Connected::By(connection) => Some(connection),
            Connected::Until(_) => None,
        }
    }

    pub(crate) fn visitor(&self) -> Option<&Visitor> {
        match &self.origin {
            Origin::Desk => None,
            Origin::Link(visitor) => Some(visitor),
        }
    }

    pub(crate) fn visitor_mut(&mut self) -> Option<&mut Visitor> {
        match &mut self.origin {
            Origin::Desk => None,
            Origin::Link(visitor) => Some(visitor),
        }
    }

    pub(crate) fn came_by(&self, invite: InviteId) -> bool {
        self.visitor().is_some_and(|visitor| visitor.invite == invite)
    }

    pub(crate) fn has_knocked(&self) -> bool {
        self.visitor().is_some_and(|visitor| visitor.knock.is_some())
    }

    /// What members are told of them.
    pub(crate) fn describe(&self, participant: ParticipantId) -> Presence {
        Presence {
            participant,
            role: self.role(),
            connected: self.connection().is_some(),
            tracks: self
                .tracks
                .iter()
                .map(|(kind, on)| TrackState { kind: *kind, on: *on })
                .collect(),
        }
    }

    /// When time alone changes something about them.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let place = match self.presence {
            Connected::By(_) => None,
            Connected::Until(deadline) => Some(deadline),
        };
        let path = match &self.path {
            Path::Opening(opening) => Some(opening.deadline),
            Path::None | Path::Open(_) | Path::Lost { .. } => None,
        };
        place.into_iter().chain(path).min()
    }
}
