//! From what was found to a database in which everything fits together.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use serde_bytes::ByteBuf;
use wire::{
    account::AccountRecord,
    conversation::GroupSecret,
    event::{CheckedEvent, Event},
    id::{AccountId, ConversationId, DeviceId, EventId, Signature},
    name::{ConversationName, GroupName},
    signed::Signed,
};

use super::{
    Saved,
    found::{Found, FoundLog},
    rows,
};
use crate::{
    core::storage::{AccountRow, ConversationRow, Kind},
    store::{
        StoreError, changes,
        entries::{self, NewRow},
        write,
    },
};

/// Entries that are read at one time.
const PAGE: u32 = 256;
/// What a log's row has as its last sequence while only entries beyond a gap are here.
const NO_HEAD: i64 = -1;

impl Found {
    /// Writes what is not written yet, and everything that follows from entries.
    pub(super) fn settle(
        mut self,
        database: &Connection,
        replaced: DeviceId,
    ) -> Result<Saved, StoreError> {
        for (_, row) in self.accounts.values() {
            if row.account != self.own {
                write::save_account(database, row)?;
            }
        }
        let mut saved = Saved::default();
        self.complete_conversations(&mut saved);
        for row in self.conversations.values() {
            write::save_conversation(database, row)?;
        }
        self.write_logs(database, &mut saved)?;
        derive(database)?;
        self.write_meta(database, replaced)?;
        saved.conversations = self.conversations.len() as u64;
        let messages = "SELECT count(*) FROM events WHERE message = 1";
        saved.messages = database.query_row(messages, [], |row| row.get(0))?;
        Ok(saved)
    }

    /// Makes the rows of conversations that have entries and no row: from the accounts that there are,
    /// from what the own devices told each other, else as a group that was left.
    fn complete_conversations(&mut self, saved: &mut Saved) {
        let with_logs: BTreeSet<_> =
            self.logs.keys().map(|(conversation, _)| *conversation).collect();
        let lost: Vec<_> =
            with_logs.into_iter().filter(|id| !self.conversations.contains_key(id)).collect();
        let people: Vec<_> = self.accounts.values().map(|(_, row)| row.clone()).collect();
        for id in lost {
            let person =
                people.iter().find(|row| ConversationId::direct(&self.own, &row.account) == id);
            let row = if let Some(AccountRow { account, username, .. }) = person {
                rows::direct_row(&self.own, *account, username.clone())
            } else if let Some((name, secret)) = self.groups.get(&id) {
                group_row(id, name.clone(), secret.clone(), false)
            } else if let Some(name) = stand_in(&id) {
                saved.lost_groups += 1;
                group_row(id, name, GroupSecret::new([0; 32]), true)
            } else {
                continue;
            };
            self.conversations.insert(id, row);
        }
    }

    /// Writes how far each log is here without a gap. Entries of nobody known are left out.
    fn write_logs(&self, database: &Connection, saved: &mut Saved) -> Result<(), StoreError> {
        let listed = self.accounts.values().flat_map(|(_, row)| devices(row));
        let listed: std::collections::BTreeMap<_, _> = listed.collect();
        for ((conversation, device), log) in &self.logs {
            let owner = self.owners.get(device).or_else(|| listed.get(device));
            let row = self.conversations.get(conversation);
            let (Some(account), Some(row)) = (owner, row) else {
                database
                    .prepare_cached("DELETE FROM events WHERE conversation = ?1 AND author = ?2")?
                    .execute([conversation.as_bytes(), device.as_bytes()])?;
                continue;
            };
            let (sequence, id) = log.head();
            let id = id.map(|id| *id.as_bytes());
            database.prepare_cached("INSERT INTO logs VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
                params![
                    conversation.as_bytes(),
                    device.as_bytes(),
                    account.as_bytes(),
                    sequence,
                    id.as_ref().map_or(&[][..], |id| &id[..]),
                ],
            )?;
            let missing = log.next.saturating_sub(log.entries.len() as u64);
            match saved.missing.last_mut() {
                _ if missing == 0 => {}
                Some((name, count)) if *name == row.name => *count += missing,
                _ => saved.missing.push((row.name.clone(), missing)),
            }
        }
        Ok(())
    }

