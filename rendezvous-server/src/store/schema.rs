//! The tables, and how a database of an older version becomes one of this.

use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as a Natterjack name store (`NJnm`).
pub const APPLICATION_ID: i64 = 0x4e4a_6e6d;

/// The statements that lead from each version to the next. Never edit one that was released.
const MIGRATIONS: [&str; 2] = [
    "
CREATE TABLE name (
    account BLOB PRIMARY KEY NOT NULL CHECK (length(account) = 32),
    username TEXT NOT NULL UNIQUE,
    skeleton TEXT NOT NULL UNIQUE,
    sequence INTEGER NOT NULL,
    body BLOB NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT, WITHOUT ROWID;
",
    "
CREATE TABLE ban (
    banned TEXT PRIMARY KEY NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE token (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    uses INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
",
];

/// Version of the tables that this program uses.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// Brings a database from `from` to [`VERSION`], entirely or not at all.
pub fn migrate(connection: &mut Connection, from: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for statements in MIGRATIONS.iter().skip(from) {
        transaction.execute_batch(statements)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
