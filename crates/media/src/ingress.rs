//! What becomes of a datagram.
//!
//! ```text
//!   STUN  names a peer of ours, authentic ──► answered; its address is known from here on
//!         names a probe, authentic ──► answered, and forgotten
//!   DTLS  from a known address ──► handshake ──► keys
//!   RTP, RTCP  from a known address ──► opened where it lies ──► forwarded
//! ```
//!
//! # Invariants
//!
//! - From an unknown address nothing but STUN is looked at, and nothing is answered unless it
//!   is authentic.
//! - No address is learnt from media, and nothing that fails to open ends anything.

use forward::PeerKey;
use protocol::time::Timestamp;

use crate::border::MediaFact;
use crate::contain::contained;
use crate::counters::{add, bump};
use crate::dtls::{News, Outcome};
use crate::outbox::send_one;
use crate::shard::State;
use crate::socket::{Path, Socket};
use crate::srtp::{Refused, Srtp};
use crate::stun;

impl State {
    /// A datagram came.  If anything breaks over it, its sender alone is lost.
    pub(crate) fn datagram(
        &mut self,
        now: Timestamp,
        socket: &Socket,
        path: Path,
        datagram: &mut [u8],
    ) {
        let sender = self.by_address.get(&path.theirs).copied();
        if contained(|| self.sort(now, socket, path, datagram)) {
            return;
        }
        bump(&self.counters.panics_contained);
        if let Some(sender) = sender {
            self.lose(sender);
        }
    }

    fn sort(&mut self, now: Timestamp, socket: &Socket, path: Path, datagram: &mut [u8]) {
        bump(&self.counters.packets_in);
        add(&self.counters.bytes_in, u64::try_from(datagram.len()).unwrap_or(0));
        // RFC 7983 section 7.
        match datagram.first() {
            Some(0..=3) => {
                if self.binding(now, socket, path, datagram).is_none() {
                    bump(&self.counters.dropped_stun);
                }
            }
            Some(20..=63) => self.handshake(now, socket, path, datagram),
            Some(128..=191) => self.media(now, socket, path, datagram),
            Some(_) | None => bump(&self.counters.dropped_malformed),
        }
    }

    fn binding(
        &mut self,
        now: Timestamp,
        socket: &Socket,
        path: Path,
        datagram: &[u8],
    ) -> Option<()> {
        let (ours, theirs) = stun::username(datagram)?;
        let Some(&key) = self.by_ufrag.get(ours) else {
            return self.probed(now, socket, path, (ours, datagram));
        };
        let is_held = self.is_held_by_another(now, key, path);
        let peer = self.peers.get_mut(key)?;
        if peer.their_ufrag != theirs {
            return None;
        }
        let crypto = self.identity.crypto();
        let binding = stun::verify(datagram, &peer.password, crypto)?;
        if is_held {
            return None;
        }
        let moved = peer.bound(now, path, &binding)?;
        let answer = stun::answer(&binding, path.theirs, &peer.password, crypto)?;
        send_one(socket, &self.counters, path, &answer);
        if moved.is_new {
            tracing::debug!(participant = ?peer.participant, "a path was validated");
            let before = self.by_address.insert(path.theirs, key);
            if let Some(other) = before.filter(|before| *before != key)
                && let Some(other) = self.peers.get_mut(other)
            {
                other.lose_path(path);
            }
        }
        if let Some(forgotten) = moved.forgotten {
            self.forget_path(key, forgotten);
        }
        Some(())
    }

    /// A Binding for no peer connection of ours: somebody tries whether datagrams come through
    /// to us and back.  They are told, with no more bytes than they sent, and stay a stranger.
    fn probed(
        &mut self,
        now: Timestamp,
        socket: &Socket,
        path: Path,
        (name, datagram): (&str, &[u8]),
    ) -> Option<()> {
        let password = self.probes.admit(now, name)?;
        let crypto = self.identity.crypto();
        let binding = stun::verify(datagram, &password, crypto)?;
        let answer = stun::answer(&binding, path.theirs, &password, crypto)?;
        if answer.len() > datagram.len() {
            return None;
        }
        send_one(socket, &self.counters, path, &answer);
        bump(&self.counters.probes_answered);
        Some(())
    }

