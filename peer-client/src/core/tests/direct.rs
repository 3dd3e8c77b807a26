//! Direct messages: their stages, each only after what it says has happened.

use std::{collections::VecDeque, time::Duration};

use wire::sync::{Stage as Acknowledged, SyncFrame};

use super::{
    alone::{Alone, Stranger},
    network::{Network, wishes::name},
};
use crate::core::{
    command::{Command, Draft},
    effect::Effect,
    input::{CallId, Input},
    model::Stage,
    notice::Notice,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_message_is_sent_stored_and_read_in_this_order() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    let id = network.say(0, "@bob", "hello");
    network.await_texts(1, "@alice", &["hello"], 5 * SECOND);
    network.run_for(SECOND);
    assert_eq!(network.peers[0].stages(id), [Stage::Sent, Stage::Stored]);
    let read = network.ask(1, Command::Read { of: name("@alice") });
    assert!(read.is_ok(), "{read:?}");
    network.run_for(SECOND);
    assert_eq!(network.peers[0].stages(id), [Stage::Sent, Stage::Stored, Stage::Read]);
    assert_eq!(network.stage(0, "@bob", id), Stage::Read);
    let delivery = network.history(0, "@bob")[0].delivery.unwrap();
    assert_eq!((delivery.stored_by, delivery.read_by, delivery.of), (1, 1, 1));
}

#[test]
fn a_message_leaves_the_device_only_once_it_is_durable_there() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "first");
    network.await_texts(1, "@alice", &["first"], 5 * SECOND);
    network.run_for(SECOND);
    network.peers[0].held = Some(VecDeque::new());
    let before = network.peers[0].sent.len();
    let draft = Draft { text: "second".to_owned(), ..Draft::default() };
    let call = network.submit(0, Command::Send { to: name("@bob"), draft });
    network.run_for(10 * SECOND);
    assert!(!network.peers[0].answers.contains_key(&call), "answered before it was durable");
    assert_eq!(network.peers[0].sent.len(), before, "sent before it was durable");
    network.release_store(0);
    network.await_texts(1, "@alice", &["first", "second"], 5 * SECOND);
    assert!(network.peers[0].answers[&call].is_ok());
}

#[test]
fn stored_is_told_only_after_the_other_device_has_committed() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "first");
    network.await_texts(1, "@alice", &["first"], 5 * SECOND);
    network.run_for(SECOND);
    network.peers[1].held = Some(VecDeque::new());
    network.peers[1].sent.clear();
    let id = network.say(0, "@bob", "second");
    network.run_for(30 * SECOND);
    assert_eq!(network.peers[0].stages(id), [Stage::Sent]);
    let covers = |frame: &SyncFrame| match frame {
        SyncFrame::Receipt(receipt) => receipt
            .open()
            .unwrap()
            .have
            .iter()
            .any(|held| held.head.is_some_and(|head| head.id == id)),
        _ => false,
    };
    assert!(!network.peers[1].sent.iter().any(|(_, frame)| covers(frame)));
    network.release_store(1);
    network.run_for(SECOND);
    assert_eq!(network.peers[0].stages(id), [Stage::Sent, Stage::Stored]);
    assert!(network.peers[1].sent.iter().any(|(_, frame)| covers(frame)));
}

#[test]
fn nothing_is_told_as_read_that_was_not_read() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "first");
    network.await_texts(1, "@alice", &["first"], 5 * SECOND);
    network.run_for(60 * SECOND);
    let is_read = |frame: &SyncFrame| match frame {
        SyncFrame::Receipt(receipt) => receipt.open().unwrap().stage == Acknowledged::Read,
        _ => false,
    };
    assert!(!network.peers[1].sent.iter().any(|(_, frame)| is_read(frame)));
}

