//! Which addresses may a provider have?  https ones; http on this very machine, for trying out.
//!
//! The issuer is the operator's own choice, so private networks are allowed, unlike for
//! webhooks.

use std::net::IpAddr;

use protocol::opaque::encode_base64url;

use super::AskFault;
use crate::hooks::target::Target;

/// Who the provider is: its address, exactly as it spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

impl Issuer {
    /// Takes an address without query and fragment: https, or http on this machine.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = !text.contains(['?', '#']);
        let address = Address::parse(text, true).filter(|_| is_plain)?;
        Some(Self(address.text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is on this machine, without TLS.
    pub(super) fn is_http(&self) -> bool {
        self.0.starts_with("http:")
    }

    /// Where it says what it is (Discovery section 4).
    pub(super) fn discovery(&self) -> Result<Address, AskFault> {
        let base = self.0.trim_end_matches('/');
        let text = format!("{base}/.well-known/openid-configuration");
        Address::parse(&text, self.is_http()).ok_or(AskFault::Unreadable)
    }
}

/// An address of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) target: Target,
    text: String,
}

impl Address {
    /// Reads it.  `may_be_http` lets plain http through, to this machine.
    pub(super) fn parse(text: &str, may_be_http: bool) -> Option<Self> {
        let target = Target::read(text, true).filter(|_| !text.contains('#'))?;
        let is_good = target.tls || (may_be_http && is_here(&target.host));
        is_good.then(|| Self { target, text: text.to_owned() })
    }

    /// The address with more behind it.
    pub(super) fn with_query(&self, query: &str) -> String {
        let mark = if self.text.contains('?') { '&' } else { '?' };
        format!("{}{mark}{query}", self.text)
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// `application/x-www-form-urlencoded`.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", encoded(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Everything but unreserved characters as `%XX` (RFC 3986 section 2.3).
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `n` random bytes as text.
pub(super) fn random_text() -> Result<String, crate::random::NoRandom> {
    crate::random::bytes::<32>().map(|bytes| encode_base64url(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_https_or_on_this_machine() {
        for good in [
            "https://id.agency.example",
            "https://id.agency.example/realms/aman/",
            "https://10.0.0.7:8443/x",
            "http://localhost:9000/x",
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
        ] {
            let issuer = Issuer::parse(good);
            assert_eq!(issuer.as_ref().map(Issuer::as_str), Some(good));
        }
        for bad in [
            "http://id.agency.example",
            "http://10.0.0.7",
            "http://localhost.evil.example",
            "https://somebody@id.agency.example",
            "https://id.agency.example?x=1",
            "https://id.agency.example#x",
            "ftp://id.agency.example",
            "id.agency.example",
            "",
        ] {
            assert_eq!(Issuer::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_address_of_the_description_has_one_slash() {
        for issuer in ["https://id.example/a", "https://id.example/a/"] {
            let discovery = Issuer::parse(issuer).unwrap().discovery().unwrap();
            let expected = "https://id.example/a/.well-known/openid-configuration";
            assert_eq!(discovery.text, expected);
        }
    }

    #[test]
    fn what_is_in_a_form_stays_in_its_field() {
        let text = form(&[("a", "x&b=y z+é"), ("c", "-._~")]);
        assert_eq!(text, "a=x%26b%3Dy%20z%2B%C3%A9&c=-._~");
        let address = Address::parse("https://id.example/auth?tenant=1", false).unwrap();
        assert_eq!(address.with_query("a=b"), "https://id.example/auth?tenant=1&a=b");
    }
}
