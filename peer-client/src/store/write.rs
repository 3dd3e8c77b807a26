//! Operations that change the database.

use libp2p::Multiaddr;
use rusqlite::{Connection, params};
use wire::{
    id::{AccountId, ConversationId, DeviceId, EventId},
    sync::Stage,
};

use super::{StoreError, append, path};
use crate::core::{
    input::Ticket,
    model::Path,
    storage::{AccountRow, ConversationRow, Kind, StoreOp, StoreReply},
};

/// Messages that one acknowledgement tells of at most.
const NEWLY_MAX: u32 = 10_000;

/// The numbers of stages in the database; 0 is what the own device has handed over.
pub(super) const SENT: u8 = 0;

pub(super) fn stage_number(stage: Stage) -> u8 {
    match stage {
        Stage::Stored => 1,
        Stage::Read => 2,
    }
}

/// Whether an operation changes the database.
pub(super) fn is_write(op: &StoreOp) -> bool {
    !matches!(
        op,
        StoreOp::Log { .. }
            | StoreOp::Newest { .. }
            | StoreOp::History { .. }
            | StoreOp::Untold { .. }
            | StoreOp::Message { .. }
            | StoreOp::Names { .. }
            | StoreOp::Search { .. }
    )
}

#[expect(clippy::too_many_lines, reason = "one arm for each operation")]
pub(super) fn apply(database: &Connection, op: &StoreOp) -> Result<Option<StoreReply>, StoreError> {
    let reply = match op {
        StoreOp::SaveRecord { record, registered } => {
            set_meta(database, "record", record.body())?;
            set_meta(database, "record_signature", record.signature().as_bytes())?;
            set_meta(database, "registered", &[u8::from(*registered)])?;
            None
        }
        StoreOp::SaveAccount(row) => {
            save_account(database, row)?;
            None
        }
        StoreOp::SaveConversation { ticket, row } => {
            save_conversation(database, row)?;
            Some(StoreReply::Saved { ticket: *ticket })
        }
        StoreOp::Append { ticket, events, accounts, path, ahead } => {
            let entries = events.iter().map(AsRef::as_ref).zip(accounts);
            Some(append::append_all(database, *ticket, entries, (*path, *ahead))?)
        }
        StoreOp::Acknowledge { ticket, conversation, device, stage, log, from, to, named } => {
            let span = Span { conversation, log, from: *from, to: *to };
            let note = || acknowledge(database, &span, device, stage_number(*stage));
            Some(acknowledged(database, *ticket, &span, *named, note)?)
        }
        StoreOp::Sent { ticket, conversation, log, from, to, named, path } => {
            let span = Span { conversation, log, from: *from, to: *to };
            let note = || {
                acknowledge(database, &span, log, SENT)?;
                set_path(database, &span, *path)
            };
            Some(acknowledged(database, *ticket, &span, *named, note)?)
        }
        StoreOp::Read { conversation, marks } => {
            mark_read(database, conversation, marks)?;
            None
        }
        StoreOp::Told(arrival) => {
            // Bytes of numbers that are not negative compare as the numbers do.
            database
                .prepare_cached(
                    "INSERT INTO meta VALUES ('told', ?1)
                     ON CONFLICT DO UPDATE SET value = max(value, ?1)",
                )?
                .execute([&arrival.to_be_bytes()])?;
            None
        }
        StoreOp::Block { account, on } => {
            block(database, account, *on)?;
            None
        }
        StoreOp::RelayOnly { account, on } => {
            relay_only(database, account, *on)?;
            None
        }
        StoreOp::Remember { device, addresses } => {
            remember(database, device, addresses)?;
            None
        }
        StoreOp::Log { .. }
        | StoreOp::Newest { .. }
        | StoreOp::History { .. }
        | StoreOp::Untold { .. }
        | StoreOp::Message { .. }
        | StoreOp::Names { .. }
        | StoreOp::Search { .. } => None,
    };
    Ok(reply)
}

/// Entries `from..to` of a log.
struct Span<'a> {
    conversation: &'a ConversationId,
    log: &'a DeviceId,
    from: u64,
    to: u64,
}

pub(super) fn set_meta(database: &Connection, key: &str, value: &[u8]) -> Result<(), StoreError> {
    database
        .prepare_cached("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
        .execute(params![key, value])?;
    Ok(())
}

pub(super) fn save_account(database: &Connection, row: &AccountRow) -> Result<(), StoreError> {
    database
        .prepare_cached("INSERT OR REPLACE INTO accounts VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            row.account.as_bytes(),
            row.username.as_str(),
            row.record.body(),
            row.record.signature().as_bytes(),
            row.verified,
        ])?;
    Ok(())
}

