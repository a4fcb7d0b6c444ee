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
    memory: Mutex<Memory>,
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
            memory: Mutex::default(),
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
        let mut memory = self.memory.lock().await;
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
        let known = Arc::new(self.ask_about_itself(now).await?);
        memory.known = Some(known.clone());
        Ok(known)
    }

    async fn ask_about_itself(&self, now: Timestamp) -> Result<Known, Trouble> {
        let issuer = &self.rules.issuer;
        let read = async |address| {
            let body = exchange::ask(&self.tls, address, Ask::Get).await?;
            body.ok_or(AskFault::Unreadable)
        };
        let discovery = issuer.discovery()?;
        let metadata = Metadata::read(&read(&discovery).await?, issuer)?;
        let keys = Keys::read(&read(&metadata.jwks).await?).ok_or(AskFault::Unreadable)?;
        Ok(Known { metadata, keys, at: now })
    }
}

/// What comes for a code.  The access token is not looked at.
#[derive(serde::Deserialize)]
struct TokenAnswer {
    id_token: String,
}
