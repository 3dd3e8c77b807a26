//! Disks that are full, cannot be written, or give back something else than was written.

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
    process::Command,
};

use e2e::{
    event::{self, list, text},
    peer::{self, Peer},
    process::run_to_end,
    run::{Said, run},
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

/// Runs a program of one deed on a peer's folder, to its end.
fn program(word: &str, peer: &Peer, input: &str) -> Said {
    let folder = peer.data_dir();
    run("peer-client", &[word, "--data-dir", folder.to_str().unwrap()], input, peer.folder())
}

/// A text long enough to have pages of its own.
fn long(text: &str) -> String {
    format!("{text} {}", "x".repeat(5000))
}

/// Overwrites the pages on which some words begin, and the first one. Gives the file as it is then.
fn overwrite(path: &Path, words: &[&str]) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    for word in words {
        let word = format!("{word} xxx");
        let begins = |window: &[u8]| window == word.as_bytes();
        let places: Vec<_> = bytes.windows(word.len()).enumerate().collect();
        let places = places.into_iter().filter(|(_, window)| begins(window));
        let places: Vec<_> = places.map(|(place, _)| place / 4096 * 4096).collect();
        assert!(!places.is_empty(), "{word} is not in the file");
        for place in places {
            bytes[place..place + 4096].fill(0xff);
        }
    }
    bytes[..4096].fill(0);
    fs::write(path, &bytes).unwrap();
    bytes
}

fn ids(peer: &mut Peer, of: &str) -> Vec<String> {
    peer.history(of).iter().map(|message| text(message, "message").to_owned()).collect()
}

/// Anna and Bob, who have said much to each other and in a group.
fn talkers(server: &Server) -> (Peer, Peer) {
    let (mut anna, mut bob) = (Peer::start(server, "anna"), Peer::start(server, "bob"));
    for peer in [&mut anna, &mut bob] {
        peer.must(json!({"do": "join", "group": "#pond"}));
    }
    for number in 0..12 {
        anna.say("@bob", &long(&format!("own-{number}")));
        bob.say("@anna", &long(&format!("bob-{number}")));
        bob.say("#pond", &long(&format!("pond-{number}")));
    }
    for last in ["bob-11", "pond-11"] {
        anna.wait_for("the last message", event::message(&long(last)));
    }
    bob.wait_for("the last message", event::message(&long("own-11")));
    (anna, bob)
}

#[test]
fn what_can_be_read_of_a_damaged_database_is_saved_and_others_give_back_the_rest() {
    let server = Server::start();
    let (mut anna, mut bob) = talkers(&server);
    let before = [ids(&mut anna, "@bob"), ids(&mut anna, "#pond")];
    anna.quit();
    bob.quit();
    let path = anna.data_dir().join("messages.sqlite");
    let lost = ["own-3", "bob-5", "pond-7"];
    let damaged = overwrite(&path, &lost);
    let line = fatal_line(&anna, &server);
    assert!(line.contains("peer-client salvage"), "{line}");

    let said = program("salvage", &anna, "");
    assert!(said.success, "{said:?}");
    for words in ["saved ", "@bob are missing", "#pond are missing", "damaged-1", "new device"] {
        assert!(said.output.contains(words), "no {words:?} in {said:?}");
    }
    let aside = anna.data_dir().join("messages.sqlite.damaged-1");
    assert!(fs::read(aside).unwrap() == damaged, "the damaged file was changed");

    anna.restart();
    let texts: Vec<_> =
        anna.history("@bob").iter().map(|message| text(message, "text").to_owned()).collect();
    for number in ["own-0", "own-2", "own-11", "bob-0", "bob-11"] {
        assert!(texts.contains(&long(number)), "{number} is not there");
    }
    assert!(!texts.contains(&long("own-3")) && !texts.contains(&long("bob-5")));
    bob.restart();
    for word in lost {
        anna.wait_for(word, event::message(&long(word)));
    }
    assert_eq!([ids(&mut anna, "@bob"), ids(&mut anna, "#pond")], before);

    anna.say("@bob", "after it");
    bob.wait_for("anna's message", event::message("after it"));
    bob.say("@anna", "welcome back");
    anna.wait_for("bob's message", event::message("welcome back"));
    anna.say("#pond", "in the pond again");
    let told = bob.wait_for("anna's message", event::message("in the pond again"));
    assert_eq!(text(&told, "from"), "anna");
    let devices = anna.must(json!({"do": "devices"}));
    assert_eq!(list(&devices, "devices").len(), 1, "the new device is in the old one's place");
    for peer in [&mut anna, &mut bob] {
        assert_eq!(peer.count(|line| line["code"] == "fork"), 0, "{}", peer.tail());
        peer.quit();
    }
    let said = program("salvage", &anna, "");
    assert!(!said.success && said.errors.contains("not damaged"), "{said:?}");
    anna.restart();
    assert_eq!(ids(&mut anna, "@bob").len(), before[0].len() + 2);
    let again = |line: &serde_json::Value| event::is(line, "message");
    assert_eq!(anna.lines_from(0).iter().filter(|line| again(line)).count(), 0, "told twice");
}

#[test]
fn a_device_without_the_accounts_key_gets_a_new_code_after_a_salvage() {
    let server = Server::start();
    let mut phone = Peer::start(&server, "anna");
    let code = |phone: &mut Peer| {
        let answer = phone.must(json!({"do": "add_device"}));
        format!("{}\n", text(&answer, "code"))
    };
    let first = code(&mut phone);
    let mut laptop = Peer::start_prepared(&server, "anna", |data_dir| {
        let folder = data_dir.to_str().unwrap();
        let said = run("peer-client", &["link", "--data-dir", folder], &first, Path::new("/"));
        assert!(said.success, "{said:?}");
    });
    let bob = Peer::start(&server, "bob");
    laptop.say("@bob", &long("from the laptop"));
    bob.wait_for("the message", event::message(&long("from the laptop")));
    laptop.quit();
    overwrite(&laptop.data_dir().join("messages.sqlite"), &[]);
    let said = program("salvage", &laptop, "");
    assert!(said.success && said.output.contains("peer-client link"), "{said:?}");
    let line = fatal_line(&laptop, &server);
    assert!(line.contains("peer-client link"), "{line}");
    let said = program("link", &laptop, &code(&mut phone));
    assert!(said.success, "{said:?}");
    laptop.restart();
    let history = laptop.history("@bob");
    assert_eq!(text(&history[0], "text"), long("from the laptop"));
    laptop.say("@bob", "the laptop again");
    bob.wait_for("the message", event::message("the laptop again"));
    assert_eq!(bob.count(|line| line["code"] == "fork"), 0);
}
