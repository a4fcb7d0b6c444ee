//! The transport of one peer connection: where it is, whether it is still there, its keys.
//!
//! # Invariants
//!
//! - Only addresses that sent an authentic Binding are ever sent to or listened to.
//! - The path in use is the last one nominated; one is taken on trust only before the first.
//! - A Binding seen before proves nothing about another address.

use std::time::Duration;

use protocol::id::{ParticipantId, RoomId};
use protocol::time::Timestamp;

use crate::dtls::Dtls;
use crate::outbox::Batch;
use crate::socket::Path;
use crate::srtp::Srtp;
use crate::stun::Binding;

/// Addresses remembered for one peer.  Browsers try a handful.
const PATHS_MAX: usize = 8;
/// Bindings remembered, to tell repetitions.
const TRANSACTIONS_MAX: usize = 32;
/// How long a peer may be silent: no authentic Binding (RFC 7675 section 5.1).
pub(crate) const CONSENT_PATIENCE: Duration = Duration::from_secs(30);
/// How long a peer may take to come at all and finish its handshake.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(30);

/// One peer connection.
pub(crate) struct Peer {
    pub(crate) room: RoomId,
    pub(crate) participant: ParticipantId,
    pub(crate) ufrag: String,
    pub(crate) their_ufrag: String,
    pub(crate) password: String,
    pub(crate) dtls: Dtls,
    pub(crate) srtp: Option<Srtp>,
    pub(crate) batch: Batch,
    opened_at: Timestamp,
    bound_at: Option<Timestamp>,
    paths: Vec<Path>,
    nominated: Option<Path>,
    transactions: [([u8; 12], Option<Path>); TRANSACTIONS_MAX],
    next_transaction: usize,
}

/// What a Binding changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// The path is new to this peer.
    pub(crate) is_new: bool,
    /// A path that is no longer remembered.
    pub(crate) forgotten: Option<Path>,
}

/// What [`Peer::new`] needs to know.
pub(crate) struct Names {
    pub(crate) room: RoomId,
    pub(crate) participant: ParticipantId,
    pub(crate) ufrag: String,
    pub(crate) their_ufrag: String,
    pub(crate) password: String,
}

impl Peer {
    pub(crate) fn new(now: Timestamp, names: Names, dtls: Dtls) -> Self {
        let Names { room, participant, ufrag, their_ufrag, password } = names;
        Self {
            room,
            participant,
            ufrag,
            their_ufrag,
            password,
            dtls,
            srtp: None,
            batch: Batch::default(),
            opened_at: now,
            bound_at: None,
            paths: Vec::new(),
            nominated: None,
            transactions: [([0; 12], None); TRANSACTIONS_MAX],
            next_transaction: 0,
        }
    }

    /// An authentic Binding came by `path`.  `None` when it is an old one from elsewhere.
    pub(crate) fn bound(
        &mut self,
        now: Timestamp,
        path: Path,
        binding: &Binding,
    ) -> Option<Moved> {
        let seen = self
            .transactions
            .iter()
            .find(|(transaction, from)| from.is_some() && *transaction == binding.transaction);
        match seen {
            Some((_, from)) if *from != Some(path) => return None,
            Some(_) => {}
            None => {
                if let Some(place) = self.transactions.get_mut(self.next_transaction) {
                    *place = (binding.transaction, Some(path));
                }
                self.next_transaction = (self.next_transaction + 1) % TRANSACTIONS_MAX;
            }
        }
        self.bound_at = Some(now);
        let is_new = !self.paths.contains(&path);
        // The latest is the last; what falls out is the one silent for longest.
        self.paths.retain(|other| *other != path);
        self.paths.push(path);
        let mut forgotten = None;
        if self.paths.len() > PATHS_MAX {
            let oldest = self.paths.iter().position(|other| Some(*other) != self.nominated);
            forgotten = oldest.map(|oldest| self.paths.remove(oldest));
        }
        if binding.nominates && self.nominated != Some(path) {
            tracing::debug!(
                participant = ?self.participant,
                first = self.nominated.is_none(),
                "a path was nominated"
            );
            self.nominated = Some(path);
        }
        Some(Moved { is_new, forgotten })
    }