#[test]
fn messages_of_both_sides_arrive_in_the_order_in_which_they_were_written() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    let mut expected = Vec::new();
    for number in 0..20 {
        let (place, to) = [(0, "@bob"), (1, "@alice")][number % 2];
        let text = format!("message {number}");
        network.say(place, to, &text);
        network.run_for(SECOND / 5);
        expected.push(text);
    }
    network.run_for(5 * SECOND);
    assert_eq!(network.texts(0, "@bob"), expected);
    assert_eq!(network.texts(1, "@alice"), expected);
}

#[test]
fn the_first_word_of_a_stranger_is_a_request_until_it_is_answered() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "hello");
    network.await_texts(1, "@alice", &["hello"], 5 * SECOND);
    assert!(network.view(1, "@alice").unwrap().request);
    assert!(!network.view(0, "@bob").unwrap().request);
    network.say(1, "@alice", "hello yourself");
    assert!(!network.view(1, "@alice").unwrap().request);
    network.stop(1);
    network.start(1);
    assert!(!network.view(1, "@alice").unwrap().request);
}

#[test]
fn a_disk_that_refuses_costs_no_message_that_was_not_answered() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "first");
    network.await_texts(1, "@alice", &["first"], 5 * SECOND);
    network.peers[1].store.refuse_writes(true);
    network.say(0, "@bob", "second");
    network.run_for(5 * SECOND);
    assert!(network.peers[1].errors().contains(&"storage"), "{:?}", network.peers[1].errors());
    assert_eq!(network.texts(1, "@alice"), ["first"]);
    network.peers[1].store.refuse_writes(false);
    network.run_for(60 * SECOND);
    assert_eq!(network.texts(1, "@alice"), ["first", "second"]);
    network.say(1, "@alice", "third");
    network.run_for(5 * SECOND);
    assert_eq!(network.texts(0, "@bob"), ["first", "second", "third"]);
}

#[test]
fn who_was_met_while_nothing_could_be_written_is_known_after_that() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.peers[0].store.refuse_writes(true);
    network.say(1, "@alice", "hello");
    network.run_for(5 * SECOND);
    network.peers[0].store.refuse_writes(false);
    network.run_for(60 * SECOND);
    assert_eq!(network.texts(0, "@bob"), ["hello"]);
    let own = network.peers[0].machine.as_ref().unwrap().me.account;
    let accounts = network.peers[0].store.snapshot(own).accounts;
    let names: Vec<_> = accounts.iter().map(|row| row.username.as_str()).collect();
    assert!(names.contains(&"bob"), "{names:?}");
}

#[test]
fn arrivals_are_told_once() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    for text in ["one", "two", "three"] {
        network.say(0, "@bob", text);
    }
    network.run_for(60 * SECOND);
    let arrivals =
        network.peers[1].notices.iter().filter(|it| matches!(it, Notice::Arrived { .. })).count();
    // Several that became durable at one time are told of at one time.
    assert!((1..=3).contains(&arrivals), "{arrivals}");
}

#[test]
fn whoever_is_connected_already_gets_a_first_message_at_once() {
    let mut alice = Alone::new("alice");
    alice.register();
    let bob = Stranger::new(2, "bob");
    alice.trust(&bob);
    alice.link(bob.id());
    let draft = Draft { text: "for you".to_owned(), ..Draft::default() };
    let call = CallId(alice.number());
    let effects =
        alice.feed(Input::Call { id: call, command: Command::Send { to: name("@bob"), draft } });
    let opened =
        |effect: &Effect| matches!(effect, Effect::OpenSync { device, .. } if *device == bob.id());
    assert!(effects.iter().any(opened), "{effects:?}");
}

#[test]
fn a_new_contact_is_told_to_be_present_once() {
    for seed in 0..4 {
        let mut network = Network::with_people(seed, &["alice", "bob"]);
        network.say(0, "@bob", "hello");
        network.await_texts(1, "@alice", &["hello"], 5 * SECOND);
        network.run_for(SECOND);
        for place in 0..2 {
            let notices = network.peers[place].notices.iter();
            let told = notices.filter(|it| matches!(it, Notice::Presence { online: true, .. }));
            assert_eq!(told.count(), 1, "peer {place}, seed {seed}");
        }
    }
}
