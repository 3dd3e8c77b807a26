//! Groups: gossip, what repairs its losses, who comes late, who comes back.

use std::time::Duration;

use proptest::prelude::*;
use wire::{
    bounded::Bounded,
    conversation::{GroupMessage, GroupSecret},
    event::CheckedEvent,
    name::GroupName,
    sync::Stage as Acknowledged,
};

use super::{
    alone::{Alone, Stranger, up_to},
    network::{Network, wishes::name},
};
use crate::core::{
    command::Command,
    effect::Effect,
    input::{GossipInput, Input, LinkInput},
    model::Stage,
    notice::Notice,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

fn group(seed: u64, names: &[&str]) -> Network {
    let mut network = Network::with_people(seed, names);
    for place in 0..names.len() {
        network.join(place, "garden");
    }
    network.run_for(2 * SECOND);
    network
}

#[test]
fn a_message_reaches_all_members_by_gossip() {
    let mut network = group(1, &["alice", "bob", "carol"]);
    let id = network.say(0, "#garden", "hello all");
    for place in 1..3 {
        network.await_texts(place, "#garden", &["hello all"], SECOND);
        assert_eq!(network.history(place, "#garden")[0].path.unwrap().as_str(), "group");
    }
    network.run_for(5 * SECOND);
    assert_eq!(network.stage(0, "#garden", id), Stage::Stored);
    let delivery = network.history(0, "#garden")[0].delivery.unwrap();
    assert_eq!((delivery.stored_by, delivery.of), (2, 2));
}

#[test]
fn what_gossip_loses_is_repaired() {
    let mut network = group(2, &["alice", "bob", "carol"]);
    network.gossip_loss = 100;
    for number in 0..5 {
        network.say(number % 3, "#garden", &format!("message {number}"));
        network.run_for(SECOND);
    }
    network.gossip_loss = 0;
    network.run_for(2 * MINUTE);
    let texts = network.texts(0, "#garden");
    assert_eq!(texts.len(), 5);
    for place in 0..3 {
        assert_eq!(network.texts(place, "#garden"), texts);
        assert_eq!(network.complete(place, "#garden").missing, 0);
    }
}

#[test]
fn a_late_joiner_gets_the_history_even_of_members_who_are_gone() {
    let mut network = group(3, &["alice", "bob"]);
    network.say(0, "#garden", "before");
    network.run_for(5 * SECOND);
    network.stop(0);
    let carol = network.add(super::Person::new(3, "carol"));
    network.run_for(2 * SECOND);
    network.join(carol, "garden");
    network.await_texts(carol, "#garden", &["before"], 10 * SECOND);
    assert_eq!(network.history(carol, "#garden")[0].from.as_str(), "alice");
    assert_eq!(network.history(carol, "#garden")[0].path.unwrap().as_str(), "synced");
}

#[test]
fn a_member_who_was_away_catches_up() {
    let mut network = group(4, &["alice", "bob"]);
    network.stop(1);
    network.say(0, "#garden", "one");
    network.say(0, "#garden", "two");
    network.run_for(10 * MINUTE);
    network.start(1);
    network.await_texts(1, "#garden", &["one", "two"], 20 * SECOND);
}

#[test]
fn a_member_alone_writes_and_is_heard_later() {
    let mut network = Network::with_people(5, &["alice", "bob"]);
    network.join(0, "garden");
    network.say(0, "#garden", "anyone?");
    network.run_for(MINUTE);
    network.join(1, "garden");
    network.await_texts(1, "#garden", &["anyone?"], 20 * SECOND);
}

#[test]
fn members_come_and_go_and_the_history_stays() {
    let mut network = group(6, &["alice", "bob"]);
    network.say(0, "#garden", "the beginning");
    network.run_for(2 * SECOND);
    for number in 0..12 {
        let visitor = network.add(super::Person::new(10 + number, &format!("visitor{number}")));
        network.run_for(2 * SECOND);
        network.join(visitor, "garden");
        network.await_texts(visitor, "#garden", &["the beginning"], 20 * SECOND);
        network.run_for(5 * SECOND);
        network.stop(visitor);
    }
    network.stop(0);
    let late = network.add(super::Person::new(50, "late"));
    network.run_for(2 * SECOND);
    network.join(late, "garden");
    network.await_texts(late, "#garden", &["the beginning"], MINUTE);
    network.gossip_loss = 100;
    network.say(late, "#garden", "a word that gossip loses");
    network.run_for(SECOND);
    network.gossip_loss = 0;
    let all = ["the beginning", "a word that gossip loses"];
    network.await_texts(1, "#garden", &all, 2 * MINUTE);
}

/// A digest of a member comes by gossip: it has its own log up to an entry. Tells whether it is
/// dialled for that.
fn seeks(alice: &mut Alone, secret: &GroupSecret, member: &Stranger, last: &CheckedEvent) -> bool {
    let have = up_to(member.id(), last.header.sequence, last.id);
    let receipt = member.receipt(secret.conversation(), Acknowledged::Stored, have);
    let bytes = secret.seal(&GroupMessage::Have(receipt), [1; 24]);
    alice.feed(Input::Gossip(GossipInput::Message { tag: secret.tag(), bytes }));
    let mut effects = alice.wait(2 * SECOND);
    effects.extend(alice.wait(SECOND));
    let dials = |it: &Effect| matches!(it, Effect::Dial { device, .. } if *device == member.id());
    effects.iter().any(dials)
}

#[test]
fn whoever_has_news_is_sought_though_many_others_are_gone() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    for number in 1..20 {
        let member = Stranger::new(number, &format!("member{number}"));
        let log = member.log(secret.conversation(), &["news"]);
        assert!(seeks(&mut alice, &secret, &member, &log[1]), "member {number}");
        alice.feed(Input::Link(LinkInput::DialFailed { device: member.id() }));
    }
}

