//! Entries that do not continue their log: forks, gaps, wrong predecessors and signatures. They
//! are refused, and what holds goes on.

use std::time::Duration;

use wire::{
    conversation::GroupSecret,
    event::{CheckedEvent, Event},
    id::{EventId, Signature},
    signed::Signed,
    sync::SyncFrame,
};

use super::alone::{Alone, Stranger, closes, events, frames, text};
use crate::{
    core::{
        effect::Effect,
        input::{GossipInput, Input, SessionId},
    },
    store::in_memory::InMemory,
};

/// Alice in a group with Mallory, who has written two messages, and the stream between them.
struct Group {
    alice: Alone,
    secret: GroupSecret,
    mallory: Stranger,
    log: Vec<CheckedEvent>,
    session: SessionId,
}

impl Group {
    fn new() -> Self {
        let mut alice = Alone::new("alice");
        let secret = alice.join("garden");
        let mallory = Stranger::new(2, "mallory");
        let proof = mallory.group_proof(&secret, &alice);
        let session = alice.greet(mallory.id(), secret.conversation(), proof);
        let log = mallory.log(secret.conversation(), &["one", "two"]);
        let effects = alice.frame(session, &events(&log));
        assert!(!closes(&effects, session));
        Self { alice, secret, mallory, log, session }
    }

    fn take<'a>(&mut self, entries: impl IntoIterator<Item = &'a CheckedEvent>) -> Vec<Effect> {
        self.alice.frame(self.session, &events(entries))
    }

    /// Bob, another member, connects.
    fn bob(&mut self) -> (Stranger, SessionId) {
        let bob = Stranger::new(3, "bob");
        let proof = bob.group_proof(&self.secret, &self.alice);
        let session = self.alice.greet(bob.id(), self.secret.conversation(), proof);
        (bob, session)
    }
}

#[test]
fn of_two_entries_with_one_sequence_the_first_stays() {
    let mut group = Group::new();
    let other = group.mallory.entry(&group.log[1], &text("another two"));
    let after = group.mallory.entry(&other, &text("three after another two"));
    group.take([&other, &after]);
    assert_eq!(group.alice.texts("#garden"), ["one", "two"]);
    let three = group.mallory.entry(&group.log[2], &text("three"));
    group.take([&three]);
    assert_eq!(group.alice.texts("#garden"), ["one", "two", "three"]);
    group.alice.restart();
    assert_eq!(group.alice.texts("#garden"), ["one", "two", "three"]);
}

#[test]
fn a_fork_is_told_once_for_each_device() {
    let mut group = Group::new();
    let other = group.mallory.entry(&group.log[1], &text("another two"));
    for _ in 0..3 {
        group.take([&other]);
    }
    assert_eq!(group.alice.errors(), ["fork"]);
}

/// Else one who forks would cut all others off from each other.
#[test]
fn a_fork_does_not_end_the_stream_of_an_honest_member_who_has_the_other_side() {
    let mut group = Group::new();
    let (bob, session) = group.bob();
    let other = group.mallory.entry(&group.log[1], &text("another two"));
    let own = bob.log(group.secret.conversation(), &["from bob"]);
    let frame = events([&other].into_iter().chain(&own));
    let effects = group.alice.frame(session, &frame);
    assert!(!closes(&effects, session), "{effects:?}");
    assert!(group.alice.texts("#garden").contains(&"from bob".to_owned()));
}

#[test]
fn a_forked_log_does_not_count_as_missing_for_ever() {
    let mut group = Group::new();
    let other = group.mallory.entry(&group.log[1], &text("another two"));
    let after = group.mallory.entry(&other, &text("another three"));
    group.take([&other]);
    let have = super::alone::up_to(group.mallory.id(), after.header.sequence, after.id);
    let (bob, session) = group.bob();
    let id = group.secret.conversation();
    let receipt = bob.receipt(id, wire::sync::Stage::Stored, have);
    let message = wire::conversation::GroupMessage::Have(receipt.clone());
    let bytes = group.secret.seal(&message, [1; 24]);
    let tag = group.secret.tag();
    group.alice.feed(Input::Gossip(GossipInput::Message { tag, bytes }));
    let effects = group.alice.frame(session, &SyncFrame::Receipt(receipt));
    assert!(!closes(&effects, session));
    assert_eq!(group.alice.machine.conversations[&id].completeness().missing, 0);
}