pub(super) fn save_conversation(
    database: &Connection,
    row: &ConversationRow,
) -> Result<(), StoreError> {
    let (peer, secret) = match &row.kind {
        Kind::Direct(account) => (Some(account.as_bytes()), None),
        Kind::Group(secret) => (None, Some(secret.as_bytes())),
    };
    database
        .prepare_cached("INSERT OR REPLACE INTO conversations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            row.id.as_bytes(),
            row.name.to_string(),
            peer,
            secret,
            row.request,
            row.left,
            row.muted,
        ])?;
    Ok(())
}

pub(super) fn block(
    database: &Connection,
    account: &AccountId,
    on: bool,
) -> Result<(), StoreError> {
    let sql = if on {
        "INSERT OR IGNORE INTO blocked VALUES (?1)"
    } else {
        "DELETE FROM blocked WHERE account = ?1"
    };
    database.prepare_cached(sql)?.execute([account.as_bytes()])?;
    Ok(())
}

fn relay_only(database: &Connection, account: &AccountId, on: bool) -> Result<(), StoreError> {
    let sql = if on {
        "INSERT OR IGNORE INTO relay_only VALUES (?1)"
    } else {
        "DELETE FROM relay_only WHERE account = ?1"
    };
    database.prepare_cached(sql)?.execute([account.as_bytes()])?;
    Ok(())
}

/// Keeps where a device is: addresses without spaces, with a space after each.
fn remember(
    database: &Connection,
    device: &DeviceId,
    addresses: &[Multiaddr],
) -> Result<(), StoreError> {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    database
        .prepare_cached("INSERT OR REPLACE INTO whereabouts VALUES (?1, ?2)")?
        .execute(params![device.as_bytes(), addresses.join(" ")])?;
    Ok(())
}

fn acknowledge(
    database: &Connection,
    span: &Span<'_>,
    device: &DeviceId,
    stage: u8,
) -> Result<(), StoreError> {
    database
        .prepare_cached(
            "INSERT INTO acknowledged VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET next = max(next, ?5)",
        )?
        .execute(params![
            span.conversation.as_bytes(),
            device.as_bytes(),
            stage,
            span.log.as_bytes(),
            span.to
        ])?;
    Ok(())
}

fn set_path(database: &Connection, span: &Span<'_>, path: Path) -> Result<(), StoreError> {
    database
        .prepare_cached(
            "UPDATE events SET path = ?5 WHERE conversation = ?1 AND author = ?2
             AND sequence >= ?3 AND sequence < ?4 AND path IS NULL",
        )?
        .execute(params![
            span.conversation.as_bytes(),
            span.log.as_bytes(),
            span.from,
            span.to,
            path::to_number(path)
        ])?;
    Ok(())
}

/// Notes how far entries came, unless another last one was named than the one here.
fn acknowledged(
    database: &Connection,
    ticket: Ticket,
    span: &Span<'_>,
    named: Option<EventId>,
    note: impl FnOnce() -> Result<(), StoreError>,
) -> Result<StoreReply, StoreError> {
    let messages = if is_so(database, span, named)? {
        note()?;
        Some(newly(database, span)?)
    } else {
        None
    };
    Ok(StoreReply::Acknowledged { ticket, messages })
}

/// Whether the last entry of a span is the one that was named: else a device that has the other branch
/// of a forked log would acknowledge this one.
fn is_so(
    database: &Connection,
    span: &Span<'_>,
    named: Option<EventId>,
) -> Result<bool, StoreError> {
    let Some(named) = named else { return Ok(true) };
    let last = params![
        span.conversation.as_bytes(),
        span.log.as_bytes(),
        span.to.saturating_sub(1),
        named.as_bytes()
    ];
    Ok(database
        .prepare_cached(
            "SELECT 1 FROM events
             WHERE conversation = ?1 AND author = ?2 AND sequence = ?3 AND id = ?4",
        )?
        .exists(last)?)
}

fn newly(database: &Connection, span: &Span<'_>) -> Result<Vec<EventId>, StoreError> {
    database
        .prepare_cached(
            "SELECT id FROM events WHERE conversation = ?1 AND author = ?2
             AND sequence >= ?3 AND sequence < ?4 AND message = 1 ORDER BY sequence LIMIT ?5",
        )?
        .query_map(
            params![
                span.conversation.as_bytes(),
                span.log.as_bytes(),
                span.from,
                span.to,
                NEWLY_MAX
            ],
            |row| row.get(0),
        )?
        .map(|id| Ok(EventId::new(id?)))
        .collect()
}

pub(super) fn mark_read(
    database: &Connection,
    conversation: &ConversationId,
    marks: &[(DeviceId, u64)],
) -> Result<(), StoreError> {
    let mut statement = database.prepare_cached(
        "INSERT INTO read VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET next = max(next, ?3)",
    )?;
    for (log, next) in marks {
        statement.execute(params![conversation.as_bytes(), log.as_bytes(), next])?;
    }
    Ok(())
}
