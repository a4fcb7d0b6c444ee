//! What a room wants done.

use std::collections::BTreeSet;

use protocol::client::{Application, Commit, Offer, OpenGroup};
use protocol::id::{Generation, InviteId, LeafIndex, ParticipantId};
use protocol::media::{Mid, SlotBinding, TrackKind};
use protocol::reject::Reject;
use protocol::server::{Role, ServerMessage};

use crate::input::{ConnectionId, Hash, Request};

/// An order, to be carried out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The connection is in, as this participant.  Earlier resume tokens of theirs are void.
    Accept {
        /// Which connection.
        connection: ConnectionId,
        /// Who they are.
        participant: ParticipantId,
    },
    /// The connection is not let in.
    Refuse {
        /// Which connection.
        connection: ConnectionId,
        /// Why.
        reject: Reject,
    },
    /// Send a message.
    Send {
        /// Where.
        to: ConnectionId,
        /// What.
        message: ServerMessage,
    },
    /// Close a connection once it was sent everything before this.
    Close {
        /// Which.
        connection: ConnectionId,
    },
    /// Ask the delivery service, and bring [`Input::Decided`](crate::Input::Decided) before
    /// any other input.
    Deliver {
        /// To be handed back.
        request: Request,
        /// What to ask.
        step: Step,
    },
    /// Have the delivery service send again what a participant missed.
    Replay {
        /// Who.
        to: ParticipantId,
        /// The highest place they saw.
        after: u64,
    },
    /// Somebody is gone for good: no deliveries, no resuming.
    Forget {
        /// Who.
        who: ParticipantId,
    },
    /// An order for the media plane.
    Media(MediaStep),
    /// Keep which device was let in by an invite first.
    PinDevice {
        /// The invite.
        invite: InviteId,
        /// The device.
        device: Hash,
    },
    /// Keep that an invite leads nowhere any more: its session is over.
    UseUp {
        /// The invite.
        invite: InviteId,
    },
    /// Keep that a group of this generation is about to be opened, before anybody learns of it.
    KeepGeneration {
        /// The generation.
        generation: Generation,
    },
    /// Keep that the room has ended, then bring [`Input::Ended`](crate::Input::Ended) or
    /// [`Input::EndFailed`](crate::Input::EndFailed).
    KeepEnded,
    /// Nobody is left, and nobody came for a while (or will ever come): let go of the room.
    Finished,
}

/// Something the delivery service decides on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Open a group.
    Open {
        /// Who.
        by: ParticipantId,
        /// What they may do.
        role: Role,
        /// Their message.
        open: OpenGroup,
        /// Everybody else in the room.
        others: BTreeSet<ParticipantId>,
    },
    /// Change the group.
    Commit {
        /// Who.
        by: ParticipantId,
        /// What they may do.
        role: Role,
        /// Their message.
        commit: Commit,
    },
    /// Say something to the other members.
    Application {
        /// Who.
        by: ParticipantId,
        /// Their message.
        application: Application,
    },
}

/// An order for the media plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaStep {
    /// Answer an offer, in place of an older peer connection of this participant.
    OpenPeer {
        /// Whose.
        peer: ParticipantId,
        /// The offer.
        offer: Offer,
    },
    /// Put a track on a slot, in place of what it carried.
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
    /// Forward nothing of a track, or go on.
    HoldTrack {
        /// Whose.
        publisher: ParticipantId,
        /// Which.
        kind: TrackKind,
        /// Whether to hold it.
        held: bool,
    },
    /// The only leaf whose frames a participant may send.
    SetLeaf {
        /// Who.
        peer: ParticipantId,
        /// Their leaf.
        leaf: LeafIndex,
    },
    /// Close a peer connection.
    ClosePeer {
        /// Whose.
        peer: ParticipantId,
    },
}
