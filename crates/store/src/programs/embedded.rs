//! Programs in the SQLite file: each operation is one job of the thread that owns it.

use async_trait::async_trait;
use protocol::id::{AccountId, KeyId, WebhookId};
use protocol::time::UnixSeconds;

use crate::embedded::Embedded;
use crate::programs::records::{KeyRecord, WebhookRecord};
use crate::programs::{ProgramStore, rows};
use crate::{Created, Hash, StoreError};

#[async_trait]
impl ProgramStore for Embedded {
    async fn create_key(&self, key: KeyRecord, max: usize) -> Result<Created, StoreError> {
        self.run(move |db| rows::create_key(db, &key, max)).await
    }

    async fn keys_of(&self, account: AccountId) -> Result<Vec<KeyRecord>, StoreError> {
        self.run(move |db| rows::keys_of(db, account)).await
    }

    async fn key_by_hash(&self, secret_hash: Hash) -> Result<Option<KeyRecord>, StoreError> {
        self.run(move |db| rows::key_by_hash(db, &secret_hash)).await
    }

    async fn note_key_used(&self, key: KeyId, at: UnixSeconds) -> Result<(), StoreError> {
        self.run(move |db| rows::note_key_used(db, key, at)).await
    }

    async fn delete_key(&self, account: AccountId, key: KeyId) -> Result<bool, StoreError> {
        self.run(move |db| rows::delete_key(db, account, key)).await
    }

    async fn create_webhook(
        &self,
        webhook: WebhookRecord,
        max: usize,
    ) -> Result<Created, StoreError> {
        self.run(move |db| rows::create_webhook(db, &webhook, max)).await
    }

    async fn webhooks_of(&self, account: AccountId) -> Result<Vec<WebhookRecord>, StoreError> {
        self.run(move |db| rows::webhooks_of(db, account)).await
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<WebhookRecord>, StoreError> {
        self.run(move |db| rows::webhook(db, id)).await
    }

    async fn unsealed_webhooks(&self) -> Result<Vec<WebhookRecord>, StoreError> {
        self.run(|db| rows::unsealed_webhooks(db)).await
    }

    async fn seal_webhook(
        &self,
        webhook: WebhookId,
        sealed_secret: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.run(move |db| rows::seal_webhook(db, webhook, &sealed_secret)).await
    }

    async fn note_call(
        &self,
        webhook: WebhookId,
        at: UnixSeconds,
        delivered: bool,
    ) -> Result<(), StoreError> {
        self.run(move |db| rows::note_call(db, webhook, at, delivered)).await
    }

    async fn delete_webhook(
        &self,
        account: AccountId,
        webhook: WebhookId,
    ) -> Result<bool, StoreError> {
        self.run(move |db| rows::delete_webhook(db, account, webhook)).await
    }
}
