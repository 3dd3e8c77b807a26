//! What a hostile peer may cost is bounded, and what it fills does not shut others out.

use std::time::Duration;

use wire::{
    account::Introduction,
    bounded::Bounded,
    id::{ConversationId, DeviceId, EventId},
    limits::LOGS_MAX,
    sync::{Have, Head, Held, Proof, Stage, SyncFrame},
};

use super::alone::{Alone, Stranger, closes, events, text};
use crate::core::{
    devices::next_record,
    effect::Effect,
    input::{Input, LinkInput, SyncInput},
    notice::Notice,
    people::DEVICES_CERTIFIED_MAX,
};

fn device(number: u32) -> DeviceId {
    let mut bytes = [3; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    DeviceId::new(bytes)
}

/// A full digest about devices that nobody has heard of.
fn full_have(from: u32) -> Have {
    let last = Some(Head { sequence: 5, id: EventId::new([4; 32]) });
    let log = |number| Held { device: device(number), head: last, beyond: Bounded::default() };
    Bounded::truncated((from..).take(LOGS_MAX).map(log))
}

#[test]
fn a_device_has_so_many_streams_and_no_more() {
    let mut alice = Alone::new("alice");
    let mallory = Stranger::new(2, "mallory");
    alice.link(mallory.id());
    let mut refused = 0;
    for _ in 0..200 {
        let (session, effects) = alice.accept(mallory.id());
        refused += usize::from(closes(&effects, session));
    }
    assert_eq!(refused, 200 - 64);
    assert_eq!(alice.machine.sessions.len(), 64);
}

#[test]
fn all_devices_together_have_so_many_streams_and_silent_ones_end() {
    let mut alice = Alone::new("alice");
    for number in 0..100 {
        for _ in 0..30 {
            alice.accept(device(number));
        }
    }
    assert_eq!(alice.machine.sessions.len(), 2048);
    alice.wait(Duration::from_mins(1));
    assert_eq!(alice.machine.sessions.len(), 0, "streams without a greeting are closed");
    let bob = Stranger::new(2, "bob");
    let id = bob.direct_with(&alice);
    alice.greet(bob.id(), id, bob.direct_proof());
    alice.wait(Duration::from_mins(1));
    assert_eq!(alice.machine.sessions.len(), 1, "those with one stay");
}

#[test]
fn digests_about_unknown_logs_do_not_pile_up() {
    let mut alice = Alone::new("alice");
    let mallory = Stranger::new(2, "mallory");
    let id = mallory.direct_with(&alice);
    let session = alice.greet(mallory.id(), id, mallory.direct_proof());
    for round in 0..8 {
        let have = full_have(round * 10_000);
        let receipt = mallory.receipt(id, Stage::Stored, have);
        let effects = alice.frame(session, &SyncFrame::Receipt(receipt));
        assert!(!closes(&effects, session));
        let ask = SyncFrame::Ask { device: device(900_000 + round), from: 0, to: 1 };
        alice.frame(session, &ask);
    }
    assert!(alice.machine.sessions[&session].theirs.len() <= LOGS_MAX);
}

#[test]
fn acknowledgements_by_made_up_devices_do_not_pile_up() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let message = alice.say("#garden", "hello");
    let (id, tag) = (secret.conversation(), secret.tag());
    for number in 0..(LOGS_MAX as u16 + 200) {
        let made_up = Stranger::new(number, "mallory");
        let have = super::alone::up_to(alice.device(), 1, message);
        let receipt = made_up.receipt(id, Stage::Stored, have);
        let message = wire::conversation::GroupMessage::Have(receipt);
        let bytes = secret.seal(&message, [1; 24]);
        alice.feed(Input::Gossip(crate::core::input::GossipInput::Message { tag, bytes }));
    }
    let conversation = &alice.machine.conversations[&id];
    assert!(conversation.acknowledging() <= LOGS_MAX / 2);
    assert!(conversation.group.sources.len() <= LOGS_MAX);
    let before = conversation.acknowledging();
    let bob = Stranger::new(20_000, "bob");
    alice.trust(&bob);
    let have = super::alone::up_to(alice.device(), 1, message);
    let receipt = wire::conversation::GroupMessage::Have(bob.receipt(id, Stage::Stored, have));
    let bytes = secret.seal(&receipt, [1; 24]);
    alice.feed(Input::Gossip(crate::core::input::GossipInput::Message { tag, bytes }));
    assert_eq!(alice.machine.conversations[&id].acknowledging(), before + 1, "bob is heard");
}

