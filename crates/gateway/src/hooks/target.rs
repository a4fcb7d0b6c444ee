//! Where may a webhook lead?  To public addresses by https, unless the operator says more.
//!
//! A counsellor's account must not become a way into the network the server stands in.  The
//! name is resolved when something is to be sent, every address that is not public is left
//! out, and the connection goes to the address that was looked at: resolving twice could give
//! two answers.  Redirections are not followed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::Uri;

/// Longest address of a webhook, in bytes.
const URL_BYTES_MAX: usize = 512;

/// An address of a webhook, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    /// For the `Host` header.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
}

impl Target {
    /// Reads an address; `None` if nothing may be sent there.  `allow_private` lets plain http
    /// through too.
    pub(crate) fn read(url: &str, allow_private: bool) -> Option<Self> {
        let uri: Uri = url.parse().ok().filter(|_| url.len() <= URL_BYTES_MAX)?;
        let tls = match uri.scheme_str()? {
            "https" => true,
            "http" if allow_private => false,
            _ => return None,
        };
        let authority = uri.authority().filter(|it| !it.as_str().contains('@'))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return None;
        }
        // A bare address can be judged at once.
        if let Ok(ip) = host.parse::<IpAddr>()
            && !allow_private
            && !is_public(ip)
        {
            return None;
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Some(Self { host, port, tls, authority: authority.to_string(), path })
    }

    /// Where to connect to.
    pub(crate) async fn resolve(&self, allow_private: bool) -> Option<SocketAddr> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await.ok()?;
        found.into_iter().find(|address| allow_private || is_public(address.ip()))
    }
}

/// Whether everybody can reach this address, going by the registries of special addresses
/// (RFC 6890 and IANA's lists).
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_protocol = a == 192 && b == 0 && c == 0;
    let is_relay = a == 192 && b == 88 && c == 99;
    let is_benchmark = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 240
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || is_shared
        || is_protocol
        || is_relay
        || is_benchmark)
}

/// Global unicast, without documentation and without what carries an IPv4 address inside.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let is_global = (0x2000..0x4000).contains(&a);
    let is_documentation = (a == 0x2001 && b == 0xdb8) || a == 0x3fff;
    let is_protocol = a == 0x2001 && b < 0x200;
    let is_6to4 = a == 0x2002;
    is_global && !is_documentation && !is_protocol && !is_6to4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_lead_by_https_to_a_name_or_a_public_address() {
        for url in [
            "https://agency.example/hooks?x=1",
            "https://agency.example:8443/",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/x",
        ] {
            assert!(Target::read(url, false).is_some(), "{url}");
        }
        for url in [
            "http://agency.example/",
            "ftp://agency.example/",
            "https://user:pass@agency.example/",
            "agency.example",
            "/path",
            "",
            "https://127.0.0.1/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://0.0.0.0/",
        ] {
            assert_eq!(Target::read(url, false), None, "{url}");
        }
        assert!(
            Target::read(&format!("https://a.example/{}", "x".repeat(600)), false).is_none()
        );
        let local = Target::read("http://127.0.0.1:9/x", true).unwrap();
        assert_eq!((local.port, local.tls, &*local.path), (9, false, "/x"));
    }

    #[test]
    fn special_addresses_are_not_public() {
        for ip in [
            "0.1.2.3",
            "10.1.1.1",
            "100.64.0.1",
            "127.9.9.9",
            "169.254.0.1",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["1.1.1.1", "100.63.0.1", "172.15.0.1", "198.20.0.1", "2606:4700::1111"] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_leads_nowhere() {
        let target = Target::read("https://localhost:1/", false).unwrap();
        assert_eq!(target.resolve(false).await, None);
        assert!(target.resolve(true).await.is_some());
    }
}
