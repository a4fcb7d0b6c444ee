//! Who does the agency's own sign-in say somebody is?  OpenID Connect, the authorization code
//! flow with PKCE, for one provider that the operator chose (ADR 8).
//!
//! ```text
//!   page ── begin ──► a sealed cookie: state, nonce, verifier; and where to go
//!   page ── goes to the provider, comes back with state and code in the fragment
//!   page ── answer ─► state fits the cookie ─► code for an ID token ─► every check ─► identity
//! ```
//!
//! # Invariants
//!
//! - Nothing is kept for a sign-in that is under way but what its browser holds, sealed.
//! - An answer counts once, in time, and in the browser that began.
//! - Whatever the provider says is bounded in size and time, and no redirection is followed.
//! - Where people are to sign in anew, the token says that they did: a `prompt` in the address
//!   of the browser is a wish, which whoever sits there can take out.
//! - Of a person only a keyed hash over issuer and `sub` leaves this module.

mod address;
mod discovery;
mod exchange;
pub(crate) mod flow;
mod keys;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use protocol::limits::CHALLENGE_LIFETIME;
use protocol::time::{Timestamp, UnixSeconds};
use tokio::sync::{Mutex, Semaphore};

pub use crate::oidc::address::Issuer;

use crate::hooks;
use crate::oidc::discovery::{Metadata, MetadataFault};
use crate::oidc::exchange::{Ask, Post};
use crate::oidc::flow::Flow;
use crate::oidc::keys::Keys;
use crate::oidc::token::{Expected, TokenFault};

/// How long what the provider says about itself is believed.
const KNOWN_LIFETIME: Duration = CHALLENGE_LIFETIME;

/// How long the provider is left alone after it was asked about itself.
const ASKING_PAUSE: Duration = Duration::from_secs(5);

/// Codes that are changed into ID tokens at a time.
const EXCHANGES_MAX: usize = 8;

/// What the operator set about the provider.
#[derive(Clone, Debug)]
pub struct OidcRules {
    /// Who it is.
    pub issuer: Issuer,
    /// Who we are there.
    pub client_id: String,
    /// What shows that we are; `None` for a public client.
    pub client_secret: Option<ClientSecret>,
    /// What people call it.
    pub name: String,
    /// Whether its word counts as the second factor too.
    pub is_second_factor: bool,
    /// What it is asked to ask people (`prompt`); may be empty.
    pub prompt: String,
}

impl OidcRules {
    /// Whether people are to sign in anew each time.
    fn wants_anew(&self) -> bool {
        self.prompt == "login"
    }
}

/// The secret that the provider gave the operator.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// Takes the text, without the end of its line; `None` if there is nothing else.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim_end_matches(['\r', '\n']);
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }
}

/// Never shown.
impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret")
    }
}

/// Why it cannot be said who somebody is.  For the log: people hear one sentence for all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nothing, too much, or nothing readable came from the provider.
    #[error("the provider cannot be asked: {0}")]
    Provider(#[from] AskFault),
    /// What it says about itself cannot be used.
    #[error("what the provider says about itself cannot be used: {0}")]
    Metadata(#[from] MetadataFault),
    /// It does not take the code: it was used, is over, or is not ours.
    #[error("the provider refuses the code")]
    Refused,
    /// The answer comes from somebody else (RFC 9207).
    #[error("the answer is not from the provider it should be from")]
    MixedUp,
    /// The ID token does not hold.
    #[error("the ID token does not hold: {0}")]
    Token(#[from] TokenFault),
    /// Too many at once.
    #[error("too many sign-ins at once")]
    Busy,
}

/// Why a question to the provider has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AskFault {
    /// No connection, or none that TLS trusts.
    #[error("no connection")]
    Unreachable,
    /// It took too long.
    #[error("it takes too long")]
    TooSlow,
    /// It says more than there can be to say.
    #[error("the answer is too long")]
    TooLong,
    /// An answer of another kind.
    #[error("the answer is not what it should be")]
    Unreadable,
    /// It was asked a moment ago, in vain.
    #[error("it did not answer a moment ago")]
    AskedBefore,
}

/// The provider, as far as it is known.
pub(crate) struct Provider {
    pub(crate) rules: OidcRules,
    tls: Arc<rustls::ClientConfig>,
    /// Held while the provider is asked, so that one asks for all.
    memory: Arc<Mutex<Memory>>,
    exchanges: Semaphore,
}

#[derive(Default)]
struct Memory {
    known: Option<Arc<Known>>,
    asked_at: Option<Timestamp>,
}

/// What the provider says about itself.
struct Known {
    metadata: Metadata,
    keys: Keys,
    at: Timestamp,
}

/// An answer, as the page brings it.
pub(crate) struct Answer<'a> {
    pub(crate) code: &'a str,
    pub(crate) iss: Option<&'a str>,
    /// Where the provider was told to send the browser.
    pub(crate) redirect: &'a str,
}

