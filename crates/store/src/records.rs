//! What a store keeps of rooms and invites, row by row.

use std::fmt;

use protocol::id::{AccountId, Generation, InviteId, RoomId};
use protocol::time::UnixSeconds;

pub use crate::accounts::records::Hash;

/// A one-to-one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRecord {
    /// Random.
    pub id: RoomId,
    /// The counsellor it belongs to.
    pub owner: AccountId,
    /// The title, sealed for its owner.  Empty once the room has ended.
    pub sealed_title: Vec<u8>,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// When it ended.
    pub ended_at: Option<UnixSeconds>,
    /// The highest generation any of its groups had.
    pub last_generation: Option<Generation>,
}

/// One person's right to knock, as much of it as the server may know (E2EE.md 1.2).
#[derive(Clone, PartialEq, Eq)]
pub struct InviteRecord {
    /// Derived from the link's secret.
    pub id: InviteId,
    /// The room it leads to.
    pub room: RoomId,
    /// Its number in the room; never given twice.
    pub number: u32,
    /// SHA-256 of the link's `server-auth`.  Zeros once it was revoked.
    pub server_auth_hash: Hash,
    /// The room secret, sealed under the link's `wrap` key.  Empty once the invite was revoked
    /// or purged, or its room ended.
    pub wrapped_room_secret: Vec<u8>,
    /// From when on it is refused.
    pub expires_at: UnixSeconds,
    /// Whether the counsellor took it back.
    pub revoked: bool,
    /// SHA-256 of the device that was let in by it first.
    pub device_hash: Option<Hash>,
}

/// The hashes stay out.
impl fmt::Debug for InviteRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InviteRecord")
            .field("id", &self.id)
            .field("room", &self.room)
            .field("number", &self.number)
            .field("expires_at", &self.expires_at)
            .field("revoked", &self.revoked)
            .field("pinned", &self.device_hash.is_some())
            .finish_non_exhaustive()
    }
}