#[test]
fn entries_behind_a_gap_are_shown_but_count_only_after_those_before() {
    let mut group = Group::new();
    let three = group.mallory.entry(&group.log[2], &text("three"));
    let four = group.mallory.entry(&three, &text("four"));
    let effects = group.take([&four]);
    assert!(!closes(&effects, group.session));
    assert_eq!(group.alice.texts("#garden"), ["one", "two", "four"]);
    let (id, log) = (group.secret.conversation(), group.mallory.id());
    let next = |group: &Group| group.alice.machine.conversations[&id].durable_next(&log);
    assert_eq!(next(&group), three.header.sequence, "nothing beyond the gap is acknowledged");
    group.take([&three, &four]);
    assert_eq!(group.alice.texts("#garden"), ["one", "two", "three", "four"]);
    assert_eq!(next(&group), four.header.sequence + 1);
    assert!(group.alice.errors().is_empty());
}

#[test]
fn a_log_has_a_bounded_number_of_entries_behind_a_gap() {
    let mut group = Group::new();
    let missing = group.mallory.entry(&group.log[2], &text("missing"));
    let mut last = missing;
    for _ in 0..10 {
        let mut entries = Vec::new();
        for _ in 0..60 {
            last = group.mallory.entry(&last, &text("behind"));
            entries.push(last.clone());
        }
        let effects = group.take(&entries);
        assert!(!closes(&effects, group.session));
    }
    assert_eq!(group.alice.texts("#garden").len(), 2 + 256);
}

#[test]
fn another_entry_in_the_place_of_one_that_came_behind_a_gap_is_a_fork() {
    let mut group = Group::new();
    let three = group.mallory.entry(&group.log[2], &text("three"));
    let (four, other) = (
        group.mallory.entry(&three, &text("four")),
        group.mallory.entry(&three, &text("another four")),
    );
    group.take([&other]);
    assert_eq!(group.alice.texts("#garden"), ["one", "two", "another four"]);
    group.take([&three, &four]);
    assert_eq!(group.alice.texts("#garden"), ["one", "two", "three", "four"]);
    assert_eq!(group.alice.errors(), ["fork"]);
}

#[test]
fn entries_that_are_here_already_are_skipped() {
    let mut group = Group::new();
    let log = group.log.clone();
    let effects = group.take(&log);
    assert!(!closes(&effects, group.session));
    assert_eq!(group.alice.texts("#garden"), ["one", "two"]);
    assert!(group.alice.errors().is_empty());
}

#[test]
fn an_entry_with_a_wrong_predecessor_is_refused() {
    let mut group = Group::new();
    let mut before = group.log[2].clone();
    before.id = EventId::new([9; 32]);
    let three = group.mallory.entry(&before, &text("three"));
    group.take([&three]);
    assert_eq!(group.alice.texts("#garden"), ["one", "two"]);
}

#[test]
fn an_entry_with_a_wrong_signature_ends_the_stream() {
    let mut group = Group::new();
    let three = group.mallory.entry(&group.log[2], &text("three"));
    let mut signature = *three.event.header.signature().as_bytes();
    signature[0] ^= 1;
    let header = Signed::from_parts(three.event.header.body().to_vec(), Signature::new(signature));
    let forged = CheckedEvent { event: Event { header, ..three.event.clone() }, ..three };
    let effects = group.take([&forged]);
    assert!(closes(&effects, group.session));
    assert_eq!(group.alice.texts("#garden"), ["one", "two"]);
}

#[test]
fn an_entry_with_another_payload_ends_the_stream() {
    let mut group = Group::new();
    let three = group.mallory.entry(&group.log[2], &text("three"));
    let payload = group.mallory.entry(&group.log[2], &text("threw")).event.payload;
    let changed = CheckedEvent { event: Event { payload, ..three.event.clone() }, ..three };
    let effects = group.take([&changed]);
    assert!(closes(&effects, group.session));
    assert_eq!(group.alice.texts("#garden"), ["one", "two"]);
}

#[test]
fn an_entry_of_another_conversation_ends_the_stream() {
    let mut group = Group::new();
    let elsewhere = group.alice.join("orchard").conversation();
    let log = group.mallory.log(elsewhere, &["misplaced"]);
    let effects = group.take(&log);
    assert!(closes(&effects, group.session));
    assert!(group.alice.texts("#orchard").is_empty());
}

#[test]
fn a_log_without_an_introduction_ends_the_stream() {
    let mut group = Group::new();
    let (bob, session) = group.bob();
    let first = bob.log(group.secret.conversation(), &[]).remove(0);
    let bare = Event::sign(first.header, &text("who am I?"), &bob.device);
    let effects = group.alice.frame(session, &events([&bare]));
    assert!(closes(&effects, session));
    assert_eq!(group.alice.texts("#garden"), ["one", "two"]);
}

