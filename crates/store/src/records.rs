//! What a store keeps of rooms and invites, row by row.

use std::fmt;

use protocol::api::RoomKind;
use protocol::id::{AccountId, Generation, InviteId, RoomId};
use protocol::limits::{LINK_LIFE_AFTER_END, ROOM_MINUTES_ASSUMED};
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
    /// When the session begins, if that was planned.
    pub starts_at: Option<UnixSeconds>,
    /// How long it is to last, if that was planned.
    pub minutes: Option<u16>,
    /// How people speak at first.
    pub kind: RoomKind,
    /// Whether an attendee who left may come back by the same link.
    pub reusable: bool,
}

impl RoomRecord {
    /// From when on no link of this room works; `None` if it has no date.
    #[must_use]
    pub fn links_end(&self) -> Option<UnixSeconds> {
        let minutes = u64::from(self.minutes.unwrap_or(ROOM_MINUTES_ASSUMED));
        let ends_at = self.starts_at?.plus(minutes * 60);
        Some(ends_at.plus(LINK_LIFE_AFTER_END.as_secs()))
    }

    /// When a link of this room ends that was to end at `expires_at`, now that its links end
    /// at another time than `before`.  A link that was to die with the room still does; one
    /// that was to die earlier keeps its time.
    #[must_use]
    pub fn moved(&self, before: Option<UnixSeconds>, expires_at: UnixSeconds) -> UnixSeconds {
        match self.links_end() {
            None => expires_at,
            Some(end) if before == Some(expires_at) => end,
            Some(end) => expires_at.min(end),
        }
    }
}

/// What about a room is to change; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomChange {
    /// Another sealed title.
    pub sealed_title: Option<Vec<u8>>,
    /// Another date, or none.
    pub starts_at: Option<Option<UnixSeconds>>,
    /// Another length, or none.
    pub minutes: Option<Option<u16>>,
    /// Another way to speak.
    pub kind: Option<RoomKind>,
    /// Whether whoever left may come back.
    pub reusable: Option<bool>,
}

impl RoomChange {
    /// The room, changed.
    #[must_use]
    pub fn of(self, room: RoomRecord) -> RoomRecord {
        RoomRecord {
            sealed_title: self.sealed_title.unwrap_or(room.sealed_title),
            starts_at: self.starts_at.unwrap_or(room.starts_at),
            minutes: self.minutes.unwrap_or(room.minutes),
            kind: self.kind.unwrap_or(room.kind),
            reusable: self.reusable.unwrap_or(room.reusable),
            ..room
        }
    }
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
    /// What the attendee's page shows before they are let in, sealed under the link.  Wiped
    /// with the wrapped secret.
    pub sealed_card: Vec<u8>,
    /// Whether its page was opened.
    pub opened: bool,
    /// Whether the session it was good for is over.
    pub used_up: bool,
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
