//! What becomes of a server's data when it is moved, aged, damaged or lied to by the clock: each with
//! the program itself, as a process.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use libp2p::Multiaddr;
use rendezvous_server::{
    identity,
    setup::token,
    store::{schema, sqlite::SqliteNames},
    system::unix_ms,
};
use rusqlite::Connection;
use serde_bytes::ByteBuf;
use wire::{
    account::AccountRecord,
    codec,
    limits::VERSION,
    rendezvous::{Refusal, Request, Response},
    signed::Signed,
};

use crate::{
    cli::{Running, command, complaint},
    client::Client,
    people::{account, first_record, name},
    store::SCHEMA_1,
};

const LISTEN: [&str; 2] = ["--listen", "/ip4/127.0.0.1/tcp/0"];

fn start(data_dir: &Path) -> (Running, Multiaddr) {
    start_in(data_dir, &[])
}

fn start_in(data_dir: &Path, environment: &[(&str, &Path)]) -> (Running, Multiaddr) {
    let mut server = Running::start_in(data_dir, &LISTEN, environment);
    let line = server.line();
    (server, line.strip_prefix("ready ").unwrap().parse().unwrap())
}

/// Whose a name is, as any client learns it.
async fn owner(client: &mut Client, username: &str) -> Option<Signed<AccountRecord>> {
    match client.ask(Request::Lookup { username: name(username) }).await {
        Ok(Response::Found(found)) => Some(found.record),
        Err(Refusal::NotFound) => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_by_the_command_moves_a_running_server_elsewhere() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = new.path().join("file.backup");
    let (moved, elsewhere) = (new.path().join("data"), file.to_str().unwrap());
    let (before, address) = start(old.path());
    let _anna = Client::register(1, &address, "anna").await;
    let backed_up = command("backup", old.path(), &[elsewhere]).output().unwrap();
    assert!(backed_up.status.success(), "{}", String::from_utf8_lossy(&backed_up.stderr));
    let _bob = Client::register(2, &address, "bob").await;
    drop(before);
    let restored = command("restore", &moved, &[elsewhere]).output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let (after, there) = start(&moved);
    assert_eq!(there.iter().last(), address.iter().last(), "another server");
    let mut guest = Client::register(3, &there, "guest").await;
    assert_eq!(owner(&mut guest, "anna").await, Some(first_record(1, "anna")));
    assert_eq!(owner(&mut guest, "bob").await, None, "bob came after the backup");
    drop(after);
    let key = fs::read(moved.join("identity.key")).unwrap();
    let again = command("restore", &moved, &[elsewhere]).output().unwrap();
    assert!(complaint(&again).contains("is there already"));
    assert_eq!(fs::read(moved.join("identity.key")).unwrap(), key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_takes_over_what_each_released_version_wrote() {
    let releases = [SCHEMA_1];
    assert_eq!(releases.len() as i64 + 1, schema::VERSION, "a release has no drill");
    for written in releases {
        let dir = tempfile::tempdir().unwrap();
        let record = first_record(1, "anna");
        let connection = Connection::open(dir.path().join("names.sqlite")).unwrap();
        connection.execute_batch(written).unwrap();
        let (account, username) = (account(1), name("anna"));
        let row = rusqlite::params![
            account.as_bytes(),
            username.skeleton(),
            record.body(),
            record.signature().as_bytes()
        ];
        connection.execute("INSERT INTO name VALUES (?1, 'anna', ?2, 0, ?3, ?4)", row).unwrap();
        drop(connection);
        for _start in 0..2 {
            let (server, address) = start(dir.path());
            let mut client = Client::connect(1, &address).await;
            client.hello().await;
            assert_eq!(owner(&mut client, "anna").await, Some(record.clone()));
            assert_eq!(client.register_with(record.clone()).await, Ok(Response::Done));
            drop(server);
        }
    }
}

/// The program does not start with these names, says why, and leaves them as they are.
#[track_caller]
fn is_left_alone(data_dir: &Path, expected: &str) {
    let file = data_dir.join("names.sqlite");
    let before = fs::read(&file).unwrap();
    for subcommand in ["run", "run"] {
        let message = complaint(&command(subcommand, data_dir, &LISTEN).output().unwrap());
        assert!(message.contains("names.sqlite") && message.contains(expected), "{message}");
    }
    assert!(fs::read(&file).unwrap() == before, "the damaged file was changed");
}

#[test]
fn a_damaged_or_foreign_database_is_told_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("names.sqlite");
    let whole = || {
        drop(fs::remove_file(&file));
        drop(SqliteNames::open(&file).unwrap());
        fs::read(&file).unwrap()
    };
    fs::write(&file, vec![0x5a; 40_000]).unwrap();
    is_left_alone(dir.path(), "damaged");
    let mut torn = whole();
    let half = torn.len() / 2;
    torn[100..half].fill(0xa5);
    fs::write(&file, torn).unwrap();
    is_left_alone(dir.path(), "damaged");
    whole();
    let connection = Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    drop(connection);
    is_left_alone(dir.path(), "newer");
}

/// The library that gives a program another clock, if it is installed.
#[cfg(target_os = "linux")]
fn clock_library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    let places = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    places.into_iter().find(|file| file.is_file())
}

/// A stranger brings a token and wants a name.
#[cfg(target_os = "linux")]
async fn apply(n: u8, address: &Multiaddr, token: &[u8]) -> Result<Response, Refusal> {
    let mut client = Client::connect(n, address).await;
    let token = Some(ByteBuf::from(token.to_vec()));
    client.ask(Request::Hello { version: VERSION, token }).await.unwrap();
    client.register_with(first_record(n, &format!("guest-{n}"))).await
}

/// The package `faketime` has what this needs; without it there is no such clock.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn jumps_of_the_clock_are_harmless() {
    let Some(library) = clock_library() else {
        eprintln!("left out: jumps of the clock, for want of the package faketime");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("server.toml"), "[admission]\nmode = \"invite\"\n").unwrap();
    let clock = dir.path().join("clock");
    // Replaced as a whole: the server may read it at any time.
    let jump = |to: &str| {
        fs::write(dir.path().join("next"), to).unwrap();
        fs::rename(dir.path().join("next"), &clock).unwrap();
    };
    let token = |uses| {
        let key = identity::load_or_create(dir.path()).unwrap();
        codec::encode(&token(&key, uses, unix_ms(), Duration::from_hours(24)))
    };
    jump("+0");
    let (anyone, one) = (token(3), token(1));
    let switches = ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC"];
    let mut environment: Vec<_> = switches.map(|switch| (switch, Path::new("1"))).to_vec();
    environment.push(("LD_PRELOAD", &library));
    environment.push(("FAKETIME_TIMESTAMP_FILE", &clock));
    let (server, address) = start_in(dir.path(), &environment);
    assert_eq!(apply(1, &address, &one).await, Ok(Response::Done));
    let mut stays = Client::connect(9, &address).await;
    let hello = Request::Hello { version: VERSION, token: Some(ByteBuf::from(anyone.clone())) };
    stays.ask(hello).await.unwrap();
    assert_eq!(stays.register_with(first_record(9, "stays")).await, Ok(Response::Done));
    let refused = Err(Refusal::NotAdmitted);
    for (jump_to, outcome) in [("+10y", refused.clone()), ("-20y", Ok(Response::Done))] {
        jump(jump_to);
        let n = 2 + u8::from(jump_to == "-20y");
        assert_eq!(apply(n, &address, &anyone).await, outcome, "{jump_to}");
        assert_eq!(apply(n + 2, &address, &one).await, refused, "{jump_to}: it was used up");
        assert!(owner(&mut stays, "guest-1").await.is_some(), "{jump_to}: who is there stays");
    }
    drop(server);
    let (_server, address) = start_in(dir.path(), &environment);
    assert_eq!(apply(6, &address, &one).await, refused, "it was used up before the restart");
    assert_eq!(apply(1, &address, &[]).await, Ok(Response::Done), "who has a name comes back");
}
