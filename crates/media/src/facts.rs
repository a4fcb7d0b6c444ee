//! How facts reach a switchboard that may be busy.
//!
//! # Invariants
//!
//! - Facts arrive in the order they happened.
//! - At most [`LATE_MAX`] wait; when more do, the oldest is lost and counted.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::border::MediaFact;
use crate::counters::{Counters, bump};

/// Facts that may wait.
const LATE_MAX: usize = 256;

/// The way back to the switchboard.
#[derive(Debug)]
pub(crate) struct Facts {
    to: mpsc::Sender<MediaFact>,
    late: VecDeque<MediaFact>,
}

impl Facts {
    pub(crate) const fn new(to: mpsc::Sender<MediaFact>) -> Self {
        Self { to, late: VecDeque::new() }
    }

    /// Tells a fact, now or later.
    pub(crate) fn tell(&mut self, fact: MediaFact, counters: &Counters) {
        tracing::debug!(?fact, "media fact");
        self.late.push_back(fact);
        self.retry(counters);
        if !self.late.is_empty() {
            bump(&counters.facts_delayed);
        }
        if self.late.len() > LATE_MAX {
            self.late.pop_front();
            bump(&counters.facts_lost);
        }
    }

    /// Tells what could not be told before.
    pub(crate) fn retry(&mut self, counters: &Counters) {
        while let Some(fact) = self.late.pop_front() {
            match self.to.try_send(fact) {
                Ok(()) => {}
                Err(TrySendError::Full(fact)) => {
                    self.late.push_front(fact);
                    return;
                }
                Err(TrySendError::Closed(_)) => bump(&counters.facts_lost),
            }
        }
    }

    /// Whether something waits to be told.
    pub(crate) fn is_late(&self) -> bool {
        !self.late.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::{ParticipantId, RoomId};

    use super::*;

    fn fact(n: u64) -> MediaFact {
        MediaFact::Lost { room: RoomId::from_bytes([0; 16]), peer: ParticipantId::from_raw(n) }
    }

    #[test]
    fn facts_wait_in_order_and_the_oldest_is_lost_first() {
        let (to, mut from) = mpsc::channel(1);
        let (mut facts, counters) = (Facts::new(to), Counters::default());
        let n_lost = 5;
        for n in 0..=(LATE_MAX as u64 + n_lost) {
            facts.tell(fact(n), &counters);
        }
        assert_eq!(counters.snapshot().facts_lost, n_lost);
        let mut told = vec![];
        while let Ok(fact) = from.try_recv() {
            told.push(fact);
            facts.retry(&counters);
        }
        let expected: Vec<_> =
            std::iter::once(0).chain(1 + n_lost..=LATE_MAX as u64 + n_lost).map(fact).collect();
        assert_eq!(told, expected);
        assert!(!facts.is_late());
    }
}
