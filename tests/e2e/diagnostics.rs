//! What a person is told of the network, and of what passes.

use e2e::{event, peer::Peer, server::Server};
use serde_json::json;

#[test]
fn the_network_and_what_passes_can_be_asked_for() {
    let server = Server::start();
    let mut alice = Peer::start(&server, "alice");
    let mut bob = Peer::start(&server, "bob");
    alice.say("@bob", "hello");
    bob.wait_for("the message", event::message("hello"));
    bob.say("@alice", "hello back");
    alice.wait_for("the answer", event::message("hello back"));

    let peers = alice.must(json!({"do": "peers"}));
    let to_bob = event::list(&peers, "peers").iter().find(|it| it["peer"] == "bob").unwrap();
    assert!(to_bob["sent"].as_u64() > Some(5), "{to_bob}");
    assert!(to_bob["received"].as_u64() > Some(10), "{to_bob}");

    let told = alice.must(json!({"do": "diagnostics"}));
    assert_eq!(told["nat"], "none", "{told}");
    assert!(!event::list(&told, "seen").is_empty(), "{told}");
    let tried = event::list(&told, "tried");
    assert!(tried.iter().any(|it| it["whom"] == "bob" && it["ok"] == true), "{told}");
    let text = event::text(&told, "text");
    assert!(text.contains("@bob direct") && text.contains("Server\n  registered"), "{text}");
}

#[test]
fn whom_an_address_is_kept_from_is_reached_through_the_server() {
    let server = Server::start();
    let mut alice = Peer::start(&server, "alice");
    let bob = Peer::start(&server, "bob");
    let carol = Peer::start(&server, "carol");
    alice.must(json!({"do": "relay_only", "peer": "@bob"}));
    alice.say("@bob", "unseen");
    bob.wait_for("the message", event::message("unseen"));
    alice.wait_for("a relayed road", event::path("bob", "relayed"));
    alice.say("@carol", "seen");
    carol.wait_for("the message", event::message("seen"));
    alice.wait_for("a direct road", event::path("carol", "direct"));
    assert_eq!(alice.count(event::path("bob", "direct")), 0);
    assert_eq!(alice.refusal(json!({"do": "relay_only", "peer": "@nobody"})), "not_found");
}