    /// Whether somebody else who still answers for themself has this address.  A member who
    /// forges the source of a Binding of its own must not take another's packets away.
    fn is_held_by_another(&mut self, now: Timestamp, key: PeerKey, path: Path) -> bool {
        let holder = self.by_address.get(&path.theirs).filter(|holder| **holder != key);
        holder.is_some_and(|holder| {
            self.peers.get_mut(*holder).is_some_and(|holder| !holder.is_silent(now))
        })
    }

    /// The address no longer belongs to the peer, unless another path of it uses it.
    fn forget_path(&mut self, key: PeerKey, path: Path) {
        let is_used = self
            .peers
            .get_mut(key)
            .is_some_and(|peer| peer.paths().iter().any(|other| other.theirs == path.theirs));
        if !is_used && self.by_address.get(&path.theirs) == Some(&key) {
            self.by_address.remove(&path.theirs);
        }
    }

    fn handshake(&mut self, now: Timestamp, socket: &Socket, path: Path, datagram: &[u8]) {
        let Some(&key) = self.by_address.get(&path.theirs) else {
            return bump(&self.counters.dropped_unknown_source);
        };
        let Some(peer) = self.peers.get_mut(key) else { return };
        let outcome = peer.dtls.read(self.clock.instant(now), path.theirs, datagram);
        if outcome.transmits.is_empty() && outcome.news.is_none() {
            tracing::trace!(participant = ?peer.participant, "a DTLS datagram was not answered");
        }
        self.handshake_outcome(now, socket, (key, path), outcome);
    }

    /// Carries out what the handshake says.
    pub(crate) fn handshake_outcome(
        &mut self,
        now: Timestamp,
        socket: &Socket,
        (key, path): (PeerKey, Path),
        outcome: Outcome,
    ) {
        for datagram in outcome.transmits {
            send_one(socket, &self.counters, path, &datagram);
        }
        if outcome.restarted {
            bump(&self.counters.dtls_restarts);
        }
        let Some(news) = outcome.news else { return };
        let Some(peer) = self.peers.get_mut(key) else { return };
        let (room, participant) = (peer.room, peer.participant);
        match news {
            News::Keys(keys) => {
                peer.srtp = Srtp::for_server(&keys, self.identity.crypto());
                if peer.srtp.is_none() {
                    tracing::error!(?participant, "the session keys cannot be derived");
                    return self.lose(key);
                }
                self.forwarder.connected(now, key);
                self.facts
                    .tell(MediaFact::Connected { room, peer: participant }, &self.counters);
            }
            News::Closed => {
                tracing::debug!(?participant, "the client closed its peer connection");
                self.lose(key);
            }
            News::Failed => {
                tracing::info!(?participant, "the handshake failed for good");
                self.lose(key);
            }
        }
    }

    fn media(&mut self, now: Timestamp, socket: &Socket, path: Path, datagram: &mut [u8]) {
        let Some(&key) = self.by_address.get(&path.theirs) else {
            return bump(&self.counters.dropped_unknown_source);
        };
        let Some(srtp) = self.peers.get_mut(key).and_then(|peer| peer.srtp.as_mut()) else {
            return bump(&self.counters.dropped_unauthentic);
        };
        // RFC 5761 section 4.
        let is_rtcp = matches!(datagram.get(1), Some(192..=223));
        let opened = if is_rtcp { srtp.open_rtcp(datagram) } else { srtp.open_rtp(datagram) };
        match opened {
            Ok(packet) => {
                let (forwarder, mut outbox) = self.outbox(socket);
                if is_rtcp {
                    forwarder.rtcp(now, key, packet, &mut outbox);
                } else {
                    forwarder.rtp(now, key, packet, &mut outbox);
                }
            }
            Err(Refused::Malformed) => bump(&self.counters.dropped_malformed),
            Err(Refused::Unauthentic) => bump(&self.counters.dropped_unauthentic),
            Err(Refused::Replayed) => bump(&self.counters.dropped_replayed),
        }
    }
}
