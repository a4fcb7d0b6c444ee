//! The door of the server: HTTP, WebSocket, TLS, sign-in and the web client.
//!
//! Everything a stranger can do starts here.  The *porch* takes connections and bounds them, the
//! *guard* refuses requests that are not from our own page, the *door* knows who is signed in;
//! behind it [`api`] speaks to the store and [`connection`] to the switchboard.  This crate
//! decides nothing about rooms.

mod api;
mod app;
mod bearer;
mod bucket;
mod clock;
mod codes;
mod connection;
mod cookie;
mod counters;
mod headers;
mod holders;
mod hooks;
mod limits;
mod metrics;
mod oidc;
mod openapi;
mod operator;
mod origin;
mod pace;
mod pages;
mod pairings;
mod passkeys;
mod passwords;
mod patient_io;
mod permits;
mod porch;
mod random;
mod refusal;
mod server_key;
pub mod tls;
mod words;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use protocol::id::WebhookId;
use store::Store;
use switchboard::Switchboard;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

pub use crate::api::setup::offer as offer_setup;
pub use crate::app::{AccountRules, Probes, Sums};
pub use crate::hooks::HookRules;
pub use crate::limits::Limits;
pub use crate::oidc::{ClientSecret, Issuer, OidcRules};
pub use crate::operator::Operator;
pub use crate::origin::Origin;
pub use crate::pages::Pages;
pub use crate::random::{NoRandom, OneTimeToken, one_time_token};
pub use crate::server_key::ServerKey;

use crate::app::{App, Shared};

/// How the door is built.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Where to listen.  Port 0 takes any.
    pub listen: SocketAddr,
    /// Where to answer `/metrics`; `None` answers it to loopback on `listen`.
    pub metrics_listen: Option<SocketAddr>,
    /// Certificate and key; `None` speaks plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Whether to ask browsers to come by TLS only from now on.
    pub hsts: bool,
    /// Origins that are ours, besides `localhost` and bare addresses.
    pub origins: Vec<Origin>,
    /// Where the web client's files are.
    pub pages: Pages,
    /// How accounts are kept.
    pub accounts: AccountRules,
    /// How much one stranger may do.
    pub limits: Limits,
    /// What the operator tells everybody who comes.
    pub operator: Operator,
    /// How webhooks are kept.
    pub hooks: HookRules,
    /// The agency's own sign-in, if there is one.
    pub oidc: Option<OidcRules>,
}

/// What the door leads to.
pub struct Behind {
    /// Accounts, rooms, invites.
    pub store: Arc<dyn Store>,
    /// Rooms that run.
    pub switchboard: Switchboard,
    /// Sums of the media plane, for the metrics page.
    pub media_sums: Sums,
    /// Makes probes of the media plane, for the device test.
    pub probes: Probes,
}

/// The door, built but not yet open.
pub struct Gateway {
    app: Shared,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
    to_test: mpsc::Receiver<WebhookId>,
}

impl Gateway {
    /// Takes the addresses.  `stopping` turns true when the server stops.
    ///
    /// # Errors
    ///
    /// When an address cannot be taken.
    pub async fn bind(
        settings: GatewaySettings,
        behind: Behind,
        stopping: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let listener = bind(settings.listen).await?;
        let metrics_listener = match settings.metrics_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        hooks::secrets::seal_all(&*behind.store, &settings.accounts.key).await?;
        let (hook_tests, to_test) = mpsc::channel(hooks::TESTS_MAX);
        let app = App {
            store: behind.store,
            switchboard: behind.switchboard,
            clock: clock::Clock::start(),
            limits: settings.limits,
            operator: settings.operator,
            hooks: settings.hooks,
            hook_tests,
            provider: settings.oidc.map(oidc::Provider::new),
            origins: origin::Origins::new(settings.tls.is_some(), settings.origins),
            pages: settings.pages,
            counters: counters::Counters::default(),
            media_sums: behind.media_sums,
            probes: behind.probes,
            passwords: passwords::Passwords::new(),
            paces: Mutex::new(pace::Paces::new(&settings.limits)),
            name_key: random::bytes()?,
            accounts: settings.accounts,
            holders: holders::Holders::default(),
            answered: Mutex::default(),
            pairings: Mutex::default(),
            sign_ins: watch::Sender::new(()),
            hsts: settings.hsts,
            metrics_here: metrics_listener.is_none(),
            stopping,
        };
        let tls = settings.tls.map(TlsAcceptor::from);
        Ok(Self { app: Arc::new(app), listener, metrics_listener, tls, to_test })
    }

    /// The address it listens on.
    ///
    /// # Errors
    ///
    /// When the operating system does not say.
    pub fn local_addr(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// The address it answers `/metrics` on, if that is another one.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Lets people in until the server stops, then waits a little for them to go.
    pub async fn run(self) {
        if let Some(listener) = self.metrics_listener {
            tokio::spawn(metrics::run(self.app.clone(), listener));
        }
        tokio::spawn(hooks::run(self.app.clone(), self.app.switchboard.news(), self.to_test));
        let router = router(&self.app);
        porch::run(self.app, self.listener, self.tls, router).await;
    }
}

/// The description of the HTTP interface: OpenAPI 3.1, as JSON.
#[must_use]
pub fn openapi() -> String {
    api::routes().text()
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

fn router(app: &Shared) -> Router {
    Router::new()
        .nest("/api", api::router())
        .route("/api/", any(api::unknown))
        .route("/ws", get(connection::upgrade))
        .route("/health", get(metrics::health))
        .route("/metrics", get(metrics::for_loopback))
        .fallback(pages::serve)
        .layer(from_fn_with_state(app.clone(), headers::guard))
        .with_state(app.clone())
}
