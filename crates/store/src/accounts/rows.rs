//! What does each operation on accounts say to SQLite?

use protocol::id::{AccountId, InvitationId, PasskeyId, SignInId};
use protocol::time::UnixSeconds;
use rusqlite::{Connection, OptionalExtension, Result, Row, TransactionBehavior, params};

use crate::Created;
use crate::accounts::records::{
    Account, AccountRole, Hash, InvitationRecord, PasskeyRecord, SignInRecord, Stage,
    TotpRecord,
};
use crate::accounts::{Accepted, SetUp};
use crate::rows::{count, exists, forget_journal, seconds, time};

const ACCOUNT: &str = "SELECT id, name, password_hash, created_at, role, is_disabled, \
                       needs_second_factor, identity FROM account";
const SIGN_IN: &str = "SELECT token_hash, id, account, stage, created_at, last_seen_at, \
                       expires_at FROM sign_in";
const PASSKEY: &str = "SELECT id, account, credential, public_key, n_signatures, created_at, \
                       last_used_at FROM passkey";
const INVITATION: &str = "SELECT id, token_hash, role, account, created_at, expires_at, \
                          used_at FROM invitation";

pub(crate) fn put_setup_token(db: &Connection, token_hash: &Hash) -> Result<()> {
    db.execute("INSERT OR REPLACE INTO setup_token VALUES (1, ?1)", [token_hash])?;
    Ok(())
}

pub(crate) fn is_setup_token(db: &Connection, token_hash: &Hash) -> Result<bool> {
    exists(db, "SELECT 1 FROM setup_token WHERE token_hash = ?1", [token_hash])
}

pub(crate) fn create_first_account(
    db: &mut Connection,
    token_hash: &Hash,
    account: &Account,
) -> Result<SetUp> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if has_account(&db)? || !is_setup_token(&db, token_hash)? {
        return Ok(SetUp::Refused);
    }
    db.execute("DELETE FROM setup_token", [])?;
    insert_account(&db, account)?;
    db.commit()?;
    Ok(SetUp::Done)
}

fn insert_account(db: &Connection, account: &Account) -> Result<()> {
    db.execute(
        "INSERT INTO account (id, name, password_hash, created_at, role, is_disabled,
                              needs_second_factor, identity)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            account.id.as_bytes(),
            account.name,
            account.password_hash,
            seconds(account.created_at),
            role_number(account.role),
            account.is_disabled,
            account.needs_second_factor,
            account.identity
        ],
    )?;
    Ok(())
}

pub(crate) fn has_account(db: &Connection) -> Result<bool> {
    exists(db, "SELECT 1 FROM account LIMIT 1", [])
}

pub(crate) fn account_by_name(db: &Connection, name: &str) -> Result<Option<Account>> {
    db.query_row(&format!("{ACCOUNT} WHERE name = ?1"), [name], account_row).optional()
}

pub(crate) fn account(db: &Connection, id: AccountId) -> Result<Option<Account>> {
    db.query_row(&format!("{ACCOUNT} WHERE id = ?1"), [id.as_bytes()], account_row).optional()
}

pub(crate) fn account_by_identity(db: &Connection, identity: &Hash) -> Result<Option<Account>> {
    db.query_row(&format!("{ACCOUNT} WHERE identity = ?1"), [identity], account_row).optional()
}

pub(crate) fn put_identity(
    db: &mut Connection,
    account: AccountId,
    identity: Option<Hash>,
    by: Option<Hash>,
) -> Result<bool> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !is_there(&db, account, by)? || is_somebody_else(&db, identity, Some(account))? {
        return Ok(false);
    }
    db.execute(
        "UPDATE account SET identity = ?2 WHERE id = ?1",
        params![account.as_bytes(), identity],
    )?;
    db.commit()?;
    Ok(true)
}

/// Whether what is done `by` a sign-in may be done.
fn is_there(db: &Connection, account: AccountId, by: Option<Hash>) -> Result<bool> {
    let Some(by) = by else { return Ok(true) };
    let sql = "SELECT 1 FROM sign_in WHERE token_hash = ?1 AND account = ?2";
    exists(db, sql, params![by, account.as_bytes()])
}

