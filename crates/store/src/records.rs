//! What a store keeps, row by row.

use std::fmt;

use protocol::id::{AccountId, Generation, InviteId, RoomId};
use protocol::time::UnixSeconds;

/// A SHA-256.
pub type Hash = [u8; 32];

/// A counsellor's account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Random.
    pub id: AccountId,
    /// What they sign in with; unique.
    pub name: String,
    /// PHC string of argon2id.
    pub password_hash: String,
    /// When it was made.
    pub created_at: UnixSeconds,
}

/// Neither the name nor the hash is for logs.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Somebody is signed in, by a cookie that the server knows only as a hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SignInRecord {
    /// SHA-256 of the cookie's 32 random bytes.
    pub token_hash: Hash,
    /// Who.
    pub account: AccountId,
    /// From when on the cookie is worth nothing.
    pub expires_at: UnixSeconds,
}

/// Hashes name a browser; they are not for logs.
impl fmt::Debug for SignInRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInRecord").field("account", &self.account).finish_non_exhaustive()
    }
}

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
