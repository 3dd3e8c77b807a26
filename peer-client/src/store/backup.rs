//! Copies of the database, and what a copy must forget to be another device's.

use std::path::Path;

use super::{StoreError, schema, write::SENT};

/// Writes a consistent copy of the database that nobody else uses into an empty file.
pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let database = schema::open(from)?;
    let to = to.to_str().ok_or(StoreError::Row("the name of the copy"))?;
    database.execute("VACUUM INTO ?1", [to])?;
    Ok(())
}

/// Takes out what is true of one device only: what it has sent of its own log.
pub fn forget_device(path: &Path) -> Result<(), StoreError> {
    let database = schema::open(path)?;
    database.execute("DELETE FROM acknowledged WHERE stage = ?1", [SENT])?;
    Ok(())
}
