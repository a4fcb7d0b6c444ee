//! Which cookie says who is signed in, and how is it given and taken back?
//!
//! `__Host-` binds it to this very host; `Secure` holds on `http://localhost` too, which
//! browsers trust; page scripts cannot read it and other sites' requests do not carry it.
//! The server keeps only its SHA-256.

use axum::http::{HeaderMap, HeaderValue, header};
use protocol::limits::SIGN_IN_LIFETIME;
use protocol::opaque::{decode_base64url, encode_base64url};
use protocol::secret::Secret;
use store::records::Hash;

use crate::random::sha256;

const NAME: &str = "__Host-aman";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// `Set-Cookie` for somebody who signed in.
pub(crate) fn give(token: &Secret<32>) -> HeaderValue {
    let value = encode_base64url(token.expose());
    let age = SIGN_IN_LIFETIME.as_secs();
    let mut cookie =
        HeaderValue::from_str(&format!("{NAME}={value}; Max-Age={age}; {ATTRIBUTES}"))
            .unwrap_or_else(|_| take_back());
    cookie.set_sensitive(true);
    cookie
}

/// `Set-Cookie` for somebody who signed out.
pub(crate) fn take_back() -> HeaderValue {
    HeaderValue::from_static(
        "__Host-aman=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict",
    )
}

/// Whether a request brought a cookie of ours, whatever is in it.
pub(crate) fn is_brought(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.any(|pair| pair.trim().split('=').next() == Some(NAME))
}

/// The hash of the token a request brought; `None` if it brought none, or two.
pub(crate) fn token_hash(headers: &HeaderMap) -> Option<Hash> {
    let bytes: [u8; 32] = decode_base64url(only(headers, NAME)?)?.try_into().ok()?;
    Some(sha256(&bytes))
}

/// The value of a cookie that a request brought once.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_found_again() {
        let given = give(&Secret::from_bytes([7; 32]));
        let pair = given.to_str().unwrap().split(';').next().unwrap().to_owned();

        assert_eq!(token_hash(&cookies(&[&format!("a=b; {pair}; c")])), Some(sha256(&[7; 32])));
        assert_eq!(token_hash(&cookies(&["a=b", &pair])), Some(sha256(&[7; 32])));
    }

    #[test]
    fn odd_cookies_are_none() {
        let good = encode_base64url(&[7; 32]);
        for line in [
            "",
            "__Host-aman",
            "__Host-aman=",
            "__Host-aman=AAAA",
            "__host-aman=AAAA",
            &format!("x__Host-aman={good}"),
            &format!("__Host-aman={good}="),
            &format!("__Host-aman={good}; __Host-aman={good}"),
        ] {
            assert_eq!(token_hash(&cookies(&[line])), None, "{line}");
        }
    }

    fn cookies(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }
}
