//! Which sign-in does a connection to a room belong to?
//!
//! Moderators come by a ticket that a sign-in asked for, and come back by the token of their
//! last connection.  Both are remembered here as hashes, so that a connection ends when its
//! sign-in does, and keeps its sign-in from being idle meanwhile.
//!
//! # Invariants
//!
//! - Once a sign-in is gone, nothing that came from it opens a room.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::client::Right;
use protocol::limits::{RESUME_PATIENCE, TICKET_LIFETIME};
use protocol::opaque::Opaque;
use protocol::time::UnixSeconds;
use store::records::Hash;

use crate::random::sha256;

/// Most rights that are remembered.  More than there are tickets and connections.
const RIGHTS_MAX: usize = 16 * 1024;

/// The sign-ins behind rights to enter.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    /// By the hash of the right: the hash of the sign-in, and until when it matters.
    rights: Mutex<BTreeMap<Hash, (Hash, UnixSeconds)>>,
}

impl Holders {
    /// A ticket was given to a sign-in.
    pub(crate) fn gave_ticket(&self, ticket: &Opaque<32>, sign_in: Hash, now: UnixSeconds) {
        self.remember(ticket, sign_in, now, now.plus(TICKET_LIFETIME.as_secs()));
    }

    /// A connection of a sign-in can be gone on with by this token, from time to time told.
    pub(crate) fn can_resume(&self, resume: &Opaque<32>, sign_in: Hash, now: UnixSeconds) {
        // Told again before it is over, while the connection lives.
        self.remember(resume, sign_in, now, now.plus(2 * RESUME_PATIENCE.as_secs()));
    }

    /// The sign-in behind a right to enter; `None` for invites.
    pub(crate) fn of(&self, right: &Right) -> Option<Hash> {
        let token = match right {
            Right::Ticket { ticket } => ticket,
            Right::Resume { resume, .. } => resume,
            Right::Invite { .. } => return None,
        };
        self.rights().get(&sha256(token.as_slice())).map(|(sign_in, _)| *sign_in)
    }

    fn remember(
        &self,
        right: &Opaque<32>,
        sign_in: Hash,
        now: UnixSeconds,
        until: UnixSeconds,
    ) {
        let mut rights = self.rights();
        if rights.len() >= RIGHTS_MAX {
            rights.retain(|_, (_, until)| *until > now);
        }
        rights.insert(sha256(right.as_slice()), (sign_in, until));
    }

    fn rights(&self) -> MutexGuard<'_, BTreeMap<Hash, (Hash, UnixSeconds)>> {
        // Nothing panics half-way through a change.
        self.rights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_000);

    #[test]
    fn a_ticket_and_what_follows_from_it_lead_to_the_sign_in() {
        let holders = Holders::default();
        let token = |n: u8| Opaque::<32>::new(vec![n; 32]).unwrap();
        holders.gave_ticket(&token(1), [7; 32], NOW);
        holders.can_resume(&token(2), [7; 32], NOW);

        assert_eq!(holders.of(&Right::Ticket { ticket: token(1) }), Some([7; 32]));
        assert_eq!(holders.of(&Right::Resume { resume: token(2), after: 3 }), Some([7; 32]));
        assert_eq!(holders.of(&Right::Resume { resume: token(3), after: 3 }), None);
    }

    #[test]
    fn what_is_over_makes_room() {
        let holders = Holders::default();
        for n in 0..RIGHTS_MAX {
            let mut bytes = vec![0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            holders.gave_ticket(&Opaque::new(bytes).unwrap(), [7; 32], NOW);
        }
        let late = NOW.plus(3600);
        holders.gave_ticket(&Opaque::new(vec![1; 32]).unwrap(), [7; 32], late);

        assert_eq!(holders.rights().len(), 1);
    }
}
