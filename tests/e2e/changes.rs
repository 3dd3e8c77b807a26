//! What people do to messages that are there already, and of whom they want to hear.

use std::time::Duration;

use e2e::{
    event::{self, list, text},
    peer::Peer,
    server::Server,
    traces,
};
use serde_json::{Value, json};

fn changed(id: &str, field: &str, value: &Value) -> impl Fn(&Value) -> bool {
    move |line| {
        event::is(line, "change") && text(line, "message") == id && line.get(field) == Some(value)
    }
}

#[test]
fn reactions_edits_and_erasures_reach_all_members() {
    let server = Server::start();
    let mut peers = ["anna", "bob", "carol"].map(|name| Peer::start(&server, name));
    for peer in &mut peers {
        peer.must(json!({"do": "join", "group": "#garden"}));
    }
    let [anna, bob, carol] = &mut peers;
    let id = anna.say("#garden", "the rhubarb is ripe");
    bob.wait_for("the message", event::message("the rhubarb is ripe"));
    carol.wait_for("the message", event::message("the rhubarb is ripe"));

    bob.must(json!({"do": "react", "message": id, "emoji": "🐸", "on": true}));
    let by_bob = json!({"🐸": ["bob"]});
    for peer in [&*anna, &*carol] {
        let line = peer.wait_for("the reaction", changed(&id, "reactions", &by_bob));
        assert_eq!(text(&line, "by"), "bob");
    }
    let answer = anna.must(json!({"do": "edit", "message": id, "text": "the rhubarb is gone"}));
    assert_eq!(text(&answer, "message"), id);
    carol.wait_for("the edit", changed(&id, "text", &json!("the rhubarb is gone")));
    let history = carol.history("#garden");
    assert_eq!(history[0]["edited"], true, "{history:#?}");
    assert_eq!(history[0]["reactions"], by_bob);

    assert_eq!(bob.refusal(json!({"do": "erase", "message": id})), "not_yours");
    anna.must(json!({"do": "erase", "message": id}));
    bob.wait_for("the erasure", changed(&id, "erased", &json!(true)));
    carol.wait_for("the erasure", changed(&id, "erased", &json!(true)));
    let history = bob.history("#garden");
    assert_eq!(history[0]["erased"], true, "{history:#?}");
    assert!(history[0].get("text").is_none(), "{history:#?}");
}

#[test]
fn what_was_erased_is_on_no_disk_any_more() {
    let server = Server::start();
    let [mut anna, bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    let id = anna.say("@bob", "meet me at the lighthouse");
    bob.wait_for("the message", event::message("meet me at the lighthouse"));
    anna.wait_for("`stored`", event::status(&id, "stored", "bob"));
    let on_disk = |peer: &Peer| traces::in_folder(&peer.data_dir(), b"lighthouse");
    assert!(!on_disk(&anna).is_empty() && !on_disk(&bob).is_empty(), "it is there before");
    anna.must(json!({"do": "erase", "message": id}));
    bob.wait_for("the erasure", changed(&id, "erased", &json!(true)));
    for peer in [&anna, &bob] {
        assert_eq!(on_disk(peer), Vec::<std::path::PathBuf>::new(), "{}", peer.username());
    }
}

#[test]
fn words_are_found_in_all_conversations_or_in_one() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    for peer in [&mut anna, &mut bob] {
        peer.must(json!({"do": "join", "group": "#cooking"}));
    }
    anna.say("#cooking", "Crème brûlée for eight");
    anna.say("@bob", "the creme is for you");
    bob.wait_for("the message", event::message("the creme is for you"));
    bob.wait_for("the message", event::message("Crème brûlée for eight"));
    let mut search = |command: Value| {
        let answer = bob.must(command);
        list(&answer, "messages").iter().map(|it| text(it, "text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(search(json!({"do": "search", "text": "crem"})).len(), 2);
    let one = search(json!({"do": "search", "text": "creme bru", "in": "#cooking"}));
    assert_eq!(one, ["Crème brûlée for eight"]);
    assert!(search(json!({"do": "search", "text": "crem eggs"})).is_empty());
}

#[test]
fn a_blocked_person_is_not_heard() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    anna.say("@bob", "hello");
    let told = bob.wait_for("the first message", event::message("hello"));
    assert_eq!(told["request"], true);
    bob.must(json!({"do": "block", "peer": "@anna", "on": true}));
    let id = anna.say("@bob", "do you hear me?");
    let heard = event::message("do you hear me?");
    bob.watch_without("a message of a blocked person", Duration::from_secs(3), &heard);
    assert_eq!(anna.count(event::status(&id, "stored", "bob")), 0);
    assert_eq!(bob.refusal(json!({"do": "send", "to": "@anna", "text": "?"})), "blocked");
    bob.must(json!({"do": "block", "peer": "@anna", "on": false}));
    bob.must(json!({"do": "accept", "peer": "@anna"}));
    bob.wait_for("what waited", heard);
    anna.wait_for("its receipt", event::status(&id, "stored", "bob"));
}

#[test]
fn a_private_group_needs_its_invitation() {
    let server = Server::start();
    let mut peers = ["anna", "bob", "carol"].map(|name| Peer::start(&server, name));
    let [anna, bob, carol] = &mut peers;
    let answer = anna.must(json!({"do": "create", "group": "#board"}));
    let invite = text(&answer, "invite").to_owned();
    assert!(invite.starts_with("natterjack:"), "{answer}");
    anna.say("#board", "among us");
    bob.must(json!({"do": "join", "group": "#board", "invite": invite}));
    carol.must(json!({"do": "join", "group": "#board"}));
    bob.wait_for("the history", event::message("among us"));
    bob.say("#board", "here I am");
    anna.wait_for("the answer", event::message("here I am"));
    assert!(carol.history("#board").is_empty(), "she is in another group of that name");
}
