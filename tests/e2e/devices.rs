//! One account on several devices: by its phrase, by a code, from a backup; and removing one.

use std::{fs, path::Path};

use e2e::{
    event::{self, list, text},
    peer::Peer,
    run::{Said, run},
    server::Server,
};
use serde_json::{Value, json};

/// Runs `peer-client` with a data folder, to its end.
fn program(arguments: &[&str], data_dir: &Path, input: &str) -> Said {
    let data_dir = data_dir.to_str().unwrap_or_else(|| panic!("{}", data_dir.display()));
    let arguments = [arguments, &["--data-dir", data_dir]].concat();
    run("peer-client", &arguments, input, Path::new("/"))
}

#[track_caller]
fn done(arguments: &[&str], data_dir: &Path, input: &str) -> Said {
    let said = program(arguments, data_dir, input);
    assert!(said.success, "{arguments:?}: {said:?}");
    said
}

#[track_caller]
fn refused(arguments: &[&str], data_dir: &Path, input: &str) -> String {
    let said = program(arguments, data_dir, input);
    assert!(!said.success, "{arguments:?}: {said:?}");
    assert_eq!(said.errors.lines().count(), 1, "{arguments:?}: {said:?}");
    said.errors
}

/// The phrase of a peer, which is not running meanwhile.
fn phrase(peer: &mut Peer) -> String {
    peer.quit();
    let said = done(&["phrase"], &peer.data_dir(), "");
    assert_eq!(said.errors.lines().count(), 1, "one warning: {said:?}");
    peer.restart();
    said.output
}

fn recover_arguments<'a>(server: &'a Server, username: &'a str) -> Vec<&'a str> {
    vec!["recover", "--username", username, "--rendezvous", &server.addresses()[0]]
}

/// Another device of a peer's account, added by a code.
fn linked(server: &Server, first: &mut Peer) -> Peer {
    let answer = first.must(json!({"do": "add_device"}));
    let code = text(&answer, "code").to_owned();
    let username = first.username().to_owned();
    Peer::start_prepared(server, &username, |data_dir| {
        let said = done(&["link"], data_dir, &format!("{code}\n"));
        assert!(said.output.contains(&username), "{said:?}");
    })
}

fn devices(peer: &mut Peer) -> Vec<Value> {
    let answer = peer.must(json!({"do": "devices"}));
    list(&answer, "devices").to_vec()
}

fn here(peer: &mut Peer) -> String {
    let devices = devices(peer);
    let here = devices.iter().find(|device| device["here"] == true);
    let here = here.unwrap_or_else(|| panic!("a device does not list itself: {devices:?}"));
    text(here, "device").to_owned()
}

#[test]
fn a_device_added_by_a_code_has_what_the_first_one_has() {
    let server = Server::start();
    let mut phone = Peer::start(&server, "anna");
    let mut bob = Peer::start(&server, "bob");
    phone.say("@bob", "before the laptop");
    bob.wait_for("the first message", event::message("before the laptop"));
    bob.say("@anna", "an answer before it");
    phone.wait_for("the answer", event::message("an answer before it"));
    for peer in [&mut phone, &mut bob] {
        peer.must(json!({"do": "join", "group": "#pond"}));
    }
    phone.say("#pond", "in the pond");

    let mut laptop = linked(&server, &mut phone);
    laptop.wait_for("the history", event::message("before the laptop"));
    laptop.wait_for("the history", event::message("an answer before it"));
    let told = laptop.wait_for("the group's history", event::message("in the pond"));
    assert_eq!(text(&told, "in"), "#pond");
    assert_eq!(text(&told, "from"), "anna");

    bob.say("@anna", "to both");
    phone.wait_for("bob's message", event::message("to both"));
    laptop.wait_for("bob's message", event::message("to both"));
    laptop.say("@bob", "from the laptop");
    let told = bob.wait_for("the laptop's message", event::message("from the laptop"));
    assert_eq!(text(&told, "from"), "anna");
    assert_ne!(told["request"], true, "{told}");
    let told = phone.wait_for("the own message", event::message("from the laptop"));
    assert_eq!((text(&told, "from"), text(&told, "in")), ("anna", "@bob"));
    phone.say("@bob", "from the phone");
    laptop.wait_for("the own message", event::message("from the phone"));
    laptop.say("#pond", "from the laptop in the pond");
    phone.wait_for("the own message", event::message("from the laptop in the pond"));
    bob.wait_for("the laptop's message", event::message("from the laptop in the pond"));

    assert_eq!(devices(&mut phone).len(), 2);
    assert_eq!(phone.history("@bob").len(), laptop.history("@bob").len());
    let contacts = laptop.must(json!({"do": "contacts"}));
    assert_eq!(list(&contacts, "contacts").len(), 1, "{contacts}");
}

