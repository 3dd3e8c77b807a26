//! What the core loads at its start.

use std::collections::{BTreeMap, BTreeSet};

use libp2p::Multiaddr;
use rusqlite::{Connection, params};
use wire::{
    conversation::GroupSecret,
    event::Clock,
    id::{AccountId, ConversationId, DeviceId, EventId, Signature},
    name::{ConversationName, Username},
    signed::Signed,
    sync::{Head, Stage},
};

use super::{
    StoreError,
    read::{MESSAGE, messages, meta},
    write::{SENT, stage_number},
};
use crate::core::{
    storage::{AccountRow, ConversationRow, ConversationState, Kind, LogRow, Snapshot},
    withheld::WITHHELD_MAX,
};

/// Everything that the core keeps in memory.
pub(super) fn snapshot(database: &mut Connection, own: AccountId) -> Result<Snapshot, StoreError> {
    let transaction = database.transaction()?;
    let record: Option<Vec<u8>> = meta(&transaction, "record")?;
    let signature: Option<[u8; 64]> = meta(&transaction, "record_signature")?;
    let registered: Option<[u8; 1]> = meta(&transaction, "registered")?;
    let record = record.zip(signature);
    let replaces: Option<[u8; 32]> = meta(&transaction, "replaces")?;
    Ok(Snapshot {
        record: record.map(|(body, signature)| Signed::from_parts(body, Signature::new(signature))),
        registered: registered == Some([1]),
        accounts: accounts(&transaction)?,
        conversations: conversations(&transaction, own)?,
        blocked: accounts_in(&transaction, "SELECT account FROM blocked")?,
        relay_only: accounts_in(&transaction, "SELECT account FROM relay_only")?,
        whereabouts: whereabouts(&transaction)?,
        replaces: replaces.map(DeviceId::new),
        ..Snapshot::default()
    })
}

fn accounts_in(database: &Connection, sql: &str) -> Result<BTreeSet<AccountId>, StoreError> {
    let mut statement = database.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0).map(AccountId::new))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Where devices were met. An address that cannot be read is left out: the device tells it again.
