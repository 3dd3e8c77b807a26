//! Exit statuses, and the one line that tells a person what is wrong.

use std::{fs, net::TcpListener, path::Path};

use e2e::{peer, peer::Peer, process::run_to_end, server::Server};

#[track_caller]
fn assert_usage_error(program: &str, arguments: &[&str], home: &Path) {
    let (status, lines) = run_to_end(program, arguments, home);
    assert_eq!(status.code(), Some(2), "{program} {arguments:?} said {lines:?}");
    assert!(!lines.is_empty(), "{program} {arguments:?} said nothing");
}

#[track_caller]
fn assert_fatal_error(program: &str, arguments: &[&str], home: &Path) -> String {
    let (status, lines) = run_to_end(program, arguments, home);
    assert_eq!(status.code(), Some(1), "{program} {arguments:?} said {lines:?}");
    assert_eq!(lines.len(), 1, "{program} {arguments:?} said {lines:?}");
    lines.into_iter().next().unwrap_or_default()
}

#[test]
fn wrong_usage_is_status_two() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    assert_usage_error("peer-client", &["headless"], home);
    assert_usage_error("peer-client", &["--no-such-option"], home);
    let wrong_address =
        ["headless", "--data-dir", "d", "--username", "anna", "--rendezvous", "here"];
    assert_usage_error("peer-client", &wrong_address, home);
    assert_usage_error("rendezvous-server", &[], home);
    assert_usage_error("rendezvous-server", &["run"], home);
    assert_usage_error("rendezvous-server", &["run", "--data-dir", "d", "--listen", "here"], home);
}

#[test]
fn a_data_folder_serves_one_process_at_a_time() {
    let server = Server::start();
    let anna = Peer::start(&server, "anna");
    let arguments = peer::arguments(&anna.data_dir(), &server, "anna");
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    assert_fatal_error("peer-client", &arguments, anna.folder());

    let data_dir = server.data_dir();
    let arguments = ["run", "--data-dir", data_dir.to_str().unwrap()];
    let arguments = [&arguments[..], &["--listen", "/ip4/127.0.0.1/tcp/0"]].concat();
    assert_fatal_error("rendezvous-server", &arguments, server.home());
}

#[test]
fn an_occupied_port_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = format!("/ip4/127.0.0.1/tcp/{port}");
    let arguments = ["run", "--data-dir", "data", "--listen", &address];
    let line = assert_fatal_error("rendezvous-server", &arguments, folder.path());
    assert!(line.contains(&port.to_string()), "{line:?} does not name the port");
}

#[test]
fn a_wrong_configuration_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.toml");
    let arguments = ["run", "--data-dir", "data", "--config", "server.toml"];
    for text in ["no such key = 1", "no_such_key = 1", "listen = 7"] {
        fs::write(&path, text).unwrap();
        assert_fatal_error("rendezvous-server", &arguments, folder.path());
    }
    fs::remove_file(&path).unwrap();
    assert_fatal_error("rendezvous-server", &arguments, folder.path());
}

#[test]
fn a_data_folder_that_cannot_be_made_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "not a folder").unwrap();
    let arguments = ["run", "--data-dir", "file/data", "--listen", "/ip4/127.0.0.1/tcp/0"];
    assert_fatal_error("rendezvous-server", &arguments, folder.path());
}
