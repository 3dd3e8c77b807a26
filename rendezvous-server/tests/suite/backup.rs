//! Backups of a running server, and what comes of them.

use std::fs;

use rendezvous_server::{
    backup::{self, BackupError},
    identity,
    operator::{Order, Reply},
};
use tempfile::TempDir;
use wire::rendezvous::{Refusal, Response};

use crate::{
    client::Client,
    people::first_record,
    test_server::{TestServer, within},
};

#[tokio::test]
async fn a_backup_of_a_running_server_becomes_the_same_server() {
    let server = TestServer::start().await;
    let _bob = Client::register(1, &server.tcp, "bob").await;
    let ban = Order::Ban { who: "203.0.113.0/24".to_owned(), reason: String::new() };
    assert!(matches!(server.operator.order(ban).await, Reply::Done(_)));
    let place = TempDir::new().unwrap();
    let file = place.path().join("server.backup");
    backup::back_up(server.data_dir.path(), &file).unwrap();
    let _alice = Client::register(2, &server.tcp, "alice").await;
    let id = identity::load_or_create(server.data_dir.path()).unwrap().id();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing unfinished");
    drop(server.stop().await);

    let data_dir = TempDir::new().unwrap();
    backup::restore(&file, data_dir.path()).unwrap();
    assert_eq!(identity::load_or_create(data_dir.path()).unwrap().id(), id);
    let server = TestServer::start_in(data_dir, |_config| {}).await;
    let mut thief = Client::connect(3, &server.tcp).await;
    thief.hello().await;
    assert_eq!(thief.register_with(first_record(3, "bob")).await, Err(Refusal::NameTaken));
    assert_eq!(thief.register_with(first_record(3, "alice")).await, Ok(Response::Done), "later");
    let Reply::Bans(bans) = server.operator.order(Order::Bans).await else { panic!() };
    assert_eq!(bans.len(), 1);
    within("the end", server.stop()).await;
}

#[test]
fn nothing_is_ever_overwritten() {
    let (data, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = place.path().join("server.backup");
    let nothing = backup::back_up(data.path(), &file);
    assert!(matches!(nothing, Err(BackupError::Nothing { .. })), "{nothing:?}");
    identity::load_or_create(data.path()).unwrap();
    drop(rendezvous_server::store::sqlite::SqliteNames::open(&data.path().join("names.sqlite")));
    backup::back_up(data.path(), &file).unwrap();
    let whole = fs::read(&file).unwrap();
    let exists = backup::back_up(data.path(), &file);
    assert!(matches!(exists, Err(BackupError::Exists { .. })), "{exists:?}");
    let key = fs::read(data.path().join("identity.key")).unwrap();
    let restored = backup::restore(&file, data.path());
    assert!(matches!(restored, Err(BackupError::Exists { .. })), "{restored:?}");
    assert_eq!(fs::read(data.path().join("identity.key")).unwrap(), key);
    assert_eq!(fs::read(&file).unwrap(), whole);
}

#[test]
fn what_is_no_whole_backup_leaves_the_folder_empty() {
    let (data, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    identity::load_or_create(data.path()).unwrap();
    drop(rendezvous_server::store::sqlite::SqliteNames::open(&data.path().join("names.sqlite")));
    let file = place.path().join("server.backup");
    backup::back_up(data.path(), &file).unwrap();
    let whole = fs::read(&file).unwrap();
    let mut torn = whole.clone();
    torn[2_000..6_000].fill(0xa5);
    let mut misled = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    misled.append_data(&mut header, "server.toml", &b"x"[..]).unwrap();
    for bytes in [
        Vec::new(),
        b"no archive".to_vec(),
        whole[..1_000].to_vec(),
        whole[..whole.len() - 8_000].to_vec(),
        torn,
        misled.into_inner().unwrap(),
    ] {
        fs::write(&file, &bytes).unwrap();
        let target = TempDir::new().unwrap();
        let restored = backup::restore(&file, target.path());
        assert!(restored.is_err(), "{} bytes", bytes.len());
        let names: Vec<_> =
            fs::read_dir(target.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names, ["lock"], "{} bytes", bytes.len());
    }
}

#[cfg(unix)]
#[test]
fn a_backup_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let (data, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    identity::load_or_create(data.path()).unwrap();
    drop(rendezvous_server::store::sqlite::SqliteNames::open(&data.path().join("names.sqlite")));
    let file = place.path().join("server.backup");
    backup::back_up(data.path(), &file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}