fn whereabouts(database: &Connection) -> Result<Vec<(DeviceId, Vec<Multiaddr>)>, StoreError> {
    let mut statement = database.prepare("SELECT device, addresses FROM whereabouts")?;
    let rows = statement.query_map([], |row| {
        let addresses: String = row.get(1)?;
        let addresses = addresses.split_whitespace().filter_map(|text| text.parse().ok());
        Ok((DeviceId::new(row.get(0)?), addresses.collect()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn accounts(database: &Connection) -> Result<Vec<AccountRow>, StoreError> {
    let mut statement =
        database.prepare("SELECT account, username, record, signature, verified FROM accounts")?;
    let mut rows = statement.query([])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        let username: String = row.get(1)?;
        accounts.push(AccountRow {
            account: AccountId::new(row.get(0)?),
            username: Username::new(&username).map_err(|_error| StoreError::Row("a username"))?,
            record: Signed::from_parts(row.get(2)?, Signature::new(row.get(3)?)),
            verified: row.get(4)?,
        });
    }
    Ok(accounts)
}

fn conversations(
    database: &Connection,
    own: AccountId,
) -> Result<Vec<ConversationState>, StoreError> {
    let mut statement = database
        .prepare("SELECT id, name, peer, secret, request, left_group, muted FROM conversations")?;
    let mut rows = statement.query([])?;
    let mut conversations = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        let (peer, secret): (Option<[u8; 32]>, Option<[u8; 32]>) = (row.get(2)?, row.get(3)?);
        let kind = match (peer, secret) {
            (Some(account), None) => Kind::Direct(AccountId::new(account)),
            (None, Some(secret)) => Kind::Group(GroupSecret::new(secret)),
            _ => return Err(StoreError::Row("a conversation's members")),
        };
        let row = ConversationRow {
            id: ConversationId::new(row.get(0)?),
            name: name
                .parse::<ConversationName>()
                .map_err(|_error| StoreError::Row("a conversation's name"))?,
            kind,
            request: row.get(4)?,
            left: row.get(5)?,
            muted: row.get(6)?,
        };
        conversations.insert(row.id, state(database, row, own)?);
    }
    Ok(conversations.into_values().collect())
}

fn state(
    database: &Connection,
    row: ConversationRow,
    own: AccountId,
) -> Result<ConversationState, StoreError> {
    let id = row.id.as_bytes();
    let last = format!(
        "{MESSAGE} WHERE e.conversation = ?1 AND e.message = 1
         ORDER BY e.clock_ms DESC, e.clock_counter DESC, e.author DESC, e.sequence DESC LIMIT 1"
    );
    let last = messages(database, &last, params![id])?.pop();
    let unread = database
        .prepare_cached(
            "SELECT count(*) FROM events e
             JOIN logs l ON l.conversation = e.conversation AND l.device = e.author
             LEFT JOIN read r ON r.conversation = e.conversation AND r.log = e.author
             WHERE e.conversation = ?1 AND e.message = 1 AND l.account != ?2
               AND e.sequence >= coalesce(r.next, 0)",
        )?
        .query_row(params![id, own.as_bytes()], |row| row.get(0))?;
    let (acknowledged, sent) = acknowledgements(database, &row.id)?;
    Ok(ConversationState {
        logs: logs(database, &row.id)?,
        acknowledged,
        read: read_marks(database, &row.id)?,
        sent,
        unread,
        last,
        withheld: withheld(database, &row.id)?,
        row,
    })
}

/// The newest entries without a payload, but for those that were erased here.
fn withheld(
    database: &Connection,
    conversation: &ConversationId,
) -> Result<Vec<(DeviceId, u64, EventId)>, StoreError> {
    let mut statement = database.prepare_cached(
        "SELECT e.author, e.sequence, e.id FROM events e
         JOIN logs l ON l.conversation = e.conversation AND l.device = e.author
         WHERE e.conversation = ?1 AND e.payload IS NULL AND e.sequence <= l.sequence
           AND NOT EXISTS (SELECT 1 FROM revisions r WHERE r.message IN (e.id, e.edits)
                           AND r.account = l.account AND r.erased = 1)
         ORDER BY e.arrival DESC LIMIT ?2",
    )?;
    let rows = statement
        .query_map(params![conversation.as_bytes(), WITHHELD_MAX as u32], |row| {
            Ok((DeviceId::new(row.get(0)?), row.get(1)?, EventId::new(row.get(2)?)))
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn logs(database: &Connection, conversation: &ConversationId) -> Result<Vec<LogRow>, StoreError> {
    let mut statement = database.prepare_cached(
        "SELECT l.device, l.account, l.sequence, l.id, e.clock_ms, e.clock_counter
         FROM logs l LEFT JOIN events e ON e.id = l.id
         WHERE l.conversation = ?1 AND l.sequence >= 0",
    )?;
    let rows = statement.query_map(params![conversation.as_bytes()], |row| {
        Ok(LogRow {
            device: DeviceId::new(row.get(0)?),
            account: AccountId::new(row.get(1)?),
            head: Head { sequence: row.get(2)?, id: EventId::new(row.get(3)?) },
            clock: Clock { ms: row.get(4)?, counter: row.get(5)? },
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

type Acknowledgements = Vec<(DeviceId, Stage, DeviceId, u64)>;

fn acknowledgements(
    database: &Connection,
    conversation: &ConversationId,
) -> Result<(Acknowledgements, u64), StoreError> {
    let mut statement = database.prepare_cached(
        "SELECT device, stage, log, next FROM acknowledged WHERE conversation = ?1",
    )?;
    let mut rows = statement.query(params![conversation.as_bytes()])?;
    let (mut acknowledged, mut sent) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (number, next): (u8, u64) = (row.get(1)?, row.get(3)?);
        if number == SENT {
            sent = next;
        }
        for stage in [Stage::Stored, Stage::Read] {
            if stage_number(stage) == number {
                let (device, log) = (DeviceId::new(row.get(0)?), DeviceId::new(row.get(2)?));
                acknowledged.push((device, stage, log, next));
            }
        }
    }
    Ok((acknowledged, sent))
}

fn read_marks(
    database: &Connection,
    conversation: &ConversationId,
) -> Result<Vec<(DeviceId, u64)>, StoreError> {
    let mut statement =
        database.prepare_cached("SELECT log, next FROM read WHERE conversation = ?1")?;
    let rows = statement.query_map(params![conversation.as_bytes()], |row| {
        Ok((DeviceId::new(row.get(0)?), row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