#[test]
fn what_holds_before_a_bad_entry_is_kept() {
    let mut group = Group::new();
    let three = group.mallory.entry(&group.log[2], &text("three"));
    let mut four = group.mallory.entry(&three, &text("four"));
    four.event.payload = None;
    four.event.header = Signed::from_parts(vec![0], *four.event.header.signature());
    let effects = group.take([&three, &four]);
    assert!(closes(&effects, group.session));
    assert_eq!(group.alice.texts("#garden"), ["one", "two", "three"]);
}

#[test]
fn own_entries_that_were_lost_come_back_from_others() {
    let mut network = super::network::Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "one");
    network.await_texts(1, "@alice", &["one"], Duration::from_secs(5));
    network.say(0, "@bob", "two");
    network.run_for(Duration::from_secs(2));
    network.stop(0);
    network.peers[0].store = InMemory::new();
    network.start(0);
    network.run_for(Duration::from_secs(2));
    network.say(1, "@alice", "do you remember?");
    let all = ["one", "two", "do you remember?"];
    network.await_texts(0, "@bob", &all, Duration::from_secs(10));
    network.say(0, "@bob", "yes");
    let all = ["one", "two", "do you remember?", "yes"];
    network.await_texts(1, "@alice", &all, Duration::from_secs(10));
}

#[test]
fn greetings_do_not_repeat_what_is_known() {
    let mut group = Group::new();
    let (_, session) = group.bob();
    let ask = SyncFrame::Ask { device: group.mallory.id(), from: 2, to: 2 };
    let effects = group.alice.frame(session, &ask);
    let sent: usize = frames(effects, session)
        .into_iter()
        .map(|frame| if let SyncFrame::Events(events) = frame { events.len() } else { 0 })
        .sum();
    assert_eq!(sent, 1, "one entry was asked for again");
}

#[test]
fn two_versions_of_equal_length_are_noticed() {
    let mut network = super::network::Network::with_people(2, &["alice", "bob"]);
    network.say(0, "@bob", "one");
    network.await_texts(1, "@alice", &["one"], Duration::from_secs(5));
    network.run_for(Duration::from_secs(2));
    let old = network.peers[0].store.copy();
    network.say(0, "@bob", "two");
    network.await_texts(1, "@alice", &["one", "two"], Duration::from_secs(5));
    network.stop(0);
    network.peers[0].store = old;
    network.cut_off(0);
    network.start(0);
    let other = network.say(0, "@bob", "another two");
    network.stop(0);
    network.start(0);
    network.run_for(Duration::from_mins(1));
    for place in 0..2 {
        assert_eq!(network.peers[place].errors(), ["fork"], "{place}");
    }
    let stages = network.peers[0].stages(other);
    assert!(!stages.contains(&crate::core::model::Stage::Stored), "{stages:?}");
}

#[test]
fn a_claim_alone_is_no_fork() {
    let mut group = Group::new();
    let (bob, id) = (Stranger::new(3, "bob"), group.secret.conversation());
    let proof = bob.group_proof(&group.secret, &group.alice);
    group.alice.link(bob.id());
    let (session, _) = group.alice.accept(bob.id());
    let have = super::alone::up_to(group.mallory.id(), 2, EventId::new([9; 32]));
    let hello = SyncFrame::Hello { conversation: id, proof, have };
    let sent = frames(group.alice.frame(session, &hello), session);
    let asks = |frame: &SyncFrame| matches!(frame, SyncFrame::Ask { device, from: 2, to: 2 } if *device == group.mallory.id());
    assert!(sent.iter().any(asks), "{sent:?}");
    assert!(group.alice.errors().is_empty());
}

#[test]
fn whoever_has_the_other_branch_acknowledges_nothing_of_this_one() {
    let mut network = super::network::Network::with_people(2, &["alice", "bob"]);
    network.say(0, "@bob", "one");
    network.await_texts(1, "@alice", &["one"], Duration::from_secs(5));
    network.run_for(Duration::from_secs(2));
    let old = network.peers[0].store.copy();
    network.say(0, "@bob", "two");
    network.say(0, "@bob", "three");
    network.await_texts(1, "@alice", &["one", "two", "three"], Duration::from_secs(5));
    network.stop(0);
    network.peers[0].store = old;
    network.start(0);
    let other = network.say(0, "@bob", "another two");
    network.run_for(Duration::from_mins(1));
    assert_eq!(network.peers[0].errors(), ["fork"]);
    assert!(network.peers[0].stages(other).is_empty(), "{:?}", network.peers[0].stages(other));
    assert_eq!(network.untrue, Vec::<String>::new());
}
