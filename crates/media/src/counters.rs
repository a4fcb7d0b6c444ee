//! How much the media plane has done, in sums that name nobody.

use std::sync::atomic::{AtomicU64, Ordering};

/// Makes the live counters and their readable copy from one list.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The live sums.  Written by a shard, read by anybody.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($(#[$doc])* pub(crate) $name: AtomicU64,)+
        }

        /// The sums at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct CountersSnapshot {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> CountersSnapshot {
                CountersSnapshot {
                    $($name: self.$name.load(Ordering::Relaxed),)+
                }
            }
        }

        impl CountersSnapshot {
            /// Every sum with its name, for a metrics page.
            #[must_use]
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }
    };
}

counters! {
    /// Orders carried out.
    orders,
    /// Datagrams received.
    packets_in,
    /// Bytes received.
    bytes_in,
    /// Datagrams sent.
    packets_out,
    /// Bytes sent.
    bytes_out,
    /// Media packets received, authenticated and new.
    media_in,
    /// Media packets forwarded, one for each subscriber.
    media_out,
    /// Dropped: not STUN, and from an address that never proved itself.
    dropped_unknown_source,
    /// Dropped: STUN that names no peer of ours, or is not authentic.
    dropped_stun,
    /// Dropped: DTLS over the caps or not usable.
    dropped_dtls,
    /// Dropped: bad authentication tag.
    dropped_unauthentic,
    /// Dropped: seen before, or too old to tell.
    dropped_replayed,
    /// Dropped: over the rate a participant may send.
    dropped_policed,
    /// Dropped: not a packet we can read.
    dropped_malformed,
    /// Dropped: not of a track anybody offered.
    dropped_unmapped,
    /// Dropped: frames that do not look sealed by their publisher.
    dropped_unsealed,
    /// Dropped: the socket would not take more.
    dropped_send,
    /// Keyframe requests sent to publishers.
    keyframe_requests,
    /// Packets asked for again, from publishers.
    nacks_sent,
    /// Packets asked for again, by subscribers.
    nacks_received,
    /// Packets sent again to subscribers.
    rtx_sent,
    /// Packets that publishers sent again.
    rtx_received,
    /// Handshakes begun anew after the first was spoilt.
    dtls_restarts,
    /// Bindings answered for people who try whether they could reach us.
    probes_answered,
    /// Peer connections at this moment.
    peers,
    /// Facts that found the switchboard's mailbox full.
    facts_delayed,
    /// Facts lost because the switchboard did not empty its mailbox.
    facts_lost,
    /// Panics that cost one peer connection instead of the shard.
    panics_contained,
    /// Nanoseconds the shard was at work.
    busy_nanos,
}

/// Adds one.
pub(crate) fn bump(counter: &AtomicU64) {
    add(counter, 1);
}

/// Adds `n`.  One writer per counter, so a plain load and store would do; this is as cheap.
pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}
