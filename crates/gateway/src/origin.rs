//! Is this request from our own page?
//!
//! A browser names the page a request came from (`Origin`) and the name it reached us by
//! (`Host`).  We answer only under names that are ours: those configured, `localhost`, and bare
//! IP addresses.  Another name that leads here is a DNS rebinding attack or a gap in the
//! settings, and both should stop at the door.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, header};

/// The origins that are ours.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    scheme: &'static str,
    configured: Vec<Origin>,
}

/// `https://name` or `http://name:port`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Takes `text` if it is an origin and nothing more (no path, no trailing slash).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let authority =
            text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let (name, _) = split_port(authority)?;
        let is_name = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        (is_name || is_address(name)).then_some(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether browsers reach it over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, authority)| authority)
    }
}

impl Origins {
    /// Origins of a server that itself speaks TLS or not.
    pub(crate) fn new(tls: bool, configured: Vec<Origin>) -> Self {
        Self { scheme: if tls { "https" } else { "http" }, configured }
    }

    /// The name the client reached us by, if it is ours.  The text is fit for a header.
    pub(crate) fn host(&self, headers: &HeaderMap) -> Option<String> {
        let host = only(headers, header::HOST)?.to_ascii_lowercase();
        let is_configured = self.configured.iter().any(|origin| origin.authority() == host);
        (is_configured || is_local(&host)).then_some(host)
    }

    /// Whether the request comes from a page of ours; `None` if it does not say.
    pub(crate) fn is_own(&self, headers: &HeaderMap) -> Option<bool> {
        if !headers.contains_key(header::ORIGIN) {
            return None;
        }
        let origin = only(headers, header::ORIGIN).unwrap_or_default();
        let is_configured = self.configured.iter().any(|own| own.as_str() == origin);
        let is_host = self.host(headers).filter(|host| is_local(host));
        Some(is_configured || is_host.is_some_and(|host| origin == self.at(&host)))
    }

    /// The WebSocket addresses a page of ours may connect to, for the content security policy.
    pub(crate) fn sockets(&self, host: &str) -> String {
        let local = is_local(host).then(|| self.at(host));
        let all = self.configured.iter().map(|origin| origin.as_str().to_owned()).chain(local);
        all.map(|origin| origin.replacen("http", "ws", 1)).collect::<Vec<_>>().join(" ")
    }

    fn at(&self, host: &str) -> String {
        format!("{}://{host}", self.scheme)
    }
}

/// The value of a header that must be there once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_local(host: &str) -> bool {
    split_port(host).is_some_and(|(name, _)| name == "localhost" || is_address(name))
}

fn is_address(name: &str) -> bool {
    let v6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    name.parse::<Ipv4Addr>().is_ok() || v6.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok())
}

/// Splits `name:port`; the port may be missing, but not wrong.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = authority.find(']').map_or(0, |bracket| bracket + 1);
    match authority.get(end..)?.find(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (name, port) = authority.split_at_checked(end + colon)?;
            let digits = port.strip_prefix(':')?;
            let is_number = digits.bytes().all(|b| b.is_ascii_digit());
            let port = digits.parse().ok().filter(|_| is_number)?;
            Some((name, Some(port)))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn takes_local_names_and_configured_ones_only() {
        let origins = origins(false);
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "192.168.1.7:8080",
            "aman.example",
        ] {
            assert!(origins.host(&headers(host, None)).is_some(), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:80x",
            "localhost:",
            "localhost:+1",
            "localhost:99999",
            "aman.example:8443",
            "[::1",
            "::1",
            "localhost;x",
            "",
        ] {
            assert!(origins.host(&headers(host, None)).is_none(), "{host}");
        }
    }

    #[test]
    fn knows_its_own_pages_from_those_of_others() {
        let origins = origins(false);
        for (host, origin, own) in [
            ("localhost:8080", "http://localhost:8080", true),
            ("127.0.0.1:8080", "http://127.0.0.1:8080", true),
            ("aman.example", "https://aman.example", true),
            // A reverse proxy may pass on another name for us.
            ("127.0.0.1:8080", "https://aman.example", true),
            ("aman.example", "http://aman.example", false),
            ("localhost:8080", "https://localhost:8080", false),
            ("localhost:8080", "http://localhost:8081", false),
            ("localhost:8080", "http://localhost:8080/", false),
            ("localhost:8080", "http://evil.example", false),
            ("evil.example", "http://evil.example", false),
            ("localhost:8080", "null", false),
            ("localhost:8080", "", false),
        ] {
            let own_said = origins.is_own(&headers(host, Some(origin)));
            assert_eq!(own_said, Some(own), "{origin} at {host}");
        }
        assert_eq!(origins.is_own(&headers("localhost:8080", None)), None);
    }

    #[test]
    fn two_hosts_or_two_origins_are_none() {
        let origins = origins(false);
        let mut twice = headers("localhost", Some("http://localhost"));
        twice.append(header::ORIGIN, HeaderValue::from_static("http://localhost"));
        assert_eq!(origins.is_own(&twice), Some(false));
        twice.append(header::HOST, HeaderValue::from_static("localhost"));
        assert_eq!(origins.host(&twice), None);
    }

    #[test]
    fn names_the_sockets_of_the_page() {
        assert_eq!(
            origins(true).sockets("localhost:8080"),
            "wss://aman.example wss://localhost:8080"
        );
        assert_eq!(origins(false).sockets("aman.example"), "wss://aman.example");
    }

    #[test]
    fn an_origin_is_nothing_more() {
        for good in ["https://aman.example", "HTTPS://Aman.Example:8443", "http://[::1]:80"] {
            assert!(Origin::parse(good).is_some(), "{good}");
        }
        for bad in
            ["aman.example", "https://", "https://a/", "https://a b", "https://a:x", "ws://a"]
        {
            assert!(Origin::parse(bad).is_none(), "{bad}");
        }
    }

    fn origins(tls: bool) -> Origins {
        Origins::new(tls, vec![Origin::parse("https://aman.example").unwrap()])
    }

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        headers
    }
}
