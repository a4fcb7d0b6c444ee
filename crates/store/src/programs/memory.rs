//! Programs when there is no disk.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use protocol::id::{AccountId, KeyId, WebhookId};
use protocol::time::UnixSeconds;

use crate::memory::Memory;
use crate::programs::ProgramStore;
use crate::programs::records::{KeyRecord, UNSEALED_BYTES, WebhookRecord};
use crate::{Created, Hash, StoreError};

/// The rows about programs.
#[derive(Debug, Default)]
pub(crate) struct Programs(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    keys: BTreeMap<KeyId, KeyRecord>,
    webhooks: BTreeMap<WebhookId, WebhookRecord>,
}

impl Programs {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing below panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account begins anew.
    pub(crate) fn forget(&self, account: AccountId) {
        let mut rows = self.rows();
        rows.keys.retain(|_, key| key.account != account);
        rows.webhooks.retain(|_, webhook| webhook.account != account);
    }
}

#[async_trait]
impl ProgramStore for Memory {
    async fn create_key(&self, key: KeyRecord, max: usize) -> Result<Created, StoreError> {
        let keys = &mut self.programs.rows().keys;
        if keys.contains_key(&key.id) {
            return Ok(Created::Exists);
        }
        if keys.values().filter(|other| other.account == key.account).count() >= max {
            return Ok(Created::Full);
        }
        keys.insert(key.id, key);
        Ok(Created::Done)
    }

    async fn keys_of(&self, account: AccountId) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = self.programs.rows();
        let mut keys: Vec<_> =
            rows.keys.values().filter(|key| key.account == account).cloned().collect();
        keys.sort_by_key(|key| (key.created_at, key.id));
        Ok(keys)
    }

    async fn key_by_hash(&self, secret_hash: Hash) -> Result<Option<KeyRecord>, StoreError> {
        let rows = self.programs.rows();
        Ok(rows.keys.values().find(|key| key.secret_hash == secret_hash).cloned())
    }

    async fn note_key_used(&self, key: KeyId, at: UnixSeconds) -> Result<(), StoreError> {
        if let Some(key) = self.programs.rows().keys.get_mut(&key) {
            key.used_at = Some(at);
        }
        Ok(())
    }

    async fn delete_key(&self, account: AccountId, key: KeyId) -> Result<bool, StoreError> {
        let keys = &mut self.programs.rows().keys;
        let is_theirs = keys.get(&key).is_some_and(|key| key.account == account);
        Ok(is_theirs && keys.remove(&key).is_some())
    }

    async fn create_webhook(
        &self,
        webhook: WebhookRecord,
        max: usize,
    ) -> Result<Created, StoreError> {
        let webhooks = &mut self.programs.rows().webhooks;
        if webhooks.contains_key(&webhook.id) {
            return Ok(Created::Exists);
        }
        if webhooks.values().filter(|other| other.account == webhook.account).count() >= max {
            return Ok(Created::Full);
        }
        webhooks.insert(webhook.id, webhook);
        Ok(Created::Done)
    }

    async fn webhooks_of(&self, account: AccountId) -> Result<Vec<WebhookRecord>, StoreError> {
        let rows = self.programs.rows();
        let mut webhooks: Vec<_> =
            rows.webhooks.values().filter(|one| one.account == account).cloned().collect();
        webhooks.sort_by_key(|webhook| (webhook.created_at, webhook.id));
        Ok(webhooks)
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<WebhookRecord>, StoreError> {
        Ok(self.programs.rows().webhooks.get(&id).cloned())
    }

    async fn unsealed_webhooks(&self) -> Result<Vec<WebhookRecord>, StoreError> {
        let rows = self.programs.rows();
        let unsealed = |one: &&WebhookRecord| one.sealed_secret.len() == UNSEALED_BYTES;
        Ok(rows.webhooks.values().filter(unsealed).cloned().collect())
    }

    async fn seal_webhook(
        &self,
        webhook: WebhookId,
        sealed_secret: Vec<u8>,
    ) -> Result<(), StoreError> {
        if let Some(webhook) = self.programs.rows().webhooks.get_mut(&webhook) {
            webhook.sealed_secret = sealed_secret;
        }
        Ok(())
    }

    async fn note_call(
        &self,
        webhook: WebhookId,
        at: UnixSeconds,
        delivered: bool,
    ) -> Result<(), StoreError> {
        if let Some(webhook) = self.programs.rows().webhooks.get_mut(&webhook) {
            let noted =
                if delivered { &mut webhook.delivered_at } else { &mut webhook.failed_at };
            *noted = Some(at);
        }
        Ok(())
    }

    async fn delete_webhook(
        &self,
        account: AccountId,
        webhook: WebhookId,
    ) -> Result<bool, StoreError> {
        let webhooks = &mut self.programs.rows().webhooks;
        let is_theirs = webhooks.get(&webhook).is_some_and(|one| one.account == account);
        Ok(is_theirs && webhooks.remove(&webhook).is_some())
    }
}
