//! How does a store behave when there is no disk?  A [`Store`] for tests, gone with its process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use protocol::id::{AccountId, Generation, InviteId, RoomId};
use protocol::time::UnixSeconds;

use crate::accounts::AccountStore;
use crate::accounts::memory::Accounts;
use crate::programs::memory::Programs;
use crate::{
    Created, ENDED_ROOM_KEPT, Hash, InviteRecord, RoomChange, RoomRecord, Store, StoreError,
};

/// A store in memory.
#[derive(Debug, Default)]
pub struct Memory {
    pub(crate) accounts: Accounts,
    pub(crate) programs: Programs,
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    rooms: BTreeMap<RoomId, RoomRecord>,
    invites: BTreeMap<InviteId, InviteRecord>,
}

impl Memory {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing below panics half-way through a change.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Memory {
    async fn create_room(
        &self,
        room: RoomRecord,
        open_max: usize,
    ) -> Result<Created, StoreError> {
        let mut rows = self.rows();
        if rows.rooms.contains_key(&room.id) {
            return Ok(Created::Exists);
        }
        if rows.open_rooms_of(room.owner).count() >= open_max {
            return Ok(Created::Full);
        }
        rows.rooms.insert(room.id, room);
        Ok(Created::Done)
    }

    async fn room(&self, id: RoomId) -> Result<Option<RoomRecord>, StoreError> {
        Ok(self.rows().rooms.get(&id).cloned())
    }

    async fn rooms_of(&self, owner: AccountId) -> Result<Vec<RoomRecord>, StoreError> {
        let mut rooms: Vec<_> = self.rows().open_rooms_of(owner).cloned().collect();
        rooms.sort_by_key(|room| (room.starts_at.unwrap_or(room.created_at), room.id));
        Ok(rooms)
    }

    async fn change_room(
        &self,
        id: RoomId,
        change: RoomChange,
    ) -> Result<Option<RoomRecord>, StoreError> {
        let mut rows = self.rows();
        let room = rows.rooms.get(&id).filter(|room| room.ended_at.is_none());
        let Some(before) = room.cloned() else { return Ok(None) };
        let end_before = before.links_end();
        let after = change.of(before);
        for invite in rows.invites.values_mut().filter(|invite| invite.room == id) {
            invite.expires_at = after.moved(end_before, invite.expires_at);
        }
        rows.rooms.insert(id, after.clone());
        Ok(Some(after))
    }

    async fn raise_generation(
        &self,
        id: RoomId,
        generation: Generation,
    ) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let room = rows.rooms.get_mut(&id).filter(|room| room.ended_at.is_none());
        if let Some(room) = room {
            room.last_generation = room.last_generation.max(Some(generation));
        }
        Ok(())
    }

    async fn end_room(&self, id: RoomId, at: UnixSeconds) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let Some(room) = rows.rooms.get_mut(&id).filter(|room| room.ended_at.is_none()) else {
            return Ok(false);
        };
        room.ended_at = Some(at);
        room.sealed_title.clear();
        room.starts_at = None;
        room.minutes = None;
        for invite in rows.invites.values_mut().filter(|invite| invite.room == id) {
            invite.wipe();
        }
        Ok(true)
    }

    async fn create_invite(
        &self,
        invite: InviteRecord,
        max: usize,
    ) -> Result<Created, StoreError> {
        let mut rows = self.rows();
        if rows.rooms.get(&invite.room).is_none_or(|room| room.ended_at.is_some()) {
            return Ok(Created::NoRoom);
        }
        let of_room: Vec<_> = rows.invites_of(invite.room).map(|other| other.number).collect();
        if rows.invites.contains_key(&invite.id) || of_room.contains(&invite.number) {
            return Ok(Created::Exists);
        }
        if of_room.len() >= max {
            return Ok(Created::Full);
        }
        rows.invites.insert(invite.id, invite);
        Ok(Created::Done)
    }

    async fn invite(&self, id: InviteId) -> Result<Option<InviteRecord>, StoreError> {
        Ok(self.rows().invites.get(&id).cloned())
    }

    async fn invites_of(&self, room: RoomId) -> Result<Vec<InviteRecord>, StoreError> {
        let mut invites: Vec<_> = self.rows().invites_of(room).cloned().collect();
        invites.sort_by_key(|invite| invite.number);
        Ok(invites)
    }

    async fn pin_device(
        &self,
        invite: InviteId,
        device_hash: Hash,
    ) -> Result<Option<Hash>, StoreError> {
        let mut rows = self.rows();
        let invite = rows.invites.get_mut(&invite).filter(|invite| !invite.revoked);
        Ok(invite.map(|invite| *invite.device_hash.get_or_insert(device_hash)))
    }

    async fn open_invite(&self, invite: InviteId) -> Result<(), StoreError> {
        if let Some(invite) = self.rows().invites.get_mut(&invite) {
            invite.opened = true;
        }
        Ok(())
    }

    async fn use_up_invite(&self, invite: InviteId) -> Result<(), StoreError> {
        if let Some(invite) = self.rows().invites.get_mut(&invite) {
            invite.used_up = true;
            invite.wipe();
        }
        Ok(())
    }

    async fn revoke_invite(&self, invite: InviteId) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let Some(invite) = rows.invites.get_mut(&invite).filter(|invite| !invite.revoked)
        else {
            return Ok(false);
        };
        invite.revoked = true;
        invite.server_auth_hash = [0; 32];
        invite.wipe();
        Ok(true)
    }

    async fn purge_expired(&self, now: UnixSeconds) -> Result<(), StoreError> {
        self.purge_accounts(now).await?;
        let mut rows = self.rows();
        let rows = &mut *rows;
        let kept = ENDED_ROOM_KEPT.as_secs();
        rows.rooms.retain(|_, room| room.ended_at.is_none_or(|at| at.plus(kept) > now));
        let rooms: BTreeSet<_> = rows.rooms.keys().copied().collect();
        rows.invites.retain(|_, invite| rooms.contains(&invite.room));
        for invite in rows.invites.values_mut().filter(|invite| invite.expires_at <= now) {
            invite.wipe();
        }
        Ok(())
    }
}

impl Rows {
    fn open_rooms_of(&self, owner: AccountId) -> impl Iterator<Item = &RoomRecord> {
        self.rooms.values().filter(move |room| room.owner == owner && room.ended_at.is_none())
    }

    fn invites_of(&self, room: RoomId) -> impl Iterator<Item = &InviteRecord> {
        self.invites.values().filter(move |invite| invite.room == room)
    }
}

impl InviteRecord {
    fn wipe(&mut self) {
        self.wrapped_room_secret.clear();
        self.sealed_card.clear();
    }
}
