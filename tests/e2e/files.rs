//! Images and other files.

use std::fs;

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