fn is_somebody_else(
    db: &Connection,
    identity: Option<Hash>,
    account: Option<AccountId>,
) -> Result<bool> {
    let Some(identity) = identity else { return Ok(false) };
    let found = account_by_identity(db, &identity)?.map(|found| found.id);
    Ok(found.is_some() && found != account)
}

pub(crate) fn accounts(db: &Connection) -> Result<Vec<Account>> {
    let sql = format!("{ACCOUNT} ORDER BY created_at, id");
    db.prepare_cached(&sql)?.query_map([], account_row)?.collect()
}

pub(crate) fn put_password(
    db: &Connection,
    account: AccountId,
    before: &str,
    password_hash: &str,
) -> Result<bool> {
    let n = db.execute(
        "UPDATE account SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2",
        params![account.as_bytes(), before, password_hash],
    )?;
    Ok(n > 0)
}

pub(crate) fn set_disabled(
    db: &mut Connection,
    account: AccountId,
    is_disabled: bool,
) -> Result<bool> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let n = db.execute(
        "UPDATE account SET is_disabled = ?2 WHERE id = ?1",
        params![account.as_bytes(), is_disabled],
    )?;
    if is_disabled {
        db.execute("DELETE FROM sign_in WHERE account = ?1", [account.as_bytes()])?;
    }
    db.commit()?;
    Ok(n > 0)
}

pub(crate) fn put_sign_in(
    db: &mut Connection,
    sign_in: &SignInRecord,
    max: usize,
) -> Result<()> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let account = sign_in.account.as_bytes();
    let others = i64::try_from(max.saturating_sub(1)).unwrap_or(i64::MAX);
    db.execute(
        "DELETE FROM sign_in WHERE token_hash IN (
             SELECT token_hash FROM sign_in WHERE account = ?1 AND (stage = 0) = ?3
             ORDER BY last_seen_at DESC, created_at DESC, id LIMIT -1 OFFSET ?2)",
        params![account, others, sign_in.stage == Stage::Password],
    )?;
    db.execute(
        "INSERT OR REPLACE INTO sign_in (token_hash, id, account, stage, created_at,
                                         last_seen_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            sign_in.token_hash,
            sign_in.id.as_bytes(),
            account,
            stage_number(sign_in.stage),
            seconds(sign_in.created_at),
            seconds(sign_in.last_seen_at),
            seconds(sign_in.expires_at)
        ],
    )?;
    db.commit()
}

pub(crate) fn sign_in(db: &Connection, token_hash: &Hash) -> Result<Option<SignInRecord>> {
    let sql = format!(
        "{SIGN_IN} WHERE token_hash = ?1
         AND account NOT IN (SELECT id FROM account WHERE is_disabled = 1)"
    );
    db.prepare_cached(&sql)?.query_row([token_hash], sign_in_row).optional()
}

pub(crate) fn sign_ins_of(db: &Connection, account: AccountId) -> Result<Vec<SignInRecord>> {
    let sql = format!("{SIGN_IN} WHERE account = ?1 ORDER BY created_at DESC, id");
    db.prepare_cached(&sql)?.query_map([account.as_bytes()], sign_in_row)?.collect()
}

pub(crate) fn touch_sign_in(db: &Connection, token_hash: &Hash, at: UnixSeconds) -> Result<()> {
    db.execute(
        "UPDATE sign_in SET last_seen_at = ?2 WHERE token_hash = ?1 AND last_seen_at < ?2",
        params![token_hash, seconds(at)],
    )?;
    Ok(())
}

pub(crate) fn renew_sign_in(
    db: &Connection,
    token_hash: &Hash,
    at: UnixSeconds,
) -> Result<bool> {
    let sql = "UPDATE sign_in SET created_at = ?2 WHERE token_hash = ?1";
    Ok(db.execute(sql, params![token_hash, seconds(at)])? > 0)
}

