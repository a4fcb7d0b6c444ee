//! Which key does a program bring, and how is a key written?
//!
//! `Authorization: Bearer aman_…`: the prefix lets tools find keys that went astray.  A browser
//! never sends one by itself, so no other site can borrow it; a request that brings a cookie of
//! ours too is refused, so that nobody has to wonder which of them counted.

use axum::http::{HeaderMap, header};
use protocol::opaque::{decode_base64url, encode_base64url};
use protocol::secret::Secret;
use store::records::Hash;

use crate::cookie;
use crate::random::sha256;

const PREFIX: &str = "aman_";

/// How a key is written.
pub(crate) fn written(secret: &Secret<32>) -> String {
    format!("{PREFIX}{}", encode_base64url(secret.expose()))
}

/// What a request brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brings {
    /// No key.
    Nothing,
    /// Something that is no key, or two, or a cookie beside it.
    Nonsense,
    /// A key of this hash.
    Key(Hash),
}

/// Looks at the headers of a request.  Other schemes are not for us: a proxy in front may ask
/// for a password of its own.
pub(crate) fn brought(headers: &HeaderMap) -> Brings {
    let lines = headers.get_all(header::AUTHORIZATION).iter();
    let mut keys = lines.filter_map(|line| {
        let (scheme, key) = line.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let Some(key) = keys.next() else { return Brings::Nothing };
    if keys.next().is_some() || cookie::is_brought(headers) {
        return Brings::Nonsense;
    }
    let bytes = key.strip_prefix(PREFIX).and_then(decode_base64url);
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map_or(Brings::Nonsense, |bytes| Brings::Key(sha256(&bytes)))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_is_found_in_its_one_form_only() {
        let key = written(&Secret::from_bytes([7; 32]));
        let brings = |lines: &[(&'static str, String)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_str(value).unwrap());
            }
            brought(&headers)
        };
        let bearer = ("authorization", format!("Bearer {key}"));
        assert_eq!(brings(&[]), Brings::Nothing);
        let basic = ("authorization", format!("Basic {key}"));
        assert_eq!(brings(&[basic, ("cookie", "__Host-aman=x".to_owned())]), Brings::Nothing);
        assert_eq!(brings(std::slice::from_ref(&bearer)), Brings::Key(sha256(&[7; 32])));
        for lines in [
            vec![bearer.clone(), bearer.clone()],
            vec![bearer, ("cookie", "__Host-aman=x".to_owned())],
            vec![("authorization", "Bearer aman_".to_owned())],
            vec![("authorization", format!("Bearer {}", &key[5..]))],
            vec![("authorization", format!("Bearer {key}AA"))],
            vec![("authorization", "Bearer x".to_owned())],
        ] {
            assert_eq!(brings(&lines), Brings::Nonsense, "{lines:?}");
        }
    }
}
