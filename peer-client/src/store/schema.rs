//! The database's schema and how older ones are brought up to it.

use std::path::Path;

use rusqlite::{Connection, config::DbConfig};

use super::StoreError;

/// Each step brings the schema from its index to the next version; steps are never changed.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
    CREATE TABLE accounts(
        account BLOB PRIMARY KEY, username TEXT NOT NULL, record BLOB NOT NULL,
        signature BLOB NOT NULL, verified INTEGER NOT NULL) STRICT;
    CREATE TABLE conversations(
        id BLOB PRIMARY KEY, name TEXT NOT NULL, peer BLOB, secret BLOB,
        request INTEGER NOT NULL, left_group INTEGER NOT NULL) STRICT;
    CREATE TABLE logs(
        conversation BLOB NOT NULL, device BLOB NOT NULL, account BLOB NOT NULL,
        sequence INTEGER NOT NULL, id BLOB NOT NULL,
        PRIMARY KEY(conversation, device)) STRICT;
    CREATE TABLE events(
        arrival INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE,
        conversation BLOB NOT NULL, author BLOB NOT NULL, sequence INTEGER NOT NULL,
        clock_ms INTEGER NOT NULL, clock_counter INTEGER NOT NULL,
        header BLOB NOT NULL, signature BLOB NOT NULL, payload BLOB,
        message INTEGER NOT NULL, path INTEGER, reply_to BLOB, blob BLOB,
        UNIQUE(conversation, author, sequence)) STRICT;
    CREATE INDEX messages_in_order
        ON events(conversation, clock_ms, clock_counter, author, sequence) WHERE message = 1;
    CREATE INDEX messages_by_arrival ON events(arrival) WHERE message = 1;
    CREATE INDEX blobs ON events(blob) WHERE blob IS NOT NULL;
    CREATE TABLE acknowledged(
        conversation BLOB NOT NULL, device BLOB NOT NULL, stage INTEGER NOT NULL,
        log BLOB NOT NULL, next INTEGER NOT NULL,
        PRIMARY KEY(conversation, device, stage, log)) STRICT;
    CREATE TABLE read(
        conversation BLOB NOT NULL, log BLOB NOT NULL, next INTEGER NOT NULL,
        PRIMARY KEY(conversation, log)) STRICT;
",
    "
    ALTER TABLE events ADD COLUMN edits BLOB;
    CREATE INDEX edits ON events(edits) WHERE edits IS NOT NULL;
    ALTER TABLE conversations ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE blocked(account BLOB PRIMARY KEY) STRICT;
    CREATE TABLE reactions(
        message BLOB NOT NULL, account BLOB NOT NULL, emoji TEXT NOT NULL, active INTEGER NOT NULL,
        clock_ms INTEGER NOT NULL, clock_counter INTEGER NOT NULL,
        PRIMARY KEY(message, account, emoji)) STRICT, WITHOUT ROWID;
    CREATE TABLE revisions(
        message BLOB NOT NULL, account BLOB NOT NULL, body TEXT, erased INTEGER NOT NULL,
        clock_ms INTEGER NOT NULL, clock_counter INTEGER NOT NULL,
        PRIMARY KEY(message, account)) STRICT, WITHOUT ROWID;
    CREATE VIRTUAL TABLE search USING fts5(
        text, place, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
    INSERT INTO search(search, rank) VALUES ('secure-delete', 1);
",
    "CREATE INDEX without_payload ON events(conversation) WHERE payload IS NULL;",
    "
    CREATE TABLE whereabouts(device BLOB PRIMARY KEY, addresses TEXT NOT NULL) STRICT;
    CREATE TABLE relay_only(account BLOB PRIMARY KEY) STRICT;
",
];

/// Statements that stay prepared: more than there are different ones, since preparing one again costs as
/// much as storing several entries.
const STATEMENTS: usize = 128;

/// The version of the schema.
pub(super) fn newest() -> u32 {
    MIGRATIONS.len() as u32
}

/// Opens the database and brings it to the newest schema. One that a newer program wrote is left
/// as it is.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut database = Connection::open(path)?;
    database.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans that depend on bound values are made anew at each use.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let found: u32 = database.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > newest() {
        return Err(StoreError::TooNew { found });
    }
    database.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON; PRAGMA busy_timeout = 5000;
         PRAGMA temp_store = MEMORY;",
    )?;
    for (version, step) in (1..).zip(MIGRATIONS).skip(found as usize) {
        let transaction = database.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(database)
}