/// An account that names other devices each time leaves no more than its newest record.
#[test]
fn devices_that_are_named_no_more_are_forgotten() {
    let mut alice = Alone::new("alice");
    let mut mallory = Stranger::new(2, "mallory");
    let id = mallory.direct_with(&alice);
    alice.link(mallory.id());
    for round in 0..50 {
        let mut devices = vec![mallory.id()];
        devices.extend((0..15).map(|number| device(round * 100 + number)));
        let (key, before) = (mallory.account.clone(), mallory.record.clone());
        mallory.record = next_record(&before, devices, 1, &key).unwrap();
        mallory.introduction =
            Introduction::new(mallory.record.clone(), mallory.id(), 1, &mallory.account);
        alice.try_greet(mallory.id(), id, mallory.direct_proof());
    }
    // Alice's own device and those of the newest record.
    assert_eq!(alice.machine.people.devices(), 1 + 16);
}

#[test]
fn an_account_has_so_many_devices_over_time() {
    let mut alice = Alone::new("alice");
    let mallory = Stranger::new(2, "mallory");
    let id = mallory.direct_with(&alice);
    let mut record = mallory.record.clone();
    let mut refused = 0;
    for number in 0..DEVICES_CERTIFIED_MAX + 20 {
        let key = super::device_key(5000 + number as u16);
        record = next_record(&record, vec![key.id()], 1, &mallory.account).unwrap();
        let introduction = Introduction::new(record.clone(), key.id(), 1, &mallory.account);
        alice.link(key.id());
        let proof = Proof::Direct(Box::new(introduction));
        let (session, effects) = alice.try_greet(key.id(), id, proof);
        refused += u32::from(closes(&effects, session));
    }
    assert_eq!(refused, 20);
    assert!(alice.machine.people.devices() <= DEVICES_CERTIFIED_MAX as usize + 17);
}

#[test]
fn words_of_writing_are_told_once_a_second() {
    let mut alice = Alone::new("alice");
    let mallory = Stranger::new(2, "mallory");
    let id = mallory.direct_with(&alice);
    let session = alice.greet(mallory.id(), id, mallory.direct_proof());
    let typing = |alice: &Alone| {
        alice.notices.iter().filter(|it| matches!(it, Notice::Typing { .. })).count()
    };
    for second in 1..4 {
        for _ in 0..100 {
            alice.frame(session, &SyncFrame::Typing);
        }
        assert_eq!(typing(&alice), second);
        alice.wait(Duration::from_secs(1));
    }
}

#[test]
fn a_group_has_so_many_logs_and_no_more() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let id = secret.conversation();
    let carrier = Stranger::new(9_999, "carrier");
    let proof = carrier.group_proof(&secret, &alice);
    let mut session = alice.greet(carrier.id(), id, proof.clone());
    for number in 0..(LOGS_MAX as u16 + 20) {
        let log = Stranger::new(number, "mallory").log(id, &[]);
        let effects = alice.frame(session, &events(&log));
        if closes(&effects, session) {
            (session, _) = alice.try_greet(carrier.id(), id, proof.clone());
        }
    }
    assert_eq!(alice.machine.conversations[&id].logs.len(), LOGS_MAX);
    alice.say("#garden", "still heard");
    assert_eq!(alice.texts("#garden"), ["still heard"]);
}

