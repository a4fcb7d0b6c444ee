//! Opens, finds and runs rooms.
//!
//! The *switchboard* finds the *room* behind a right to enter and hands out a *line* to it.  One
//! task owns each room with both of its cores ([`room`] decides who may, [`delivery`] in which
//! order); this crate carries their orders out, to clients, media plane and store, and has no
//! opinion of its own.

use std::sync::Arc;
use std::time::Duration;

use ::store::Store;
use media::{Busy, MediaFact, MediaHandle, MediaOrder};
use protocol::client::{ClientMessage, Right};
use protocol::id::{AccountId, InviteId, RoomId};
use protocol::opaque::Opaque;
use protocol::reject::Reject;
use protocol::server::ServerMessage;
use tokio::sync::mpsc;

/// The media plane, as far as rooms need it.
pub trait MediaPlane: Send + Sync + 'static {
    /// Hands an order over.
    ///
    /// # Errors
    ///
    /// [`Busy`] when too many orders wait already, or the media plane has stopped.
    fn order(&self, order: MediaOrder) -> Result<(), Busy>;
}

impl MediaPlane for MediaHandle {
    fn order(&self, order: MediaOrder) -> Result<(), Busy> {
        Self::order(self, order)
    }
}

/// Opens, finds and runs rooms.  Cheap to clone; all clones are one switchboard.
#[derive(Clone)]
pub struct Switchboard {
    _store: Arc<dyn Store>,
}

/// A connection's way into its room.  Dropping it means that the connection is lost.
#[derive(Debug)]
pub struct Line {}

/// The room no longer listens to this line: the connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the room no longer listens to this line")]
pub struct LineClosed;

/// How many are where, for the desk's list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// How many knocked and wait.
    pub n_waiting: u32,
    /// Whether somebody is in the room.
    pub live: bool,
}

/// What happened so far, and how much there is, over all rooms.  No ids, no names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountersSnapshot {
    /// Rooms that run at this moment.
    pub rooms: u64,
    /// People in waiting rooms at this moment.
    pub waiting: u64,
    /// People in rooms at this moment.
    pub members: u64,
    /// Connections at this moment.
    pub connections: u64,
    /// Rooms opened so far.
    pub rooms_opened: u64,
    /// Rooms that broke so far.
    pub rooms_broken: u64,
    /// Commits accepted so far.
    pub commits_accepted: u64,
    /// Commits and messages refused so far because their epoch was over.
    pub commits_stale: u64,
    /// Connections given up so far because they did not read.
    pub outboxes_overflowed: u64,
    /// Refusals so far, by the stable code of the refusal.
    pub rejects: std::collections::BTreeMap<&'static str, u64>,
}

impl Switchboard {
    /// Starts with no room open.  Must be called on a tokio runtime: it spawns the task that
    /// brings media facts to their rooms.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        _media: impl MediaPlane,
        _facts: mpsc::Receiver<MediaFact>,
    ) -> Self {
        Self { _store: store }
    }

    /// Lets a connection in by its right.  The room answers
    /// [`Entered`](ServerMessage::Entered) through `outbox`, and nothing else answers the
    /// `hello`.  When the room drops the outbox's sender, the connection is over: send what
    /// is still in it, then close.
    ///
    /// # Errors
    ///
    /// Why the client cannot enter; it may try another right on the same connection.
    pub async fn hello(
        &self,
        _right: Right,
        _outbox: mpsc::Sender<ServerMessage>,
    ) -> Result<Line, Reject> {
        Err(Reject::Internal)
    }

    /// Makes a ticket: the right to enter a room of `account` as its moderator, once.
    ///
    /// # Errors
    ///
    /// [`Reject::NoSuchRight`] for a room of somebody else or none, [`Reject::RoomEnded`].
    pub async fn ticket(
        &self,
        _account: AccountId,
        _room: RoomId,
    ) -> Result<Opaque<32>, Reject> {
        Err(Reject::Internal)
    }

    /// Ends a room of `account` for good and for everybody.  Done again, it changes nothing.
    ///
    /// # Errors
    ///
    /// [`Reject::NoSuchRight`] for a room of somebody else or none.
    pub async fn end_room(&self, _account: AccountId, _room: RoomId) -> Result<(), Reject> {
        Err(Reject::Internal)
    }

    /// Takes an invite of a room of `account` back, and says farewell to whoever came by it.
    /// Done again, it changes nothing.
    ///
    /// # Errors
    ///
    /// [`Reject::NoSuchRight`] for an invite of somebody else or none.
    pub async fn revoke_invite(
        &self,
        _account: AccountId,
        _invite: InviteId,
    ) -> Result<(), Reject> {
        Err(Reject::Internal)
    }

    /// How many are where.
    #[must_use]
    pub fn occupancy(&self, _room: RoomId) -> Occupancy {
        Occupancy::default()
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> CountersSnapshot {
        CountersSnapshot::default()
    }

    /// Says farewell to everybody ([`ServerStopping`]) and lets nobody in any more; then waits
    /// until the connections are gone, but no longer than `patience`.
    ///
    /// [`ServerStopping`]: protocol::reject::FarewellReason::ServerStopping
    pub async fn shut_down(&self, _patience: Duration) {}
}

impl Line {
    /// Hands the room a message of the client.
    ///
    /// # Errors
    ///
    /// [`LineClosed`] when the room has ended; the outbox says why.
    pub async fn send(&self, _n: u32, _message: ClientMessage) -> Result<(), LineClosed> {
        Err(LineClosed)
    }
}
