//! `/api/webhooks`: where programs of the counsellor's want to be told what happens.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::{MadeWebhook, NewWebhook, WebhookView};
use protocol::id::WebhookId;
use protocol::limits::WEBHOOKS_PER_ACCOUNT_MAX;
use protocol::reject::Reject;
use store::{Created, WebhookRecord};

use super::account::must_be_fresh;
use super::door::{Named, SignedIn, Whole};
use crate::app::Shared;
use crate::hooks::secrets;
use crate::hooks::target::Target;
use crate::random;
use crate::refusal::Refusal;
use crate::words::Words;

pub(super) async fn list(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
) -> Result<Json<Vec<WebhookView>>, Refusal> {
    let webhooks = app.store.webhooks_of(account).await?;
    Ok(Json(webhooks.into_iter().map(view).collect()))
}

pub(super) async fn create(
    State(app): State<Shared>,
    Whole(here): Whole,
    Words(new): Words<NewWebhook>,
) -> Result<(StatusCode, Json<MadeWebhook>), Refusal> {
    must_be_fresh(&app, &here)?;
    let mut events = new.events;
    events.sort_unstable();
    events.dedup();
    if events.is_empty() || Target::read(&new.url, app.hooks.allow_private).is_none() {
        return Err(Reject::Malformed.into());
    }
    let secret = random::secret().map_err(|_| Reject::Internal)?;
    let sealed_secret = secrets::seal(&app.accounts.key, here.account, &secret);
    let webhook = WebhookRecord {
        id: WebhookId::from_bytes(random::bytes().map_err(|_| Reject::Internal)?),
        account: here.account,
        url: new.url,
        sealed_secret: sealed_secret.map_err(|_| Reject::Internal)?,
        events,
        created_at: app.clock.unix(),
        delivered_at: None,
        failed_at: None,
    };
    match app.store.create_webhook(webhook.clone(), WEBHOOKS_PER_ACCOUNT_MAX).await? {
        Created::Done => {
            tracing::info!(account = ?here.account, webhook = ?webhook.id, "A webhook was made");
            let secret = secret.to_wire();
            Ok((StatusCode::CREATED, Json(MadeWebhook { view: view(webhook), secret })))
        }
        Created::Full => Err(Reject::TooMany.into()),
        Created::Exists | Created::NoRoom => Err(Reject::Internal.into()),
    }
}

pub(super) async fn delete(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
    Named(webhook): Named<WebhookId>,
) -> Result<StatusCode, Refusal> {
    if !app.store.delete_webhook(account, webhook).await? {
        return Err(Reject::NoSuchRight.into());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Calls it once with nothing to tell.  How it came out is in the list a moment later.
pub(super) async fn test(
    State(app): State<Shared>,
    SignedIn(account): SignedIn,
    Named(webhook): Named<WebhookId>,
) -> Result<StatusCode, Refusal> {
    let found = app.store.webhook(webhook).await?;
    if found.is_none_or(|found| found.account != account) {
        return Err(Reject::NoSuchRight.into());
    }
    let is_slow_enough = app.paces().hook_test(app.clock.now(), account);
    if !is_slow_enough || app.hook_tests.try_send(webhook).is_err() {
        return Err(Reject::TooFast.into());
    }
    Ok(StatusCode::NO_CONTENT)
}

fn view(webhook: WebhookRecord) -> WebhookView {
    WebhookView {
        webhook: webhook.id,
        url: webhook.url,
        events: webhook.events,
        created_at: webhook.created_at,
        delivered_at: webhook.delivered_at,
        failed_at: webhook.failed_at,
    }
}
