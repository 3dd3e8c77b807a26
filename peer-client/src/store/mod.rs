//! The peer's memory on disk: `SQLite` on a thread of its own.
//!
//! Operations come through a bounded channel, as many as wait are put into one transaction, and
//! replies go out only after it is durable. Nobody else touches the database.

mod append;
mod backup;
mod changes;
mod entries;
#[cfg(any(test, fuzzing))]
pub(crate) mod in_memory;
mod newest;
mod path;
mod read;
pub mod salvage;
mod schema;
mod search;
mod snapshot;
mod write;

use std::{path::Path, sync::mpsc, thread};

pub use self::backup::{copy, forget_device};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use thiserror::Error;
use tokio::sync::mpsc as tokio_mpsc;
use wire::id::AccountId;

use crate::core::storage::{Snapshot, StoreOp, StoreReply};

/// Operations that may wait for the thread.
pub const OPERATIONS: usize = 1024;
/// Replies that may wait for the node.
pub const REPLIES: usize = 1024;
/// Operations that one transaction takes.
const BATCH: usize = 256;

/// Why the store cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be opened, read or written.
    #[error(transparent)]
    Database(rusqlite::Error),
    /// The file is not a database, or is damaged. It is left as it is.
    #[error(
        "the message database is damaged; it was left as it is: `peer-client salvage` saves what can be \
         read of it, or restore a copy"
    )]
    Damaged,
    /// A newer program wrote the database.
    #[error("the message database was written by a newer version ({found}); update the program")]
    TooNew {
        /// The schema's version in the file.
        found: u32,
    },
    /// A stored row cannot be understood.
    #[error("the message database has a row that cannot be read: {0}")]
    Row(&'static str),
    /// The thread could not be started.
    #[error("cannot start the thread of the store")]
    Thread(#[from] std::io::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged,
            _ => Self::Database(error),
        }
    }
}

/// Whether a database that nobody else uses can be opened and has no damaged page.
pub fn is_sound(path: &Path, account: AccountId) -> bool {
    let check = || -> Result<bool, StoreError> {
        let mut database = schema::open(path)?;
        snapshot::snapshot(&mut database, account)?;
        let found: String =
            database.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        Ok(found == "ok")
    };
    check().unwrap_or(false)
}

/// The way to the store's thread, which ends when this is dropped.
#[derive(Debug)]
pub struct Store {
    operations: Option<mpsc::SyncSender<StoreOp>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Store {
    /// Opens the database, making it or bringing it to the newest schema, and reads what the core
    /// keeps in memory for `account`. Replies go to `replies`.
    pub fn open(
        path: &Path,
        account: AccountId,
        replies: tokio_mpsc::Sender<StoreReply>,
    ) -> Result<(Self, Snapshot), StoreError> {
        let mut database = schema::open(path)?;
        let snapshot = snapshot::snapshot(&mut database, account)?;
        let (operations, waiting) = mpsc::sync_channel(OPERATIONS);
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || serve(database, &waiting, &replies))?;
        Ok((Self { operations: Some(operations), thread: Some(thread) }, snapshot))
    }

    /// Hands an operation over unless too many wait or the thread is gone; then it is given back.
    #[expect(clippy::result_large_err, reason = "the operation is given back as it came")]
    pub fn try_submit(&self, op: StoreOp) -> Result<(), StoreOp> {
        match &self.operations {
            Some(operations) => operations.try_send(op).map_err(|error| match error {
                mpsc::TrySendError::Full(op) | mpsc::TrySendError::Disconnected(op) => op,
            }),
            None => Err(op),
        }
    }
}

impl Drop for Store {
    /// Waits until everything that was handed over is on the disk.
    fn drop(&mut self) {
        self.operations.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's thread panicked");
        }
    }
}

fn serve(
    mut database: Connection,
    waiting: &mpsc::Receiver<StoreOp>,
    replies: &tokio_mpsc::Sender<StoreReply>,
) {
    let mut damaged = false;
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(BATCH - 1));
        let whole = if damaged { Err(StoreError::Damaged) } else { execute(&mut database, &batch) };
        let answers = whole.unwrap_or_else(|_one_spoils_it| {
            batch.iter().flat_map(|op| execute_alone(&mut database, op, &mut damaged)).collect()
        });
        if answers.iter().any(erased) {
            // The write-ahead log still has what was erased from the database.
            if let Err(error) = database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
                tracing::warn!(%error, "the write-ahead log could not be emptied");
            }
        }
        for answer in answers {
            // Once the node is gone, what was handed over is written all the same.
            if replies.blocking_send(answer).is_err() {
                tracing::debug!("nobody waits for the store's reply");
            }
        }
    }
}

/// Executes an operation whose failure is its own. Once a damaged page was met, nothing is written any
/// more: it would be written on top of what can still be saved.
fn execute_alone(database: &mut Connection, op: &StoreOp, damaged: &mut bool) -> Vec<StoreReply> {
    let result = if *damaged && write::is_write(op) {
        Err(StoreError::Damaged)
    } else {
        execute(database, std::slice::from_ref(op))
    };
    result.unwrap_or_else(|error| {
        *damaged |= matches!(error, StoreError::Damaged);
        vec![failed(op, &error)]
    })
}

/// Executes operations in one transaction and gives their replies once it is durable.
fn execute(database: &mut Connection, batch: &[StoreOp]) -> Result<Vec<StoreReply>, StoreError> {
    let behavior = if batch.iter().any(write::is_write) {
        TransactionBehavior::Immediate
    } else {
        TransactionBehavior::Deferred
    };
    let transaction = database.transaction_with_behavior(behavior)?;
    let mut replies = Vec::new();
    for op in batch {
        let reply = if write::is_write(op) {
            write::apply(&transaction, op)?
        } else {
            read::answer(&transaction, op)?
        };
        replies.extend(reply);
    }
    transaction.commit()?;
    Ok(replies)
}

/// Whether an operation took something off the disk for good.
fn erased(reply: &StoreReply) -> bool {
    matches!(reply, StoreReply::Appended { erased: true, .. })
}

fn failed(op: &StoreOp, error: &StoreError) -> StoreReply {
    tracing::error!(%error, "a store operation failed");
    StoreReply::Failed { ticket: op.ticket(), text: error.to_string() }
}

#[cfg(test)]
mod tests;
