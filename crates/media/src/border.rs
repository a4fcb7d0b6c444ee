//! What the switchboard and the media plane say to each other: orders in, facts out.
//!
//! These two small enums are the whole border (ARCHITECTURE.md, "The server's planes").  A
//! participant id is unique in the process and names the peer connection.

use protocol::id::{LeafIndex, ParticipantId, RoomId};
use protocol::media::{Mid, OfferedSlot, OfferedTrack, SlotBinding, TrackKind};

/// What the switchboard wants done.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaOrder {
    /// Answer an offer.  Replaces an older peer connection of that name.  The new one begins
    /// with empty slots, nothing held and no leaf; all other orders are about the peer
    /// connection there is, and change nothing when there is none.
    OpenPeer {
        /// The room, which decides where the peer connection lives.
        room: RoomId,
        /// Whose it is.
        peer: ParticipantId,
        /// The session description.
        offer: String,
        /// Its sendonly m-lines.
        tracks: Vec<OfferedTrack>,
        /// Its recvonly m-lines.
        slots: Vec<OfferedSlot>,
    },
    /// Put a track on a slot, in place of what the slot carried.  The publisher may come, go
    /// and come back meanwhile.
    BindSlot {
        /// Whose slot.
        subscriber: ParticipantId,
        /// What it carries from here on.
        binding: SlotBinding,
    },
    /// Leave a slot empty.
    UnbindSlot {
        /// Whose slot.
        subscriber: ParticipantId,
        /// Which.
        mid: Mid,
    },
    /// Mute a track on the server: nothing of it is forwarded while it is held.
    HoldTrack {
        /// Whose track.
        publisher: ParticipantId,
        /// Which.
        kind: TrackKind,
        /// Whether to hold or to let go.
        held: bool,
    },
    /// The leaf a participant was given.  Frames that claim another one are dropped.
    SetLeaf {
        /// Who.
        peer: ParticipantId,
        /// Their leaf.
        leaf: LeafIndex,
    },
    /// Close a peer connection.  No fact answers this.
    ClosePeer {
        /// Whose.
        peer: ParticipantId,
    },
}

impl MediaOrder {
    /// Whose peer connection it is about.
    #[must_use]
    pub const fn participant(&self) -> ParticipantId {
        match self {
            Self::OpenPeer { peer, .. }
            | Self::SetLeaf { peer, .. }
            | Self::ClosePeer { peer } => *peer,
            Self::BindSlot { subscriber, .. } | Self::UnbindSlot { subscriber, .. } => {
                *subscriber
            }
            Self::HoldTrack { publisher, .. } => *publisher,
        }
    }
}

/// A session description holds addresses and keys: it is not for logs.
impl std::fmt::Debug for MediaOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OpenPeer { room, peer, offer, tracks, slots } => f
                .debug_struct("OpenPeer")
                .field("room", room)
                .field("peer", peer)
                .field("offer_bytes", &offer.len())
                .field("n_tracks", &tracks.len())
                .field("n_slots", &slots.len())
                .finish(),
            Self::BindSlot { subscriber, binding } => f
                .debug_struct("BindSlot")
                .field("subscriber", subscriber)
                .field("binding", binding)
                .finish(),
            Self::UnbindSlot { subscriber, mid } => f
                .debug_struct("UnbindSlot")
                .field("subscriber", subscriber)
                .field("mid", mid)
                .finish(),
            Self::HoldTrack { publisher, kind, held } => f
                .debug_struct("HoldTrack")
                .field("publisher", publisher)
                .field("kind", kind)
                .field("held", held)
                .finish(),
            Self::SetLeaf { peer, leaf } => {
                f.debug_struct("SetLeaf").field("peer", peer).field("leaf", leaf).finish()
            }
            Self::ClosePeer { peer } => {
                f.debug_struct("ClosePeer").field("peer", peer).finish()
            }
        }
    }
}

/// What happened on the media plane.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaFact {
    /// The offer is answered and its address is known: packets may come.
    Opened {
        /// The room.
        room: RoomId,
        /// Whose.
        peer: ParticipantId,
        /// The session description for the one who offered.
        answer: String,
    },
    /// The offer cannot be used.  An older peer connection of that name is gone too.
    Refused {
        /// The room.
        room: RoomId,
        /// Whose.
        peer: ParticipantId,
    },
    /// The handshake is done: media flows from here on.
    Connected {
        /// The room.
        room: RoomId,
        /// Whose.
        peer: ParticipantId,
    },
    /// The peer connection is gone for good: no consent any more, or no handshake.
    Lost {
        /// The room.
        room: RoomId,
        /// Whose.
        peer: ParticipantId,
    },
}

impl std::fmt::Debug for MediaFact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, room, peer) = match self {
            Self::Opened { room, peer, answer: _ } => ("Opened", room, peer),
            Self::Refused { room, peer } => ("Refused", room, peer),
            Self::Connected { room, peer } => ("Connected", room, peer),
            Self::Lost { room, peer } => ("Lost", room, peer),
        };
        f.debug_struct(name).field("room", room).field("peer", peer).finish()
    }
}

/// The media plane has more orders waiting than it takes, or it has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the media plane takes no orders at this moment")
    }
}

impl std::error::Error for Busy {}
