//! What does each operation on rooms and invites say to SQLite?

use std::time::Duration;

use protocol::api::RoomKind;
use protocol::id::{AccountId, Generation, InviteId, RoomId};
use protocol::time::UnixSeconds;
use rusqlite::{Connection, OptionalExtension, Result, Row, TransactionBehavior, params};

use crate::schema::BUSY_PATIENCE;
use crate::{Created, ENDED_ROOM_KEPT, Hash, InviteRecord, RoomChange, RoomRecord, accounts};

const ROOM: &str = "SELECT id, owner, sealed_title, created_at, ended_at, last_generation, \
                    starts_at, minutes, kind, reusable FROM room";
const INVITE: &str = "SELECT id, room, number, server_auth_hash, wrapped_room_secret, \
                      expires_at, revoked, device_hash, sealed_card, opened, used_up \
                      FROM invite";

pub(crate) fn create_room(
    db: &mut Connection,
    room: &RoomRecord,
    open_max: usize,
) -> Result<Created> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if exists(&db, "SELECT 1 FROM room WHERE id = ?1", [room.id.as_bytes()])? {
        return Ok(Created::Exists);
    }
    let sql = "SELECT count(*) FROM room WHERE owner = ?1 AND ended_at IS NULL";
    if count(&db, sql, room.owner.as_bytes())? >= open_max {
        return Ok(Created::Full);
    }
    db.execute(
        "INSERT INTO room VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            room.id.as_bytes(),
            room.owner.as_bytes(),
            room.sealed_title,
            seconds(room.created_at),
            room.ended_at.map(seconds),
            room.last_generation.map(|generation| generation.0),
            room.starts_at.map(seconds),
            room.minutes,
            number_of(room.kind),
            room.reusable
        ],
    )?;
    db.commit()?;
    Ok(Created::Done)
}

pub(crate) fn room(db: &Connection, id: RoomId) -> Result<Option<RoomRecord>> {
    db.query_row(&format!("{ROOM} WHERE id = ?1"), [id.as_bytes()], room_row).optional()
}

pub(crate) fn rooms_of(db: &Connection, owner: AccountId) -> Result<Vec<RoomRecord>> {
    let sql = format!(
        "{ROOM} WHERE owner = ?1 AND ended_at IS NULL ORDER BY coalesce(starts_at, created_at), id"
    );
    db.prepare_cached(&sql)?.query_map([owner.as_bytes()], room_row)?.collect()
}

pub(crate) fn change_room(
    db: &mut Connection,
    id: RoomId,
    change: RoomChange,
) -> Result<Option<RoomRecord>> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(before) = room(&tx, id)?.filter(|room| room.ended_at.is_none()) else {
        return Ok(None);
    };
    let end_before = before.links_end();
    let after = change.of(before);
    tx.execute(
        "UPDATE room SET sealed_title = ?2, starts_at = ?3, minutes = ?4, kind = ?5,
             reusable = ?6
         WHERE id = ?1",
        params![
            id.as_bytes(),
            after.sealed_title,
            after.starts_at.map(seconds),
            after.minutes,
            number_of(after.kind),
            after.reusable
        ],
    )?;
    for invite in invites_of(&tx, id)? {
        let expires_at = seconds(after.moved(end_before, invite.expires_at));
        let sql = "UPDATE invite SET expires_at = ?2 WHERE id = ?1";
        tx.execute(sql, params![invite.id.as_bytes(), expires_at])?;
    }
    tx.commit()?;
    // An older title is nobody's business any more.
    forget_journal(db);
    Ok(Some(after))
}

pub(crate) fn raise_generation(
    db: &Connection,
    id: RoomId,
    generation: Generation,
) -> Result<()> {
    db.execute(
        "UPDATE room SET last_generation = ?2
         WHERE id = ?1 AND ended_at IS NULL
           AND (last_generation IS NULL OR last_generation < ?2)",
        params![id.as_bytes(), generation.0],
    )?;
    Ok(())
}

pub(crate) fn end_room(db: &mut Connection, id: RoomId, at: UnixSeconds) -> Result<bool> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let n = tx.execute(
        "UPDATE room SET ended_at = ?2, sealed_title = x'', starts_at = NULL, minutes = NULL
         WHERE id = ?1 AND ended_at IS NULL",
        params![id.as_bytes(), seconds(at)],
    )?;
    let sql = "UPDATE invite SET wrapped_room_secret = x'', sealed_card = x'' WHERE room = ?1";
    tx.execute(sql, [id.as_bytes()])?;
    tx.commit()?;
    forget_journal(db);
    Ok(n > 0)
}

pub(crate) fn create_invite(
    db: &mut Connection,
    invite: &InviteRecord,
    max: usize,
) -> Result<Created> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let room = invite.room.as_bytes();
    if !exists(&db, "SELECT 1 FROM room WHERE id = ?1 AND ended_at IS NULL", [room])? {
        return Ok(Created::NoRoom);
    }
    let sql = "SELECT 1 FROM invite WHERE id = ?1 OR (room = ?2 AND number = ?3)";
    if exists(&db, sql, params![invite.id.as_bytes(), room, invite.number])? {
        return Ok(Created::Exists);
    }
    if count(&db, "SELECT count(*) FROM invite WHERE room = ?1", room)? >= max {
        return Ok(Created::Full);
    }
    db.execute(
        "INSERT INTO invite VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            invite.id.as_bytes(),
            room,
            invite.number,
            invite.server_auth_hash,
            invite.wrapped_room_secret,
            seconds(invite.expires_at),
            invite.revoked,
            invite.device_hash,
            invite.sealed_card,
            invite.opened,
            invite.used_up
        ],
    )?;
    db.commit()?;
    Ok(Created::Done)
}

