//! The store on real files.

use std::{path::PathBuf, sync::Arc};

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::mpsc;
use wire::{
    bounded::Bounded,
    event::{CheckedEvent, Clock, Event, EventHeader, Payload},
    id::{AccountId, ConversationId, DeviceId, EventId, Hash},
    key::{AccountKey, DeviceKey},
    limits::VERSION,
    name::ConversationName,
};

use super::{REPLIES, Store};
use crate::core::{
    input::Ticket,
    model::Path,
    storage::{
        ConversationRow, ConversationState, Kind, MessageRow, Revision, Snapshot, StoreOp,
        StoreReply,
    },
};

mod ahead;
mod appending;
mod changes;
mod faults;
mod reading;
mod reopening;
mod salvaging;

/// A data folder and the store that is open in it.
struct Opened {
    folder: TempDir,
    store: Option<Store>,
    replies: mpsc::Receiver<StoreReply>,
    snapshot: Snapshot,
    last_ticket: u64,
}

fn own_account() -> AccountId {
    AccountKey::from_seed([1; 32]).id()
}

fn open_in(folder: TempDir) -> Opened {
    let (replies_in, replies) = mpsc::channel(REPLIES);
    let path = folder.path().join("messages.sqlite");
    let (store, snapshot) = Store::open(&path, own_account(), replies_in).unwrap();
    Opened { folder, store: Some(store), replies, snapshot, last_ticket: 0 }
}

impl Opened {
    fn new() -> Self {
        open_in(tempfile::tempdir().unwrap())
    }

    /// With one conversation, of the user and the account of author 2.
    fn with_conversation() -> Self {
        let mut opened = Self::new();
        opened.save(direct());
        opened
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("messages.sqlite")
    }

    /// Closes the store and opens it again.
    fn reopen(mut self) -> Self {
        self.store = None;
        open_in(self.folder)
    }

    /// Another connection to the database.
    fn look(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }

    fn submit(&mut self, op: StoreOp) {
        self.store.as_ref().unwrap().try_submit(op).unwrap();
    }

    fn reply(&mut self) -> StoreReply {
        self.replies.blocking_recv().unwrap()
    }

    fn ask(&mut self, op: impl FnOnce(Ticket) -> StoreOp) -> StoreReply {
        let ticket = self.ticket();
        self.submit(op(ticket));
        self.reply()
    }

    fn save(&mut self, row: ConversationRow) {
        let reply = self.ask(|ticket| StoreOp::SaveConversation { ticket, row });
        assert!(matches!(reply, StoreReply::Saved { .. }), "{reply:?}");
    }

    /// Stores entries of one account that came by a road.
    fn append(&mut self, author: &Author, events: &[CheckedEvent], path: Path) -> StoreReply {
        let (events, accounts) = shared(author, events);
        self.ask(|ticket| StoreOp::Append {
            ticket,
            events,
            accounts,
            path: Some(path),
            ahead: false,
        })
    }

    #[track_caller]
    fn must_append(&mut self, author: &Author, events: &[CheckedEvent]) -> Vec<i64> {
        match self.append(author, events, Path::Direct(None)) {
            StoreReply::Appended { arrivals, .. } => arrivals.into_iter().flatten().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn messages(&mut self, op: impl FnOnce(Ticket) -> StoreOp) -> (Vec<MessageRow>, bool) {
        match self.ask(op) {
            StoreReply::Messages { rows, more, .. } => (rows, more),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn history(&mut self, limit: u32, before: Option<EventId>) -> (Vec<String>, bool) {
        let conversation = direct().id;
        let (rows, more) =
            self.messages(|ticket| StoreOp::History { ticket, conversation, limit, before });
        (texts(&rows), more)
    }

    #[track_caller]
    fn untold(&mut self, limit: u32) -> Vec<MessageRow> {
        let own = Author::new(1).device();
        self.messages(|ticket| StoreOp::Untold { ticket, limit, own }).0
    }

    /// The one conversation as it was when the store was opened.
    #[track_caller]
    fn state(&self) -> &ConversationState {
        let [state] = &self.snapshot.conversations[..] else { panic!("{:?}", self.snapshot) };
        state
    }
}

fn texts(rows: &[MessageRow]) -> Vec<String> {
    let text = |row: &MessageRow| match &row.payload {
        Payload::Text { body, .. } => body.clone(),
        other => panic!("{other:?}"),
    };
    rows.iter().map(text).collect()
}

fn shared(author: &Author, events: &[CheckedEvent]) -> (Vec<Arc<CheckedEvent>>, Vec<AccountId>) {
    let accounts = vec![author.account; events.len()];
    (events.iter().cloned().map(Arc::new).collect(), accounts)
}

fn name(text: &str) -> ConversationName {
    text.parse().unwrap()
}

/// The conversation of the user and the account of author 2.
fn direct() -> ConversationRow {
    let other = Author::new(2).account;
    ConversationRow {
        id: ConversationId::direct(&own_account(), &other),
        name: name("@bob"),
        kind: Kind::Direct(other),
        request: false,
        left: false,
        muted: false,
    }
}

/// Someone who writes.
struct Author {
    key: DeviceKey,
    account: AccountId,
}

impl Author {
    fn new(number: u8) -> Self {
        let account = AccountKey::from_seed([number; 32]).id();
        Self { key: DeviceKey::from_seed([100 + number; 32]), account }
    }

    fn device(&self) -> DeviceId {
        self.key.id()
    }

    /// The entry after `before` in the conversation of [`direct`], at a time.
    fn entry(&self, before: Option<&CheckedEvent>, payload: &Payload, ms: u64) -> CheckedEvent {
        let header = EventHeader {
            version: VERSION,
            conversation: direct().id,
            author: self.device(),
            sequence: before.map_or(0, |before| before.header.sequence + 1),
            previous: before.map(|before| before.id),
            parents: Bounded::default(),
            clock: Clock { ms, counter: 0 },
            payload_hash: Hash::of(&[]),
            payload_length: 0,
        };
        Event::sign(header, payload, &self.key)
    }

    /// A log of texts, each at its time.
    fn log(&self, texts: &[(&str, u64)]) -> Vec<CheckedEvent> {
        let mut log = Vec::new();
        for (body, ms) in texts {
            log.push(self.entry(log.last(), &text(body), *ms));
        }
        log
    }
}

fn text(body: &str) -> Payload {
    Payload::Text { body: body.to_owned(), reply_to: None }
}
