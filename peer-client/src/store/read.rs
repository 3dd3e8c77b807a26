//! Operations that read the database.

use rusqlite::{Connection, OptionalExtension as _, Row, params, types::FromSql};
use serde_bytes::ByteBuf;
use wire::{
    event::{Clock, Event, Payload},
    id::{AccountId, ConversationId, DeviceId, EventId, Signature},
    limits::{EVENT_BYTES_PER_FRAME, EVENTS_PER_FRAME},
    signed::Signed,
};

use super::{StoreError, newest, path, search};
use crate::core::{
    input::Ticket,
    storage::{MessageRow, Revision, StoreOp, StoreReply},
};

/// Entries of a log that are read in one go: enough for several frames, since a read may wait for a commit.
const LOG_ENTRIES: usize = 4 * EVENTS_PER_FRAME;
/// Bytes of them.
const LOG_BYTES: usize = 4 * EVENT_BYTES_PER_FRAME;
/// Reactions to one message that are shown.
const REACTIONS_SHOWN: u32 = 1000;

/// Columns of a [`MessageRow`] and of what it quotes.
pub(super) const MESSAGE: &str =
    "SELECT e.arrival, e.id, e.conversation, e.author, e.sequence, e.clock_ms,
    e.clock_counter, e.payload, e.path, q.author, q.payload, r.body, coalesce(r.erased, 0)
    FROM events e JOIN logs l ON l.conversation = e.conversation AND l.device = e.author
    LEFT JOIN revisions r ON r.message = e.id AND r.account = l.account
    LEFT JOIN events q ON q.id = e.reply_to AND q.conversation = e.conversation ";

pub(super) fn answer(
    database: &Connection,
    op: &StoreOp,
) -> Result<Option<StoreReply>, StoreError> {
    let reply = match op {
        StoreOp::Log { ticket, conversation, log, from, to } => {
            let events = log_entries(database, conversation, log, *from..=*to)?;
            StoreReply::Log { ticket: *ticket, events }
        }
        StoreOp::Newest { ticket, conversation } => {
            StoreReply::Log { ticket: *ticket, events: newest::newest(database, conversation)? }
        }
        StoreOp::History { ticket, conversation, limit, before } => {
            history(database, *ticket, conversation, *limit, before.as_ref())?
        }
        StoreOp::Untold { ticket, limit, own } => untold(database, *ticket, *limit, own)?,
        StoreOp::Message { ticket, id } => {
            let sql = format!("{MESSAGE} WHERE e.id = ?1 AND e.message = 1");
            let rows = messages(database, &sql, params![id.as_bytes()])?;
            StoreReply::Messages { ticket: *ticket, rows, more: false }
        }
        StoreOp::Names { ticket, conversation, blob } => {
            let named = database
                .prepare_cached("SELECT 1 FROM events WHERE blob = ?1 AND conversation = ?2")?
                .exists(params![blob.as_bytes(), conversation.as_bytes()])?;
            StoreReply::Named { ticket: *ticket, named }
        }
        StoreOp::Search { ticket, text, conversation, limit } => {
            search::find(database, *ticket, (text, conversation.as_ref()), *limit)?
        }
        _ => return Ok(None),
    };
    Ok(Some(reply))
}

pub(super) fn log_entries(
    database: &Connection,
    conversation: &ConversationId,
    log: &DeviceId,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Vec<Event>, StoreError> {
    let mut statement = database.prepare_cached(
        "SELECT header, signature, payload FROM events WHERE conversation = ?1 AND author = ?2
         AND sequence BETWEEN ?3 AND ?4 ORDER BY sequence LIMIT ?5",
    )?;
    let mut rows = statement.query(params![
        conversation.as_bytes(),
        log.as_bytes(),
        range.start(),
        range.end(),
        LOG_ENTRIES as u64
    ])?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let header = Signed::from_parts(row.get(0)?, Signature::new(row.get(1)?));
        let payload = row.get::<_, Option<Vec<u8>>>(2)?.map(ByteBuf::from);
        let event = Event { header, payload };
        bytes += event.size();
        if bytes > LOG_BYTES && !events.is_empty() {
            break;
        }
        events.push(event);
    }
    Ok(events)
}

