//! Which rooms run, and what leads to them.
//!
//! One small table behind one lock, held for a look-up and never across an `await`.  Tickets and
//! resume tokens are known by their SHA-256 only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::id::{ParticipantId, RoomId};
use protocol::limits::{ROOMS_OPEN_MAX, TICKET_LIFETIME, TICKETS_MAX};
use protocol::reject::Reject;
use protocol::time::Timestamp;
use store::Hash;
use tokio::sync::mpsc;

use crate::counters::Gauge;
use crate::room_task::Mail;

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    rooms: BTreeMap<RoomId, Running>,
    tickets: BTreeMap<Hash, Ticket>,
    /// One for each participant: bounded by the people of the rooms that run.
    tokens: BTreeMap<Hash, (RoomId, ParticipantId)>,
    n_opened: u64,
    is_closed: bool,
}

/// A room that runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    /// Tells a room from one that ran under its id before.
    pub(crate) life: u64,
    pub(crate) mailbox: mpsc::Sender<Mail>,
    pub(crate) gauge: Arc<Gauge>,
}

#[derive(Debug)]
struct Ticket {
    room: RoomId,
    expires_at: Timestamp,
}

impl Registry {
    /// The room that runs under this id.
    pub(crate) fn find(&self, room: RoomId) -> Option<Running> {
        self.tables().rooms.get(&room).cloned()
    }

    /// The room that runs under this id, or a new one that `start` starts.
    pub(crate) fn find_or_open(
        &self,
        room: RoomId,
        start: impl FnOnce(u64) -> Running,
    ) -> Result<Running, Reject> {
        let mut tables = self.tables();
        if tables.is_closed {
            return Err(Reject::Internal);
        }
        if let Some(running) = tables.rooms.get(&room) {
            return Ok(running.clone());
        }
        if tables.rooms.len() >= ROOMS_OPEN_MAX {
            return Err(Reject::RoomFull);
        }
        tables.n_opened += 1;
        let running = start(tables.n_opened);
        tables.rooms.insert(room, running.clone());
        Ok(running)
    }

    /// Forgets a room that ends, with everything that leads to this life of it.
    pub(crate) fn remove(&self, room: RoomId, life: u64) {
        let mut tables = self.tables();
        if tables.rooms.get(&room).is_some_and(|running| running.life == life) {
            tables.rooms.remove(&room);
            tables.tokens.retain(|_, (of, _)| *of != room);
        }
    }

    /// Opens no more rooms.
    pub(crate) fn close(&self) {
        self.tables().is_closed = true;
    }

    /// Every room that runs.
    pub(crate) fn running(&self) -> Vec<Running> {
        self.tables().rooms.values().cloned().collect()
    }

    /// Keeps a ticket for a while.
    pub(crate) fn put_ticket(
        &self,
        hash: Hash,
        room: RoomId,
        now: Timestamp,
    ) -> Result<(), Reject> {
        let tickets = &mut self.tables().tickets;
        tickets.retain(|_, ticket| now < ticket.expires_at);
        if tickets.len() >= TICKETS_MAX {
            return Err(Reject::TooMany);
        }
        tickets.insert(hash, Ticket { room, expires_at: now + TICKET_LIFETIME });
        Ok(())
    }

    /// Uses a ticket up, and returns where it leads if it was still good.
    pub(crate) fn take_ticket(&self, hash: &Hash, now: Timestamp) -> Option<RoomId> {
        let ticket = self.tables().tickets.remove(hash)?;
        (now < ticket.expires_at).then_some(ticket.room)
    }

    /// Where a resume token leads.
    pub(crate) fn token(&self, hash: &Hash) -> Option<(RoomId, ParticipantId)> {
        self.tables().tokens.get(hash).copied()
    }

    /// Lets a new token lead to a participant, and an older one nowhere.
    pub(crate) fn put_token(
        &self,
        hash: Hash,
        older: Option<Hash>,
        room: RoomId,
        participant: ParticipantId,
    ) {
        let tokens = &mut self.tables().tokens;
        if let Some(older) = older {
            tokens.remove(&older);
        }
        tokens.insert(hash, (room, participant));
    }

    /// Lets a token lead nowhere.
    pub(crate) fn drop_token(&self, hash: &Hash) {
        self.tables().tokens.remove(hash);
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Nothing panics half-way through a change.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ROOM: RoomId = RoomId::from_bytes([1; 16]);

    #[test]
    fn a_ticket_is_good_once_and_not_for_long() {
        let registry = Registry::default();
        let late = Timestamp::default() + TICKET_LIFETIME;
        for hash in [[1; 32], [2; 32]] {
            registry.put_ticket(hash, ROOM, Timestamp::default()).unwrap();
        }

        assert_eq!(registry.take_ticket(&[1; 32], Timestamp::default()), Some(ROOM));
        assert_eq!(registry.take_ticket(&[1; 32], Timestamp::default()), None);
        assert_eq!(registry.take_ticket(&[2; 32], late), None);
        assert_eq!(registry.take_ticket(&[3; 32], Timestamp::default()), None);
    }

    #[test]
    fn the_number_of_tickets_is_bounded_until_they_expire() {
        let registry = Registry::default();
        let now = Timestamp::default() + Duration::from_secs(1);
        for n in 0..TICKETS_MAX {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&n.to_be_bytes());
            registry.put_ticket(hash, ROOM, now).unwrap();
        }

        assert_eq!(registry.put_ticket([9; 32], ROOM, now), Err(Reject::TooMany));
        assert_eq!(registry.put_ticket([9; 32], ROOM, now + TICKET_LIFETIME), Ok(()));
    }

    #[test]
    fn the_number_of_rooms_is_bounded_and_one_that_ended_makes_way() {
        let registry = Registry::default();
        for n in 0..ROOMS_OPEN_MAX {
            registry.find_or_open(room(n), start).unwrap();
        }

        assert_eq!(
            registry.find_or_open(room(ROOMS_OPEN_MAX), start).err(),
            Some(Reject::RoomFull)
        );
        assert_eq!(registry.find_or_open(room(0), start).unwrap().life, 1);
        registry.remove(room(0), 1);
        assert!(registry.find_or_open(room(ROOMS_OPEN_MAX), start).is_ok());
    }

    #[test]
    fn a_room_that_ended_takes_its_tokens_along_but_not_its_successor() {
        let registry = Registry::default();
        let ana = ParticipantId::from_raw(7);
        registry.find_or_open(ROOM, start).unwrap();
        registry.put_token([1; 32], None, ROOM, ana);
        registry.put_token([2; 32], Some([1; 32]), ROOM, ana);

        assert_eq!(registry.token(&[1; 32]), None);
        assert_eq!(registry.token(&[2; 32]), Some((ROOM, ana)));
        registry.remove(ROOM, 99);
        assert!(registry.find(ROOM).is_some());
        registry.remove(ROOM, 1);
        assert_eq!(registry.token(&[2; 32]), None);
    }

    #[test]
    fn a_closed_registry_opens_nothing() {
        let registry = Registry::default();
        registry.close();

        assert_eq!(registry.find_or_open(ROOM, start).err(), Some(Reject::Internal));
    }

    fn start(life: u64) -> Running {
        Running { life, mailbox: mpsc::channel(1).0, gauge: Arc::default() }
    }

    fn room(n: usize) -> RoomId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        RoomId::from_bytes(bytes)
    }
}
