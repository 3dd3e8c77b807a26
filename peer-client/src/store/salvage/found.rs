//! What was found so far. Entries go into the new database at once; the rest is small.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use wire::{
    account::{AccountRecord, Introduction},
    conversation::GroupSecret,
    event::{Membership, Payload},
    id::{AccountId, ConversationId, DeviceId, EventId},
    name::GroupName,
    signed::Signed,
};

use super::rows::{self, Entry, Row};
use crate::{
    core::storage::{AccountRow, ConversationRow},
    store::{
        StoreError,
        entries::{self, NewRow},
        write,
    },
};

/// What was found so far.
pub(super) struct Found {
    pub(super) own: AccountId,
    pub(super) logs: BTreeMap<(ConversationId, DeviceId), FoundLog>,
    pub(super) accounts: BTreeMap<AccountId, (u64, AccountRow)>,
    pub(super) conversations: BTreeMap<ConversationId, ConversationRow>,
    /// Groups that the own devices told each other of.
    pub(super) groups: BTreeMap<ConversationId, (GroupName, GroupSecret)>,
    /// Whose the devices are, by what they showed or by what was stored of their logs.
    pub(super) owners: BTreeMap<DeviceId, AccountId>,
    pub(super) meta: BTreeMap<String, Vec<u8>>,
    pub(super) last_arrival: i64,
}

/// What was found of a log.
#[derive(Default)]
pub(super) struct FoundLog {
    /// Entries and what each names as the one before.
    pub(super) entries: BTreeMap<u64, (EventId, Option<EventId>)>,
    /// The sequence after the last entry that is known to have been there.
    pub(super) next: u64,
}

impl Found {
    pub(super) fn new(own: AccountId) -> Self {
        Self {
            own,
            logs: BTreeMap::new(),
            accounts: BTreeMap::new(),
            conversations: BTreeMap::new(),
            groups: BTreeMap::new(),
            owners: BTreeMap::new(),
            meta: BTreeMap::new(),
            last_arrival: 0,
        }
    }

    /// Takes in a row. A later one of the same thing counts.
    pub(super) fn take(&mut self, database: &Connection, row: Row) -> Result<(), StoreError> {
        match row {
            Row::Event(entry) => self.take_entry(database, &entry)?,
            Row::Account(row) => self.learn(row),
            Row::Conversation(row) => drop(self.conversations.insert(row.id, row)),
            Row::Log { conversation, device, account, next } => {
                self.owners.entry(device).or_insert(account);
                self.reaches(conversation, device, next);
            }
            Row::Acknowledged { conversation, device, stage, log, next } => {
                let sql = "INSERT INTO acknowledged VALUES (?1, ?2, ?3, ?4, ?5)
                    ON CONFLICT DO UPDATE SET next = max(next, ?5)";
                let ids = (conversation.as_bytes(), device.as_bytes(), log.as_bytes());
                let params = params![ids.0, ids.1, stage, ids.2, next];
                database.prepare_cached(sql)?.execute(params)?;
            }
            Row::Read { conversation, log, next } => {
                let marks = [(log, next)];
                write::mark_read(database, &conversation, &marks)?;
                self.reaches(conversation, log, next);
            }
            Row::Blocked(account) => write::block(database, &account, true)?,
            Row::Meta(key, value) => drop(self.meta.insert(key, value)),
            Row::LastArrival(last) => self.last_arrival = self.last_arrival.max(last),
        }
        Ok(())
    }

    fn reaches(&mut self, conversation: ConversationId, device: DeviceId, next: u64) {
        let log = self.logs.entry((conversation, device)).or_default();
        log.next = log.next.max(next);
    }

    fn take_entry(&mut self, database: &Connection, entry: &Entry) -> Result<(), StoreError> {
        let header = &entry.event.header;
        let log = self.logs.entry((header.conversation, header.author)).or_default();
        let known = log.entries.get(&header.sequence);
        if known.is_some_and(|(id, _)| *id != entry.event.id) {
            return Ok(());
        }
        store(database, entry)?;
        log.entries.insert(header.sequence, (entry.event.id, header.previous));
        log.next = log.next.max(header.sequence + 1);
        self.last_arrival = self.last_arrival.max(entry.arrival);
        match &entry.event.payload {
            Some(Payload::Introduction(introduction)) => {
                self.introduce(header.author, introduction);
            }
            Some(Payload::Membership { of, .. })
                if header.conversation == ConversationId::direct(&self.own, &self.own) =>
            {
                self.take_membership(of);
            }
            _ => {}
        }
        Ok(())
    }

    fn introduce(&mut self, author: DeviceId, introduction: &Introduction) {
        let Ok(identity) = introduction.open() else { return };
        if identity.device == author {
            self.owners.insert(author, identity.account);
            self.met(introduction.record.clone());
        }
    }

    fn take_membership(&mut self, of: &Membership) {
        match of {
            Membership::Person(record) => self.met(record.clone()),
            Membership::Group { name, secret } => {
                self.groups.insert(secret.conversation(), (name.clone(), secret.clone()));
            }
        }
    }

    fn met(&mut self, record: Signed<AccountRecord>) {
        if let Some(row) = rows::account_row(record, false) {
            self.learn(row);
        }
    }

    /// Keeps the newest record of an account.
    fn learn(&mut self, row: AccountRow) {
        let Ok(record) = row.record.open() else { return };
        let known = self.accounts.get(&row.account);
        let verified = row.verified || known.is_some_and(|(_, known)| known.verified);
        if known.is_none_or(|(sequence, _)| *sequence <= record.sequence) {
            self.accounts.insert(row.account, (record.sequence, AccountRow { verified, ..row }));
        } else if let Some((_, known)) = self.accounts.get_mut(&row.account) {
            known.verified = verified;
        }
    }
}

/// Puts an entry into the new database, where it may be already in an earlier version.
fn store(database: &Connection, entry: &Entry) -> Result<(), StoreError> {
    let event = &entry.event;
    let mut row = NewRow {
        arrival: Some(entry.arrival),
        event,
        payload: event.payload.as_ref(),
        message: entry.message,
        path: entry.path,
    };
    if entries::insert(database, &row)?.is_some() {
        return Ok(());
    }
    let there = database
        .prepare_cached("SELECT 1 FROM events WHERE id = ?1")?
        .exists([event.id.as_bytes()])?;
    if there {
        // What was erased in one version stays erased.
        let sql = "UPDATE events SET message = max(message, ?2), path = coalesce(?3, path),
            payload = CASE WHEN ?4 THEN payload END, reply_to = CASE WHEN ?4 THEN reply_to END,
            blob = CASE WHEN ?4 THEN blob END WHERE id = ?1";
        let whole = event.payload.is_some();
        let params = params![event.id.as_bytes(), entry.message, entry.path, whole];
        database.prepare_cached(sql)?.execute(params)?;
    } else {
        row.arrival = None;
        entries::insert(database, &row)?;
    }
    Ok(())
}