pub(crate) fn delete_sign_in(db: &Connection, token_hash: &Hash) -> Result<()> {
    db.execute("DELETE FROM sign_in WHERE token_hash = ?1", [token_hash])?;
    Ok(())
}

pub(crate) fn delete_sign_in_by_id(
    db: &Connection,
    account: AccountId,
    id: SignInId,
) -> Result<bool> {
    let sql = "DELETE FROM sign_in WHERE account = ?1 AND id = ?2";
    Ok(db.execute(sql, [account.as_bytes(), id.as_bytes()])? > 0)
}

pub(crate) fn delete_sign_ins_of(
    db: &Connection,
    account: AccountId,
    except: Option<Hash>,
) -> Result<()> {
    db.execute(
        "DELETE FROM sign_in WHERE account = ?1 AND token_hash IS NOT ?2",
        params![account.as_bytes(), except],
    )?;
    Ok(())
}

pub(crate) fn put_totp(
    db: &mut Connection,
    account: AccountId,
    totp: &TotpRecord,
    by: Option<Hash>,
) -> Result<bool> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !is_there(&tx, account, by)? {
        return Ok(false);
    }
    tx.execute(
        "INSERT OR REPLACE INTO totp (account, sealed_secret, last_step) VALUES (?1, ?2, ?3)",
        params![account.as_bytes(), totp.sealed_secret, step_number(totp.last_step)],
    )?;
    tx.commit()?;
    forget_journal(db);
    Ok(true)
}

pub(crate) fn totp(db: &Connection, account: AccountId) -> Result<Option<TotpRecord>> {
    let sql = "SELECT sealed_secret, last_step FROM totp WHERE account = ?1";
    db.query_row(sql, [account.as_bytes()], |row| {
        let last_step: i64 = row.get(1)?;
        Ok(TotpRecord {
            sealed_secret: row.get(0)?,
            last_step: u64::try_from(last_step).unwrap_or(0),
        })
    })
    .optional()
}

pub(crate) fn use_totp_step(db: &Connection, account: AccountId, step: u64) -> Result<bool> {
    let sql = "UPDATE totp SET last_step = ?2 WHERE account = ?1 AND last_step < ?2";
    Ok(db.execute(sql, params![account.as_bytes(), step_number(step)])? > 0)
}

pub(crate) fn delete_totp(db: &mut Connection, account: AccountId) -> Result<()> {
    db.execute("DELETE FROM totp WHERE account = ?1", [account.as_bytes()])?;
    forget_journal(db);
    Ok(())
}

pub(crate) fn put_recovery_codes(
    db: &mut Connection,
    account: AccountId,
    hashes: &[Hash],
) -> Result<()> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    db.execute("DELETE FROM recovery_code WHERE account = ?1", [account.as_bytes()])?;
    for hash in hashes {
        let sql = "INSERT OR IGNORE INTO recovery_code (account, code_hash) VALUES (?1, ?2)";
        db.execute(sql, params![account.as_bytes(), hash])?;
    }
    db.commit()
}

pub(crate) fn n_recovery_codes(db: &Connection, account: AccountId) -> Result<usize> {
    count(db, "SELECT count(*) FROM recovery_code WHERE account = ?1", account.as_bytes())
}

pub(crate) fn use_recovery_code(
    db: &Connection,
    account: AccountId,
    hash: &Hash,
) -> Result<bool> {
    let sql = "DELETE FROM recovery_code WHERE account = ?1 AND code_hash = ?2";
    Ok(db.execute(sql, params![account.as_bytes(), hash])? > 0)
}

