//! How much has come through the door, in sums that name nobody.

use std::sync::atomic::{AtomicU64, Ordering};

/// Makes the counters and the list of them.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The sums.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($(#[$doc])* pub(crate) $name: Counter,)+
        }

        impl Counters {
            /// Every sum with its name.
            pub(crate) fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)+]
            }
        }
    };
}

counters! {
    /// Connections taken.
    connections_accepted,
    /// Connections not taken: too many.
    connections_refused,
    /// TLS handshakes that failed or took too long.
    handshakes_failed,
    /// HTTP requests.
    requests,
    /// HTTP requests refused by Host or Origin.
    requests_foreign,
    /// HTTP requests refused: too many of one account or address.
    requests_slowed,
    /// Sign-ins.
    sign_ins,
    /// Sign-ins refused: name or password.
    sign_ins_refused,
    /// Sign-ins refused: too many.
    sign_ins_slowed,
    /// WebSockets opened.
    sockets_opened,
    /// WebSockets closed, whatever the reason.
    sockets_closed,
    /// WebSockets closed: a message over the limit.
    sockets_too_large,
    /// WebSockets closed: too many messages.
    sockets_too_fast,
    /// WebSockets closed: too many strikes.
    sockets_struck_out,
    /// WebSockets closed: silent.
    sockets_silent,
    /// Messages read.
    messages_in,
    /// Messages written.
    messages_out,
    /// Messages refused: not of this protocol, or not the moment.
    messages_refused,
    /// Calls to webhooks that arrived.
    hooks_delivered,
    /// Calls to webhooks that were given up.
    hooks_dropped,
}

/// A sum.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn bump(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
