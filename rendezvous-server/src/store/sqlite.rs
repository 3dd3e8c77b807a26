//! The names in one `SQLite` file. What is committed survives a power cut.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, params};
use wire::{
    id::{AccountId, Signature},
    name::Username,
    signed::Signed,
};

use super::{StoreError, schema};
use crate::names::{NameEntry, NameStore};

/// How long to wait for another program that reads the file, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The open name store.
#[derive(Debug)]
pub struct SqliteNames {
    pub(super) connection: Connection,
}

impl SqliteNames {
    /// Opens the file, or makes it readable for its owner alone; checks it and brings it up to date.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        create(path)?;
        let damaged = |error: rusqlite::Error| damaged_or_failed(path, error);
        let mut connection = Connection::open(path).map_err(damaged)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let version = check(&connection, path)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(damaged)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "trusted_schema", "OFF")?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        schema::migrate(&mut connection, version)?;
        Ok(Self { connection })
    }

    /// Runs `work` in one transaction. When this returns `Ok`, all of it is durable; when it
    /// returns an error, nothing happened.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.connection.execute_batch("BEGIN")?;
        let result = work(self).and_then(|value| {
            self.connection.execute_batch("COMMIT")?;
            Ok(value)
        });
        if result.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        result
    }

    fn find(
        &self,
        column: &str,
        value: impl rusqlite::ToSql,
    ) -> Result<Option<NameEntry>, StoreError> {
        let query = format!("SELECT body, signature FROM name WHERE {column} = ?1");
        let mut statement = self.connection.prepare_cached(&query)?;
        let row = statement.query_row([value], signed_parts).optional()?;
        row.map(|(body, signature)| {
            let signature = Signature::from_slice(&signature).ok_or(StoreError::Row)?;
            NameEntry::open(Signed::from_parts(body, signature)).map_err(|_refusal| StoreError::Row)
        })
        .transpose()
    }
}

fn signed_parts(row: &Row<'_>) -> rusqlite::Result<(Vec<u8>, Vec<u8>)> {
    Ok((row.get(0)?, row.get(1)?))
}

impl NameStore for SqliteNames {
    type Error = StoreError;

    fn by_username(&mut self, username: &Username) -> Result<Option<NameEntry>, StoreError> {
        self.find("username", username.as_str())
    }

    fn by_account(&mut self, account: &AccountId) -> Result<Option<NameEntry>, StoreError> {
        self.find("account", account.as_bytes())
    }

    fn by_skeleton(&mut self, skeleton: &str) -> Result<Option<AccountId>, StoreError> {
        let found = self.find("skeleton", skeleton)?;
        Ok(found.map(|entry| entry.record.account))
    }

    fn put(&mut self, entry: &NameEntry) -> Result<(), StoreError> {
        let NameEntry { record, signed } = entry;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO name (account, username, skeleton, sequence, body, signature)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (account) DO UPDATE SET
                 sequence = excluded.sequence, body = excluded.body, signature = excluded.signature",
        )?;
        statement.execute(params![
            record.account.as_bytes(),
            record.username.as_str(),
            record.username.skeleton(),
            i64::try_from(record.sequence).map_err(|_error| StoreError::Row)?,
            signed.body(),
            signed.signature().as_bytes(),
        ])?;
        Ok(())
    }
}

/// Makes the file if there is none.
fn create(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_file) => Ok(()),
        Err(source) => Err(StoreError::Open { path: path.to_owned(), source }),
    }
}

/// Reads the file through without changing it. Returns the version of its tables.
fn check(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let damaged = |error| damaged_or_failed(path, error);
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    let report: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(damaged)?;
    if report != "ok" {
        let detail = report.split_whitespace().collect::<Vec<_>>().join(" ");
        return Err(StoreError::Damaged { path: path.to_owned(), detail });
    }
    let application: i64 = pragma("application_id").map_err(damaged)?;
    let version: i64 = pragma("user_version").map_err(damaged)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(damaged)?;
    let is_empty = application == 0 && version == 0 && tables == 0;
    if application != schema::APPLICATION_ID && !is_empty {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    match usize::try_from(version) {
        Ok(known) if version <= schema::VERSION => Ok(known),
        Ok(_) | Err(_) => Err(StoreError::Newer { path: path.to_owned(), version }),
    }
}

fn damaged_or_failed(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged { path: PathBuf::from(path), detail: error.to_string() }
        }
        _ => StoreError::Sqlite(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_for_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteNames::open(&dir.path().join("names.sqlite")).unwrap();
        let synchronous =
            store.connection.pragma_query_value(None, "synchronous", |row| row.get(0));
        assert_eq!(synchronous, Ok(2), "FULL");
        let journal = store.connection.pragma_query_value(None, "journal_mode", |row| row.get(0));
        assert_eq!(journal, Ok("wal".to_owned()));
    }
}