#[test]
fn what_one_device_begins_the_other_one_follows() {
    let server = Server::start();
    let mut phone = Peer::start(&server, "anna");
    let mut laptop = linked(&server, &mut phone);
    let mut bob = Peer::start(&server, "bob");
    laptop.say("@bob", "a new conversation");
    phone.wait_for("the own message", event::message("a new conversation"));
    laptop.must(json!({"do": "join", "group": "#reeds"}));
    bob.must(json!({"do": "join", "group": "#reeds"}));
    bob.say("#reeds", "who is here?");
    phone.wait_for("the group's message", event::message("who is here?"));

    phone.quit();
    laptop.say("@bob", "while the phone was off");
    bob.wait_for("the message", event::message("while the phone was off"));
    phone.restart();
    phone.wait_for("the own message", event::message("while the phone was off"));
    laptop.quit();
    laptop.restart();
    phone.say("@bob", "both are back");
    laptop.wait_for("the own message", event::message("both are back"));
}

#[test]
fn a_code_works_once_and_not_for_others() {
    let server = Server::start();
    let mut phone = Peer::start(&server, "anna");
    let answer = phone.must(json!({"do": "add_device"}));
    let code = text(&answer, "code").to_owned();
    let folder = tempfile::tempdir().unwrap();
    let new = |name: &str| folder.path().join(name);
    assert!(refused(&["link"], &new("a"), "natterjack:no\n").contains("code"));
    let wrong = code.replacen("natterjack-device:", "", 1);
    refused(&["link"], &new("b"), &format!("{wrong}\n"));
    done(&["link"], &new("c"), &code);
    let error = refused(&["link"], &new("d"), &code);
    assert!(error.contains("not good any more"), "{error}");
    assert_eq!(devices(&mut phone).len(), 2);
    let error = refused(&["link"], &new("c"), &code);
    assert!(error.contains("holds a device already"), "{error}");
    let error = refused(&["phrase"], &new("c"), "");
    assert!(error.contains("does not have the account's key"), "{error}");
}

#[test]
fn a_removed_device_is_refused_by_server_and_peers() {
    let server = Server::start();
    let mut phone = Peer::start(&server, "anna");
    let mut bob = Peer::start(&server, "bob");
    phone.say("@bob", "hello");
    bob.wait_for("the message", event::message("hello"));
    let mut laptop = linked(&server, &mut phone);
    laptop.say("@bob", "still mine");
    bob.wait_for("the laptop's message", event::message("still mine"));

    let (lost, kept) = (here(&mut laptop), here(&mut phone));
    assert_eq!(laptop.refusal(json!({"do": "revoke", "device": kept})), "no_account_key");
    assert_eq!(phone.refusal(json!({"do": "revoke", "device": kept})), "own_device");
    phone.must(json!({"do": "revoke", "device": lost}));
    let refused = laptop.wait_for("the refusal", event::rendezvous("refused"));
    assert_eq!(text(&refused, "code"), "revoked");
    assert_eq!(devices(&mut phone).len(), 1);
    assert_eq!(phone.refusal(json!({"do": "revoke", "device": lost})), "not_found");
    laptop.say("@bob", "stolen words");
    bob.say("@anna", "only for the phone");
    phone.wait_for("bob's message", event::message("only for the phone"));
    phone.say("@bob", "after the theft");
    bob.wait_for("the phone's message", event::message("after the theft"));
    assert_eq!(bob.count(event::message("stolen words")), 0);
    assert_eq!(laptop.count(event::message("only for the phone")), 0);
}

#[test]
fn the_phrase_brings_the_name_to_a_new_machine() {
    let server = Server::start();
    let mut old = Peer::start(&server, "anna");
    let bob = Peer::start(&server, "bob");
    old.say("@bob", "on the old machine");
    bob.wait_for("the message", event::message("on the old machine"));
    let words = phrase(&mut old);
    assert_eq!(words.split_whitespace().count(), 24);

    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");
    let arguments = recover_arguments(&server, "anna");
    let error = refused(&arguments, &new, "too few words\n");
    assert!(error.contains("24"), "{error}");
    let misspelt = format!("Frosch {}", words.split_once(' ').unwrap().1);
    let error = refused(&arguments, &new, &misspelt);
    assert!(error.contains("word 1 ") && !error.contains("rosch"), "{error}");
    let error = refused(&recover_arguments(&server, "bob"), &new, &words);
    assert!(error.contains("another account"), "{error}");
    let error = refused(&recover_arguments(&server, "nobody"), &new, &words);
    assert!(error.contains("nobody is registered"), "{error}");

    let mut new = Peer::start_prepared(&server, "anna", |data_dir| {
        done(&arguments, data_dir, &words);
    });
    new.wait_for("the history", event::message("on the old machine"));
    new.say("@bob", "on the new machine");
    bob.wait_for("the message", event::message("on the new machine"));
    old.wait_for("the own message", event::message("on the new machine"));
    assert_eq!(devices(&mut old).len(), 2);
    // It has the account's key, too.
    let lost = here(&mut old);
    new.must(json!({"do": "revoke", "device": lost}));
    old.wait_for("the refusal", event::rendezvous("refused"));
}