fn history(
    database: &Connection,
    ticket: Ticket,
    conversation: &ConversationId,
    limit: u32,
    before: Option<&EventId>,
) -> Result<StoreReply, StoreError> {
    let order =
        "ORDER BY e.clock_ms DESC, e.clock_counter DESC, e.author DESC, e.sequence DESC LIMIT ?2";
    let mut rows = match before {
        None => {
            let sql = format!("{MESSAGE} WHERE e.conversation = ?1 AND e.message = 1 {order}");
            messages(database, &sql, params![conversation.as_bytes(), limit + 1])?
        }
        Some(before) => {
            let sql = format!(
                "{MESSAGE} WHERE e.conversation = ?1 AND e.message = 1
                 AND (e.clock_ms, e.clock_counter, e.author, e.sequence) <
                     (SELECT clock_ms, clock_counter, author, sequence FROM events WHERE id = ?3)
                 {order}"
            );
            messages(
                database,
                &sql,
                params![conversation.as_bytes(), limit + 1, before.as_bytes()],
            )?
        }
    };
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    rows.reverse();
    Ok(StoreReply::Messages { ticket, rows, more })
}

fn untold(
    database: &Connection,
    ticket: Ticket,
    limit: u32,
    own: &DeviceId,
) -> Result<StoreReply, StoreError> {
    let sql = format!(
        "{MESSAGE} WHERE e.arrival > ?1 AND e.message = 1 AND e.author != ?2
         AND l.account NOT IN (SELECT account FROM blocked) ORDER BY e.arrival LIMIT ?3"
    );
    let mut rows = messages(database, &sql, params![told(database)?, own.as_bytes(), limit + 1])?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    Ok(StoreReply::Messages { ticket, rows, more })
}

pub(super) fn told(database: &Connection) -> Result<i64, StoreError> {
    let told: Option<[u8; 8]> = meta(database, "told")?;
    Ok(told.map_or(0, i64::from_be_bytes))
}

pub(super) fn meta<T: FromSql>(database: &Connection, key: &str) -> Result<Option<T>, StoreError> {
    Ok(database
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

pub(super) fn messages(
    database: &Connection,
    sql: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Vec<MessageRow>, StoreError> {
    let mut statement = database.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let mut message = message(row)?;
        message.reactions = reactions(database, &message.id)?;
        messages.push(message);
    }
    Ok(messages)
}

/// Who reacted with what, in the order of the reactions.
fn reactions(
    database: &Connection,
    message: &EventId,
) -> Result<Vec<(AccountId, String)>, StoreError> {
    let mut statement = database.prepare_cached(
        "SELECT account, emoji FROM reactions WHERE message = ?1 AND active = 1
         ORDER BY clock_ms, clock_counter, account LIMIT ?2",
    )?;
    let rows = statement.query_map(params![message.as_bytes(), REACTIONS_SHOWN], |row| {
        Ok((AccountId::new(row.get(0)?), row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn message(row: &Row<'_>) -> Result<MessageRow, StoreError> {
    let quoted: Option<[u8; 32]> = row.get(9)?;
    let words: Option<Vec<u8>> = row.get(10)?;
    let quoted =
        quoted.zip(words).map(|(author, words)| (DeviceId::new(author), payload(Some(words))));
    Ok(MessageRow {
        arrival: row.get(0)?,
        id: EventId::new(row.get(1)?),
        conversation: ConversationId::new(row.get(2)?),
        author: DeviceId::new(row.get(3)?),
        sequence: row.get(4)?,
        clock: Clock { ms: row.get(5)?, counter: row.get(6)? },
        payload: payload(row.get(7)?),
        path: row.get::<_, Option<u64>>(8)?.and_then(path::from_number),
        quoted,
        revision: match (row.get(12)?, row.get(11)?) {
            (true, _) => Revision::Erased,
            (false, Some(body)) => Revision::Edited(body),
            (false, None) => Revision::None,
        },
        reactions: Vec::new(),
    })
}

/// Payloads were checked before they were stored; one of a later version stays unsupported.
fn payload(bytes: Option<Vec<u8>>) -> Payload {
    bytes.and_then(|bytes| Payload::read(&bytes).ok()).unwrap_or(Payload::Unsupported)
}
