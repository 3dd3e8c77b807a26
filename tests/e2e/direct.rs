//! Conversations of two.

use e2e::{
    event::{self, list, text},
    peer::Peer,
    server::Server,
};
use serde_json::{Value, json};

fn anna_and_bob(server: &Server) -> [Peer; 2] {
    ["anna", "bob"].map(|name| Peer::start(server, name))
}

#[test]
fn a_message_goes_from_device_to_device_and_is_receipted() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    let id = anna.say("@bob", "hello bob 🐸");
    let told = bob.wait_for("the message", event::message("hello bob 🐸"));
    assert_eq!(text(&told, "in"), "@anna");
    assert_eq!(text(&told, "from"), "anna");
    assert_eq!(text(&told, "message"), id);
    assert!(told["at"].as_u64() > Some(1_700_000_000_000), "{told}");
    anna.wait_for("`sent`", event::sent(&id));
    anna.wait_for("`stored` by bob", event::status(&id, "stored", "bob"));
    let road = anna.wait_for("a direct road", event::path("bob", "direct"));
    assert!(["quic", "tcp"].contains(&text(&road, "transport")), "{road}");

    let second = bob.say("@anna", "over the direct road");
    let told = anna.wait_for("the answer", event::message("over the direct road"));
    assert_eq!(text(&told, "path"), "direct");
    bob.wait_for("`stored` by anna", event::status(&second, "stored", "anna"));
    let stages: Vec<_> = anna
        .told()
        .into_iter()
        .filter(|line| event::is(line, "status") && text(line, "message") == id)
        .map(|line| text(&line, "stage").to_owned())
        .collect();
    assert_eq!(stages, ["sent", "stored"], "each stage once, in order");
}

#[test]
fn an_answer_names_what_it_answers() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    let question = anna.say("@bob", "tea or coffee?");
    bob.wait_for("the question", event::message("tea or coffee?"));
    bob.must(json!({"do": "send", "to": "@anna", "text": "tea 🫖", "reply_to": question}));
    let answer = anna.wait_for("the answer", event::message("tea 🫖"));
    assert_eq!(text(&answer, "reply_to"), question);
    let history = anna.history("@bob");
    assert_eq!(text(&history[1], "reply_to"), question, "{history:#?}");
}

#[test]
fn a_stranger_is_a_request_until_answered() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    let id = anna.say("@bob", "you do not know me");
    let told = bob.wait_for("the first message", event::message("you do not know me"));
    assert_eq!(told["request"], true, "{told}");
    anna.wait_for("`stored` by bob", event::status(&id, "stored", "bob"));
    bob.say("@anna", "now I do");
    anna.wait_for("the answer", event::message("now I do"));
    anna.say("@bob", "no stranger any more");
    let told = bob.wait_for("the next message", event::message("no stranger any more"));
    assert_ne!(told["request"], true, "{told}");
}

#[test]
fn reading_is_told_to_the_author() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    let id = anna.say("@bob", "read me");
    bob.wait_for("the message", event::message("read me"));
    bob.say("@anna", "a moment");
    bob.must(json!({"do": "read", "of": "@anna"}));
    anna.wait_for("`read` by bob", event::status(&id, "read", "bob"));
    let history = anna.history("@bob");
    assert_eq!(text(&history[0], "status"), "read", "{history:#?}");
}

#[test]
fn writing_is_shown_while_it_happens() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    anna.say("@bob", "are you there?");
    bob.wait_for("the message", event::message("are you there?"));
    bob.say("@anna", "yes");
    anna.wait_for("the answer", event::message("yes"));
    bob.must(json!({"do": "typing", "in": "@anna"}));
    let typing = anna.wait_for("typing", |event| event::is(event, "typing"));
    assert_eq!(text(&typing, "in"), "@bob");
    assert_eq!(text(&typing, "peer"), "bob");
}

#[test]
fn coming_and_going_is_seen() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    anna.say("@bob", "stay a while");
    bob.wait_for("the message", event::message("stay a while"));
    anna.wait_for("bob online", event::presence("bob", true));
    let mark = anna.mark();
    bob.quit();
    anna.wait_after(mark, "bob offline", event::presence("bob", false));
    let mark = anna.mark();
    bob.restart();
    anna.wait_after(mark, "bob back online", event::presence("bob", true));
}

#[test]
fn people_and_devices_are_listed() {
    let server = Server::start();
    let [mut anna, bob] = anna_and_bob(&server);
    assert_eq!(list(&anna.must(json!({"do": "contacts"})), "contacts"), [] as [Value; 0]);
    anna.say("@bob", "hello");
    bob.wait_for("the message", event::message("hello"));
    anna.wait_for("a direct road", event::path("bob", "direct"));

    let contacts = anna.must(json!({"do": "contacts"}));
    let names: Vec<_> = list(&contacts, "contacts").iter().map(|one| text(one, "peer")).collect();
    assert_eq!(names, ["bob"], "{contacts}");
    let peers = anna.must(json!({"do": "peers"}));
    let bob = list(&peers, "peers").iter().find(|peer| text(peer, "peer") == "bob");
    let bob = bob.unwrap_or_else(|| panic!("no bob in {peers}"));
    assert_eq!(bob["online"], true, "{bob}");
    assert_eq!(text(bob, "path"), "direct");
    assert!(["quic", "tcp"].contains(&text(bob, "transport")), "{bob}");
}

#[test]
fn history_comes_in_pages() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    let ids: Vec<_> = (0..5).map(|n| anna.say("@bob", &format!("message {n}"))).collect();
    bob.wait_for("the last message", event::message("message 4"));
    let page = |peer: &mut Peer, of: &str, before: Option<&String>| -> Vec<String> {
        let mut command = json!({"do": "history", "of": of, "limit": 2});
        if let Some(id) = before {
            command["before"] = json!(id);
        }
        let answer = peer.must(command);
        list(&answer, "messages").iter().map(|one| text(one, "message").to_owned()).collect()
    };
    for (peer, of) in [(&mut anna, "@bob"), (&mut bob, "@anna")] {
        assert_eq!(page(peer, of, None), ids[3..]);
        assert_eq!(page(peer, of, Some(&ids[3])), ids[1..3]);
        assert_eq!(page(peer, of, Some(&ids[1])), ids[..1]);
    }
    let history = bob.history("@anna");
    assert_eq!(text(&history[0], "text"), "message 0");
    assert_eq!(text(&history[0], "from"), "anna");
}
