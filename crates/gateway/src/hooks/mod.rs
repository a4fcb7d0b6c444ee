//! How do programs hear what happens?  News of rooms become signed calls, tried again for a
//! while, and no room ever waits for one.
//!
//! ```text
//!   room ── news (bounded, never waits) ──► run: whose room, which webhooks
//!                                             │ queue (bounded)      ▲ later, if it failed
//!                                             └─► calls, a few at once ┘
//! ```
//!
//! # Invariants
//!
//! - A call holds ids and times, nothing that anybody said or is called.
//! - What waits is bounded, for each account and for all; what does not fit is counted and
//!   forgotten.
//! - Nothing that waits outlives the process.

mod call;
pub(crate) mod secrets;
pub(crate) mod target;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::api::{HookCall, HookEvent};
use protocol::id::{AccountId, WebhookId};
use protocol::opaque::encode_base64url;
use protocol::time::Timestamp;
use store::{StoreError, WebhookRecord};
use switchboard::{News, What};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use tokio::time::sleep;

use crate::app::Shared;
use crate::hooks::call::{Call, Outcome};
use crate::hooks::target::Target;
use crate::porch::stop;
use crate::random;

/// Calls that wait at a time.
const WAITING_MAX: usize = 1024;

/// Calls under way at a time.
const UNDER_WAY_MAX: usize = 8;

/// The same, for one account: slow receivers of one hold up nobody else.
const WAITING_PER_ACCOUNT_MAX: usize = 256;
const UNDER_WAY_PER_ACCOUNT_MAX: usize = 4;

/// Tries of one call.
const TRIES_MAX: u32 = 5;

/// How much longer each pause is than the one before.
const PAUSE_GROWTH: u32 = 6;

/// How webhooks are kept.
#[derive(Clone, Copy, Debug)]
pub struct HookRules {
    /// Whether they may lead to addresses that are not public, and by plain http.
    pub allow_private: bool,
    /// How long the first pause before another try is.
    pub first_pause: Duration,
}

impl Default for HookRules {
    fn default() -> Self {
        Self { allow_private: false, first_pause: Duration::from_secs(10) }
    }
}

/// A call that is to be made.
struct Job {
    webhook: WebhookId,
    /// Whose; `None` for a test, which has a pace of its own.
    account: Option<AccountId>,
    delivery: String,
    body: String,
    n_tries: u32,
}

/// What came of a try.
struct Tried {
    job: Job,
    outcome: Outcome,
}

/// Tests that wait at a time.
pub(crate) const TESTS_MAX: usize = 16;

/// Brings news to webhooks until the server stops.  `tests` are webhooks that are to be called
/// once, for somebody who wants to see it arrive.
pub(crate) async fn run(
    app: Shared,
    mut news: Receiver<News>,
    mut tests: mpsc::Receiver<WebhookId>,
) {
    let mut hooks = Hooks {
        tls: Arc::new(client_config()),
        waiting: BTreeMap::new(),
        n_jobs: 0,
        under_way: JoinSet::new(),
        whose: BTreeMap::new(),
        app: app.clone(),
    };
    loop {
        let pause = hooks.pause();
        tokio::select! {
            biased;
            () = stop(app.stopping.clone()) => return,
            Some(tried) = hooks.under_way.join_next_with_id() => {
                let task = tried.as_ref().map_or_else(|error| error.id(), |(task, _)| *task);
                hooks.whose.remove(&task);
                if let Ok((_, tried)) = tried {
                    hooks.conclude(tried).await;
                }
            }
            heard = news.recv() => match heard {
                Ok(news) => {
                    if let Err(error) = hooks.hear(news).await {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "News could not be told");
                    }
                }
                Err(RecvError::Lagged(_)) => app.counters.hooks_dropped.bump(),
                Err(RecvError::Closed) => return,
            },
            Some(webhook) = tests.recv() => hooks.test(webhook),
            () = sleep(pause.unwrap_or_default()), if pause.is_some() => hooks.start(),
        }
    }
}

struct Hooks {
    app: Shared,
    tls: Arc<rustls::ClientConfig>,
    /// By when they are due, then by age.
    waiting: BTreeMap<(Timestamp, u64), Job>,
    n_jobs: u64,
    under_way: JoinSet<Tried>,
    /// Whose calls are under way.
    whose: BTreeMap<Id, Option<AccountId>>,
}

impl Hooks {
    /// How long until something can be started; `None` if nothing can.
    fn pause(&self) -> Option<Duration> {
        let (due, _) = self.next()?;
        Some(due - self.app.clock.now())
    }

    /// The next call that can be started.
    fn next(&self) -> Option<(Timestamp, u64)> {
        if self.under_way.len() >= UNDER_WAY_MAX {
            return None;
        }
        let n_of = |account| self.whose.values().filter(|whose| **whose == account).count();
        let is_free = |job: &Job| n_of(job.account) < UNDER_WAY_PER_ACCOUNT_MAX;
        self.waiting.iter().find(|(_, job)| is_free(job)).map(|(key, _)| *key)
    }

