//! What outlives a process: accounts, rooms, invites and who is signed in.
//!
//! A [`Store`] keeps [`records`]: small rows that name no person counselled and hold no key the
//! server could use.  Secrets arrive here as SHA-256 hashes or sealed bytes and leave the same
//! way.  There are two stores: [`embedded`] (one SQLite file) and [`memory`] (for tests); every
//! store has to pass [`contract::check`].

pub mod accounts;
pub mod contract;
pub mod embedded;
pub mod memory;
pub mod programs;
pub mod records;
mod rows;
mod schema;

use std::time::Duration;

use async_trait::async_trait;
use protocol::id::{AccountId, Generation, InviteId, RoomId};
use protocol::time::UnixSeconds;

pub use crate::accounts::records::{
    Account, AccountRole, Hash, InvitationRecord, PasskeyRecord, SignInRecord, Stage,
    TotpRecord,
};
pub use crate::accounts::{Accepted, AccountStore, SetUp};
pub use crate::programs::ProgramStore;
pub use crate::programs::records::{KeyRecord, WebhookRecord};
pub use crate::records::{InviteRecord, RoomChange, RoomRecord};

/// How long the bare row of an ended room stays, so that a late visitor learns that the
/// appointment is over rather than that the link is wrong.
pub const ENDED_ROOM_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The store did not answer as it should: our fault, never the client's.
#[derive(Debug, thiserror::Error)]
#[error("the store failed")]
pub struct StoreError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps what went wrong below.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// How making a room or an invite came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is kept.
    Done,
    /// Something with its id (or its number in the room) is there already.
    Exists,
    /// There are as many as there may be.
    Full,
    /// The room (or the sign-in) it belongs to has ended or never was.
    NoRoom,
}

/// What outlives a process.
///
/// Every operation is atomic, and what it reports as done survives a crash.  Readers tell the
/// time themselves: an expired record is returned until [`purge_expired`](Store::purge_expired)
/// took it.
#[async_trait]
pub trait Store: AccountStore + ProgramStore {
    /// Makes a room, unless its owner has `open_max` that have not ended.
    async fn create_room(
        &self,
        room: RoomRecord,
        open_max: usize,
    ) -> Result<Created, StoreError>;

    /// The room, ended or not.
    async fn room(&self, id: RoomId) -> Result<Option<RoomRecord>, StoreError>;

    /// The rooms of `owner` that have not ended, in the order of their dates; one without a
    /// date stands where it was made.
    async fn rooms_of(&self, owner: AccountId) -> Result<Vec<RoomRecord>, StoreError>;

    /// Changes a room that has not ended, and moves the end of its links with its own (see
    /// [`RoomRecord::links_end`]).  Returns the room as it is then; `None` if there is none.
    async fn change_room(
        &self,
        id: RoomId,
        change: RoomChange,
    ) -> Result<Option<RoomRecord>, StoreError>;

    /// Keeps the generation of a room's newest group.  Nothing happens if the room had a higher
    /// one, has ended or is not there.
    async fn raise_generation(
        &self,
        id: RoomId,
        generation: Generation,
    ) -> Result<(), StoreError>;

    /// Ends a room and wipes its title and dates, and the wrapped secrets and cards of its
    /// invites.  Returns whether it was there and open.
    async fn end_room(&self, id: RoomId, at: UnixSeconds) -> Result<bool, StoreError>;

    /// Makes an invite for a room that has not ended, unless the room has `max` of them.
    async fn create_invite(
        &self,
        invite: InviteRecord,
        max: usize,
    ) -> Result<Created, StoreError>;

    /// The invite, whatever became of it.
    async fn invite(&self, id: InviteId) -> Result<Option<InviteRecord>, StoreError>;

    /// The invites of a room, by number.
    async fn invites_of(&self, room: RoomId) -> Result<Vec<InviteRecord>, StoreError>;

    /// Binds an invite to the first device that was let in by it.  Returns the hash of the
    /// device it is bound to from here on, be it this one or an earlier one; `None` if there is
    /// no such invite or it was revoked.
    async fn pin_device(
        &self,
        invite: InviteId,
        device_hash: Hash,
    ) -> Result<Option<Hash>, StoreError>;

    /// Keeps that the page of an invite was opened.  Nothing happens if it is not there.
    async fn open_invite(&self, invite: InviteId) -> Result<(), StoreError>;

    /// Keeps that an invite leads nowhere any more because its session is over, and wipes its
    /// wrapped secret and card.  Nothing happens if it is not there.
    async fn use_up_invite(&self, invite: InviteId) -> Result<(), StoreError>;

    /// Takes an invite back: wipes its wrapped secret, its card and its auth hash, keeps the
    /// row so that its number is never given again.  Returns whether there was one to take
    /// back.
    async fn revoke_invite(&self, invite: InviteId) -> Result<bool, StoreError>;

    /// Deletes sign-ins that are over, wipes wrapped secrets and cards of invites that are over,
    /// deletes rooms that ended [`ENDED_ROOM_KEPT`] ago with their invites.
    async fn purge_expired(&self, now: UnixSeconds) -> Result<(), StoreError>;
}
