//! Which tables are in the file, and how an older file becomes a newer one.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

/// How long a write waits for an operator's tool that has the file locked.
pub(crate) const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// Marks the file as ours (`PRAGMA application_id`): "aman" in ASCII.
const APPLICATION_ID: i32 = 0x616d_616e;

/// Each step leads to the version after it.  Steps are never edited once released.
const STEPS: [&str; 6] = [
    "
    CREATE TABLE setup_token (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
        token_hash BLOB NOT NULL CHECK (length(token_hash) = 32)
    ) STRICT;
    CREATE TABLE account (
        id BLOB PRIMARY KEY CHECK (length(id) = 16),
        name TEXT NOT NULL UNIQUE,
        password_hash TEXT NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sign_in (
        token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
        account BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE room (
        id BLOB PRIMARY KEY CHECK (length(id) = 16),
        owner BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        sealed_title BLOB NOT NULL,
        created_at INTEGER NOT NULL,
        ended_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX room_by_owner ON room (owner, created_at);
    CREATE TABLE invite (
        id BLOB PRIMARY KEY CHECK (length(id) = 16),
        room BLOB NOT NULL REFERENCES room (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        server_auth_hash BLOB NOT NULL CHECK (length(server_auth_hash) = 32),
        wrapped_room_secret BLOB NOT NULL,
        expires_at INTEGER NOT NULL,
        revoked INTEGER NOT NULL CHECK (revoked IN (0, 1)),
        device_hash BLOB CHECK (length(device_hash) = 32),
        UNIQUE (room, number)
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE room ADD COLUMN last_generation INTEGER;
",
    // Accounts with factors.  Who was there before set the server up: an admin, who decides
    // about a second factor; everybody signs in again.
    "
    ALTER TABLE account ADD COLUMN role INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE account ADD COLUMN is_disabled INTEGER NOT NULL DEFAULT 0
        CHECK (is_disabled IN (0, 1));
    ALTER TABLE account ADD COLUMN needs_second_factor INTEGER NOT NULL DEFAULT 0
        CHECK (needs_second_factor IN (0, 1));
    UPDATE account SET role = 1;
    DROP TABLE sign_in;
    CREATE TABLE sign_in (
        token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
        id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
        account BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        stage INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        last_seen_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sign_in_by_account ON sign_in (account, created_at);
    CREATE TABLE totp (
        account BLOB PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
        sealed_secret BLOB NOT NULL,
        last_step INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE recovery_code (
        account BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        code_hash BLOB NOT NULL CHECK (length(code_hash) = 32),
        PRIMARY KEY (account, code_hash)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE passkey (
        id BLOB PRIMARY KEY CHECK (length(id) = 16),
        account BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        credential BLOB NOT NULL UNIQUE CHECK (length(credential) <= 1023),
        public_key BLOB NOT NULL,
        n_signatures INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        last_used_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX passkey_by_account ON passkey (account, created_at);
    CREATE TABLE invitation (
        token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
        id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
        role INTEGER NOT NULL,
        account BLOB REFERENCES account (id) ON DELETE CASCADE,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        used_at INTEGER
    ) STRICT, WITHOUT ROWID;
",
    // Appointments, what links show and how far they got, and programs of counsellors.
    "
    ALTER TABLE room ADD COLUMN starts_at INTEGER;
    ALTER TABLE room ADD COLUMN minutes INTEGER;
    ALTER TABLE room ADD COLUMN kind INTEGER NOT NULL DEFAULT 0 CHECK (kind IN (0, 1, 2));
    ALTER TABLE room ADD COLUMN reusable INTEGER NOT NULL DEFAULT 1
        CHECK (reusable IN (0, 1));
    ALTER TABLE invite ADD COLUMN sealed_card BLOB NOT NULL DEFAULT x'';
    ALTER TABLE invite ADD COLUMN opened INTEGER NOT NULL DEFAULT 0 CHECK (opened IN (0, 1));
    ALTER TABLE invite ADD COLUMN used_up INTEGER NOT NULL DEFAULT 0
        CHECK (used_up IN (0, 1));
    CREATE TABLE api_key (
        id BLOB PRIMARY KEY CHECK (length(id) = 16),
        account BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        label TEXT NOT NULL,
        secret_hash BLOB NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
        scopes TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        used_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX api_key_by_account ON api_key (account, created_at);
    CREATE TABLE webhook (
        id BLOB PRIMARY KEY CHECK (length(id) = 16),
        account BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        url TEXT NOT NULL,
        secret BLOB NOT NULL CHECK (length(secret) = 32),
        events TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        delivered_at INTEGER,
        failed_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX webhook_by_account ON webhook (account, created_at);
",
    // Who an account is at the agency's own sign-in.
    "
    ALTER TABLE account ADD COLUMN identity BLOB CHECK (length(identity) = 32);
    CREATE UNIQUE INDEX account_by_identity ON account (identity);
",
    // Secrets of webhooks are sealed.  Those that are there have 32 bytes, and are sealed when
    // the server starts, which alone has the key.
    "
    ALTER TABLE webhook RENAME TO old_webhook;
    DROP INDEX webhook_by_account;
    CREATE TABLE webhook (
        id BLOB PRIMARY KEY CHECK (length(id) = 16),
        account BLOB NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        url TEXT NOT NULL,
        sealed_secret BLOB NOT NULL CHECK (length(sealed_secret) >= 32),
        events TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        delivered_at INTEGER,
        failed_at INTEGER
    ) STRICT, WITHOUT ROWID;
    INSERT INTO webhook SELECT * FROM old_webhook;
    DROP TABLE old_webhook;
    CREATE INDEX webhook_by_account ON webhook (account, created_at);
",
];

/// The file cannot be used by this program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchemaError {
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The file was written by a newer `aman`.
    #[error(
        "the data file has version {found}, this program knows up to {known}: install the newer aman again"
    )]
    TooNew { found: usize, known: usize },
    /// The file belongs to some other program.
    #[error("the data file was not made by aman")]
    NotOurs,
}

/// Sets the connection up and brings the file to the newest version.
pub(crate) fn prepare(connection: &mut Connection) -> Result<(), SchemaError> {
    connection.busy_timeout(BUSY_PATIENCE)?;
    // `secure_delete` overwrites what is deleted; `synchronous = FULL` keeps what was reported
    // as done through a loss of power.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -1024;",
    )?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let owner: i32 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let n_tables: i32 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if owner != APPLICATION_ID && n_tables > 0 {
        return Err(SchemaError::NotOurs);
    }
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    let steps = STEPS.get(found..).ok_or(SchemaError::TooNew { found, known: STEPS.len() })?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
        STEPS.len()
    ))?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preparing_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();

        prepare(&mut connection).unwrap();
        connection
            .execute(
                "INSERT INTO account (id, name, password_hash, created_at)
                      VALUES (zeroblob(16), 'n', 'h', 0)",
                [],
            )
            .unwrap();
        prepare(&mut connection).unwrap();

        let n: i32 =
            connection.query_row("SELECT count(*) FROM account", [], |row| row.get(0)).unwrap();
        assert_eq!(n, 1);
    }

    #[test]
    fn a_file_of_the_first_version_becomes_a_newer_one_and_keeps_its_rooms() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(STEPS[0]).unwrap();
        let versions =
            format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1");
        connection.execute_batch(&versions).unwrap();
        connection
            .execute_batch(
                "INSERT INTO account VALUES (zeroblob(16), 'n', 'h', 0);
                 INSERT INTO room VALUES (zeroblob(16), zeroblob(16), x'', 0, NULL);",
            )
            .unwrap();

        prepare(&mut connection).unwrap();

        let last: Option<u32> = connection
            .query_row("SELECT last_generation FROM room", [], |row| row.get(0))
            .unwrap();
        assert_eq!(last, None);
        let role: u32 =
            connection.query_row("SELECT role FROM account", [], |row| row.get(0)).unwrap();
        assert_eq!(role, 1, "whoever was there runs the server");
    }

    #[test]
    fn webhooks_of_an_older_file_are_there_to_be_sealed() {
        let mut connection = Connection::open_in_memory().unwrap();
        for step in &STEPS[..5] {
            connection.execute_batch(step).unwrap();
        }
        connection
            .execute_batch(&format!(
                "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 5;
                 INSERT INTO account (id, name, password_hash, created_at)
                      VALUES (zeroblob(16), 'n', 'h', 0);
                 INSERT INTO webhook VALUES
                      (zeroblob(16), zeroblob(16), 'u', zeroblob(32), '[]', 1, 2, NULL);"
            ))
            .unwrap();

        prepare(&mut connection).unwrap();

        let kept: (String, i32, i64) = connection
            .query_row(
                "SELECT url, length(sealed_secret), delivered_at FROM webhook",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .unwrap();
        assert_eq!(kept, ("u".into(), 32, 2));
    }

    #[test]
    fn a_newer_file_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection).unwrap();
        connection.execute_batch("PRAGMA user_version = 999").unwrap();

        assert!(matches!(
            prepare(&mut connection),
            Err(SchemaError::TooNew { found: 999, .. })
        ));
    }

    #[test]
    fn the_file_of_another_program_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE theirs (x)").unwrap();

        assert!(matches!(prepare(&mut connection), Err(SchemaError::NotOurs)));
    }
}
