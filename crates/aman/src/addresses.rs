//! By which addresses can browsers reach the media port?

use std::net::{IpAddr, Ipv4Addr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;

/// Candidates an answer may hold.  More make browsers try longer.
const CANDIDATES_MAX: usize = 8;

/// The addresses of the interfaces that are up.
pub(crate) fn interfaces() -> Vec<IpAddr> {
    let Ok(interfaces) = getifaddrs() else {
        return Vec::new();
    };
    let up = interfaces.filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP));
    up.filter_map(|interface| address(&interface.address?)).collect()
}

/// The addresses to put into answers.
///
/// Browsers do not pair what is not on one network: Firefox never uses 127.0.0.1 unless the
/// page itself comes from there, so the others come first and loopback only for a server that
/// listens on loopback alone.
pub(crate) fn candidates(bind: IpAddr, local_only: bool, interfaces: &[IpAddr]) -> Vec<IpAddr> {
    if !bind.is_unspecified() {
        return vec![bind];
    }
    let outside = interfaces.iter().copied().filter(|address| {
        let same_family = bind.is_ipv6() || address.is_ipv4();
        same_family && !address.is_loopback() && !is_link_local(*address)
    });
    let mut candidates: Vec<_> = outside.take(CANDIDATES_MAX).collect();
    if local_only || candidates.is_empty() {
        candidates.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    candidates
}

/// Works on one interface only, which an answer cannot name.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn address(storage: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_comes_last_and_only_for_local_servers() {
        let host = ips(&["127.0.0.1", "192.0.2.7", "::1", "2001:db8::7", "fe80::1"]);
        for (bind, local_only, expected) in [
            ("0.0.0.0", true, vec!["192.0.2.7", "127.0.0.1"]),
            ("0.0.0.0", false, vec!["192.0.2.7"]),
            ("::", false, vec!["192.0.2.7", "2001:db8::7"]),
            ("198.51.100.1", true, vec!["198.51.100.1"]),
        ] {
            let found = candidates(bind.parse().unwrap(), local_only, &host);
            assert_eq!(found, ips(&expected), "{bind} {local_only}");
        }
        assert_eq!(candidates("0.0.0.0".parse().unwrap(), false, &[]), ips(&["127.0.0.1"]));
    }

    #[test]
    fn answers_stay_short_on_hosts_with_many_networks() {
        let host: Vec<_> = (1..100).map(|n| IpAddr::V4(Ipv4Addr::new(10, 0, n, 1))).collect();
        assert_eq!(candidates("0.0.0.0".parse().unwrap(), false, &host).len(), CANDIDATES_MAX);
    }

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }
}
