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

/// Looks at the headers of a request.
pub(crate) fn brought(headers: &HeaderMap) -> Brings {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Brings::Nothing };
    if lines.next().is_some() || cookie::is_brought(headers) {
        return Brings::Nonsense;
    }
    let key = line.to_str().ok().and_then(|line| line.split_once(' '));
    let hash = key
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .and_then(|(_, key)| decode_base64url(key.trim().strip_prefix(PREFIX)?))
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .map(|bytes| sha256(&bytes));
    hash.map_or(Brings::Nonsense, Brings::Key)
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
        assert_eq!(brings(&[bearer.clone()]), Brings::Key(sha256(&[7; 32])));
        for lines in [
            vec![bearer.clone(), bearer.clone()],
            vec![bearer, ("cookie", "__Host-aman=x".to_owned())],
            vec![("authorization", format!("Basic {key}"))],
            vec![("authorization", "Bearer aman_".to_owned())],
            vec![("authorization", format!("Bearer {}", &key[5..]))],
            vec![("authorization", format!("Bearer {key}AA"))],
            vec![("authorization", "Bearer".to_owned())],
        ] {
            assert_eq!(brings(&lines), Brings::Nonsense, "{lines:?}");
        }
    }
}
