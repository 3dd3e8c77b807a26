//! The name store on disk.

use std::{fs, path::Path, time::Duration};

use rendezvous_server::{
    bans::Banned,
    names::{NameEntry, NameStore as _, Newcomer},
    service::{AnswerKind, ClientId, Question, QuestionKind},
    setup,
    store::{
        StoreError,
        operator::{Ban, Rows},
        schema,
        sqlite::SqliteNames,
        worker::NameWorker,
    },
};
use rusqlite::Connection;
use wire::{codec, key::DeviceKey, rendezvous::Refusal};

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
    let store = SqliteNames::open(&path).unwrap();
    let (worker, mut answers) = NameWorker::start(store, device(9)).unwrap();
    let register = |n: u8, username: &str| QuestionKind::Register {
        record: first_record(n, username),
        device: device(n),
        newcomer: Newcomer::Welcome,
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

/// What the program wrote when its schema had version 1, with one name.
pub(crate) const SCHEMA_1: &str = "
CREATE TABLE name (
    account BLOB PRIMARY KEY NOT NULL CHECK (length(account) = 32),
    username TEXT NOT NULL UNIQUE,
    skeleton TEXT NOT NULL UNIQUE,
    sequence INTEGER NOT NULL,
    body BLOB NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT, WITHOUT ROWID;
PRAGMA application_id = 1313500781;
PRAGMA user_version = 1;
";

#[test]
fn a_database_of_the_first_schema_is_brought_up_to_date_with_its_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.sqlite");
    let bob = entry(1, "bob");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(SCHEMA_1).unwrap();
    connection
        .execute(
            "INSERT INTO name VALUES (?1, 'bob', ?2, 0, ?3, ?4)",
            rusqlite::params![
                bob.record.account.as_bytes(),
                bob.record.username.skeleton(),
                bob.signed.body(),
                bob.signed.signature().as_bytes()
            ],
        )
        .unwrap();
    drop(connection);
    let mut store = SqliteNames::open(&path).unwrap();
    assert_eq!(store.by_username(&name("bob")).unwrap(), Some(bob));
    assert_eq!(store.rows().unwrap(), Rows { names: 1, bans: 0, tokens: 0 });
    let version: i64 = Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, schema::VERSION);
}

#[test]
fn bans_are_kept_until_they_are_lifted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.sqlite");
    let ban = |banned, since| Ban { banned, reason: "spam".to_owned(), since };
    let network: Banned = "203.0.113.0/24".parse().unwrap();
    let bans =
        [ban(network, 1), ban(Banned::Account(account(1)), 2), ban(Banned::Device(device(1)), 3)];
    let mut store = SqliteNames::open(&path).unwrap();
    for ban in &bans {
        store.put_ban(ban).unwrap();
    }
    drop(store);
    let mut store = SqliteNames::open(&path).unwrap();
    assert_eq!(store.bans().unwrap(), bans);
    assert!(store.remove_ban(network).unwrap());
    assert!(!store.remove_ban(network).unwrap());
    assert_eq!(store.bans().unwrap(), bans[1..]);
}

#[test]
fn a_token_is_good_for_its_uses_until_it_expires_whatever_the_clock_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteNames::open(&dir.path().join("names.sqlite")).unwrap();
    let server = DeviceKey::from_seed([9; 32]);
    let token = || setup::token(&server, 2, 1_000, Duration::from_secs(1)).open().unwrap();
    let first = token();
    assert_eq!(
        [1_000, 1_999, 1_999].map(|now| store.spend(&first, now).unwrap()),
        [true, true, false]
    );
    assert!(!store.spend(&first, 0).unwrap(), "the clock went back");
    let second = token();
    assert!(!store.spend(&second, 2_000).unwrap(), "expired");
    assert!(store.spend(&second, 1_500).unwrap());
}

#[test]
fn the_worker_lets_new_names_in_for_tokens_of_its_server_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteNames::open(&dir.path().join("names.sqlite")).unwrap();
    let (worker, mut answers) = NameWorker::start(store, device(9)).unwrap();
    let token = |seed: u8, uses| {
        let now = rendezvous_server::system::unix_ms();
        let key = DeviceKey::from_seed([seed; 32]);
        codec::encode(&setup::token(&key, uses, now, Duration::from_hours(1)))
    };
    let mut forged = token(9, 1);
    *forged.last_mut().unwrap() ^= 1;
    let own = token(9, 1);
    let mut is_admitted = |n: u8, token: Vec<u8>| {
        let kind = QuestionKind::Register {
            record: first_record(n, &format!("name{n}x")),
            device: device(n),
            newcomer: Newcomer::WithToken(token),
            charged: None,
        };
        worker.ask(Question { client: ClientId(1), id: 1, kind }).unwrap();
        match answers.blocking_recv().unwrap().kind {
            AnswerKind::Registered { result: Ok(_), .. } => true,
            AnswerKind::Registered { result: Err(Refusal::NotAdmitted), .. } => false,
            other => panic!("{other:?}"),
        }
    };
    assert!(!is_admitted(1, token(8, 1)), "of another server");
    assert!(!is_admitted(1, forged), "forged");
    assert!(!is_admitted(1, b"sesame".to_vec()), "nonsense");
    assert!(is_admitted(1, own.clone()));
    assert!(!is_admitted(2, own.clone()), "used up");
    assert!(is_admitted(1, own), "who has a name needs none");
}
