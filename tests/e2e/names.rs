//! Names at the server.

use e2e::{event, peer::Peer, server::Server};
use serde_json::json;

/// The code with which the server refuses a second person who wants `name`.
#[track_caller]
fn refusal_of(server: &Server, name: &str) -> String {
    let second = Peer::spawn(server, name, &[]);
    let refused = second.wait_for("a refusal", event::rendezvous("refused"));
    assert!(!event::text(&refused, "text").is_empty(), "no text in {refused}");
    event::text(&refused, "code").to_owned()
}

#[test]
fn registering_is_told_after_the_start() {
    let server = Server::start();
    let anna = Peer::start(&server, "anna");
    let started = anna.wait_for("the start", |event| event::is(event, "started"));
    assert_eq!(event::text(&started, "username"), "anna");
    assert!(!event::text(&started, "device").is_empty(), "no device in {started}");
    assert!(!event::text(&started, "account").is_empty(), "no account in {started}");
    assert!(!event::list(&started, "listening").is_empty(), "no addresses in {started}");
    let first = anna.told().into_iter().find(|line| event::is(line, "rendezvous")).unwrap();
    assert_eq!(event::text(&first, "state"), "connecting");
}

#[test]
fn a_taken_name_is_refused() {
    let server = Server::start();
    let _anna = Peer::start(&server, "anna");
    assert_eq!(refusal_of(&server, "anna"), "name_taken");
    assert_eq!(refusal_of(&server, "Anna"), "name_taken");
}

#[test]
fn a_name_that_looks_like_a_taken_one_is_refused() {
    let server = Server::start();
    let _paul = Peer::start(&server, "paul");
    assert_eq!(refusal_of(&server, "pau1"), "name_taken");
}

#[test]
fn a_name_belongs_to_its_account_when_all_were_away() {
    let mut server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    anna.quit();
    assert!(server.terminate().success());
    server.restart();
    assert_eq!(refusal_of(&server, "anna"), "name_taken");
    anna.restart();
}

#[test]
fn a_refused_peer_still_obeys() {
    let server = Server::start();
    let _anna = Peer::start(&server, "anna");
    let mut second = Peer::spawn(&server, "anna", &[]);
    second.wait_for("a refusal", event::rendezvous("refused"));
    second.must(json!({"do": "contacts"}));
    second.quit();
}

#[test]
fn nobody_can_be_written_to_under_an_unknown_name() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let code = anna.refusal(json!({"do": "send", "to": "@nobody", "text": "hello?"}));
    assert_eq!(code, "not_found");
}
