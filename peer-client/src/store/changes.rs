//! What later entries change about messages: reactions, new texts, erasure. The newest by the
//! authors' clocks counts, on every device alike, and an erasure is final.
//!
//! A change may be stored before its message is. Only the message's own account can edit or erase
//! it, so a change counts for the account that made it and is looked up by the message's.

use rusqlite::{Connection, OptionalExtension as _, params};
use wire::{
    event::{CheckedEvent, Clock, Payload},
    id::{AccountId, BlobHash, EventId},
};

use super::{StoreError, search};

/// Reactions of one person to one message that are kept.
const REACTIONS_MAX: u32 = 32;

/// The message that an entry gives a new text.
pub(super) fn edited(payload: Option<&Payload>) -> Option<EventId> {
    match payload {
        Some(Payload::Edit { event, .. }) => Some(*event),
        _ => None,
    }
}

/// What is searched in a message.
pub(super) fn text(payload: &Payload) -> Option<&str> {
    match payload {
        Payload::Text { body, .. } => Some(body),
        Payload::Attachment(attachment) => attachment.caption.as_deref(),
        _ => None,
    }
}

/// Whether a message was taken back before it came.
pub(super) fn is_erased(
    database: &Connection,
    message: &EventId,
    account: &AccountId,
) -> Result<bool, StoreError> {
    Ok(database
        .prepare_cached(
            "SELECT 1 FROM revisions WHERE message = ?1 AND account = ?2 AND erased = 1",
        )?
        .exists(params![message.as_bytes(), account.as_bytes()])?)
}

