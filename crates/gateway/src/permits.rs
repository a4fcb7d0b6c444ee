//! May one more connection come in?
//!
//! # Invariants
//!
//! - There are never more permits out than the limits allow.
//! - A permit counts until it is dropped, wherever it has got to.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Hands out permits to be connected.
#[derive(Clone, Debug)]
pub(crate) struct Permits {
    all: Arc<Semaphore>,
    max: u32,
    per_address_max: usize,
    by_address: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// The permit of one connection.
#[derive(Debug)]
pub(crate) struct Permit {
    _one_of_all: OwnedSemaphorePermit,
    address: Option<IpAddr>,
    by_address: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

impl Permits {
    pub(crate) fn new(max: usize, per_address_max: usize) -> Self {
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        let all = Arc::new(Semaphore::new(max as usize));
        Self { all, max, per_address_max, by_address: Arc::default() }
    }

    /// A permit, unless there are too many out.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Permit> {
        let one_of_all = self.all.clone().try_acquire_owned().ok()?;
        let address = counted(address);
        if let Some(address) = address {
            let mut by_address = lock(&self.by_address);
            let n = by_address.entry(address).or_default();
            if *n >= self.per_address_max {
                return None;
            }
            *n += 1;
        }
        let by_address = self.by_address.clone();
        Some(Permit { _one_of_all: one_of_all, address, by_address })
    }

    /// Waits until none is out, for no longer than `patience`.
    pub(crate) async fn all_back(&self, patience: Duration) {
        // Either way the server stops.
        let _ = timeout(patience, self.all.acquire_many(self.max)).await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(address) = self.address else {
            return;
        };
        let mut by_address = lock(&self.by_address);
        if let Some(n) = by_address.get_mut(&address) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                by_address.remove(&address);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Under which address somebody is counted; `None` for loopback, which is a reverse proxy on
/// this host, or a test.
pub(crate) fn counted(address: IpAddr) -> Option<IpAddr> {
    Some(neighbourhood(address)).filter(|address| !address.is_loopback())
}

/// One household or attacker holds a whole /64.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) if address.is_loopback() => IpAddr::V6(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gets_so_many_and_a_dropped_permit_comes_back() {
        let permits = Permits::new(10, 2);
        let first = permits.take(ip("192.0.2.1"));
        let second = permits.take(ip("192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(permits.take(ip("::ffff:192.0.2.1")).is_none(), "the same one, mapped");
        assert!(permits.take(ip("192.0.2.2")).is_some());

        drop(first);

        assert!(permits.take(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn addresses_of_one_v6_network_count_together() {
        let permits = Permits::new(10, 1);
        let _first = permits.take(ip("2001:db8::1"));
        assert!(permits.take(ip("2001:db8::2")).is_none());
        assert!(permits.take(ip("2001:db8:0:1::2")).is_some());
    }

    #[test]
    fn loopback_is_bound_only_by_the_total() {
        let permits = Permits::new(3, 1);
        let held: Vec<_> = (0..4).map(|_| permits.take(ip("127.0.0.1"))).collect();
        assert_eq!(held.iter().flatten().count(), 3);
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }
}