    fn write_meta(&self, database: &Connection, replaced: DeviceId) -> Result<(), StoreError> {
        // One that the server never took is made anew, for the new device alone.
        let registered = self.meta.get("registered").is_none_or(|value| value[..] == [1]);
        if let Some(record) = self.own_record().filter(|_| registered) {
            write::set_meta(database, "record", record.body())?;
            write::set_meta(database, "record_signature", record.signature().as_bytes())?;
            write::set_meta(database, "registered", &[1])?;
        }
        write::set_meta(database, "replaces", replaced.as_bytes())?;
        let told = self.meta.get("told").and_then(|value| value[..].try_into().ok());
        // Rather is something not told than everything once more.
        let told = told.map_or(self.last_arrival, i64::from_be_bytes);
        write::set_meta(database, "told", &told.to_be_bytes())?;
        // Arrivals are never given twice, or what is new would count as told.
        let last = self.last_arrival.max(told);
        database.execute("DELETE FROM sqlite_sequence WHERE name = 'events'", [])?;
        database.execute("INSERT INTO sqlite_sequence VALUES ('events', ?1)", [last])?;
        Ok(())
    }

    /// The newest record of the own account.
    fn own_record(&self) -> Option<Signed<AccountRecord>> {
        let stored = self.meta.get("record").zip(self.meta.get("record_signature"));
        let stored = stored.and_then(|(body, signature)| {
            let signature = Signature::new(signature[..].try_into().ok()?);
            let record = Signed::<AccountRecord>::from_parts(body.clone(), signature);
            let opened = record.open().ok().filter(|opened| opened.account == self.own)?;
            Some((opened.sequence, record))
        });
        let shown = self.accounts.get(&self.own);
        let shown = shown.map(|(sequence, row)| (*sequence, row.record.clone()));
        let newest = stored.into_iter().chain(shown).max_by_key(|(sequence, _)| *sequence);
        newest.map(|(_, record)| record)
    }
}

impl FoundLog {
    /// The last entry up to which none is missing.
    fn head(&self) -> (i64, Option<EventId>) {
        let mut head = (NO_HEAD, None);
        for (expected, (sequence, (id, previous))) in (0..).zip(&self.entries) {
            if *sequence != expected || *previous != head.1 {
                break;
            }
            head = (expected.cast_signed(), Some(*id));
        }
        head
    }
}

fn devices(row: &AccountRow) -> Vec<(DeviceId, AccountId)> {
    let devices = row.record.open().map(|record| record.devices.to_vec()).unwrap_or_default();
    devices.into_iter().map(|device| (device, row.account)).collect()
}

fn group_row(
    id: ConversationId,
    name: GroupName,
    secret: GroupSecret,
    left: bool,
) -> ConversationRow {
    ConversationRow {
        id,
        name: ConversationName::Group(name),
        kind: Kind::Group(secret),
        request: false,
        left,
        muted: false,
    }
}

/// The name of a group whose own name is lost.
fn stand_in(id: &ConversationId) -> Option<GroupName> {
    GroupName::new(&format!("lost-{}", &id.to_string()[..8])).ok()
}

/// Makes anew what follows from entries, in the order in which they came.
fn derive(database: &Connection) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let rows = rows_after(database, after)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.arrival;
        for row in &rows {
            derive_from(database, row)?;
        }
    }
}

struct Stored {
    arrival: i64,
    account: AccountId,
    message: bool,
    event: CheckedEvent,
}

fn rows_after(database: &Connection, after: i64) -> Result<Vec<Stored>, StoreError> {
    let mut statement = database.prepare_cached(
        "SELECT e.arrival, l.account, e.message, e.header, e.signature, e.payload FROM events e
         JOIN logs l ON l.conversation = e.conversation AND l.device = e.author
         WHERE e.arrival > ?1 ORDER BY e.arrival LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, PAGE])?;
    let mut stored = Vec::new();
    while let Some(row) = rows.next()? {
        let header = Signed::from_parts(row.get(3)?, Signature::new(row.get(4)?));
        let payload = row.get::<_, Option<Vec<u8>>>(5)?.map(ByteBuf::from);
        let event = Event { header, payload }.check();
        stored.push(Stored {
            arrival: row.get(0)?,
            account: AccountId::new(row.get(1)?),
            message: row.get(2)?,
            event: event.map_err(|_error| StoreError::Row("an entry"))?,
        });
    }
    Ok(stored)
}

fn derive_from(database: &Connection, stored: &Stored) -> Result<(), StoreError> {
    let Stored { arrival, account, message, event } = stored;
    if event.payload.is_none() {
        if *message {
            // Only an erasure takes a message off the disk; its own entry may be lost.
            database
                .prepare_cached("INSERT OR IGNORE INTO revisions VALUES (?1, ?2, NULL, 1, 0, 0)")?
                .execute([event.id.as_bytes(), account.as_bytes()])?;
        }
        return Ok(());
    }
    let erased = changes::is_erased(database, &event.id, account)?;
    let payload = event.payload.as_ref().filter(|_| !erased);
    let row = NewRow { arrival: None, event, payload, message: *message, path: None };
    entries::index(database, *arrival, &row, account)?;
    changes::apply(database, event, account)?;
    Ok(())
}
