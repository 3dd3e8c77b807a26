//! Entries of logs on their way into the database.

use rusqlite::{Connection, OptionalExtension as _, params};
use wire::{
    event::{CheckedEvent, EventHeader, Payload},
    id::{AccountId, ConversationId},
};

use super::{
    StoreError, changes,
    entries::{self, NewRow},
    path, search,
};
use crate::core::{
    input::Ticket,
    model::Path,
    storage::{StoreReply, is_message},
};

/// Stores entries and applies what they change.
pub(super) fn append_all<'entry>(
    database: &Connection,
    ticket: Ticket,
    entries: impl Iterator<Item = (&'entry CheckedEvent, &'entry AccountId)>,
    (path, ahead): (Option<Path>, bool),
) -> Result<StoreReply, StoreError> {
    let (mut arrivals, mut changed, mut orphans) = (Vec::new(), Vec::new(), Vec::new());
    let mut erased = false;
    for (event, account) in entries {
        let arrival = if ahead {
            match insert(database, event, account, path)? {
                None => fill(database, event, account)?,
                arrival => arrival,
            }
        } else {
            append(database, event, account, path)?
        };
        arrivals.push(arrival);
        if arrival.is_none() {
            continue;
        }
        let change = changes::apply(database, event, account)?;
        changed.extend(change.message.map(|message| (event.id, message)));
        orphans.extend(change.orphan);
        erased |= matches!(event.payload, Some(Payload::Erase { .. }));
    }
    Ok(StoreReply::Appended { ticket, arrivals, changed, erased, orphans })
}

/// Stores an entry that continues its log and gives its arrival, unless it came ahead of its place before.
/// Anything else is a fault of the core and is refused, so that what counts as here has no gap.
fn append(
    database: &Connection,
    event: &CheckedEvent,
    account: &AccountId,
    path: Option<Path>,
) -> Result<Option<i64>, StoreError> {
    let header = &event.header;
    let before: Option<(u64, Vec<u8>)> = database
        .prepare_cached(
            "SELECT sequence, id FROM logs
             WHERE conversation = ?1 AND device = ?2 AND sequence >= 0",
        )?
        .query_row(params![header.conversation.as_bytes(), header.author.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if !continues(header, before.as_ref()) {
        return Err(StoreError::Row("an entry does not continue its log"));
    }
    // A log that is there already has its conversation.
    if before.is_none() && !is_stored(database, &header.conversation)? {
        return Err(StoreError::Row("an entry of a conversation that is not stored"));
    }
    let mut arrival = insert(database, event, account, path)?;
    if arrival.is_none() && make_room(database, event)? {
        arrival = insert(database, event, account, path)?;
    }
    database.prepare_cached("INSERT OR REPLACE INTO logs VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
        params![
            header.conversation.as_bytes(),
            header.author.as_bytes(),
            account.as_bytes(),
            header.sequence,
            event.id.as_bytes(),
        ],
    )?;
    Ok(arrival)
}

/// Stores an entry and gives its arrival, unless one with its sequence is here.
fn insert(
    database: &Connection,
    event: &CheckedEvent,
    account: &AccountId,
    path: Option<Path>,
) -> Result<Option<i64>, StoreError> {
    let erased = changes::is_erased(database, &event.id, account)?;
    let row = NewRow {
        arrival: None,
        event,
        payload: event.payload.as_ref().filter(|_| !erased),
        message: event.payload.as_ref().map_or(erased, is_message),
        path: path.map(path::to_number),
    };
    let arrival = entries::insert(database, &row)?;
    if let Some(arrival) = arrival {
        entries::index(database, arrival, &row, account)?;
    }
    Ok(arrival)
}

/// Gives an entry that is here without its payload that payload, unless it was erased. Gives its arrival if
/// that is new.
fn fill(
    database: &Connection,
    event: &CheckedEvent,
    account: &AccountId,
) -> Result<Option<i64>, StoreError> {
    if event.payload.is_none() || changes::is_erased(database, &event.id, account)? {
        return Ok(None);
    }
    let header = &event.header;
    let removed = database
        .prepare_cached(
            "DELETE FROM events WHERE id = ?1 AND conversation = ?2 AND author = ?3
             AND payload IS NULL AND edits IS NULL",
        )?
        .execute(params![
            event.id.as_bytes(),
            header.conversation.as_bytes(),
            header.author.as_bytes()
        ])?;
    // As if it came only now: so it is told like any other.
    if removed > 0 { insert(database, event, account, Some(Path::Synced)) } else { Ok(None) }
}

/// Takes away what came ahead in an entry's place, if that was another one: the author signed two for it,
/// and the one that continues the log counts. Tells whether it was another one.
fn make_room(database: &Connection, event: &CheckedEvent) -> Result<bool, StoreError> {
    let header = &event.header;
    let place = params![header.conversation.as_bytes(), header.author.as_bytes(), header.sequence];
    let (arrival, id): (i64, [u8; 32]) = database
        .prepare_cached(
            "SELECT arrival, id FROM events
             WHERE conversation = ?1 AND author = ?2 AND sequence = ?3",
        )?
        .query_row(place, |row| Ok((row.get(0)?, row.get(1)?)))?;
    if id == *event.id.as_bytes() {
        return Ok(false);
    }
    search::remove(database, arrival)?;
    database.prepare_cached("DELETE FROM events WHERE arrival = ?1")?.execute([arrival])?;
    Ok(true)
}

fn is_stored(database: &Connection, conversation: &ConversationId) -> Result<bool, StoreError> {
    let mut row = database.prepare_cached("SELECT 1 FROM conversations WHERE id = ?1")?;
    Ok(row.exists([conversation.as_bytes()])?)
}

/// Whether an entry is the next one after the last sequence and id of its log.
fn continues(header: &EventHeader, before: Option<&(u64, Vec<u8>)>) -> bool {
    match (before, header.previous) {
        (None, None) => header.sequence == 0,
        (Some((sequence, id)), Some(previous)) => {
            header.sequence == sequence + 1 && id == previous.as_bytes()
        }
        _ => false,
    }
}
