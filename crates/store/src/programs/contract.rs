//! Does a store keep its promises about programs?

use protocol::api::{HookEvent, KeyScope};
use protocol::id::{AccountId, KeyId, WebhookId};
use protocol::time::UnixSeconds;

use crate::programs::records::{KeyRecord, UNSEALED_BYTES, WebhookRecord};
use crate::{Created, Store, StoreError};

/// Wants an account `owner`, and leaves nothing.
pub(crate) async fn check(store: &dyn Store, owner: AccountId) -> Result<(), StoreError> {
    keys_come_and_go(store, owner).await?;
    webhooks_come_and_go(store, owner).await
}

async fn keys_come_and_go(store: &dyn Store, owner: AccountId) -> Result<(), StoreError> {
    let other = AccountId::from_bytes([77; 16]);
    let first = key(owner, 1);
    assert_eq!(store.create_key(first.clone(), 2).await?, Created::Done);
    assert_eq!(store.create_key(first.clone(), 9).await?, Created::Exists);
    let second = KeyRecord { expires_at: Some(UnixSeconds(9)), ..key(owner, 2) };
    assert_eq!(store.create_key(second.clone(), 2).await?, Created::Done);
    assert_eq!(store.create_key(key(owner, 3), 2).await?, Created::Full);
    assert_eq!(store.keys_of(owner).await?, [first.clone(), second.clone()]);
    assert_eq!(store.keys_of(other).await?, []);
    assert_eq!(store.key_by_hash(second.secret_hash).await?, Some(second.clone()));
    assert_eq!(store.key_by_hash([99; 32]).await?, None);

    store.note_key_used(first.id, UnixSeconds(5)).await?;
    let used = store.key_by_hash(first.secret_hash).await?;
    assert_eq!(used, Some(KeyRecord { used_at: Some(UnixSeconds(5)), ..first.clone() }));

    assert!(!store.delete_key(other, first.id).await?, "it is not theirs");
    assert!(store.delete_key(owner, first.id).await?);
    assert!(!store.delete_key(owner, first.id).await?);
    assert_eq!(store.key_by_hash(first.secret_hash).await?, None);
    assert!(store.delete_key(owner, second.id).await?);
    Ok(())
}

async fn webhooks_come_and_go(store: &dyn Store, owner: AccountId) -> Result<(), StoreError> {
    let other = AccountId::from_bytes([77; 16]);
    let first = webhook(owner, 1);
    assert_eq!(store.create_webhook(first.clone(), 1).await?, Created::Done);
    assert_eq!(store.create_webhook(first.clone(), 9).await?, Created::Exists);
    assert_eq!(store.create_webhook(webhook(owner, 2), 1).await?, Created::Full);
    assert_eq!(store.webhooks_of(owner).await?, std::slice::from_ref(&first));
    assert_eq!(store.webhooks_of(other).await?, []);

    store.note_call(first.id, UnixSeconds(5), true).await?;
    store.note_call(first.id, UnixSeconds(6), false).await?;
    let (delivered_at, failed_at) = (Some(UnixSeconds(5)), Some(UnixSeconds(6)));
    let noted = WebhookRecord { delivered_at, failed_at, ..first.clone() };
    assert_eq!(store.webhook(first.id).await?, Some(noted));

    assert_eq!(store.unsealed_webhooks().await?, []);
    store.seal_webhook(first.id, vec![8; UNSEALED_BYTES]).await?;
    let unsealed = store.unsealed_webhooks().await?;
    assert_eq!(unsealed.iter().map(|one| one.id).collect::<Vec<_>>(), [first.id]);
    store.seal_webhook(first.id, vec![9; 60]).await?;
    store.seal_webhook(WebhookId::from_bytes([88; 16]), vec![9; 60]).await?;
    assert_eq!(store.unsealed_webhooks().await?, []);
    let sealed = store.webhook(first.id).await?.map(|webhook| webhook.sealed_secret);
    assert_eq!(sealed, Some(vec![9; 60]));

    assert!(!store.delete_webhook(other, first.id).await?, "it is not theirs");
    assert!(store.delete_webhook(owner, first.id).await?);
    assert_eq!(store.webhook(first.id).await?, None);
    Ok(())
}

pub(crate) fn key(account: AccountId, n: u8) -> KeyRecord {
    KeyRecord {
        id: KeyId::from_bytes([n; 16]),
        account,
        label: format!("key {n}"),
        secret_hash: [n; 32],
        scopes: vec![KeyScope::SessionsRead, KeyScope::InvitesWrite],
        created_at: UnixSeconds(u64::from(n)),
        expires_at: None,
        used_at: None,
    }
}

pub(crate) fn webhook(account: AccountId, n: u8) -> WebhookRecord {
    WebhookRecord {
        id: WebhookId::from_bytes([n; 16]),
        account,
        url: format!("https://agency.example/{n}"),
        sealed_secret: vec![n; 60],
        events: vec![HookEvent::Knocked, HookEvent::Ended],
        created_at: UnixSeconds(u64::from(n)),
        delivered_at: None,
        failed_at: None,
    }
}