#[test]
fn unknown_conversations_are_refused_and_leave_nothing() {
    let mut alice = Alone::new("alice");
    let mallory = Stranger::new(2, "mallory");
    alice.link(mallory.id());
    for number in 0..100 {
        let id = ConversationId::new([number; 32]);
        let proof = Proof::Group(wire::id::MembershipProof::new([1; 32]));
        let (session, effects) = alice.try_greet(mallory.id(), id, proof);
        assert!(closes(&effects, session));
    }
    assert!(alice.machine.conversations.is_empty());
    assert!(alice.machine.sessions.is_empty());
}

#[test]
fn strangers_beyond_the_bound_are_refused_without_a_trace() {
    let mut alice = Alone::new("alice");
    for number in 0..100 {
        let stranger = Stranger::new(number, &format!("stranger{number}"));
        let id = stranger.direct_with(&alice);
        alice.link(stranger.id());
        let (session, effects) = alice.try_greet(stranger.id(), id, stranger.direct_proof());
        assert_eq!(closes(&effects, session), number >= 64, "{number}");
    }
    assert_eq!(alice.machine.conversations.len(), 64);
    // Alice herself is one of the accounts.
    assert_eq!(alice.machine.people.len(), 65);
    alice.restart();
    assert_eq!(alice.machine.people.len(), 65);
    let contact = Stranger::new(500, "contact");
    alice.trust(&contact);
    let id = contact.direct_with(&alice);
    alice.link(contact.id());
    let (session, effects) = alice.try_greet(contact.id(), id, contact.direct_proof());
    assert!(closes(&effects, session), "a stranger like all others until Alice writes");
    alice.say("@contact", "come in");
    alice.greet(contact.id(), id, contact.direct_proof());
}

#[test]
fn a_flood_of_found_devices_does_not_shut_contacts_out() {
    let mut alice = Alone::new("alice");
    let address: libp2p::Multiaddr = "/ip4/192.0.2.1/udp/9/quic-v1".parse().unwrap();
    for number in 0..10_000 {
        let found = LinkInput::Found { device: device(number), address: address.clone() };
        alice.feed(Input::Link(found));
    }
    let bob = Stranger::new(2, "bob");
    alice.trust(&bob);
    alice.say("@bob", "hello");
    let found = LinkInput::Found { device: bob.id(), address };
    alice.feed(Input::Link(found));
    let effects = alice.wait(Duration::from_secs(1));
    let dials =
        |effect: &Effect| matches!(effect, Effect::Dial { device, .. } if *device == bob.id());
    assert!(effects.iter().any(dials), "{effects:?}");
}

#[test]
fn frames_out_of_place_end_their_stream() {
    let mallory = Stranger::new(2, "mallory");
    let before_hello =
        [SyncFrame::Typing, SyncFrame::Ask { device: device(1), from: 0, to: 1 }, events([])];
    for frame in before_hello {
        let mut alice = Alone::new("alice");
        alice.link(mallory.id());
        let (session, _) = alice.accept(mallory.id());
        let effects = alice.frame(session, &frame);
        assert!(closes(&effects, session), "{frame:?}");
    }
    let mut alice = Alone::new("alice");
    let id = mallory.direct_with(&alice);
    let session = alice.greet(mallory.id(), id, mallory.direct_proof());
    let hello =
        SyncFrame::Hello { conversation: id, proof: mallory.direct_proof(), have: Have::default() };
    let effects = alice.frame(session, &hello);
    assert!(closes(&effects, session), "a second greeting");
}

#[test]
fn frames_on_streams_that_are_gone_are_ignored() {
    let mut alice = Alone::new("alice");
    let mallory = Stranger::new(2, "mallory");
    let id = mallory.direct_with(&alice);
    let session = alice.greet(mallory.id(), id, mallory.direct_proof());
    alice.feed(Input::Sync(SyncInput::Closed { session }));
    let log = mallory.log(id, &["too late"]);
    let effects = alice.frame(session, &events(&log));
    assert!(effects.is_empty(), "{effects:?}");
    let entry = mallory.entry(&log[1], &text("later still"));
    assert!(alice.frame(session, &events([&entry])).is_empty());
}
