//! Where the registered names are kept: `SQLite`, on a thread of its own.
//!
//! Other engines stand beside [`sqlite`] as further implementations of
//! [`NameStore`](crate::names::NameStore).

pub mod operator;
pub mod schema;
pub mod sqlite;
pub mod worker;

use std::path::PathBuf;

use thiserror::Error;

/// Why the store cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file cannot be opened or made.
    #[error("cannot open the name store {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no database, or is damaged. It is left as it is.
    #[error(
        "the name store {path} is damaged ({detail}); put a backup in its place, or move it away to start without names"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The file is a database of another program.
    #[error("{path} is not a name store; move it away or choose another data folder")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this program wrote the file.
    #[error(
        "the name store {path} was written by a newer version of this program (schema {version}); update the program"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Schema version of the file.
        version: i64,
    },
    /// A row breaks the rules under which it was written.
    #[error("a row of the name store is damaged")]
    Row,
    /// As many bans as the store takes.
    #[error("there are {0} bans already; lift some, or ban whole networks")]
    TooManyBans(usize),
    /// `SQLite` failed.
    #[error("the name store failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}
