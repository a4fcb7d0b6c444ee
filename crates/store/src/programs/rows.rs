//! What does each operation on programs say to SQLite?

use protocol::api::{HookEvent, KeyScope};
use protocol::id::{AccountId, KeyId, WebhookId};
use protocol::time::UnixSeconds;
use rusqlite::{Connection, OptionalExtension, Result, Row, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::programs::records::{KeyRecord, UNSEALED_BYTES, WebhookRecord};
use crate::rows::{count, exists, forget_journal, seconds, time};
use crate::{Created, Hash};

const KEY: &str = "SELECT id, account, label, secret_hash, scopes, created_at, expires_at, \
                   used_at FROM api_key";
const WEBHOOK: &str = "SELECT id, account, url, sealed_secret, events, created_at, delivered_at, \
                       failed_at FROM webhook";

pub(crate) fn create_key(db: &mut Connection, key: &KeyRecord, max: usize) -> Result<Created> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if exists(&db, "SELECT 1 FROM api_key WHERE id = ?1", [key.id.as_bytes()])? {
        return Ok(Created::Exists);
    }
    let sql = "SELECT count(*) FROM api_key WHERE account = ?1";
    if count(&db, sql, key.account.as_bytes())? >= max {
        return Ok(Created::Full);
    }
    db.execute(
        "INSERT INTO api_key VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            key.id.as_bytes(),
            key.account.as_bytes(),
            key.label,
            key.secret_hash,
            words(&key.scopes),
            seconds(key.created_at),
            key.expires_at.map(seconds),
            key.used_at.map(seconds)
        ],
    )?;
    db.commit()?;
    Ok(Created::Done)
}

pub(crate) fn keys_of(db: &Connection, account: AccountId) -> Result<Vec<KeyRecord>> {
    let sql = format!("{KEY} WHERE account = ?1 ORDER BY created_at, id");
    db.prepare_cached(&sql)?.query_map([account.as_bytes()], key_row)?.collect()
}

pub(crate) fn key_by_hash(db: &Connection, secret_hash: &Hash) -> Result<Option<KeyRecord>> {
    let sql = format!("{KEY} WHERE secret_hash = ?1");
    db.query_row(&sql, [secret_hash], key_row).optional()
}

pub(crate) fn note_key_used(db: &Connection, key: KeyId, at: UnixSeconds) -> Result<()> {
    let sql = "UPDATE api_key SET used_at = ?2 WHERE id = ?1";
    db.execute(sql, params![key.as_bytes(), seconds(at)])?;
    Ok(())
}

pub(crate) fn delete_key(db: &Connection, account: AccountId, key: KeyId) -> Result<bool> {
    let sql = "DELETE FROM api_key WHERE id = ?1 AND account = ?2";
    Ok(db.execute(sql, [key.as_bytes(), account.as_bytes()])? > 0)
}

pub(crate) fn create_webhook(
    db: &mut Connection,
    webhook: &WebhookRecord,
    max: usize,
) -> Result<Created> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if exists(&db, "SELECT 1 FROM webhook WHERE id = ?1", [webhook.id.as_bytes()])? {
        return Ok(Created::Exists);
    }
    let sql = "SELECT count(*) FROM webhook WHERE account = ?1";
    if count(&db, sql, webhook.account.as_bytes())? >= max {
        return Ok(Created::Full);
    }
    db.execute(
        "INSERT INTO webhook VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            webhook.id.as_bytes(),
            webhook.account.as_bytes(),
            webhook.url,
            webhook.sealed_secret,
            words(&webhook.events),
            seconds(webhook.created_at),
            webhook.delivered_at.map(seconds),
            webhook.failed_at.map(seconds)
        ],
    )?;
    db.commit()?;
    Ok(Created::Done)
}

pub(crate) fn webhooks_of(db: &Connection, account: AccountId) -> Result<Vec<WebhookRecord>> {
    let sql = format!("{WEBHOOK} WHERE account = ?1 ORDER BY created_at, id");
    db.prepare_cached(&sql)?.query_map([account.as_bytes()], webhook_row)?.collect()
}

pub(crate) fn webhook(db: &Connection, id: WebhookId) -> Result<Option<WebhookRecord>> {
    db.query_row(&format!("{WEBHOOK} WHERE id = ?1"), [id.as_bytes()], webhook_row).optional()
}

pub(crate) fn unsealed_webhooks(db: &Connection) -> Result<Vec<WebhookRecord>> {
    let sql = format!("{WEBHOOK} WHERE length(sealed_secret) = {UNSEALED_BYTES}");
    db.prepare(&sql)?.query_map([], webhook_row)?.collect()
}

pub(crate) fn seal_webhook(db: &Connection, webhook: WebhookId, sealed: &[u8]) -> Result<()> {
    let sql = "UPDATE webhook SET sealed_secret = ?2 WHERE id = ?1";
    db.execute(sql, params![webhook.as_bytes(), sealed])?;
    forget_journal(db);
    Ok(())
}

pub(crate) fn note_call(
    db: &Connection,
    webhook: WebhookId,
    at: UnixSeconds,
    delivered: bool,
) -> Result<()> {
    let sql = if delivered {
        "UPDATE webhook SET delivered_at = ?2 WHERE id = ?1"
    } else {
        "UPDATE webhook SET failed_at = ?2 WHERE id = ?1"
    };
    db.execute(sql, params![webhook.as_bytes(), seconds(at)])?;
    Ok(())
}

pub(crate) fn delete_webhook(
    db: &Connection,
    account: AccountId,
    webhook: WebhookId,
) -> Result<bool> {
    let sql = "DELETE FROM webhook WHERE id = ?1 AND account = ?2";
    Ok(db.execute(sql, [webhook.as_bytes(), account.as_bytes()])? > 0)
}

fn key_row(row: &Row<'_>) -> Result<KeyRecord> {
    Ok(KeyRecord {
        id: KeyId::from_bytes(row.get(0)?),
        account: AccountId::from_bytes(row.get(1)?),
        label: row.get(2)?,
        secret_hash: row.get(3)?,
        scopes: read::<KeyScope>(&row.get::<_, String>(4)?),
        created_at: time(row.get(5)?),
        expires_at: row.get::<_, Option<i64>>(6)?.map(time),
        used_at: row.get::<_, Option<i64>>(7)?.map(time),
    })
}

fn webhook_row(row: &Row<'_>) -> Result<WebhookRecord> {
    Ok(WebhookRecord {
        id: WebhookId::from_bytes(row.get(0)?),
        account: AccountId::from_bytes(row.get(1)?),
        url: row.get(2)?,
        sealed_secret: row.get(3)?,
        events: read::<HookEvent>(&row.get::<_, String>(4)?),
        created_at: time(row.get(5)?),
        delivered_at: row.get::<_, Option<i64>>(6)?.map(time),
        failed_at: row.get::<_, Option<i64>>(7)?.map(time),
    })
}

/// The words of the wire, as a JSON list.
fn words<T: Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).unwrap_or_default()
}

/// What cannot be read allows nothing.
fn read<T: DeserializeOwned>(words: &str) -> Vec<T> {
    serde_json::from_str(words).unwrap_or_default()
}