pub(crate) fn create_passkey(
    db: &mut Connection,
    passkey: &PasskeyRecord,
    max: usize,
    by: Option<Hash>,
) -> Result<Created> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !is_there(&db, passkey.account, by)? {
        return Ok(Created::NoRoom);
    }
    let sql = "SELECT 1 FROM passkey WHERE credential = ?1 OR id = ?2";
    if exists(&db, sql, params![passkey.credential, passkey.id.as_bytes()])? {
        return Ok(Created::Exists);
    }
    let sql = "SELECT count(*) FROM passkey WHERE account = ?1";
    if count(&db, sql, passkey.account.as_bytes())? >= max {
        return Ok(Created::Full);
    }
    db.execute(
        "INSERT INTO passkey (id, account, credential, public_key, n_signatures, created_at,
                              last_used_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            passkey.id.as_bytes(),
            passkey.account.as_bytes(),
            passkey.credential,
            passkey.public_key,
            passkey.n_signatures,
            seconds(passkey.created_at),
            passkey.last_used_at.map(seconds)
        ],
    )?;
    db.commit()?;
    Ok(Created::Done)
}

pub(crate) fn passkey(db: &Connection, credential: &[u8]) -> Result<Option<PasskeyRecord>> {
    let sql = format!("{PASSKEY} WHERE credential = ?1");
    db.query_row(&sql, [credential], passkey_row).optional()
}

pub(crate) fn passkeys_of(db: &Connection, account: AccountId) -> Result<Vec<PasskeyRecord>> {
    let sql = format!("{PASSKEY} WHERE account = ?1 ORDER BY created_at, id");
    db.prepare_cached(&sql)?.query_map([account.as_bytes()], passkey_row)?.collect()
}

pub(crate) fn use_passkey(
    db: &Connection,
    id: PasskeyId,
    n_signatures: u32,
    at: UnixSeconds,
) -> Result<bool> {
    let n = db.execute(
        "UPDATE passkey SET n_signatures = ?2, last_used_at = ?3
         WHERE id = ?1 AND (n_signatures < ?2 OR (n_signatures = 0 AND ?2 = 0))",
        params![id.as_bytes(), n_signatures, seconds(at)],
    )?;
    Ok(n > 0)
}

pub(crate) fn delete_passkey(
    db: &Connection,
    account: AccountId,
    id: PasskeyId,
) -> Result<bool> {
    let sql = "DELETE FROM passkey WHERE account = ?1 AND id = ?2";
    Ok(db.execute(sql, [account.as_bytes(), id.as_bytes()])? > 0)
}

pub(crate) fn put_invitation(db: &mut Connection, invitation: &InvitationRecord) -> Result<()> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let account = invitation.account.map(|account| *account.as_bytes());
    db.execute("DELETE FROM invitation WHERE account = ?1", [account])?;
    db.execute(
        "INSERT INTO invitation (token_hash, id, role, account, created_at, expires_at, used_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            invitation.token_hash,
            invitation.id.as_bytes(),
            role_number(invitation.role),
            account,
            seconds(invitation.created_at),
            seconds(invitation.expires_at),
            invitation.used_at.map(seconds)
        ],
    )?;
    db.commit()
}

pub(crate) fn invitation(
    db: &Connection,
    token_hash: &Hash,
) -> Result<Option<InvitationRecord>> {
    let sql = format!("{INVITATION} WHERE token_hash = ?1");
    db.query_row(&sql, [token_hash], invitation_row).optional()
}

pub(crate) fn invitations(db: &Connection) -> Result<Vec<InvitationRecord>> {
    let sql = format!("{INVITATION} WHERE used_at IS NULL ORDER BY created_at, id");
    db.prepare_cached(&sql)?.query_map([], invitation_row)?.collect()
}

pub(crate) fn delete_invitation(db: &Connection, id: InvitationId) -> Result<bool> {
    let sql = "DELETE FROM invitation WHERE id = ?1 AND used_at IS NULL";
    Ok(db.execute(sql, [id.as_bytes()])? > 0)
}

