//! Files that cannot be used: one clear line, and nothing is changed.

use std::{fs, path::Path as FilePath};

use super::*;
use crate::store::StoreError;

#[track_caller]
fn refuse(path: &FilePath) -> StoreError {
    let (replies, _waiting) = mpsc::channel(1);
    let error = Store::open(path, own_account(), replies).unwrap_err();
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
    error
}

/// A folder with a database of some messages, and its path.
fn used() -> (TempDir, PathBuf) {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    opened.must_append(&bob, &bob.log(&(0..200).map(|ms| ("word", ms)).collect::<Vec<_>>()));
    let opened = opened.reopen();
    let path = opened.path();
    drop(opened.store);
    (opened.folder, path)
}

#[test]
fn a_file_that_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messages.sqlite");
    let bytes = b"This is a letter, not a database. ".repeat(200);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(refuse(&path), StoreError::Damaged));
    assert_eq!(fs::read(&path).unwrap(), bytes, "it was left as it was");
}

#[test]
fn a_database_with_a_damaged_page() {
    let (_folder, path) = used();
    let mut bytes = fs::read(&path).unwrap();
    assert!(bytes.len() > 3 * 4096);
    for byte in &mut bytes[4096..] {
        *byte ^= 0x5a;
    }
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(refuse(&path), StoreError::Damaged));
    assert_eq!(fs::read(&path).unwrap(), bytes, "it was left as it was");
}

#[test]
fn a_database_that_was_cut() {
    let (_folder, path) = used();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(refuse(&path), StoreError::Damaged));
}

#[test]
fn a_database_of_a_newer_program() {
    let (_folder, path) = used();
    let database = Connection::open(&path).unwrap();
    database.pragma_update(None, "user_version", 999).unwrap();
    drop(database);
    let before = fs::read(&path).unwrap();
    let error = refuse(&path);
    assert!(matches!(error, StoreError::TooNew { found: 999 }), "{error}");
    assert!(error.to_string().contains("newer version (999)"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before, "it was left as it was");
}

#[test]
fn a_row_that_cannot_be_read() {
    let (_folder, path) = used();
    let database = Connection::open(&path).unwrap();
    database.execute("UPDATE conversations SET name = 'neither @ nor #'", []).unwrap();
    drop(database);
    assert!(matches!(refuse(&path), StoreError::Row("a conversation's name")));
}

#[test]
fn a_place_where_no_file_can_be_made() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(refuse(folder.path()), StoreError::Database(_)), "a folder");
    let missing = folder.path().join("missing/messages.sqlite");
    assert!(matches!(refuse(&missing), StoreError::Database(_)), "in a folder that is not there");
}

/// Whoever may write everywhere is stopped by a file system that takes no files.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_may_not_be_written() {
    assert!(matches!(refuse(FilePath::new("/proc/messages.sqlite")), StoreError::Database(_)));
}

#[test]
fn a_disk_that_is_full_loses_nothing_that_was_replied_to() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let words = "word ".repeat(2000);
    let log = bob.log(&(0..50).map(|ms| (words.as_str(), ms)).collect::<Vec<_>>());
    opened.must_append(&bob, &log[..1]);
    // The limit belongs to the database's connection, so the test executes for itself.
    let path = opened.path();
    let folder = opened.folder;
    drop(opened.store);
    let mut database = crate::store::schema::open(&path).unwrap();
    let pages: u32 = database.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    database.pragma_update(None, "max_page_count", pages + 8).unwrap();
    let mut stored = 1;
    for entry in &log[1..] {
        let (events, accounts) = shared(&bob, std::slice::from_ref(entry));
        let op = StoreOp::Append { ticket: Ticket(1), events, accounts, path: None, ahead: false };
        match crate::store::execute(&mut database, &[op]) {
            Ok(_) => stored += 1,
            Err(error) => {
                assert!(error.to_string().contains("full"), "{error}");
                break;
            }
        }
    }
    assert!((1..50).contains(&stored), "{stored}");
    drop(database);
    let mut opened = open_in(folder);
    assert_eq!(opened.history(100, None).0.len(), stored);
    opened.must_append(&bob, &log[stored..]);
}

/// The pages of old messages are overwritten while the program runs.
#[test]
fn damage_that_is_met_later_is_told_and_stops_all_writing() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let body = "long ".repeat(6000);
    let log = bob.log(&(0..150).map(|ms| (body.as_str(), ms)).collect::<Vec<_>>());
    opened.must_append(&bob, &log[..149]);
    let mut opened = opened.reopen();
    let mut bytes = fs::read(opened.path()).unwrap();
    let length = bytes.len();
    bytes[length / 10..length / 2].fill(0xff);
    fs::write(opened.path(), &bytes).unwrap();
    let (conversation, author) = (direct().id, bob.device());
    let read = |ticket| StoreOp::Log { ticket, conversation, log: author, from: 30, to: 60 };
    for _ in 0..2 {
        let reply = opened.ask(read);
        let StoreReply::Failed { text, .. } = reply else { panic!("{reply:?}") };
        assert!(text.contains("peer-client salvage"), "{text}");
    }
    let reply = opened.append(&bob, &log[149..], Path::Direct(None));
    assert!(matches!(reply, StoreReply::Failed { .. }), "{reply:?}");
    // What can be read is read.
    assert_eq!(opened.history(1, None).0.len(), 1);
    let path = opened.path();
    opened.store = None;
    assert!(fs::read(path).unwrap() == bytes, "something was written");
}
