//! What is kept of the programs of counsellors: keys of the API, and webhooks.
//!
//! Of a key only the SHA-256 is here.  The secret of a webhook signs, so that its hash would
//! not do: it is here sealed with the server's own key, which is not in this file.

pub(crate) mod contract;
mod embedded;
pub(crate) mod memory;
pub mod records;
pub(crate) mod rows;

use async_trait::async_trait;
use protocol::id::{AccountId, KeyId, WebhookId};
use protocol::time::UnixSeconds;

use crate::programs::records::{KeyRecord, WebhookRecord};
use crate::{Created, Hash, StoreError};

/// Everything about programs.  The same promises as [`Store`](crate::Store).
#[async_trait]
pub trait ProgramStore: Send + Sync + 'static {
    /// Keeps a key, unless its account has `max`.
    async fn create_key(&self, key: KeyRecord, max: usize) -> Result<Created, StoreError>;

    /// The keys of an account, oldest first.
    async fn keys_of(&self, account: AccountId) -> Result<Vec<KeyRecord>, StoreError>;

    /// The key of which this is the hash.
    async fn key_by_hash(&self, secret_hash: Hash) -> Result<Option<KeyRecord>, StoreError>;

    /// Keeps when a key was used last.  Nothing happens if it is not there.
    async fn note_key_used(&self, key: KeyId, at: UnixSeconds) -> Result<(), StoreError>;

    /// Forgets a key of this account.  Returns whether it was there.
    async fn delete_key(&self, account: AccountId, key: KeyId) -> Result<bool, StoreError>;

    /// Keeps a webhook, unless its account has `max`.
    async fn create_webhook(
        &self,
        webhook: WebhookRecord,
        max: usize,
    ) -> Result<Created, StoreError>;

    /// The webhooks of an account, oldest first.
    async fn webhooks_of(&self, account: AccountId) -> Result<Vec<WebhookRecord>, StoreError>;

    /// The webhook.
    async fn webhook(&self, id: WebhookId) -> Result<Option<WebhookRecord>, StoreError>;

    /// Every webhook whose secret was kept as it is, by a version of aman before sealing.
    async fn unsealed_webhooks(&self) -> Result<Vec<WebhookRecord>, StoreError>;

    /// Puts a sealed secret in the place of what is there.  Nothing happens if the webhook is
    /// not there.
    async fn seal_webhook(
        &self,
        webhook: WebhookId,
        sealed_secret: Vec<u8>,
    ) -> Result<(), StoreError>;

    /// Keeps how the last call came out.  Nothing happens if the webhook is not there.
    async fn note_call(
        &self,
        webhook: WebhookId,
        at: UnixSeconds,
        delivered: bool,
    ) -> Result<(), StoreError>;

    /// Forgets a webhook of this account.  Returns whether it was there.
    async fn delete_webhook(
        &self,
        account: AccountId,
        webhook: WebhookId,
    ) -> Result<bool, StoreError>;
}
