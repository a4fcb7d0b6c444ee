//! Which sign-in does an answer belong to?  The one whose secrets its browser holds, sealed, in
//! a cookie that no page can read and no other site can send.

use axum::http::{HeaderMap, HeaderValue};
use protocol::id::{AccountId, SignInId};
use protocol::limits::PROVIDER_PATIENCE;
use protocol::opaque::{decode_base64url, encode_base64url};
use protocol::time::UnixSeconds;
use serde::{Deserialize, Serialize};
use store::records::Hash;

use super::address::random_text;
use crate::cookie;
use crate::random::{NoRandom, sha256};
use crate::server_key::{Purpose, ServerKey};

const NAME: &str = "__Host-aman-provider";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// Flows belong to nobody yet.
const NOBODY: AccountId = AccountId::from_bytes([0; 16]);

/// A sign-in that is under way.
#[derive(Serialize, Deserialize)]
pub(crate) struct Flow {
    until: UnixSeconds,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(crate) what: What,
}

/// What it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    /// To sign in.
    SignIn,
    /// To take the operator's link up.
    Invitation { token_hash: Hash, name: String },
    /// To link the account of somebody who is signed in.
    Link { account: AccountId, sign_in: SignInId },
}

impl Flow {
    /// A new one.
    pub(crate) fn begin(what: What, now: UnixSeconds) -> Result<Self, NoRandom> {
        Ok(Self {
            until: now.plus(PROVIDER_PATIENCE.as_secs()),
            state: random_text()?,
            nonce: random_text()?,
            verifier: random_text()?,
            what,
        })
    }

    /// PKCE with S256 (RFC 7636 section 4.2).
    pub(super) fn challenge(&self) -> String {
        encode_base64url(&sha256(self.verifier.as_bytes()))
    }

    /// When it began.
    pub(super) const fn begun(&self) -> UnixSeconds {
        UnixSeconds(self.until.0.saturating_sub(PROVIDER_PATIENCE.as_secs()))
    }

    /// Until when an answer counts.
    pub(crate) const fn until(&self) -> UnixSeconds {
        self.until
    }

    /// `Set-Cookie` for the browser that began.
    pub(crate) fn give(&self, key: &ServerKey) -> Option<HeaderValue> {
        let plain = serde_json::to_vec(self).ok()?;
        let sealed = key.seal(Purpose::ProviderFlow, NOBODY, &plain).ok()?;
        let value = encode_base64url(&sealed);
        let age = PROVIDER_PATIENCE.as_secs();
        let text = format!("{NAME}={value}; Max-Age={age}; {ATTRIBUTES}");
        let mut cookie = HeaderValue::try_from(text).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    }

    /// The flow of the browser that a request comes from, if the answer is of that flow and in
    /// time.
    pub(crate) fn brought(
        key: &ServerKey,
        headers: &HeaderMap,
        state: &str,
        now: UnixSeconds,
    ) -> Option<Self> {
        let sealed = decode_base64url(cookie::only(headers, NAME)?)?;
        let plain = key.open(Purpose::ProviderFlow, NOBODY, &sealed)?;
        let flow: Self = serde_json::from_slice(&plain).ok()?;
        // Hashes are compared, so that time says nothing.
        let fits = sha256(flow.state.as_bytes()) == sha256(state.as_bytes());
        (fits && flow.until > now).then_some(flow)
    }
}

/// `Set-Cookie` for a browser whose flow is over.
pub(crate) fn take_back() -> HeaderValue {
    HeaderValue::from_static(
        "__Host-aman-provider=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    const KEY: ServerKey = ServerKey::from_bytes([1; 32]);
    const NOW: UnixSeconds = UnixSeconds(1_000);

    #[test]
    fn a_flow_comes_back_from_its_browser_in_time() {
        let what = What::Invitation { token_hash: [3; 32], name: "Sun Li".to_owned() };
        let flow = Flow::begin(what.clone(), NOW).unwrap();
        let headers = headers_of(&flow);

        let last = UnixSeconds(flow.until.0 - 1);
        let brought = Flow::brought(&KEY, &headers, &flow.state, last).unwrap();
        assert_eq!((brought.what, brought.nonce), (what, flow.nonce.clone()));
        assert_eq!(brought.verifier.len(), 43, "as RFC 7636 wants it");

        assert!(Flow::brought(&KEY, &headers, &flow.state, flow.until).is_none(), "too late");
        let other = Flow::begin(What::SignIn, NOW).unwrap();
        assert!(Flow::brought(&KEY, &headers, &other.state, NOW).is_none(), "another state");
        assert!(Flow::brought(&KEY, &headers_of(&other), &flow.state, NOW).is_none());
        assert!(
            Flow::brought(&KEY, &HeaderMap::new(), &flow.state, NOW).is_none(),
            "no cookie"
        );
        let stranger = ServerKey::from_bytes([2; 32]);
        assert!(Flow::brought(&stranger, &headers, &flow.state, NOW).is_none(), "another key");
    }

    #[test]
    fn the_challenge_is_the_one_of_the_rfc() {
        let flow = Flow {
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
            ..Flow::begin(What::SignIn, NOW).unwrap()
        };
        // RFC 7636 appendix B.
        assert_eq!(flow.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    fn headers_of(flow: &Flow) -> HeaderMap {
        let cookie = flow.give(&KEY).unwrap();
        let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::try_from(pair).unwrap())])
    }
}
