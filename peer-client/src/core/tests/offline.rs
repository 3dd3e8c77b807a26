//! Contacts that are away, connections that break, programs that end.

use std::time::Duration;

use super::network::{Network, wishes::name};
use crate::core::{command::Command, model::Stage};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn an_absent_contact_gets_what_waited_in_order() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "one");
    network.await_texts(1, "@alice", &["one"], 5 * SECOND);
    network.stop(1);
    let waiting = [network.say(0, "@bob", "two"), network.say(0, "@bob", "three")];
    network.run_for(10 * MINUTE);
    for id in waiting {
        assert_eq!(network.stage(0, "@bob", id), Stage::Waiting);
    }
    assert_eq!(network.view(0, "@bob").unwrap().waiting, 2);
    network.start(1);
    network.await_texts(1, "@alice", &["one", "two", "three"], 10 * SECOND);
    network.run_for(SECOND);
    for id in waiting {
        assert_eq!(network.stage(0, "@bob", id), Stage::Stored);
    }
    assert_eq!(network.view(0, "@bob").unwrap().waiting, 0);
}

#[test]
fn what_waits_outlasts_the_writers_restart() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "one");
    network.await_texts(1, "@alice", &["one"], 5 * SECOND);
    network.stop(1);
    let id = network.say(0, "@bob", "two");
    network.stop(0);
    network.run_for(MINUTE);
    network.start(1);
    network.run_for(MINUTE);
    network.start(0);
    network.await_texts(1, "@alice", &["one", "two"], 10 * SECOND);
    network.run_for(SECOND);
    assert_eq!(network.stage(0, "@bob", id), Stage::Stored);
}

#[test]
fn a_broken_connection_is_made_again_and_nothing_is_lost() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    let mut expected = Vec::new();
    for number in 0..10 {
        let text = format!("message {number}");
        network.say(0, "@bob", &text);
        expected.push(text);
        network.run_for(SECOND / 50);
        for link in network.links_between(0, 1) {
            network.break_link(link);
        }
    }
    network.run_for(MINUTE);
    assert_eq!(network.texts(1, "@alice"), expected);
}

#[test]
fn contacts_talk_on_while_the_server_is_away() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "one");
    network.await_texts(1, "@alice", &["one"], 5 * SECOND);
    network.stop_server();
    network.run_for(MINUTE);
    network.say(1, "@alice", "two");
    network.await_texts(0, "@bob", &["one", "two"], SECOND);
    assert!(network.view(0, "@bob").unwrap().online);
}

#[test]
fn a_first_message_waits_for_the_server_only_so_long() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.stop_server();
    network.run_for(SECOND);
    let draft = crate::core::command::Draft { text: "hello".to_owned(), ..Default::default() };
    let failure = network.ask(0, Command::Send { to: name("@bob"), draft: draft.clone() });
    assert_eq!(failure.unwrap_err().code, "not_connected");
    let call = network.submit(0, Command::Send { to: name("@bob"), draft });
    network.start_server();
    network.run_until("the message is taken", 15 * SECOND, |it| {
        it.peers[0].answers.get(&call).is_some_and(Result::is_ok)
    });
    network.await_texts(1, "@alice", &["hello"], 10 * SECOND);
}

#[test]
fn somebody_who_does_not_exist_is_not_written_to() {
    let mut network = Network::with_people(1, &["alice"]);
    let draft = crate::core::command::Draft { text: "hello".to_owned(), ..Default::default() };
    let failure = network.ask(0, Command::Send { to: name("@nobody"), draft });
    assert_eq!(failure.unwrap_err().code, "not_found");
    assert!(network.view(0, "@nobody").is_none());
}

#[test]
fn presence_is_told_as_contacts_come_and_go() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "hello");
    network.await_texts(1, "@alice", &["hello"], 5 * SECOND);
    assert!(network.view(0, "@bob").unwrap().online);
    network.stop(1);
    network.run_for(SECOND);
    assert!(!network.view(0, "@bob").unwrap().online);
    network.start(1);
    network.run_for(5 * SECOND);
    assert!(network.view(0, "@bob").unwrap().online);
}
