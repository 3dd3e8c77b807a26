//! Images and other files.

use std::{fs, path::PathBuf};

use e2e::{
    event::{self, text},
    peer::Peer,
    samples,
    server::Server,
};
use serde_json::{Value, json};

/// Sends a file from anna to bob. Returns what bob was told, and the bytes that he fetched.
fn send(anna: &mut Peer, bob: &mut Peer, name: &str, bytes: &[u8]) -> (Value, Vec<u8>) {
    let file = anna.write_file(name, bytes);
    let answer = anna.must(json!({"do": "send", "to": "@bob", "file": file, "text": "look"}));
    let told = bob.wait_for("the file", |event| {
        event::attachment(event) && event["message"] == answer["message"]
    });
    assert_eq!(text(&told, "text"), "look", "{told}");
    assert_eq!(told["attachment"]["size"], bytes.len(), "{told}");
    let copy = bob.folder().join("copy");
    let fetched = bob.must(json!({"do": "fetch", "message": answer["message"], "save_to": copy}));
    assert_eq!(fetched["bytes"], bytes.len(), "{fetched}");
    (told, bob.read_file("copy"))
}

#[test]
fn an_image_of_five_megabytes_arrives_whole() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    let image = samples::noise_png("large", 1500, 1200);
    assert!(image.len() > 5_000_000, "{} bytes are too few", image.len());
    let (told, copy) = send(&mut anna, &mut bob, "noise.png", &image);
    let attachment = &told["attachment"];
    assert_eq!(text(attachment, "name"), "noise.png");
    assert_eq!(text(attachment, "media"), "image/png");
    assert_eq!(attachment["width"], 1500, "{told}");
    assert_eq!(attachment["height"], 1200, "{told}");
    assert_eq!(blake3::hash(&copy), blake3::hash(&image));
}

#[test]
fn a_file_with_a_hostile_name_does_no_harm() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    let bytes = samples::noise("plain", 70_000);
    let name = "..\\..\\-rf \u{202e}gpj.\u{7}exe\n{\"do\":\"quit\"}";
    let (told, copy) = send(&mut anna, &mut bob, name, &bytes);
    assert_eq!(copy, bytes);
    let shown = text(&told["attachment"], "name");
    let harmless = |c: char| !c.is_control() && !['/', '\\', '\u{202e}'].contains(&c);
    assert!(!shown.is_empty() && shown.chars().all(harmless), "{shown:?}");
    assert_eq!(told["attachment"].get("width"), None, "{told}");
}

#[test]
fn what_cannot_be_sent_or_fetched_is_refused() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    let missing = anna.folder().join("missing.png");
    anna.refusal(json!({"do": "send", "to": "@bob", "file": missing}));
    let folder = anna.folder().to_owned();
    anna.refusal(json!({"do": "send", "to": "@bob", "file": folder}));
    let huge = anna.folder().join("huge.bin");
    let file = fs::File::create(&huge).expect("the test's folder can be written");
    // It takes no room on the disk.
    file.set_len((4 << 30) + 1).expect("the file system knows files with holes");
    assert_eq!(anna.refusal(json!({"do": "send", "to": "@bob", "file": huge})), "file");
    let id = anna.say("@bob", "no file here");
    bob.wait_for("the message", event::message("no file here"));
    let copy = bob.folder().join("copy");
    bob.refusal(json!({"do": "fetch", "message": id, "save_to": copy}));
    bob.refusal(json!({"do": "fetch", "message": "00".repeat(32), "save_to": copy}));
    assert!(!copy.exists());
}

#[test]
fn a_file_can_be_fetched_once_its_sender_is_back() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    let bytes = samples::noise("later", 3_000_000);
    let file = anna.write_file("later.bin", &bytes);
    let answer = anna.must(json!({"do": "send", "to": "@bob", "file": file}));
    bob.wait_for("the file", event::attachment);
    anna.kill();
    // Anna's own copy may go: what was sent is kept.
    fs::remove_file(&file).unwrap();
    anna.restart();
    let copy = bob.folder().join("copy");
    bob.must(json!({"do": "fetch", "message": answer["message"], "save_to": copy}));
    assert!(bob.read_file("copy") == bytes, "the file is another one");
}

/// Bytes that are enough to interrupt their transfer.
const MUCH: usize = 96 << 20;

/// Anna sends a large file to somebody. Gives its message.
fn send_much(anna: &mut Peer, to: &str, bytes: &[u8]) -> Value {
    let file = anna.write_file("much.bin", bytes);
    let answer = anna.must(json!({"do": "send", "to": to, "file": file}));
    answer["message"].clone()
}