pub(crate) fn invite(db: &Connection, id: InviteId) -> Result<Option<InviteRecord>> {
    db.query_row(&format!("{INVITE} WHERE id = ?1"), [id.as_bytes()], invite_row).optional()
}

pub(crate) fn invites_of(db: &Connection, room: RoomId) -> Result<Vec<InviteRecord>> {
    let sql = format!("{INVITE} WHERE room = ?1 ORDER BY number");
    db.prepare_cached(&sql)?.query_map([room.as_bytes()], invite_row)?.collect()
}

pub(crate) fn pin_device(
    db: &mut Connection,
    invite: InviteId,
    device_hash: &Hash,
) -> Result<Option<Hash>> {
    let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    db.execute(
        "UPDATE invite SET device_hash = ?2
         WHERE id = ?1 AND revoked = 0 AND device_hash IS NULL",
        params![invite.as_bytes(), device_hash],
    )?;
    let sql = "SELECT device_hash FROM invite WHERE id = ?1 AND revoked = 0";
    let holder = db.query_row(sql, [invite.as_bytes()], |row| row.get(0)).optional()?;
    db.commit()?;
    Ok(holder)
}

pub(crate) fn open_invite(db: &Connection, invite: InviteId) -> Result<()> {
    let sql = "UPDATE invite SET opened = 1 WHERE id = ?1 AND opened = 0";
    db.execute(sql, [invite.as_bytes()])?;
    Ok(())
}

pub(crate) fn use_up_invite(db: &Connection, invite: InviteId) -> Result<()> {
    db.execute(
        "UPDATE invite SET used_up = 1, wrapped_room_secret = x'', sealed_card = x''
         WHERE id = ?1",
        [invite.as_bytes()],
    )?;
    forget_journal(db);
    Ok(())
}

pub(crate) fn revoke_invite(db: &mut Connection, invite: InviteId) -> Result<bool> {
    let n = db.execute(
        "UPDATE invite
         SET revoked = 1, server_auth_hash = zeroblob(32), wrapped_room_secret = x'',
             sealed_card = x''
         WHERE id = ?1 AND revoked = 0",
        [invite.as_bytes()],
    )?;
    forget_journal(db);
    Ok(n > 0)
}

pub(crate) fn purge_expired(db: &mut Connection, now: UnixSeconds) -> Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    accounts::rows::purge(&tx, now)?;
    let kept = i64::try_from(ENDED_ROOM_KEPT.as_secs()).unwrap_or(i64::MAX);
    tx.execute("DELETE FROM room WHERE ended_at <= ?1", [seconds(now).saturating_sub(kept)])?;
    tx.execute(
        "UPDATE invite SET wrapped_room_secret = x'', sealed_card = x''
         WHERE expires_at <= ?1 AND wrapped_room_secret <> x''",
        [seconds(now)],
    )?;
    tx.commit()?;
    forget_journal(db);
    Ok(())
}

/// Moves the journal into the file and empties it, so that what was wiped in the file does not
/// live on beside it.  When a reader (an operator's `sqlite3`) is in the way it is left for the
/// next time: what was asked for is done, and everybody else waits for this thread.
pub(crate) fn forget_journal(db: &Connection) {
    let outcome = db
        .busy_timeout(Duration::ZERO)
        .and_then(|()| db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    let restored = db.busy_timeout(BUSY_PATIENCE);
    if let Err(error) = outcome.and(restored) {
        tracing::warn!(%error, "The journal is emptied later");
    }
}

pub(crate) fn exists(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<bool> {
    db.prepare_cached(sql)?.exists(params)
}

pub(crate) fn count(db: &Connection, sql: &str, id: &[u8; 16]) -> Result<usize> {
    let n: i64 = db.query_row(sql, [id], |row| row.get(0))?;
    Ok(usize::try_from(n).unwrap_or(usize::MAX))
}

pub(crate) fn seconds(time: UnixSeconds) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

pub(crate) fn time(seconds: i64) -> UnixSeconds {
    UnixSeconds(u64::try_from(seconds).unwrap_or(0))
}

fn room_row(row: &Row<'_>) -> Result<RoomRecord> {
    Ok(RoomRecord {
        id: RoomId::from_bytes(row.get(0)?),
        owner: AccountId::from_bytes(row.get(1)?),
        sealed_title: row.get(2)?,
        created_at: time(row.get(3)?),
        ended_at: row.get::<_, Option<i64>>(4)?.map(time),
        last_generation: row.get::<_, Option<u32>>(5)?.map(Generation),
        starts_at: row.get::<_, Option<i64>>(6)?.map(time),
        minutes: row.get(7)?,
        kind: kind_of(row.get(8)?),
        reusable: row.get(9)?,
    })
}

fn invite_row(row: &Row<'_>) -> Result<InviteRecord> {
    Ok(InviteRecord {
        id: InviteId::from_bytes(row.get(0)?),
        room: RoomId::from_bytes(row.get(1)?),
        number: row.get(2)?,
        server_auth_hash: row.get(3)?,
        wrapped_room_secret: row.get(4)?,
        expires_at: time(row.get(5)?),
        revoked: row.get(6)?,
        device_hash: row.get(7)?,
        sealed_card: row.get(8)?,
        opened: row.get(9)?,
        used_up: row.get(10)?,
    })
}

const fn number_of(kind: RoomKind) -> u8 {
    match kind {
        RoomKind::Video => 0,
        RoomKind::Audio => 1,
        RoomKind::Text => 2,
    }
}

/// The table allows no other number.
const fn kind_of(number: u8) -> RoomKind {
    match number {
        1 => RoomKind::Audio,
        2 => RoomKind::Text,
        _ => RoomKind::Video,
    }
}
