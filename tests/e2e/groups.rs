//! Conversations of many.

use e2e::{
    event::{self, list, text},
    peer::Peer,
    server::Server,
};
use serde_json::{Value, json};

/// The ids of the messages of a group, once the peer has `count` of them.
#[track_caller]
fn ids(peer: &mut Peer, group: &str, count: usize) -> Vec<String> {
    let messages = peer.history(group);
    assert_eq!(messages.len(), count, "{}: {messages:#?}", peer.username());
    messages.iter().map(|message| text(message, "message").to_owned()).collect()
}

fn join(peer: &mut Peer, group: &str) {
    peer.must(json!({"do": "join", "group": group}));
}

#[test]
fn five_talk_with_emoji_and_see_one_order() {
    const TEXTS: [&str; 5] = ["hello 👋", "good day ☀️", "hi all 👨‍👩‍👧‍👦", "greetings 🇫🇷", "moin 🐸"];
    let server = Server::start();
    let names = ["anna", "bob", "carol", "dave", "emma"];
    let mut peers = names.map(|name| Peer::start(&server, name));
    for peer in &mut peers {
        join(peer, "#rust");
    }
    for (peer, text) in peers.iter_mut().zip(TEXTS) {
        peer.say("#rust", text);
    }
    for peer in &peers {
        for (author, body) in names.iter().zip(TEXTS).filter(|(name, _)| **name != peer.username())
        {
            let told = peer.wait_for(&format!("`{body}`"), event::message(body));
            assert_eq!(text(&told, "in"), "#rust");
            assert_eq!(text(&told, "from"), *author);
            assert!(["group", "synced", "direct"].contains(&text(&told, "path")), "{told}");
        }
    }
    let order = ids(&mut peers[0], "#rust", TEXTS.len());
    for peer in &mut peers {
        assert_eq!(ids(peer, "#rust", TEXTS.len()), order, "{}", peer.username());
        for body in TEXTS {
            assert!(peer.count(event::message(body)) <= 1, "{}: `{body}` twice", peer.username());
        }
    }
}

#[test]
fn answers_come_after_what_they_answer() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    join(&mut anna, "#order");
    join(&mut bob, "#order");
    let mut expected = Vec::new();
    for round in 0..4 {
        let question = format!("question {round}");
        expected.push(anna.say("#order", &question));
        bob.wait_for(&question, event::message(&question));
        let answer = format!("answer {round}");
        expected.push(bob.say("#order", &answer));
        anna.wait_for(&answer, event::message(&answer));
    }
    assert_eq!(ids(&mut anna, "#order", 8), expected);
    assert_eq!(ids(&mut bob, "#order", 8), expected);
}

#[test]
fn a_late_joiner_gets_what_was_said_before() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let mut bob = Peer::start(&server, "bob");
    join(&mut anna, "#history");
    anna.say("#history", "before anyone came");
    join(&mut bob, "#history");
    bob.wait_for("the first message", event::message("before anyone came"));
    bob.say("#history", "before carol came");
    anna.wait_for("the second message", event::message("before carol came"));
    // The author of the first message is gone: only another member can hand it on.
    anna.quit();

    let mut carol = Peer::start(&server, "carol");
    join(&mut carol, "#history");
    let first = carol.wait_for("the first message", event::message("before anyone came"));
    assert_eq!(text(&first, "from"), "anna");
    assert_eq!(text(&first, "path"), "synced");
    carol.wait_for("the second message", event::message("before carol came"));
    assert_eq!(ids(&mut carol, "#history", 2), ids(&mut bob, "#history", 2));
}

#[test]
fn who_left_hears_no_more() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    for peer in [&mut anna, &mut bob] {
        join(peer, "#left");
        join(peer, "#kept");
    }
    anna.say("#left", "with bob");
    bob.wait_for("the message before he left", event::message("with bob"));
    bob.must(json!({"do": "leave", "group": "#left"}));
    let code = bob.refusal(json!({"do": "send", "to": "#left", "text": "still here?"}));
    assert_eq!(code, "not_joined");
    anna.say("#left", "without bob");
    anna.say("#kept", "with bob again");
    bob.wait_for("the message elsewhere", event::message("with bob again"));
    assert_eq!(bob.count(event::message("without bob")), 0);
}

#[test]
fn a_group_must_be_joined_before_one_writes() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let code = anna.refusal(json!({"do": "send", "to": "#closed", "text": "let me in"}));
    assert_eq!(code, "not_joined");
}

#[test]
fn members_and_the_extent_of_the_history_are_known() {
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    join(&mut anna, "#members");
    join(&mut bob, "#members");
    bob.say("#members", "here I am");
    anna.wait_for("bob's message", event::message("here I am"));
    let answer = anna.must(json!({"do": "members", "of": "#members"}));
    let named = |member: &Value| text(member, "peer") == "bob";
    assert!(list(&answer, "members").iter().any(named), "no bob in {answer}");
    assert!(answer["complete"]["have"].as_u64() >= Some(1), "{answer}");
    assert_eq!(answer["complete"]["missing"], 0, "{answer}");
}

#[test]
fn a_server_carries_five_hundred_groups() {
    const GROUPS: usize = 500;
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    let groups: Vec<_> = (0..GROUPS).map(|number| format!("#topic {number}")).collect();
    let commands: Vec<_> =
        groups.iter().map(|group| anna.tell(json!({"do": "join", "group": group}))).collect();
    for command in commands {
        let answer = anna.reply(command);
        assert_eq!(answer["ok"], true, "{answer}");
    }
    for group in [&groups[GROUPS - 1], &groups[0]] {
        join(&mut bob, group);
        let question = format!("who is in {group}?");
        bob.say(group, &question);
        let told = anna.wait_for(&question, event::message(&question));
        assert_eq!(text(&told, "in"), group);
        let answer = format!("anna is in {group}");
        anna.say(group, &answer);
        bob.wait_for(&answer, event::message(&answer));
    }
}
