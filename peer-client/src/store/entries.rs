//! Rows of entries.

use rusqlite::{Connection, params};
use wire::{
    event::{CheckedEvent, Payload},
    id::{AccountId, EventId},
};

use super::{StoreError, changes, search};
use crate::core::storage::is_message;

/// An entry as it is stored.
pub(super) struct NewRow<'entry> {
    /// Its place in the order in which entries came; the next one if none.
    pub(super) arrival: Option<i64>,
    pub(super) event: &'entry CheckedEvent,
    /// None if nothing of it may be on the disk.
    pub(super) payload: Option<&'entry Payload>,
    /// It is shown as a message.
    pub(super) message: bool,
    pub(super) path: Option<u64>,
}

/// Stores an entry and gives its arrival; none if its place is taken.
pub(super) fn insert(database: &Connection, row: &NewRow<'_>) -> Result<Option<i64>, StoreError> {
    let (event, header) = (row.event, &row.event.header);
    let (reply_to, blob) = references(row.payload);
    let changed = database
        .prepare_cached(
            "INSERT INTO events(id, conversation, author, sequence, clock_ms, clock_counter, header,
                 signature, payload, message, path, reply_to, blob, edits, arrival)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            event.id.as_bytes(),
            header.conversation.as_bytes(),
            header.author.as_bytes(),
            header.sequence,
            header.clock.ms,
            header.clock.counter,
            event.event.header.body(),
            event.event.header.signature().as_bytes(),
            row.payload.and(event.event.payload.as_ref()).map(|payload| payload.as_slice()),
            row.message,
            row.path,
            reply_to.map(|id| *id.as_bytes()),
            blob,
            changes::edited(row.payload).map(|message| *message.as_bytes()),
            row.arrival,
        ])?;
    Ok((changed > 0).then(|| database.last_insert_rowid()))
}

/// Makes a message's newest text searchable.
pub(super) fn index(
    database: &Connection,
    arrival: i64,
    row: &NewRow<'_>,
    account: &AccountId,
) -> Result<(), StoreError> {
    let Some(payload) = row.payload.filter(|payload| is_message(payload)) else { return Ok(()) };
    let newest = changes::newest_text(database, &row.event.id, account)?;
    let text = newest.as_deref().or_else(|| changes::text(payload)).unwrap_or_default();
    search::insert(database, arrival, text, &row.event.header.conversation)
}

fn references(payload: Option<&Payload>) -> (Option<EventId>, Option<[u8; 32]>) {
    match payload {
        Some(Payload::Text { reply_to, .. }) => (*reply_to, None),
        Some(Payload::Attachment(attachment)) => {
            (attachment.reply_to, Some(*attachment.blob.as_bytes()))
        }
        _ => (None, None),
    }
}
