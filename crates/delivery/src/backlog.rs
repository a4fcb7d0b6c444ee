//! What is kept for members whose connection broke, and when it is too much.
//!
//! Bounded three ways: [`BACKLOG_MESSAGES_MAX`], [`BACKLOG_BYTES_MAX`], [`BACKLOG_PATIENCE`].
//! The oldest entry goes first, and the backlog remembers, for each receiver, how far back it
//! no longer reaches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::id::ParticipantId;
use protocol::limits::{BACKLOG_BYTES_MAX, BACKLOG_MESSAGES_MAX, BACKLOG_PATIENCE};
use protocol::server::ServerMessage;
use protocol::time::Timestamp;

use crate::{Output, Welcome};

/// About what an entry costs beside its payload.
const ENTRY_BYTES: usize = 256;

/// Messages in their order, each with those it was for.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The highest place that is no longer kept, for those it was for.
    gone_through: BTreeMap<ParticipantId, u64>,
}

/// One delivered thing.
#[derive(Debug)]
pub(crate) struct Entry {
    seq: u64,
    at: Timestamp,
    to: BTreeSet<ParticipantId>,
    item: Item,
}

/// What was delivered.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A message, the same for every receiver.
    Message(ServerMessage),
    /// A Welcome, to be completed for each receiver.
    Welcome(Welcome),
}

impl Entry {
    pub(crate) fn new(
        seq: u64,
        at: Timestamp,
        to: BTreeSet<ParticipantId>,
        item: Item,
    ) -> Self {
        Self { seq, at, to, item }
    }
}

impl Item {
    /// The order to send this to `to`.
    pub(crate) fn send(self, to: ParticipantId) -> Output {
        match self {
            Self::Message(message) => Output::Send { to, message },
            Self::Welcome(welcome) => Output::Welcome { to, welcome },
        }
    }

    fn bytes(&self) -> usize {
        let payload = match self {
            Self::Message(ServerMessage::Committed(committed)) => {
                committed.message.as_slice().len()
            }
            Self::Message(ServerMessage::Relayed(relayed)) => relayed.message.as_slice().len(),
            Self::Welcome(welcome) => welcome.message.as_slice().len(),
            Self::Message(_) => 0,
        };
        payload + ENTRY_BYTES
    }
}

impl Backlog {
    /// Keeps an entry, and lets old ones go where that breaks a limit.
    pub(crate) fn keep(&mut self, now: Timestamp, entry: Entry) {
        if entry.to.is_empty() {
            return;
        }
        self.bytes += entry.item.bytes();
        self.entries.push_back(entry);
        self.expire(now);
    }

    /// Lets go of what is over a limit.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        while self.is_over_a_limit(now) {
            let Some(gone) = self.entries.pop_front() else { return };
            self.bytes -= gone.item.bytes();
            for who in gone.to {
                self.gone_through.insert(who, gone.seq);
            }
        }
    }

    /// Forgets a receiver, and what was only for them.
    pub(crate) fn forget(&mut self, who: ParticipantId) {
        self.gone_through.remove(&who);
        for entry in &mut self.entries {
            entry.to.remove(&who);
        }
        self.entries.retain(|entry| !entry.to.is_empty());
        self.bytes = self.entries.iter().map(|entry| entry.item.bytes()).sum();
    }

    /// Whether everything for `who` after the place `after` is kept.
    pub(crate) fn covers(&self, who: ParticipantId, after: u64) -> bool {
        self.gone_through.get(&who).is_none_or(|gone| *gone <= after)
    }

    /// What was for `who`, after the place `after`, in order.
    pub(crate) fn missed(&self, who: ParticipantId, after: u64) -> impl Iterator<Item = &Item> {
        self.entries
            .iter()
            .filter(move |entry| entry.seq > after && entry.to.contains(&who))
            .map(|entry| &entry.item)
    }

    /// When the oldest entry is too old.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.entries.front().map(|oldest| oldest.at + BACKLOG_PATIENCE)
    }

    fn is_over_a_limit(&self, now: Timestamp) -> bool {
        self.entries.len() > BACKLOG_MESSAGES_MAX
            || self.bytes > BACKLOG_BYTES_MAX
            || self.next_expiry().is_some_and(|expiry| expiry <= now)
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::{Epoch, Generation, GroupId};
    use protocol::opaque::Opaque;

    use super::*;

    const ANA: ParticipantId = ParticipantId::from_raw(1);
    const BEN: ParticipantId = ParticipantId::from_raw(2);

    #[test]
    fn the_number_kept_is_bounded_and_the_loss_is_known() {
        let mut backlog = Backlog::default();
        let places = BACKLOG_MESSAGES_MAX as u64 + 10;
        for seq in 1..=places {
            backlog.keep(at(0), entry(seq, at(0), [ANA], 10));
        }

        assert_eq!(backlog.entries.len(), BACKLOG_MESSAGES_MAX);
        assert!(!backlog.covers(ANA, 9));
        assert!(backlog.covers(ANA, 10));
        assert_eq!(backlog.missed(ANA, 10).count(), BACKLOG_MESSAGES_MAX);
    }

    #[test]
    fn the_bytes_kept_are_bounded() {
        let mut backlog = Backlog::default();
        for seq in 1..=200 {
            backlog.keep(at(0), entry(seq, at(0), [ANA], 20_000));
            assert!(backlog.bytes <= BACKLOG_BYTES_MAX);
        }

        assert!(!backlog.covers(ANA, 1));
    }

    #[test]
    fn nothing_is_kept_longer_than_the_patience() {
        let mut backlog = Backlog::default();
        backlog.keep(at(0), entry(1, at(0), [ANA], 10));
        backlog.keep(at(5), entry(2, at(5), [ANA], 10));

        let expiry = backlog.next_expiry().unwrap();
        assert_eq!(expiry, at(0) + BACKLOG_PATIENCE);
        backlog.expire(expiry);

        assert_eq!(backlog.missed(ANA, 0).count(), 1);
        assert!(!backlog.covers(ANA, 0));
        assert!(backlog.covers(ANA, 1));
    }

    #[test]
    fn losing_what_was_for_others_is_no_loss() {
        let mut backlog = Backlog::default();
        backlog.keep(at(0), entry(1, at(0), [BEN], 10));
        backlog.expire(at(0) + BACKLOG_PATIENCE);

        assert!(backlog.covers(ANA, 0));
        assert!(!backlog.covers(BEN, 0));
    }

    #[test]
    fn whoever_is_forgotten_leaves_nothing_behind() {
        let mut backlog = Backlog::default();
        backlog.keep(at(0), entry(1, at(0), [ANA], 10));
        backlog.keep(at(0), entry(2, at(0), [ANA, BEN], 10));

        backlog.forget(ANA);

        assert_eq!(backlog.entries.len(), 1);
        assert_eq!(backlog.missed(ANA, 0).count(), 0);
        backlog.forget(BEN);
        assert_eq!(backlog.bytes, 0);
        assert_eq!(backlog.next_expiry(), None);
    }

    fn entry<const N: usize>(
        seq: u64,
        at: Timestamp,
        to: [ParticipantId; N],
        bytes: usize,
    ) -> Entry {
        let welcome = Welcome {
            seq,
            group: GroupId::from_bytes([1; 32]),
            generation: Generation(0),
            epoch: Epoch(1),
            by: BEN,
            message: Opaque::new(vec![0; bytes]).unwrap(),
        };
        Entry::new(seq, at, BTreeSet::from(to), Item::Welcome(welcome))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_start(std::time::Duration::from_secs(seconds))
    }
}