    async fn hear(&mut self, news: News) -> Result<(), StoreError> {
        let store = &self.app.store;
        let Some(room) = store.room(news.room).await? else { return Ok(()) };
        // Whoever was shut out is told nothing more.
        if store.account(room.owner).await?.is_none_or(|owner| owner.is_disabled) {
            return Ok(());
        }
        let (event, invite) = match news.what {
            What::Knocked(invite) => (HookEvent::Knocked, Some(invite)),
            What::Started => (HookEvent::Started, None),
            What::InviteUsed(invite) => (HookEvent::InviteUsed, Some(invite)),
            What::Ended => (HookEvent::Ended, None),
        };
        let call = HookCall { event, at: news.at, room: news.room, invite };
        let body = serde_json::to_string(&call).map_err(StoreError::new)?;
        let webhooks = store.webhooks_of(room.owner).await?;
        for webhook in webhooks.iter().filter(|webhook| webhook.events.contains(&event)) {
            let Ok(delivery) = random::bytes::<16>() else { return Ok(()) };
            let delivery = encode_base64url(&delivery);
            let (webhook, account) = (webhook.id, Some(webhook.account));
            let job = Job { webhook, account, delivery, body: body.clone(), n_tries: 0 };
            self.put(self.app.clock.now(), job);
        }
        Ok(())
    }

    /// One call, tried once.
    fn test(&mut self, webhook: WebhookId) {
        let Ok(delivery) = random::bytes::<16>() else { return };
        let body = serde_json::json!({ "event": "test", "at": self.app.clock.unix() });
        let job = Job {
            webhook,
            account: None,
            delivery: encode_base64url(&delivery),
            body: body.to_string(),
            n_tries: TRIES_MAX - 1,
        };
        self.put(self.app.clock.now(), job);
    }

    fn put(&mut self, due: Timestamp, job: Job) {
        let own = self.waiting.values().filter(|other| other.account == job.account);
        if self.waiting.len() >= WAITING_MAX || own.count() >= WAITING_PER_ACCOUNT_MAX {
            self.app.counters.hooks_dropped.bump();
            return;
        }
        self.n_jobs += 1;
        self.waiting.insert((due, self.n_jobs), job);
    }

    fn start(&mut self) {
        let Some((due, n)) = self.next().filter(|(due, _)| *due <= self.app.clock.now()) else {
            return;
        };
        let Some(job) = self.waiting.remove(&(due, n)) else { return };
        let (app, tls, account) = (self.app.clone(), self.tls.clone(), job.account);
        let task = self.under_way.spawn(async move {
            let outcome = attempt(&app, &tls, &job).await;
            Tried { job, outcome }
        });
        self.whose.insert(task.id(), account);
    }

    async fn conclude(&mut self, tried: Tried) {
        let Tried { mut job, outcome } = tried;
        job.n_tries += 1;
        if outcome == Outcome::Failed && job.n_tries < TRIES_MAX {
            let growth = PAUSE_GROWTH.saturating_pow(job.n_tries - 1);
            let pause = self.app.hooks.first_pause.saturating_mul(growth);
            self.put(self.app.clock.now() + pause, job);
            return;
        }
        let delivered = outcome == Outcome::Taken;
        let counters = &self.app.counters;
        let counter =
            if delivered { &counters.hooks_delivered } else { &counters.hooks_dropped };
        counter.bump();
        let at = self.app.clock.unix();
        if let Err(error) = self.app.store.note_call(job.webhook, at, delivered).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "What came of a call could not be kept");
        }
    }
}

/// One try.  The webhook is looked up each time: it may have been deleted meanwhile.
async fn attempt(app: &Shared, tls: &Arc<rustls::ClientConfig>, job: &Job) -> Outcome {
    let webhook: WebhookRecord = match app.store.webhook(job.webhook).await {
        Ok(Some(webhook)) => webhook,
        Ok(None) => return Outcome::Gone,
        Err(_) => return Outcome::Failed,
    };
    let allow_private = app.hooks.allow_private;
    let Some(target) = Target::read(&webhook.url, allow_private) else { return Outcome::Gone };
    let Some(secret) = secrets::open(&app.accounts.key, &webhook) else {
        tracing::error!(
            webhook = ?webhook.id,
            "The secret of a webhook was sealed with another server.key; it has to be made anew"
        );
        return Outcome::Gone;
    };
    let call = Call {
        target: &target,
        allow_private,
        tls,
        secret: &secret,
        delivery: &job.delivery,
        body: &job.body,
        now: app.clock.unix(),
    };
    call.make().await
}

/// Trusts whom the operating system trusts.
pub(crate) fn client_config() -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    let (n_good, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if n_good == 0 {
        tracing::warn!(
            "This system trusts no certificates: nothing can be asked or told by https"
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| rustls::ClientConfig::builder());
    config.with_root_certificates(roots).with_no_client_auth()
}
