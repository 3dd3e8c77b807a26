//! Saving what can be read of a damaged database into a new one.
//!
//! The old file is read page by page, without its indexes and without `SQLite`: a damaged page takes
//! nothing with it but what lies on it. Entries must have their authors' signatures, and what follows
//! from entries is made anew from them.

mod found;
mod pages;
mod records;
mod rows;
mod settle;

use std::{fs, io, path::Path};

use rusqlite::Connection;
use thiserror::Error;
use wire::{
    id::{AccountId, DeviceId},
    name::ConversationName,
};

use self::{found::Found, pages::Pages, rows::Row};
use super::{StoreError, schema};

pub(crate) use self::pages::beside;

/// Why nothing could be saved. The damaged database is as it was.
#[derive(Debug, Error)]
pub enum SalvageError {
    /// The damaged database cannot be read at all.
    #[error("the damaged database cannot be read")]
    Read(#[from] io::Error),
    /// The new one cannot be written.
    #[error("the new database cannot be written")]
    Write(#[from] StoreError),
}

impl From<rusqlite::Error> for SalvageError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Write(error.into())
    }
}

/// What was saved, and what is known to be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Messages.
    pub messages: u64,
    /// Conversations.
    pub conversations: u64,
    /// Entries that were there and are not any more, in conversations that lack some.
    pub missing: Vec<(ConversationName, u64)>,
    /// Groups whose secret is lost: they can be read, and must be joined again.
    pub lost_groups: u64,
}

/// Saves what can be read of the database at `from` into a new one at `to`, for a new device of the
/// account in the place of the one that wrote `from`.
///
/// What that device signed last may be lost here and known to others. If it went on, it would sign
/// other entries with the same numbers; a new device cannot.
pub fn salvage(
    from: &Path,
    to: &Path,
    own: AccountId,
    replaced: DeviceId,
) -> Result<Saved, SalvageError> {
    let pages = Pages::open(from)?;
    if let Some(found) = pages.version.filter(|found| *found > schema::newest()) {
        // What is new in it would be lost.
        return Err(StoreError::TooNew { found }.into());
    }
    for end in ["", "-wal", "-shm"] {
        remove(&beside(to, end))?;
    }
    let mut database = schema::open(to)?;
    let saved = fill(&mut database, pages, own, replaced)?;
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    drop(database);
    fs::File::open(to)?.sync_all()?;
    Ok(saved)
}

fn fill(
    database: &mut Connection,
    mut pages: Pages,
    own: AccountId,
    replaced: DeviceId,
) -> Result<Saved, SalvageError> {
    let transaction = database.transaction()?;
    let mut found = Found::new(own);
    pages.each(|record| match Row::of(&record, &own) {
        Some(row) => found.take(&transaction, row).map_err(SalvageError::Write),
        None => Ok(()),
    })?;
    let saved = found.settle(&transaction, replaced)?;
    transaction.commit()?;
    Ok(saved)
}

/// How many rows a page of a damaged database gives. Pages that it overflows to are all like `further`.
#[cfg(any(test, fuzzing))]
pub(crate) fn rows_on(page: &[u8], number: u32, further: &[u8]) -> usize {
    let overflow = |_number| Some(further.to_vec());
    let records = records::records(page, number, overflow);
    records.iter().filter(|record| Row::of(record, &AccountId::new([1; 32])).is_some()).count()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