/// The text that a message was given later, if it was.
pub(super) fn newest_text(
    database: &Connection,
    message: &EventId,
    account: &AccountId,
) -> Result<Option<String>, StoreError> {
    let body = database
        .prepare_cached("SELECT body FROM revisions WHERE message = ?1 AND account = ?2")?
        .query_row(params![message.as_bytes(), account.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(body.flatten())
}

/// What a change did.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// The message that is not as before, if it is here.
    pub(super) message: Option<EventId>,
    /// An attachment that no message names any more.
    pub(super) orphan: Option<BlobHash>,
}

/// Applies a change that was just stored as an entry.
pub(super) fn apply(
    database: &Connection,
    event: &CheckedEvent,
    account: &AccountId,
) -> Result<Applied, StoreError> {
    let mut orphan = None;
    let clock = event.header.clock;
    let message = match &event.payload {
        Some(Payload::Reaction { event: message, emoji, on }) => {
            react(database, (message, account), (emoji, *on), clock)?;
            message
        }
        Some(Payload::Edit { event: message, body }) => {
            if is_erased(database, message, account)? {
                wipe_entry(database, &event.id)?;
            } else {
                edit(database, (message, account), body, clock)?;
            }
            message
        }
        Some(Payload::Erase { event: message }) => {
            orphan = erase(database, (message, account), clock)?;
            message
        }
        _ => return Ok(Applied::default()),
    };
    let is_here = database
        .prepare_cached("SELECT 1 FROM events WHERE id = ?1 AND conversation = ?2 AND message = 1")?
        .exists(params![message.as_bytes(), event.header.conversation.as_bytes()])?;
    Ok(Applied { message: is_here.then_some(*message), orphan })
}

type Subject<'a> = (&'a EventId, &'a AccountId);

fn react(
    database: &Connection,
    (message, account): Subject<'_>,
    (emoji, on): (&str, bool),
    clock: Clock,
) -> Result<(), StoreError> {
    let count: u32 = database
        .prepare_cached(
            "SELECT count(*) FROM reactions WHERE message = ?1 AND account = ?2 AND emoji != ?3",
        )?
        .query_row(params![message.as_bytes(), account.as_bytes(), emoji], |row| row.get(0))?;
    if count >= REACTIONS_MAX {
        return Ok(());
    }
    database
        .prepare_cached(
            "INSERT INTO reactions VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE
             SET active = ?4, clock_ms = ?5, clock_counter = ?6
             WHERE (?5, ?6) > (clock_ms, clock_counter)",
        )?
        .execute(params![
            message.as_bytes(),
            account.as_bytes(),
            emoji,
            on,
            clock.ms,
            clock.counter
        ])?;
    Ok(())
}

fn edit(
    database: &Connection,
    (message, account): Subject<'_>,
    body: &str,
    clock: Clock,
) -> Result<(), StoreError> {
    let changed = database
        .prepare_cached(
            "INSERT INTO revisions VALUES (?1, ?2, ?3, 0, ?4, ?5) ON CONFLICT DO UPDATE
             SET body = ?3, clock_ms = ?4, clock_counter = ?5
             WHERE erased = 0 AND (?4, ?5) > (clock_ms, clock_counter)",
        )?
        .execute(params![message.as_bytes(), account.as_bytes(), body, clock.ms, clock.counter])?;
    if changed > 0
        && let Some(arrival) = arrival_of(database, (message, account))?
    {
        search::replace(database, arrival, body)?;
    }
    Ok(())
}

/// Takes a message and all its texts off the disk, and gives its attachment if no other message
/// names that. What frees its pages is `secure_delete`; the
/// write-ahead log is emptied after the transaction.
fn erase(
    database: &Connection,
    (message, account): Subject<'_>,
    clock: Clock,
) -> Result<Option<BlobHash>, StoreError> {
    database
        .prepare_cached(
            "INSERT INTO revisions VALUES (?1, ?2, NULL, 1, ?3, ?4) ON CONFLICT DO UPDATE
             SET body = NULL, erased = 1",
        )?
        .execute(params![message.as_bytes(), account.as_bytes(), clock.ms, clock.counter])?;
    // It may have come from somebody who had taken it off the disk already.
    database
        .prepare_cached(
            "UPDATE events SET message = 1 WHERE id = ?1 AND payload IS NULL AND EXISTS (
                 SELECT 1 FROM logs l WHERE l.conversation = events.conversation
                 AND l.device = events.author AND l.account = ?2)",
        )?
        .execute(params![message.as_bytes(), account.as_bytes()])?;
    let mut orphan = None;
    if let Some(arrival) = arrival_of(database, (message, account))? {
        let blob: Option<[u8; 32]> = database
            .prepare_cached("SELECT blob FROM events WHERE id = ?1")?
            .query_row([message.as_bytes()], |row| row.get(0))?;
        wipe_entry(database, message)?;
        search::remove(database, arrival)?;
        if let Some(blob) = blob {
            let mut named = database.prepare_cached("SELECT 1 FROM events WHERE blob = ?1")?;
            orphan = (!named.exists([blob])?).then(|| BlobHash::new(blob));
        }
    }
    database
        .prepare_cached(
            "UPDATE events SET payload = NULL WHERE id IN (SELECT e.id FROM events e
                 JOIN logs l ON l.conversation = e.conversation AND l.device = e.author
                 WHERE e.edits = ?1 AND l.account = ?2)",
        )?
        .execute(params![message.as_bytes(), account.as_bytes()])?;
    Ok(orphan)
}

fn wipe_entry(database: &Connection, id: &EventId) -> Result<(), StoreError> {
    database
        .prepare_cached(
            "UPDATE events SET payload = NULL, reply_to = NULL, blob = NULL WHERE id = ?1",
        )?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// The arrival of a message if it is here and of this account.
fn arrival_of(
    database: &Connection,
    (message, account): Subject<'_>,
) -> Result<Option<i64>, StoreError> {
    Ok(database
        .prepare_cached(
            "SELECT e.arrival FROM events e
             JOIN logs l ON l.conversation = e.conversation AND l.device = e.author
             WHERE e.id = ?1 AND e.message = 1 AND l.account = ?2",
        )?
        .query_row(params![message.as_bytes(), account.as_bytes()], |row| row.get(0))
        .optional()?)
}
