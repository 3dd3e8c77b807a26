//! What is saved of a damaged database, held against what `SQLite` says lies where.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    path::Path as FilePath,
};

use proptest::prelude::*;
use wire::{
    account::{AccountRecord, Introduction},
    conversation::GroupSecret,
    name::Username,
    signed::Signed,
    sync::{Head, Stage},
};

use super::*;
use crate::{
    core::storage::AccountRow,
    store::salvage::{Saved, beside, salvage},
};

const PAGE: u64 = 4096;

fn record(number: u8, username: &str) -> Signed<AccountRecord> {
    let key = AccountKey::from_seed([number; 32]);
    let record = AccountRecord {
        username: Username::new(username).unwrap(),
        account: key.id(),
        devices: Bounded::truncated([Author::new(number).device()]),
        sequence: 0,
        previous: None,
        issued_at: 1,
    };
    Signed::by_account(&record, &key)
}

fn introduction(number: u8, username: &str) -> Payload {
    let key = AccountKey::from_seed([number; 32]);
    let device = Author::new(number).device();
    Payload::Introduction(Introduction::new(record(number, username), device, 1, &key))
}

fn group() -> ConversationRow {
    let secret = GroupSecret::new([9; 32]);
    ConversationRow {
        id: secret.conversation(),
        name: name("#pond"),
        kind: Kind::Group(secret),
        request: false,
        left: false,
        muted: true,
    }
}

/// A database of many pages, closed, and all that was written into it.
struct World {
    folder: TempDir,
    logs: Vec<(Author, Vec<CheckedEvent>)>,
    /// Each conversation as it is shown.
    shown: BTreeMap<ConversationId, Vec<String>>,
}

/// The log of an author who begins in a conversation, says things, and takes some of them back.
fn log(author: &Author, number: u8, conversation: ConversationId) -> Vec<CheckedEvent> {
    let mut log: Vec<CheckedEvent> = Vec::new();
    let mut say = |payload: &Payload| {
        let mut entry = author.entry(log.last(), payload, log.len() as u64 * 10);
        let header = EventHeader { conversation, ..entry.header.clone() };
        entry = Event::sign(header, payload, &author.key);
        log.push(entry.clone());
        entry.id
    };
    say(&introduction(number, ["", "anna", "bob"][usize::from(number)]));
    for round in 0..30 {
        let tail = if round % 9 == 4 { "long ".repeat(2000) } else { String::new() };
        let message = say(&text(&format!("{round} of {number} {tail}")));
        match round % 7 {
            2 => say(&Payload::Edit { event: message, body: format!("{round} edited") }),
            4 => say(&Payload::Reaction { event: message, emoji: "👍".to_owned(), on: true }),
            6 => say(&Payload::Erase { event: message }),
            _ => message,
        };
    }
    log
}

impl World {
    fn new() -> Self {
        let mut opened = Opened::new();
        opened.submit(StoreOp::SaveRecord { record: record(1, "anna"), registered: true });
        let row = AccountRow {
            account: Author::new(2).account,
            username: Username::new("bob").unwrap(),
            record: record(2, "bob"),
            verified: true,
        };
        opened.submit(StoreOp::SaveAccount(row));
        opened.submit(StoreOp::Block { account: AccountId::new([7; 32]), on: true });
        opened.save(direct());
        opened.save(group());
        let mut logs = Vec::new();
        for conversation in [direct().id, group().id] {
            for number in [1, 2] {
                let author = Author::new(number);
                let log = log(&author, number, conversation);
                opened.must_append(&author, &log);
                logs.push((author, log));
            }
        }
        let device = Author::new(2).device();
        let (conversation, log) = (direct().id, Author::new(1).device());
        opened.submit(StoreOp::Read { conversation, marks: vec![(device, 20)] });
        opened.ask(|ticket| StoreOp::Acknowledge {
            ticket,
            conversation,
            device,
            stage: Stage::Stored,
            log,
            from: 0,
            to: 11,
            named: None,
        });
        let shown = shown(&mut opened);
        drop(opened.store);
        Self { folder: opened.folder, logs, shown }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("messages.sqlite")
    }

    /// How many entries lie on each page, by its number.
    fn entries_by_page(&self) -> BTreeMap<u64, u64> {
        let database = Connection::open(self.path()).unwrap();
        let sql = "SELECT pageno, CASE pagetype WHEN 'leaf' THEN ncell WHEN 'overflow' THEN 1
            ELSE 0 END FROM dbstat WHERE name = 'events'";
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    fn count(&self) -> u64 {
        self.logs.iter().map(|(_, log)| log.len() as u64).sum()
    }

    /// A copy with some bytes overwritten.
    fn damaged(&self, damage: &[(u64, Vec<u8>)]) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("damaged");
        fs::copy(self.path(), &path).unwrap();
        let mut file = OpenOptions::new().write(true).open(path).unwrap();
        for (place, bytes) in damage {
            file.seek(SeekFrom::Start(*place)).unwrap();
            file.write_all(bytes).unwrap();
        }
        copy
    }