/// Begins to fetch and waits until so many bytes are here. Gives the command and the first word on it.
fn fetch_until(bob: &mut Peer, message: &Value, enough: u64) -> (u64, PathBuf, u64) {
    let (copy, mark) = (bob.folder().join("copy"), bob.mark());
    let fetch = bob.tell(json!({"do": "fetch", "message": message, "save_to": copy}));
    let done = |line: &Value| event::is(line, "progress").then(|| line["done"].as_u64()).flatten();
    let first = bob.wait_after(mark, "progress", |line| done(line).is_some());
    bob.wait_after(mark, "much of the file", |line| done(line).is_some_and(|it| it >= enough));
    (fetch, copy, done(&first).unwrap_or_default())
}

fn blobs(peer: &Peer, ending: &str) -> usize {
    let entries = fs::read_dir(peer.data_dir().join("blobs")).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().unwrap_or_default() == ending)
        .count()
}

#[test]
fn a_cancelled_fetch_is_answered_and_another_one_goes_on_from_there() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    let bytes = samples::noise("cancel", MUCH);
    let message = send_much(&mut anna, "@bob", &bytes);
    bob.wait_for("the file", event::attachment);
    assert_eq!(bob.refusal(json!({"do": "cancel", "message": message})), "not_fetching");
    let (fetch, copy, _) = fetch_until(&mut bob, &message, 20 << 20);
    bob.must(json!({"do": "cancel", "message": message}));
    let answer = bob.reply(fetch);
    assert_eq!((&answer["ok"], text(&answer, "code")), (&json!(false), "cancelled"));
    assert!(!copy.exists());
    assert_eq!(blobs(&bob, "part"), 1, "what came is kept");
    let (fetch, copy, first) = fetch_until(&mut bob, &message, MUCH as u64);
    assert!(first >= 20 << 20, "it went on from {first}");
    assert_eq!(bob.reply(fetch)["bytes"], MUCH);
    assert_eq!(blake3::hash(&fs::read(copy).expect("a copy")), blake3::hash(&bytes));
    assert_eq!(blobs(&bob, "part"), 0);
}

#[test]
fn a_transfer_goes_on_after_either_side_was_killed() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    let bytes = samples::noise("killed", MUCH);
    let message = send_much(&mut anna, "@bob", &bytes);
    bob.wait_for("the file", event::attachment);
    fetch_until(&mut bob, &message, 30 << 20);
    bob.kill();
    bob.restart();
    let (fetch, copy, first) = fetch_until(&mut bob, &message, 50 << 20);
    assert!(first >= 8 << 20, "it went on from {first}");
    anna.kill();
    anna.restart();
    assert_eq!(bob.reply(fetch)["bytes"], MUCH);
    assert_eq!(blake3::hash(&fs::read(copy).expect("a copy")), blake3::hash(&bytes));
}

#[test]
fn a_group_brings_a_file_whose_sender_dies_on_the_way() {
    let server = Server::start();
    let [mut anna, mut bob, mut carol] =
        ["anna", "bob", "carol"].map(|name| Peer::start(&server, name));
    for peer in [&mut anna, &mut bob, &mut carol] {
        peer.must(json!({"do": "join", "group": "#files"}));
    }
    let bytes = samples::noise("group", MUCH);
    let message = send_much(&mut anna, "#files", &bytes);
    for peer in [&bob, &carol] {
        peer.wait_for("the file", event::attachment);
    }
    let copy = bob.folder().join("copy");
    bob.must(json!({"do": "fetch", "message": message, "save_to": copy}));
    let (fetch, copy, _) = fetch_until(&mut carol, &message, 10 << 20);
    anna.kill();
    assert_eq!(carol.reply(fetch)["bytes"], MUCH);
    assert_eq!(blake3::hash(&fs::read(copy).expect("a copy")), blake3::hash(&bytes));
}

#[test]
fn fetched_files_keep_to_their_quota_and_sent_ones_stay() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let mut bob = Peer::start_with(&server, "bob", &["--attachment-quota", "2M"]);
    let own = samples::noise("own", 3 << 20);
    send_much(&mut bob, "@anna", &own);
    anna.wait_for("bob's file", event::attachment);
    let files: Vec<_> = (0..4).map(|it| samples::noise(&format!("file {it}"), 900_000)).collect();
    let messages: Vec<_> = files.iter().map(|bytes| send_much(&mut anna, "@bob", bytes)).collect();
    let copy = bob.folder().join("copy");
    let fetch = |message: &Value| json!({"do": "fetch", "message": message, "save_to": copy});
    for message in &messages[..3] {
        bob.wait_for("a file", |line| event::attachment(line) && line["message"] == *message);
        bob.must(fetch(message));
    }
    bob.quit();
    assert_eq!(blobs(&bob, "fetched"), 2);
    bob.restart();
    bob.wait_for("anna", |line| event::is(line, "presence") && line["online"] == true);
    bob.must(fetch(&messages[3]));
    bob.must(fetch(&messages[0]));
    assert!(bob.read_file("copy") == files[0], "the file is another one");
    bob.quit();
    assert_eq!((blobs(&bob, "fetched"), blobs(&bob, "")), (2, 3));
}
