//! Messages to those who are away.

use e2e::{event, peer::Peer, server::Server};

fn anna_and_bob(server: &Server) -> [Peer; 2] {
    ["anna", "bob"].map(|name| Peer::start(server, name))
}

#[test]
fn a_message_waits_for_its_reader() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    bob.quit();
    let id = anna.say("@bob", "when you are back");
    assert_eq!(anna.count(event::status(&id, "stored", "bob")), 0);

    bob.restart();
    bob.wait_for("the message", event::message("when you are back"));
    anna.wait_for("`stored` by bob", event::status(&id, "stored", "bob"));
    assert_eq!(bob.count(event::message("when you are back")), 1);
}

#[test]
fn a_message_outlives_its_writer_s_crash() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    bob.quit();
    let id = anna.say("@bob", "written before the crash");
    anna.kill();

    anna.restart();
    bob.restart();
    bob.wait_for("the message", event::message("written before the crash"));
    anna.wait_for("`stored` by bob", event::status(&id, "stored", "bob"));
    assert_eq!(anna.history("@bob").len(), 1);
}

#[test]
fn writer_and_reader_need_meet_only_once() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    bob.quit();
    anna.say("@bob", "a letter");
    anna.quit();
    bob.restart();
    assert_eq!(bob.count(event::message("a letter")), 0);
    anna.restart();
    bob.wait_for("the letter", event::message("a letter"));
}

#[test]
fn each_message_is_told_once_across_restarts() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    for round in 0..3 {
        let text = format!("round {round}");
        anna.say("@bob", &text);
        bob.wait_for(&text, event::message(&text));
        bob.quit();
        bob.restart();
    }
    anna.say("@bob", "the end");
    bob.wait_for("the last message", event::message("the end"));
    for round in 0..3 {
        assert_eq!(bob.count(event::message(&format!("round {round}"))), 1, "round {round}");
    }
    assert_eq!(bob.history("@anna").len(), 4);
}

#[test]
fn a_receipt_that_the_writer_missed_comes_later() {
    let server = Server::start();
    let [mut anna, mut bob] = anna_and_bob(&server);
    bob.quit();
    let id = anna.say("@bob", "do you get this?");
    bob.restart();
    bob.wait_for("the message", event::message("do you get this?"));
    anna.kill();
    anna.restart();
    let answer = anna.say("@bob", "and this?");
    bob.wait_for("the second message", event::message("and this?"));
    anna.wait_for("`stored` of the second", event::status(&answer, "stored", "bob"));
    let history = anna.history("@bob");
    let statuses: Vec<_> = history.iter().map(|one| event::text(one, "status")).collect();
    assert_eq!(statuses, ["stored", "stored"], "{id}: {history:#?}");
}