#[test]
fn recovery_can_remove_all_other_devices() {
    let mut server = Server::start();
    let mut stolen = Peer::start(&server, "anna");
    let words = phrase(&mut stolen);
    let mut arguments = recover_arguments(&server, "anna");
    arguments.push("--revoke-others");
    let mut new = Peer::start_prepared(&server, "anna", |data_dir| {
        done(&arguments, data_dir, &words);
    });
    let refused_now = stolen.wait_for("the refusal", event::rendezvous("refused"));
    assert_eq!(text(&refused_now, "code"), "revoked");
    assert_eq!(devices(&mut new).len(), 1);

    let arguments: Vec<String> =
        recover_arguments(&server, "anna").into_iter().map(str::to_owned).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    server.kill();
    let folder = tempfile::tempdir().unwrap();
    let error = refused(&arguments, &folder.path().join("late"), &words);
    assert!(error.contains("cannot be reached"), "{error}");
}

#[test]
fn a_backup_makes_a_new_device_with_everything() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let bob = Peer::start(&server, "bob");
    anna.say("@bob", "keep this");
    bob.wait_for("the message", event::message("keep this"));
    let picture = anna.write_file("notes.txt", b"attached text");
    anna.must(json!({"do": "send", "to": "@bob", "file": picture, "text": "a file"}));
    bob.wait_for("the file", event::message("a file"));
    anna.quit();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("anna.age");
    let path = file.to_str().unwrap();
    done(&["export", "--to", path], &anna.data_dir(), "a long passphrase\n");
    let sealed = fs::read(&file).unwrap();
    assert!(sealed.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    assert!(!sealed.windows(9).any(|bytes| bytes == b"keep this"));
    let error = refused(&["import", "--from", path], &folder.path().join("no"), "wrong\n");
    assert!(error.contains("passphrase is wrong"), "{error}");

    let mut copy = Peer::start_prepared(&server, "anna", |data_dir| {
        done(&["import", "--from", path], data_dir, "a long passphrase\n");
    });
    let history = copy.history("@bob");
    assert_eq!(text(&history[0], "text"), "keep this");
    let message = text(&history[1], "message").to_owned();
    let saved = copy.folder().join("saved.txt");
    copy.must(json!({"do": "fetch", "message": message, "save_to": saved}));
    assert_eq!(copy.read_file("saved.txt"), b"attached text");
    anna.restart();
    copy.say("@bob", "from the copy");
    bob.wait_for("the copy's message", event::message("from the copy"));
    anna.wait_for("the own message", event::message("from the copy"));
    anna.say("@bob", "from the old one");
    copy.wait_for("the own message", event::message("from the old one"));
    assert_eq!(devices(&mut anna).len(), 2);
    assert_eq!(bob.count(|line| text(line, "code") == "fork"), 0);
}

#[test]
fn the_same_device_comes_back_from_a_backup() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let bob = Peer::start(&server, "bob");
    anna.say("@bob", "first");
    bob.wait_for("the message", event::message("first"));
    let device = here(&mut anna);
    anna.quit();
    let file = anna.folder().join("backup.age");
    let path = file.to_str().unwrap().to_owned();
    done(&["export", "--to", &path], &anna.data_dir(), "a long passphrase\n");
    let mut again = Peer::start_prepared(&server, "anna", |data_dir| {
        done(&["import", "--from", &path, "--same-device"], data_dir, "a long passphrase\n");
    });
    assert_eq!(here(&mut again), device);
    again.say("@bob", "second");
    bob.wait_for("the message", event::message("second"));
    assert_eq!(devices(&mut again).len(), 1);
}

#[test]
fn a_conversation_is_written_to_files() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let mut bob = Peer::start(&server, "bob");
    for number in 0..3 {
        anna.say("@bob", &format!("line {number}"));
    }
    bob.wait_for("the last line", event::message("line 2"));
    bob.say("@anna", "seen");
    anna.wait_for("the answer", event::message("seen"));
    let notes = anna.write_file("notes.txt", b"attached text");
    anna.must(json!({"do": "send", "to": "@bob", "file": notes}));
    let history = anna.history("@bob");
    anna.quit();

    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("with bob");
    let arguments = ["export", "--conversation", "@bob", "--to", to.to_str().unwrap()];
    done(&arguments, &anna.data_dir(), "");
    let lines = fs::read_to_string(to.join("messages.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let ids = |messages: &[Value]| -> Vec<String> {
        messages.iter().map(|message| text(message, "message").to_owned()).collect()
    };
    assert_eq!(ids(&lines), ids(&history));
    assert_eq!(text(&lines[3], "from"), "bob");
    let file = lines[4]["attachment"]["file"].as_str().unwrap();
    assert_eq!(fs::read(to.join(file)).unwrap(), b"attached text");
    let unknown = ["export", "--conversation", "@carol", "--to", to.to_str().unwrap()];
    let error = refused(&unknown, &anna.data_dir(), "");
    assert!(error.contains("@carol"), "{error}");
}
