//! The server goes and comes back in the middle of a conversation.

use std::time::Duration;

use e2e::{event, peer::Peer, server::Server};
use serde_json::json;

#[test]
fn talk_goes_on_after_a_crash_of_the_server() {
    let mut server = Server::start();
    let mut peers = ["anna", "bob"].map(|name| Peer::start(&server, name));
    for peer in &mut peers {
        peer.must(json!({"do": "join", "group": "#news"}));
    }
    let [anna, bob] = &mut peers;
    anna.say("#news", "before the crash");
    bob.wait_for("the group's message", event::message("before the crash"));
    anna.say("@bob", "between us, before");
    bob.wait_for("the direct message", event::message("between us, before"));

    let marks = [anna.mark(), bob.mark()];
    server.kill();
    anna.wait_after(marks[0], "the loss", event::rendezvous("lost"));
    bob.wait_after(marks[1], "the loss", event::rendezvous("lost"));
    server.restart();
    anna.wait_after(marks[0], "the return", event::rendezvous("registered"));
    bob.wait_after(marks[1], "the return", event::rendezvous("registered"));

    anna.say("#news", "after the crash");
    bob.wait_for("the group's message", event::message("after the crash"));
    bob.say("@anna", "between us, after");
    anna.wait_for("the direct message", event::message("between us, after"));
    // New relations need the server, too.
    let mut carol = Peer::start(&server, "carol");
    carol.say("@bob", "I am new");
    bob.wait_for("the newcomer's message", event::message("I am new"));
}

#[test]
fn direct_talk_goes_on_without_the_server() {
    let mut server = Server::start();
    let [mut anna, bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    anna.say("@bob", "with the server");
    bob.wait_for("the first message", event::message("with the server"));
    anna.wait_for("a direct road", event::path("bob", "direct"));
    bob.wait_for("a direct road", event::path("anna", "direct"));
    let mark = anna.mark();
    assert!(server.terminate().success());
    anna.wait_after(mark, "the loss", event::rendezvous("lost"));
    let id = anna.say("@bob", "without the server");
    bob.wait_for("the second message", event::message("without the server"));
    anna.wait_for("`stored` by bob", event::status(&id, "stored", "bob"));
}

#[test]
fn peers_that_start_first_wait_for_the_server() {
    let mut server = Server::start();
    server.kill();
    let anna = Peer::spawn(&server, "anna", &[]);
    anna.wait_for("the start", |event| event::is(event, "started"));
    server.restart();
    anna.wait_for("registration", event::rendezvous("registered"));
}

/// The server tests the addresses of its clients seconds after they registered, by connecting to
/// them and hanging up.
#[test]
fn the_tie_to_the_server_lasts_while_addresses_are_tested() {
    let server = Server::start();
    let anna = Peer::start(&server, "anna");
    anna.watch_without("a loss", Duration::from_secs(8), event::rendezvous("lost"));
}
