//! The database without its thread and its file, for scenarios of the core.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on fails")]

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use rusqlite::Connection;
use wire::id::AccountId;

use super::{execute, failed, schema, snapshot};
use crate::core::storage::{Snapshot, StoreOp, StoreReply};

/// A database that lives as long as this does.
#[derive(Debug)]
pub(crate) struct InMemory(Connection);

impl InMemory {
    pub(crate) fn new() -> Self {
        Self(schema::open(Path::new(":memory:")).unwrap())
    }

    /// What a peer that starts now reads.
    pub(crate) fn snapshot(&mut self, account: AccountId) -> Snapshot {
        snapshot::snapshot(&mut self.0, account).unwrap()
    }

    /// Executes an operation as the thread does.
    pub(crate) fn execute(&mut self, op: &StoreOp) -> Vec<StoreReply> {
        execute(&mut self.0, std::slice::from_ref(op))
            .unwrap_or_else(|error| vec![failed(op, &error)])
    }

    /// Another database with the same content.
    pub(crate) fn copy(&self) -> Self {
        static COPIES: AtomicU64 = AtomicU64::new(0);
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        let name = format!("file:/copy-{number}?vfs=memdb");
        let _lives_until_it_is_opened = Connection::open(&name).unwrap();
        self.refuse_writes(false);
        self.0.execute("VACUUM INTO ?1", [&name]).unwrap();
        Self(schema::open(Path::new(&name)).unwrap())
    }

    /// Makes every write fail from now on, or no longer.
    pub(crate) fn refuse_writes(&self, refuse: bool) {
        self.0.pragma_update(None, "query_only", refuse).unwrap();
    }
}
