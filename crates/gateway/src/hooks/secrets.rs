//! How does the secret of a webhook lie in the store?  Sealed with the server's own key for its
//! account, and opened only to sign.
//!
//! Versions before this one kept it as it is.  Such a secret is sealed when the server starts,
//! before anybody comes in.

use protocol::id::AccountId;
use protocol::secret::Secret;
use store::programs::records::UNSEALED_BYTES;
use store::{Store, WebhookRecord};

use crate::random::NoRandom;
use crate::server_key::{Purpose, ServerKey};

/// Seals a secret for the webhook of this account.
pub(crate) fn seal(
    key: &ServerKey,
    account: AccountId,
    secret: &Secret<32>,
) -> Result<Vec<u8>, NoRandom> {
    key.seal(Purpose::WebhookAtRest, account, secret.expose())
}

/// The secret; `None` when it was sealed with another server key.
pub(crate) fn open(key: &ServerKey, webhook: &WebhookRecord) -> Option<Secret<32>> {
    let plain = key.open(Purpose::WebhookAtRest, webhook.account, &webhook.sealed_secret)?;
    plain.try_into().ok().map(Secret::from_bytes)
}

/// Seals what an older version left unsealed.
pub(crate) async fn seal_all(store: &dyn Store, key: &ServerKey) -> anyhow::Result<()> {
    for webhook in store.unsealed_webhooks().await? {
        let Ok(plain) = <[u8; UNSEALED_BYTES]>::try_from(webhook.sealed_secret) else {
            continue;
        };
        let sealed = seal(key, webhook.account, &Secret::from_bytes(plain))?;
        store.seal_webhook(webhook.id, sealed).await?;
    }
    Ok(())
}