    /// Where to send.
    pub(crate) fn path(&self) -> Option<Path> {
        self.nominated.or_else(|| self.paths.last().copied())
    }

    pub(crate) fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// An address belongs to somebody else now.
    pub(crate) fn lose_path(&mut self, path: Path) {
        self.paths.retain(|other| *other != path);
        if self.nominated == Some(path) {
            self.nominated = None;
        }
    }

    /// Whether the peer is gone.
    pub(crate) fn is_lost(&self, now: Timestamp) -> bool {
        let stuck = self.srtp.is_none() && now - self.opened_at >= CONNECT_PATIENCE;
        self.is_silent(now) || stuck
    }

    /// Whether the peer has not agreed to receive for too long (RFC 7675).
    pub(crate) fn is_silent(&self, now: Timestamp) -> bool {
        now - self.bound_at.unwrap_or(self.opened_at) >= CONSENT_PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::dtls::Identity;

    fn peer() -> Peer {
        let identity = Arc::new(Identity::generate().unwrap());
        let names = Names {
            room: RoomId::from_bytes([1; 16]),
            participant: ParticipantId::from_raw(1),
            ufrag: "ours".to_owned(),
            their_ufrag: "theirs".to_owned(),
            password: "password".to_owned(),
        };
        Peer::new(Timestamp::default(), names, Dtls::new(identity, [0; 32]))
    }

    fn path(port: u16) -> Path {
        Path { theirs: std::net::SocketAddr::from(([192, 0, 2, 1], port)), ours: None }
    }

    fn binding(n: u8, nominates: bool) -> Binding {
        Binding { transaction: [n; 12], nominates }
    }

    #[test]
    fn the_last_nomination_decides_where_to_send() {
        let (mut peer, now) = (peer(), Timestamp::default());
        assert_eq!(peer.path(), None);
        peer.bound(now, path(1), &binding(1, false));
        assert_eq!(peer.path(), Some(path(1)));
        peer.bound(now, path(2), &binding(2, true));
        peer.bound(now, path(1), &binding(3, false));
        assert_eq!(peer.path(), Some(path(2)));
        peer.bound(now, path(3), &binding(4, true));
        assert_eq!(peer.path(), Some(path(3)));
    }

    #[test]
    fn an_old_binding_from_elsewhere_proves_nothing() {
        let (mut peer, now) = (peer(), Timestamp::default());
        assert!(peer.bound(now, path(1), &binding(1, true)).is_some());
        assert!(peer.bound(now, path(1), &binding(1, true)).is_some());
        assert!(peer.bound(now, path(2), &binding(1, true)).is_none());
        assert_eq!(peer.path(), Some(path(1)));
    }

    #[test]
    fn paths_are_forgotten_but_not_the_one_in_use() {
        let (mut peer, now) = (peer(), Timestamp::default());
        peer.bound(now, path(1), &binding(1, true));
        for n in 2..40 {
            peer.bound(now, path(u16::from(n)), &binding(n, false));
        }
        assert_eq!(peer.paths().len(), PATHS_MAX);
        assert_eq!(peer.path(), Some(path(1)));
    }

    #[test]
    fn silence_is_a_loss_after_thirty_seconds() {
        let (mut peer, start) = (peer(), Timestamp::default());
        assert!(!peer.is_lost(start + Duration::from_secs(29)));
        assert!(peer.is_lost(start + Duration::from_secs(30)));
        peer.bound(start + Duration::from_secs(29), path(1), &binding(1, true));
        assert!(peer.is_lost(start + Duration::from_secs(30)), "no handshake either");
    }
}