    /// What others have is given back, as replication does.
    fn give_back(&self, opened: &mut Opened) {
        for (author, log) in &self.logs {
            let conversation = log[0].header.conversation;
            let states = &opened.snapshot.conversations;
            let state = states.iter().find(|state| state.row.id == conversation);
            let heads = state.map(|state| state.logs.clone()).unwrap_or_default();
            let head = heads.iter().find(|row| row.device == author.device()).map(|row| row.head);
            let next = head.map_or(0, |Head { sequence, .. }| sequence as usize + 1);
            if state.is_none() {
                let row = if conversation == direct().id { direct() } else { group() };
                opened.save(row);
            }
            if next < log.len() {
                opened.must_append(author, &log[next..]);
            }
        }
    }
}

/// Everything that is shown of the conversations, in order.
fn shown(opened: &mut Opened) -> BTreeMap<ConversationId, Vec<String>> {
    let mut shown = BTreeMap::new();
    for conversation in [direct().id, group().id] {
        let (rows, _) = opened.messages(|ticket| StoreOp::History {
            ticket,
            conversation,
            limit: 1000,
            before: None,
        });
        let line = |row: &MessageRow| {
            format!("{} {:?} {:?} {:?}", row.id, row.payload, row.revision, row.reactions)
        };
        shown.insert(conversation, rows.iter().map(line).collect());
    }
    shown
}

/// Saves what can be read of a damaged copy and opens the result.
fn save(damaged: &TempDir) -> (Saved, Opened) {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("messages.sqlite");
    let from = damaged.path().join("damaged");
    let before = fs::read(&from).unwrap();
    let saved = salvage(&from, &to, own_account(), Author::new(1).device()).unwrap();
    assert!(fs::read(&from).unwrap() == before, "the damaged file was changed");
    assert!(crate::store::is_sound(&to, own_account()));
    (saved, open_in(folder))
}

fn stored(opened: &Opened) -> u64 {
    opened.look().query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap()
}

fn missing(saved: &Saved) -> u64 {
    saved.missing.iter().map(|(_, entries)| entries).sum()
}

#[test]
fn a_sound_database_is_saved_whole() {
    let world = World::new();
    let (saved, mut opened) = save(&world.damaged(&[]));
    assert_eq!((saved.missing.len(), saved.lost_groups, saved.conversations), (0, 0, 2));
    assert_eq!(stored(&opened), world.count());
    assert_eq!(shown(&mut opened), world.shown);
    let snapshot = &opened.snapshot;
    assert!(snapshot.registered && snapshot.record == Some(record(1, "anna")));
    assert_eq!(snapshot.replaces, Some(Author::new(1).device()));
    assert!(snapshot.accounts[0].verified && snapshot.blocked.len() == 1);
    let direct = snapshot.conversations.iter().find(|state| state.row == direct()).unwrap();
    assert_eq!(direct.read, [(Author::new(2).device(), 20)]);
    assert_eq!(direct.acknowledged.len(), 1);
    assert!(snapshot.conversations.iter().any(|state| state.row == group()));
    let found = opened.messages(|ticket| StoreOp::Search {
        ticket,
        text: "edited".to_owned(),
        conversation: None,
        limit: 100,
    });
    assert_eq!(found.0.len(), 16, "edited texts are found");
}

#[test]
fn each_page_takes_nothing_with_it_but_what_lies_on_it() {
    let world = World::new();
    let on_page = world.entries_by_page();
    let pages = fs::metadata(world.path()).unwrap().len() / PAGE;
    assert!(pages > 60, "{pages}");
    for page in 1..=pages {
        let byte = [0x00, 0xff, 0x0d][page as usize % 3];
        let damage = vec![byte; PAGE as usize];
        let (saved, mut opened) = save(&world.damaged(&[((page - 1) * PAGE, damage)]));
        let lost = on_page.get(&page).copied().unwrap_or(0);
        assert_eq!(stored(&opened), world.count() - lost, "page {page}");
        assert_eq!(missing(&saved), lost, "page {page}: {saved:?}");
        let all = shown(&mut opened);
        assert_eq!(saved.messages as usize, all.values().map(Vec::len).sum::<usize>());
        world.give_back(&mut opened);
        assert_eq!(stored(&opened), world.count(), "page {page}");
        assert!(shown(&mut opened) == world.shown, "page {page}: all is shown again");
    }
}

