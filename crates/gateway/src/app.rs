//! What every request can reach.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::id::{AccountId, WebhookId};
use protocol::media::Probe;
use store::Store;
use store::records::Hash;
use switchboard::Switchboard;
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::counters::Counters;
use crate::holders::Holders;
use crate::hooks::HookRules;
use crate::limits::Limits;
use crate::oidc::Provider;
use crate::operator::Operator;
use crate::origin::Origins;
use crate::pace::Paces;
use crate::pages::Pages;
use crate::pairings::Pairings;
use crate::passkeys::answered::Answered;
use crate::passwords::Passwords;
use crate::server_key::ServerKey;

/// Sums of another part of the server, for the metrics page.
pub type Sums = Arc<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>;

/// Makes what somebody needs to try the way to the media port.
pub type Probes = Arc<dyn Fn() -> Probe + Send + Sync>;

/// How accounts are kept.
#[derive(Clone, Debug)]
pub struct AccountRules {
    /// Seals the secrets of one-time codes.
    pub key: ServerKey,
    /// Whether somebody invited has to set up a second factor before anything else.
    pub second_factor_required: bool,
    /// How long a sign-in may go unused, calls apart.
    pub idle: Duration,
}

/// The one [`App`].
pub(crate) type Shared = Arc<App>;

/// What every request can reach.
pub(crate) struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) switchboard: Switchboard,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) operator: Operator,
    pub(crate) hooks: HookRules,
    /// Webhooks to be called once, as a test.
    pub(crate) hook_tests: mpsc::Sender<WebhookId>,
    /// The agency's own sign-in, if there is one.
    pub(crate) provider: Option<Provider>,
    pub(crate) origins: Origins,
    pub(crate) pages: Pages,
    pub(crate) counters: Counters,
    pub(crate) media_sums: Sums,
    pub(crate) probes: Probes,
    pub(crate) passwords: Passwords,
    pub(crate) paces: Mutex<Paces>,
    /// So that what is kept of names tried says nothing to whoever sees memory.
    pub(crate) name_key: [u8; 32],
    /// How accounts are kept.
    pub(crate) accounts: AccountRules,
    /// Sign-ins behind connections to rooms.
    pub(crate) holders: Holders,
    /// Challenges that were answered.
    pub(crate) answered: Mutex<Answered>,
    /// Keys on their way to a second device.
    pub(crate) pairings: Mutex<Pairings>,
    /// Tells connections to look whether their sign-in is still there.
    pub(crate) sign_ins: watch::Sender<()>,
    pub(crate) hsts: bool,
    /// Whether `/metrics` is answered here, to loopback.
    pub(crate) metrics_here: bool,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl App {
    /// Challenges that were answered.
    pub(crate) fn answered(&self) -> MutexGuard<'_, Answered> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys on their way to a second device.
    pub(crate) fn pairings(&self) -> MutexGuard<'_, Pairings> {
        self.pairings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sign-in ended.
    pub(crate) fn sign_in_ended(&self, token_hash: Hash) {
        self.pairings().sign_in_ended(token_hash);
        self.sign_ins.send_replace(());
    }

    /// A sign-in of an account ended, or several.
    pub(crate) fn sign_ins_ended(&self, account: AccountId) {
        self.pairings().sign_ins_ended(account);
        self.sign_ins.send_replace(());
    }

    /// How fast things may be asked.
    pub(crate) fn paces(&self) -> MutexGuard<'_, Paces> {
        // Nothing panics half-way through a change.
        self.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