impl Provider {
    pub(crate) fn new(rules: OidcRules) -> Self {
        Self {
            rules,
            tls: Arc::new(hooks::client_config()),
            memory: Arc::default(),
            exchanges: Semaphore::new(EXCHANGES_MAX),
        }
    }

    /// Where a browser that holds `flow` goes.
    pub(crate) async fn address(
        &self,
        flow: &Flow,
        redirect: &str,
        now: Timestamp,
    ) -> Result<String, Trouble> {
        let known = self.known(now, None).await?;
        let challenge = flow.challenge();
        let mut pairs = vec![
            ("response_type", "code"),
            ("response_mode", "fragment"),
            ("client_id", &self.rules.client_id),
            ("redirect_uri", redirect),
            ("scope", "openid"),
            ("state", &flow.state),
            ("nonce", &flow.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if !self.rules.prompt.is_empty() {
            pairs.push(("prompt", &self.rules.prompt));
        }
        if self.rules.wants_anew() {
            // So that the token says when (Core section 3.1.2.1).
            pairs.push(("max_age", "0"));
        }
        Ok(known.metadata.authorization.with_query(&address::form(&pairs)))
    }

    /// Who came back: what the provider calls them, after every check.
    pub(crate) async fn identify(
        &self,
        flow: &Flow,
        answer: &Answer<'_>,
        (now, unix): (Timestamp, UnixSeconds),
    ) -> Result<String, Trouble> {
        let _slot = self.exchanges.try_acquire().map_err(|_| Trouble::Busy)?;
        let known = self.known(now, None).await?;
        let is_said = answer.iss.is_some_and(|iss| iss == self.rules.issuer.as_str());
        if !is_said && (answer.iss.is_some() || known.metadata.says_iss) {
            return Err(Trouble::MixedUp);
        }
        let token = self.redeem(&known.metadata, flow, answer).await?;
        let expected = Expected {
            issuer: self.rules.issuer.as_str(),
            client_id: &self.rules.client_id,
            nonce: &flow.nonce,
            now: unix,
            signed_in_since: self.rules.wants_anew().then(|| flow.begun()),
        };
        match token::check(&token, &known.keys, &expected) {
            // It may have begun to sign with another key.
            Err(TokenFault::UnknownKey) => {
                let newer = self.known(now, Some(known.at)).await?;
                Ok(token::check(&token, &newer.keys, &expected)?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Changes the code into an ID token (Core section 3.1.3).
    async fn redeem(
        &self,
        metadata: &Metadata,
        flow: &Flow,
        answer: &Answer<'_>,
    ) -> Result<String, Trouble> {
        let rules = &self.rules;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", answer.code),
            ("redirect_uri", answer.redirect),
            ("code_verifier", &flow.verifier),
        ];
        let secret = rules.client_secret.as_ref().map(|secret| secret.0.as_str());
        let basic = secret.filter(|_| metadata.takes_basic);
        if basic.is_none() {
            pairs.push(("client_id", &rules.client_id));
        }
        if let (None, Some(secret)) = (basic, secret) {
            pairs.push(("client_secret", secret));
        }
        let form = address::form(&pairs);
        let basic = basic.map(|secret| (rules.client_id.as_str(), secret));
        let ask = Ask::Post(Post { form, basic });
        let body = exchange::ask(&self.tls, &metadata.token, ask).await?;
        let answer: TokenAnswer = match body {
            Some(body) => serde_json::from_slice(&body).map_err(|_| AskFault::Unreadable)?,
            None => return Err(Trouble::Refused),
        };
        Ok(answer.id_token)
    }

    /// What the provider says about itself; asked again if it was said `before` or earlier.
    async fn known(
        &self,
        now: Timestamp,
        before: Option<Timestamp>,
    ) -> Result<Arc<Known>, Trouble> {
        let mut memory = self.memory.clone().lock_owned().await;
        let known = memory.known.clone();
        let good = known.filter(|known| now - known.at < KNOWN_LIFETIME);
        let is_new = |known: &Arc<Known>| before.is_none_or(|before| known.at > before);
        if let Some(known) = good.clone().filter(is_new) {
            return Ok(known);
        }
        if memory.asked_at.is_some_and(|at| now - at < ASKING_PAUSE) {
            return good.ok_or(Trouble::Provider(AskFault::AskedBefore));
        }
        memory.asked_at = Some(now);
        let (tls, issuer) = (self.tls.clone(), self.rules.issuer.clone());
        // In a task of its own: whoever hangs up meanwhile asked for all the others, too.
        let asking = tokio::spawn(async move {
            let known = Arc::new(ask_about_itself(&tls, &issuer, now).await?);
            memory.known = Some(known.clone());
            Ok(known)
        });
        asking.await.map_err(|_| AskFault::Unreachable)?
    }
}

async fn ask_about_itself(
    tls: &Arc<rustls::ClientConfig>,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<Known, Trouble> {
    let read = async |address| {
        let body = exchange::ask(tls, address, Ask::Get).await?;
        body.ok_or(AskFault::Unreadable)
    };
    let discovery = issuer.discovery()?;
    let metadata = Metadata::read(&read(&discovery).await?, issuer)?;
    let keys = Keys::read(&read(&metadata.jwks).await?).ok_or(AskFault::Unreadable)?;
    Ok(Known { metadata, keys, at: now })
}

/// What comes for a code.  The access token is not looked at.
#[derive(serde::Deserialize)]
struct TokenAnswer {
    id_token: String,
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    /// Longer than anything here takes.
    const DEADLINE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn whoever_hangs_up_while_the_provider_is_asked_is_in_nobodys_way() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let (asked, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        serve(listener, &issuer, asked.clone(), go_on.clone());
        let provider = Provider::new(OidcRules {
            issuer: Issuer::parse(&issuer).unwrap(),
            client_id: "aman".to_owned(),
            client_secret: None,
            name: "Agency".to_owned(),
            is_second_factor: true,
            prompt: "login".to_owned(),
        });

        let (now, soon) = (Timestamp::default(), Timestamp::from_start(Duration::from_secs(1)));
        tokio::select! {
            _ = provider.known(now, None) => panic!("it was not answered yet"),
            seen = tokio::time::timeout(DEADLINE, asked.acquire()) => {
                seen.unwrap().unwrap().forget();
            }
        }
        go_on.add_permits(1);
        let known = tokio::time::timeout(DEADLINE, provider.known(soon, None)).await.unwrap();
        assert!(known.is_ok_and(|known| known.at == now), "the first question answers both");
    }

    /// A provider that says when it is asked, and answers when it may.
    fn serve(
        listener: TcpListener,
        issuer: &str,
        asked: Arc<Semaphore>,
        go_on: Arc<Semaphore>,
    ) {
        let words = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        });
        let describe = async move || {
            asked.add_permits(1);
            go_on.acquire().await.unwrap().forget();
            Json(words)
        };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/jwks", get(async || Json(json!({ "keys": [] }))));
        tokio::spawn(async move { axum::serve(listener, routes).await });
    }
}
