//! The media plane: UDP, ICE-lite, DTLS and SRTP around the `forward` core.
//!
//! A *shard* is one OS thread that owns one UDP port and every *peer connection* on it;
//! *orders* come from the switchboard, *facts* go back, and that is all it knows of rooms.
//! Nothing reaches a protocol stack before its address has answered for itself with an
//! authentic STUN Binding.

pub mod border;
mod counters;

use std::net::{IpAddr, SocketAddr};

use tokio::sync::mpsc;

pub use border::{Busy, MediaFact, MediaOrder};
pub use counters::CountersSnapshot;

/// Where the media plane listens, and what it tells others about that.
#[derive(Clone, Debug)]
pub struct MediaSettings {
    /// The UDP address to bind.
    pub bind: SocketAddr,
    /// The addresses in answers, one host candidate each.
    pub advertise: Vec<IpAddr>,
}

/// The switchboard's end of the media plane.
#[derive(Clone, Debug)]
pub struct MediaHandle {}

/// Starts the media plane.
///
/// # Errors
///
/// When the port cannot be bound.
pub fn start(
    _settings: MediaSettings,
) -> anyhow::Result<(MediaHandle, mpsc::Receiver<MediaFact>)> {
    anyhow::bail!("not yet")
}

impl MediaHandle {
    /// Hands an order over.
    ///
    /// # Errors
    ///
    /// [`Busy`] when too many orders wait already, or the media plane has stopped.
    pub fn order(&self, _order: MediaOrder) -> Result<(), Busy> {
        Err(Busy)
    }

    /// What has been done so far.
    #[must_use]
    pub fn counters(&self) -> CountersSnapshot {
        counters::Counters::default().snapshot()
    }

    /// Stops the media plane.
    pub fn stop(&self) {}

    /// The UDP address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        SocketAddr::from(([0, 0, 0, 0], 0))
    }
}