#[test]
fn what_is_in_the_write_ahead_log_alone_is_saved() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = bob.log(&(0..200).map(|ms| ("word", ms)).collect::<Vec<_>>());
    opened.must_append(&bob, &log);
    let copy = tempfile::tempdir().unwrap();
    let from = copy.path().join("damaged");
    fs::copy(opened.path(), &from).unwrap();
    fs::copy(beside(&opened.path(), "-wal"), beside(&from, "-wal")).unwrap();
    // Nothing of the first file is of use.
    let length = fs::metadata(&from).unwrap().len();
    fs::write(&from, vec![0xff; usize::try_from(length).unwrap()]).unwrap();
    let (saved, mut opened) = save(&copy);
    assert_eq!((saved.messages, missing(&saved)), (200, 0));
    assert_eq!(opened.history(1000, None).0.len(), 200);
}

#[test]
fn what_was_erased_does_not_come_back() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let mut log = bob.log(&[("the secret word", 1), ("another", 2)]);
    opened.must_append(&bob, &log);
    let erase = Payload::Erase { event: log[0].id };
    log.push(bob.entry(log.last(), &erase, 3));
    // The file before the erasure, and the log of one that was not brought into it.
    let before = fs::read(opened.path()).unwrap();
    let log_before = fs::read(beside(&opened.path(), "-wal")).unwrap();
    let mut database = crate::store::schema::open(&opened.path()).unwrap();
    opened.store = None;
    let (events, accounts) = shared(&bob, &log[2..]);
    let op = StoreOp::Append { ticket: Ticket(1), events, accounts, path: None, ahead: false };
    crate::store::execute(&mut database, &[op]).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let from = copy.path().join("damaged");
    fs::write(&from, before).unwrap();
    let log_after = fs::read(beside(&opened.path(), "-wal")).unwrap();
    assert!(log_after.len() > log_before.len());
    fs::write(beside(&from, "-wal"), log_after).unwrap();
    let (saved, opened) = save(&copy);
    assert_eq!(saved.messages, 2);
    assert_eq!(opened.state().last.as_ref().map(|row| row.sequence), Some(1));
    drop(opened.store);
    let bytes = fs::read(opened.folder.path().join("messages.sqlite")).unwrap();
    let word = b"secret word";
    assert!(!bytes.windows(word.len()).any(|window| window == word));
}

#[test]
fn a_file_without_anything_gives_an_empty_database() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [&b""[..], b"This is a letter, not a database."] {
        fs::write(folder.path().join("damaged"), bytes).unwrap();
        let (saved, opened) = save(&folder);
        assert_eq!(saved, Saved::default());
        assert!(opened.snapshot.record.is_none());
    }
    let nothing = FilePath::new("/nowhere/messages.sqlite");
    let to = folder.path().join("messages.sqlite");
    salvage(nothing, &to, own_account(), Author::new(1).device()).unwrap_err();
}

/// Whether the damage made another version of the schema's.
fn looks_newer(damaged: &TempDir) -> bool {
    let bytes = fs::read(damaged.path().join("damaged")).unwrap();
    let version = u32::from_be_bytes(bytes[60..64].try_into().unwrap());
    bytes.starts_with(b"SQLite format 3\0") && version > crate::store::schema::newest()
}

#[test]
fn a_database_of_a_newer_program_is_left_to_that() {
    let world = World::new();
    let damaged = world.damaged(&[(63, vec![9]), (PAGE * 3, vec![0; 4096])]);
    assert!(looks_newer(&damaged));
    let (from, to) = (damaged.path().join("damaged"), damaged.path().join("new"));
    let error = salvage(&from, &to, own_account(), Author::new(1).device()).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("newer version (9)"), "{source}");
    assert!(!to.exists());
}

/// Damage anywhere: a place and some bytes.
fn damage(length: u64) -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..64),
        (any::<u8>(), 1usize..9000).prop_map(|(byte, count)| vec![byte; count]),
    ];
    prop::collection::vec((0..length, bytes), 1..12)
}

#[test]
fn whatever_is_damaged_the_rest_fits_together_and_others_give_back_what_is_missing() {
    let world = World::new();
    let length = fs::metadata(world.path()).unwrap().len();
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() };
    proptest!(config, |(damage in damage(length))| {
        let damaged = world.damaged(&damage);
        if looks_newer(&damaged) {
            return Ok(());
        }
        let (saved, mut opened) = save(&damaged);
        let all = shown(&mut opened);
        prop_assert_eq!(saved.messages as usize, all.values().map(Vec::len).sum::<usize>());
        // How much is missing is told by numbers that may be damaged too, so it is not held against this.
        prop_assert!(stored(&opened) <= world.count());
        world.give_back(&mut opened);
        prop_assert_eq!(stored(&opened), world.count());
        prop_assert!(shown(&mut opened) == world.shown);
    });
}
