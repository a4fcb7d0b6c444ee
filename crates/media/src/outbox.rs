//! What leaves a shard: packets are sealed into the batch of their receiver and sent together.
//!
//! # Invariants
//!
//! - All datagrams of a batch have one size, save the last, which may be shorter: that is what
//!   segmentation offload takes.
//! - A batch takes memory only until it is full once.

use forward::{Counted, Outgoing, PeerKey, Sink};

use crate::counters::{Counters, add, bump};
use crate::peer::Peer;
use crate::socket::{Path, SendError, Socket};
use crate::srtp::{RTCP_EXTRA_BYTES, TAG_BYTES};
use crate::table::Table;

/// Bytes of a full batch.
const BATCH_BYTES_MAX: usize = 32 * 1024;
/// Largest datagram sent.
const DATAGRAM_BYTES_MAX: usize = 1500;

/// Datagrams of one receiver that wait to be sent together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    segment: usize,
    n: usize,
    is_closed: bool,
    /// Whether it is on the list of those to be sent.
    is_waiting: bool,
}

impl Batch {
    fn fits(&self, length: usize, segments_max: usize) -> bool {
        self.n == 0
            || (!self.is_closed
                && length <= self.segment
                && self.n < segments_max
                && self.bytes.len() + length <= BATCH_BYTES_MAX)
    }

    /// Room for one more datagram.
    fn append(&mut self, length: usize) -> &mut [u8] {
        if self.n == 0 {
            self.segment = length;
        }
        self.is_closed = length < self.segment;
        self.n += 1;
        let begin = self.bytes.len();
        self.bytes.resize(begin + length, 0);
        self.bytes.get_mut(begin..).unwrap_or_default()
    }

    /// Takes the last datagram back.
    fn take_back(&mut self, length: usize) {
        self.bytes.truncate(self.bytes.len().saturating_sub(length));
        self.n = self.n.saturating_sub(1);
        self.is_closed = false;
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.n = 0;
        self.is_closed = false;
    }
}

/// The way out, for the time of one round.
pub(crate) struct Outbox<'a> {
    pub(crate) peers: &'a mut Table<Peer>,
    pub(crate) waiting: &'a mut Vec<PeerKey>,
    pub(crate) socket: &'a Socket,
    pub(crate) counters: &'a Counters,
}

impl Outbox<'_> {
    /// Sends everything that waits.
    pub(crate) fn flush(&mut self) {
        while let Some(key) = self.waiting.pop() {
            if let Some(peer) = self.peers.get_mut(key) {
                peer.batch.is_waiting = false;
                send_batch(peer, self.socket, self.counters);
            }
        }
    }

    /// Seals a packet of `length` bytes into the batch of `to`.
    fn seal(
        &mut self,
        to: PeerKey,
        length: usize,
        write: impl FnOnce(&mut [u8], &mut crate::srtp::Srtp) -> Option<()>,
    ) -> Option<()> {
        let peer = self.peers.get_mut(to)?;
        if length > DATAGRAM_BYTES_MAX || peer.srtp.is_none() {
            return None;
        }
        if !peer.batch.fits(length, self.socket.segments_max()) {
            send_batch(peer, self.socket, self.counters);
        }
        if !peer.batch.is_waiting {
            peer.batch.is_waiting = true;
            self.waiting.push(to);
        }
        let srtp = peer.srtp.as_mut()?;
        let sealed = write(peer.batch.append(length), srtp);
        if sealed.is_none() {
            debug_assert!(false, "every packet of ours can be sealed");
            peer.batch.take_back(length);
        }
        sealed
    }
}

/// One datagram, at once.
pub(crate) fn send_one(socket: &Socket, counters: &Counters, path: Path, datagram: &[u8]) {
    match socket.send(path, datagram, datagram.len()) {
        Ok(()) => count_sent(counters, 1, datagram.len()),
        Err(_) => bump(&counters.dropped_send),
    }
}

fn send_batch(peer: &mut Peer, socket: &Socket, counters: &Counters) {
    let batch = &mut peer.batch;
    if batch.n == 0 {
        return;
    }
    let n = u64::try_from(batch.n).unwrap_or(0);
    // What can be sent was sealed for somebody, and that somebody has a path.
    if let Some(path) = peer.path() {
        match socket.send(path, &peer.batch.bytes, peer.batch.segment) {
            Ok(()) => count_sent(counters, n, peer.batch.bytes.len()),
            Err(SendError::NoBatches) => {
                for datagram in peer.batch.bytes.chunks(peer.batch.segment.max(1)) {
                    send_one(socket, counters, path, datagram);
                }
            }
            Err(SendError::Full | SendError::Refused) => add(&counters.dropped_send, n),
        }
    }
    peer.batch.clear();
}

fn count_sent(counters: &Counters, n: u64, bytes: usize) {
    add(&counters.packets_out, n);
    add(&counters.bytes_out, u64::try_from(bytes).unwrap_or(0));
}

impl Sink for Outbox<'_> {
    fn rtp(&mut self, to: PeerKey, packet: Outgoing<'_>) {
        let Outgoing { ssrc, index, header, prefix, payload } = packet;
        let length = header.len() + prefix.len() + payload.len() + TAG_BYTES;
        let sealed = self.seal(to, length, |bytes, srtp| {
            let (head, rest) = bytes.split_at_mut_checked(header.len())?;
            head.copy_from_slice(header);
            let (before, rest) = rest.split_at_mut_checked(prefix.len())?;
            before.copy_from_slice(prefix);
            rest.get_mut(..payload.len())?.copy_from_slice(payload);
            srtp.seal_rtp(ssrc, index, header.len(), bytes)
        });
        if sealed.is_some() {
            bump(&self.counters.media_out);
        }
    }

    fn rtcp(&mut self, to: PeerKey, packet: &[u8]) {
        self.seal(to, packet.len() + RTCP_EXTRA_BYTES, |bytes, srtp| {
            bytes.get_mut(..packet.len())?.copy_from_slice(packet);
            srtp.seal_rtcp(bytes)
        });
    }

    fn count(&mut self, what: Counted, n: u64) {
        let counters = self.counters;
        let counter = match what {
            Counted::Taken => &counters.media_in,
            Counted::Duplicate => &counters.dropped_replayed,
            Counted::Unmapped => &counters.dropped_unmapped,
            Counted::Malformed => &counters.dropped_malformed,
            Counted::Policed => &counters.dropped_policed,
            Counted::Unsealed => &counters.dropped_unsealed,
            Counted::KeyframeRequest => &counters.keyframe_requests,
            Counted::Asked => &counters.nacks_sent,
            Counted::AskedFor => &counters.nacks_received,
            Counted::SentAgain => &counters.rtx_sent,
            Counted::CameAgain => &counters.rtx_received,
        };
        add(counter, n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_datagrams_of_a_batch_but_the_last_have_one_size() {
        let mut batch = Batch::default();
        for length in [1000, 1000, 1000, 400] {
            assert!(batch.fits(length, 64));
            batch.append(length);
        }
        assert!(!batch.fits(400, 64), "closed by the short one");
        batch.clear();
        batch.append(400);
        assert!(!batch.fits(401, 64), "longer than the first");
        assert!(!batch.fits(400, 1), "no batches here");
    }

    #[test]
    fn a_batch_is_full_some_time() {
        let mut batch = Batch::default();
        while batch.fits(1200, 1000) {
            batch.append(1200);
        }
        assert!(batch.bytes.len() <= BATCH_BYTES_MAX);
    }
}