#[test]
fn whoever_has_news_comes_before_those_who_are_only_known() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let mut members: Vec<_> =
        (1..8).map(|number| Stranger::new(number, &format!("member{number}"))).collect();
    members.sort_by_key(Stranger::id);
    for member in &members {
        let log = member.log(secret.conversation(), &["news"]);
        let bytes =
            secret.seal(&GroupMessage::Events(Bounded::truncated([log[0].event.clone()])), [1; 24]);
        alice.feed(Input::Gossip(GossipInput::Message { tag: secret.tag(), bytes }));
        assert!(!seeks(&mut alice, &secret, member, &log[0]), "there is no news");
    }
    let last = members.last().unwrap();
    let log = last.log(secret.conversation(), &["news"]);
    assert!(seeks(&mut alice, &secret, last, &log[1]));
}

#[test]
fn who_left_gets_nothing_more_until_the_return() {
    let mut network = group(7, &["alice", "bob"]);
    let leave = Command::Leave { group: GroupName::new("garden").unwrap() };
    assert!(network.ask(1, leave).is_ok());
    network.say(0, "#garden", "without bob");
    network.run_for(MINUTE);
    assert_eq!(network.texts(1, "#garden"), [""; 0]);
    network.join(1, "garden");
    network.await_texts(1, "#garden", &["without bob"], 20 * SECOND);
}

#[test]
fn who_does_not_know_the_secret_gets_nothing() {
    let mut network = group(8, &["alice", "bob"]);
    let carol = network.add(super::Person::new(3, "carol"));
    network.run_for(SECOND);
    network.join(carol, "orchard");
    network.say(0, "#garden", "for the garden");
    network.run_for(MINUTE);
    assert_eq!(network.texts(carol, "#orchard"), [""; 0]);
    assert_eq!(network.texts(1, "#garden"), ["for the garden"]);
}

#[test]
fn members_see_who_is_writing_for_a_while() {
    let mut network = group(9, &["alice", "bob"]);
    assert!(network.ask(0, Command::Typing { within: name("#garden") }).is_ok());
    network.run_for(SECOND);
    let typing = network.view(1, "#garden").unwrap().typing;
    assert_eq!(typing.iter().map(ToString::to_string).collect::<Vec<_>>(), ["alice"]);
    assert!(network.peers[1].notices.iter().any(|it| matches!(it, Notice::Typing { .. })));
    network.run_for(10 * SECOND);
    assert!(network.view(1, "#garden").unwrap().typing.is_empty());
}

#[test]
fn who_has_written_is_no_longer_writing() {
    let mut network = group(9, &["alice", "bob"]);
    assert!(network.ask(0, Command::Typing { within: name("#garden") }).is_ok());
    network.run_for(SECOND / 10);
    assert!(!network.view(1, "#garden").unwrap().typing.is_empty());
    network.say(0, "#garden", "this is it");
    network.run_for(SECOND);
    assert!(network.view(1, "#garden").unwrap().typing.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is lost and whoever writes when: in the end all have the same in the same order,
    /// and each author's messages are in the order of writing.
    #[test]
    fn all_members_end_with_the_same_messages_in_the_same_order(
        seed: u64,
        loss in 0u32..100,
        latency in 1u64..400,
        writes in prop::collection::vec((0usize..4, 0u64..1500), 1..20),
    ) {
        let mut network = group(seed, &["alice", "bob", "carol", "dave"]);
        network.gossip_loss = loss;
        network.latency = Duration::from_millis(latency);
        for (number, (place, pause)) in writes.iter().enumerate() {
            network.run_for(Duration::from_millis(*pause));
            network.say(*place, "#garden", &format!("{place} {number:02}"));
        }
        network.gossip_loss = 0;
        network.run_for(3 * MINUTE);
        let first = network.texts(0, "#garden");
        prop_assert_eq!(first.len(), writes.len());
        for place in 1..4 {
            prop_assert_eq!(&network.texts(place, "#garden"), &first);
        }
        for place in 0..4 {
            let own: Vec<_> = first.iter().filter(|text| text.starts_with(&place.to_string())).collect();
            prop_assert!(own.is_sorted(), "{:?}", own);
        }
    }
}
