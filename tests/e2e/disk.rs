//! Disks that are full, cannot be written, or give back something else than was written.

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    process::Command,
};

use e2e::{
    event::{self, text},
    peer::{self, Peer},
    process::run_to_end,
    server::Server,
};
use serde_json::json;

/// Whether this machine lets a process have mounts of its own.
fn may_mount() -> bool {
    let allowed = Command::new("unshare")
        .args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !allowed {
        // Past the test runner, which shows nothing of what a passing test prints.
        let text = "left out: this machine does not let a process have mounts of its own";
        std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
    }
    allowed
}

/// Runs a command with the peer's program as its last arguments, with mounts of its own.
fn with_mounts<'a>(script: &'a str, folder: &'a str) -> Vec<&'a str> {
    vec!["unshare", "--map-root-user", "--mount", "sh", "-ec", script, folder]
}

#[test]
fn a_full_disk_refuses_what_it_cannot_keep_and_the_rest_stays() {
    if !may_mount() {
        return;
    }
    let server = Server::start();
    let bob = Peer::start(&server, "bob");
    let mut anna = Peer::start(&server, "anna");
    anna.quit();
    let folder = anna.data_dir().to_str().unwrap().to_owned();
    let small = "cp -a \"$0\" \"$0.copy\"; mount -t tmpfs -o size=3m none \"$0\"; \
                 cp -a \"$0.copy/.\" \"$0\"; exec \"$@\"";
    anna.wrap(&with_mounts(small, &folder));
    anna.restart();
    let mut kept = Vec::new();
    let code = loop {
        assert!(kept.len() < 1000, "the disk never gets full");
        let long = format!("{} {}", kept.len(), "x".repeat(30_000));
        let answer = anna.ask(json!({"do": "send", "to": "@bob", "text": long}));
        if answer["ok"] != true {
            break text(&answer, "code").to_owned();
        }
        kept.push(text(&answer, "message").to_owned());
    };
    assert_eq!(code, "storage");
    for id in &kept {
        bob.wait_for("what was kept", |line| {
            event::is(line, "message") && text(line, "message") == id
        });
    }
    let shown: Vec<_> = anna.history("@bob").iter().map(|it| it["message"].clone()).collect();
    let last = kept.len().saturating_sub(100);
    assert_eq!(shown, kept[last..], "it shows something else than it answered");
    anna.quit();
}

#[test]
fn a_folder_that_cannot_be_written_is_told_in_one_line() {
    if !may_mount() {
        return;
    }
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    anna.quit();
    let folder = anna.data_dir().to_str().unwrap().to_owned();
    let read_only =
        "mount --bind \"$0\" \"$0\"; mount -o remount,bind,ro \"$0\"; RUST_LOG=off exec \"$@\"";
    anna.wrap(&with_mounts(read_only, &folder));
    anna.start_again();
    let status = anna.wait();
    let said = anna.process().log().entries();
    assert_eq!((status.code(), said.len()), (Some(1), 1), "it said {said:?}");
    assert!(said[0].contains(&folder), "{said:?} does not name the folder");
}

/// Starts anna's peer, which must end by itself with one line.
fn fatal_line(anna: &Peer, server: &Server) -> String {
    let arguments = peer::arguments(&anna.data_dir(), server, "anna");
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (status, said) = run_to_end("peer-client", &arguments, anna.folder());
    assert_eq!((status.code(), said.len()), (Some(1), 1), "it said {said:?}");
    said[0].clone()
}

#[test]
fn a_damaged_database_is_told_in_one_line_and_left_as_it_is() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    anna.must(json!({"do": "join", "group": "#news"}));
    anna.say("#news", "before");
    anna.quit();
    let path = anna.data_dir().join("messages.sqlite");
    let whole = fs::read(&path).unwrap();
    let kinds: [(u64, &[u8]); 2] = [(0, b"not a database at all"), (4096, &[0xff; 4096])];
    for (at, bytes) in kinds {
        fs::write(&path, &whole).unwrap();
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
        drop(file);
        let damaged = fs::read(&path).unwrap();
        let line = fatal_line(&anna, &server);
        assert!(line.contains("damaged"), "damage at {at} is told as {line:?}");
        assert!(fs::read(&path).unwrap() == damaged, "damage at {at}: the file was changed");
    }
    fs::write(&path, &whole).unwrap();
    anna.restart();
    let history = anna.history("#news");
    assert_eq!(text(&history[0], "text"), "before");
}
