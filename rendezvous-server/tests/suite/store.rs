//! The name store on disk.

use std::{fs, path::Path};

use rendezvous_server::{
    names::{NameEntry, NameStore as _},
    service::{AnswerKind, ClientId, Question, QuestionKind},
    store::{StoreError, schema, sqlite::SqliteNames, worker::NameWorker},
};
use rusqlite::Connection;
use wire::rendezvous::Refusal;

use crate::people::{account, device, first_record, name, record};

fn entry(n: u8, username: &str) -> NameEntry {
    NameEntry::open(first_record(n, username)).unwrap()
}

fn put(store: &mut SqliteNames, entry: &NameEntry) {
    store.transaction(|store| store.put(entry)).unwrap();
}

#[test]
fn what_was_put_is_found_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.sqlite");
    let bob = entry(1, "bob");
    put(&mut SqliteNames::open(&path).unwrap(), &bob);
    let mut store = SqliteNames::open(&path).unwrap();
    assert_eq!(store.by_username(&name("bob")).unwrap(), Some(bob.clone()));
    assert_eq!(store.by_account(&account(1)).unwrap(), Some(bob));
    assert_eq!(store.by_skeleton(&name("b0b").skeleton()).unwrap(), Some(account(1)));
    assert_eq!(store.by_username(&name("rob")).unwrap(), None);
}

#[test]
fn a_newer_record_replaces_the_older() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteNames::open(&dir.path().join("names.sqlite")).unwrap();
    let first = entry(1, "bob");
    put(&mut store, &first);
    let signed = record(1, "bob", &[device(1), device(2)], Some(&first.signed));
    let second = NameEntry::open(signed).unwrap();
    put(&mut store, &second);
    assert_eq!(store.by_account(&account(1)).unwrap(), Some(second));
}

#[test]
fn a_failed_transaction_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteNames::open(&dir.path().join("names.sqlite")).unwrap();
    let result = store.transaction(|store| {
        store.put(&entry(1, "bob"))?;
        Err::<(), _>(StoreError::Row)
    });
    assert!(matches!(result, Err(StoreError::Row)), "{result:?}");
    assert_eq!(store.by_username(&name("bob")).unwrap(), None);
    put(&mut store, &entry(1, "bob"));
}

#[test]
fn two_accounts_cannot_have_one_skeleton_even_past_the_rules() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteNames::open(&dir.path().join("names.sqlite")).unwrap();
    put(&mut store, &entry(1, "bob"));
    let result = store.transaction(|store| store.put(&entry(2, "b0b")));
    assert!(matches!(result, Err(StoreError::Sqlite(_))), "{result:?}");
}

#[test]
fn an_empty_database_is_brought_to_the_newest_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.sqlite");
    fs::write(&path, b"").unwrap();
    drop(SqliteNames::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    let pragma = |name: &str| -> i64 {
        connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
    };
    assert_eq!(pragma("user_version"), schema::VERSION);
    assert_eq!(pragma("application_id"), schema::APPLICATION_ID);
    let strict: i64 = connection
        .query_row("SELECT strict FROM pragma_table_list WHERE name = 'name'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(strict, 1);
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.sqlite");
    drop(SqliteNames::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    drop(connection);
    expect_untouched(&path, |error| matches!(error, StoreError::Newer { .. }));
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.sqlite");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE recipe (title TEXT)").unwrap();
    expect_untouched(&path, |error| matches!(error, StoreError::Foreign { .. }));
}

#[test]
fn a_file_that_is_no_database_is_told_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.sqlite");
    fs::write(&path, vec![b'x'; 10_000]).unwrap();
    expect_untouched(&path, |error| matches!(error, StoreError::Damaged { .. }));
}

#[test]
fn a_damaged_database_is_told_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.sqlite");
    let mut store = SqliteNames::open(&path).unwrap();
    for n in 1..100 {
        put(&mut store, &entry(n, &format!("x{n}y")));
    }
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[4096..end].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    expect_untouched(&path, |error| matches!(error, StoreError::Damaged { .. }));
}

fn expect_untouched(path: &Path, is_expected: impl Fn(&StoreError) -> bool) {
    let before = fs::read(path).unwrap();
    let error = SqliteNames::open(path).unwrap_err();
    assert!(is_expected(&error), "{error}");
    let message = error.to_string();
    assert!(message.contains(&path.display().to_string()) && !message.contains('\n'), "{message}");
    assert!(fs::read(path).unwrap() == before, "the file was changed");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_names() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteNames::open(&dir.path().join("names.sqlite")).unwrap();
    put(&mut store, &entry(1, "bob"));
    for file in fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{file:?}");
    }
}

#[test]
fn the_worker_answers_in_order_and_what_it_registered_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.sqlite");
    let (worker, mut answers) = NameWorker::start(SqliteNames::open(&path).unwrap()).unwrap();
    let register = |n: u8, username: &str| QuestionKind::Register {
        record: first_record(n, username),
        device: device(n),
        may_be_new: true,
        charged: None,
    };
    let questions = [
        register(1, "bob"),
        register(2, "b0b"),
        QuestionKind::Lookup { username: name("bob") },
        QuestionKind::Lookup { username: name("rob") },
    ];
    for (id, kind) in (0..).zip(questions) {
        worker.ask(Question { client: ClientId(7), id, kind }).unwrap();
    }
    let mut next = |id: u32| {
        let answer = answers.blocking_recv().unwrap();
        assert_eq!((answer.client, answer.id), (ClientId(7), id));
        answer.kind
    };
    assert!(matches!(next(0), AnswerKind::Registered { result: Ok(_), .. }));
    // A second connection sees what is committed, and nothing else.
    let count: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM name WHERE username = 'bob'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 1);
    let taken = next(1);
    assert!(
        matches!(taken, AnswerKind::Registered { result: Err(Refusal::NameTaken), .. }),
        "{taken:?}"
    );
    assert!(matches!(next(2), AnswerKind::Found(Ok(found)) if found == entry(1, "bob")));
    assert!(matches!(next(3), AnswerKind::Found(Err(Refusal::NotFound))));
    worker.stop();
}