pub(crate) fn accept_invitation(
    db: &mut Connection,
    token_hash: &Hash,
    account: &Account,
    max: usize,
    now: UnixSeconds,
) -> Result<Accepted> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = invitation(&tx, token_hash)?
        .filter(|found| found.used_at.is_none() && found.expires_at > now);
    let Some(found) = found else { return Ok(Accepted::Refused) };
    if is_somebody_else(&tx, account.identity, found.account)? {
        return Ok(Accepted::IdentityTaken);
    }
    match found.account {
        None => {
            if account_by_name(&tx, &account.name)?.is_some() {
                return Ok(Accepted::NameTaken);
            }
            let n: i64 = tx.query_row("SELECT count(*) FROM account", [], |row| row.get(0))?;
            if usize::try_from(n).unwrap_or(usize::MAX) >= max {
                return Ok(Accepted::Full);
            }
            insert_account(&tx, account)?;
        }
        Some(id) => {
            tx.execute(
                "UPDATE account SET password_hash = ?2, identity = ?3 WHERE id = ?1",
                params![id.as_bytes(), account.password_hash, account.identity],
            )?;
            for table in ["totp", "recovery_code", "passkey", "sign_in", "api_key", "webhook"] {
                let sql = format!("DELETE FROM {table} WHERE account = ?1");
                tx.execute(&sql, [id.as_bytes()])?;
            }
        }
    }
    tx.execute(
        "UPDATE invitation SET used_at = ?2 WHERE token_hash = ?1",
        params![token_hash, seconds(now)],
    )?;
    tx.commit()?;
    forget_journal(db);
    Ok(Accepted::Done)
}

/// Within the transaction of whoever purges.
pub(crate) fn purge(db: &Connection, now: UnixSeconds) -> Result<()> {
    db.execute("DELETE FROM sign_in WHERE expires_at <= ?1", [seconds(now)])?;
    db.execute("DELETE FROM invitation WHERE expires_at <= ?1", [seconds(now)])?;
    Ok(())
}

fn account_row(row: &Row<'_>) -> Result<Account> {
    Ok(Account {
        id: AccountId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        password_hash: row.get(2)?,
        created_at: time(row.get(3)?),
        role: role(row.get(4)?),
        is_disabled: row.get(5)?,
        needs_second_factor: row.get(6)?,
        identity: row.get(7)?,
    })
}

fn sign_in_row(row: &Row<'_>) -> Result<SignInRecord> {
    Ok(SignInRecord {
        token_hash: row.get(0)?,
        id: SignInId::from_bytes(row.get(1)?),
        account: AccountId::from_bytes(row.get(2)?),
        stage: stage(row.get(3)?),
        created_at: time(row.get(4)?),
        last_seen_at: time(row.get(5)?),
        expires_at: time(row.get(6)?),
    })
}

fn passkey_row(row: &Row<'_>) -> Result<PasskeyRecord> {
    Ok(PasskeyRecord {
        id: PasskeyId::from_bytes(row.get(0)?),
        account: AccountId::from_bytes(row.get(1)?),
        credential: row.get(2)?,
        public_key: row.get(3)?,
        n_signatures: row.get(4)?,
        created_at: time(row.get(5)?),
        last_used_at: row.get::<_, Option<i64>>(6)?.map(time),
    })
}

fn invitation_row(row: &Row<'_>) -> Result<InvitationRecord> {
    Ok(InvitationRecord {
        id: InvitationId::from_bytes(row.get(0)?),
        token_hash: row.get(1)?,
        role: role(row.get(2)?),
        account: row.get::<_, Option<[u8; 16]>>(3)?.map(AccountId::from_bytes),
        created_at: time(row.get(4)?),
        expires_at: time(row.get(5)?),
        used_at: row.get::<_, Option<i64>>(6)?.map(time),
    })
}

fn role_number(role: AccountRole) -> i64 {
    match role {
        AccountRole::Counsellor => 0,
        AccountRole::Admin => 1,
    }
}

/// What the file does not say clearly is the lesser one.
fn role(number: i64) -> AccountRole {
    if number == 1 { AccountRole::Admin } else { AccountRole::Counsellor }
}

fn stage_number(stage: Stage) -> i64 {
    match stage {
        Stage::Password => 0,
        Stage::Bare => 1,
        Stage::Whole => 2,
    }
}

/// What the file does not say clearly is the lesser one.
fn stage(number: i64) -> Stage {
    match number {
        2 => Stage::Whole,
        1 => Stage::Bare,
        _ => Stage::Password,
    }
}

fn step_number(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}
