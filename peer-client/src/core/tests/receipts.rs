//! Receipts that do not hold are refused: only a device itself says what it has.

use wire::{
    bounded::Bounded,
    id::Signature,
    signed::Signed,
    sync::{Stage, SyncFrame},
};

use super::alone::{Alone, Stranger, closes, up_to};
use crate::core::{
    command::{Command, Draft},
    effect::Effect,
    input::{CallId, GossipInput, Input, SessionId, SyncInput},
    model,
    notice::Notice,
};

/// Alice, who wrote to Bob over the stream that Bob opened.
fn conversation() -> (Alone, Stranger, SessionId, wire::id::EventId) {
    let mut alice = Alone::new("alice");
    let bob = Stranger::new(2, "bob");
    let id = bob.direct_with(&alice);
    alice.trust(&bob);
    let session = alice.greet(bob.id(), id, bob.direct_proof());
    let message = alice.say("@bob", "hello");
    (alice, bob, session, message)
}

fn stored(alice: &Alone) -> bool {
    let stored = |it: &Notice| matches!(it, Notice::Status { stage: model::Stage::Stored, .. });
    alice.notices.iter().any(stored)
}

#[test]
fn a_message_counts_as_sent_once_it_was_handed_to_the_connection() {
    let (mut alice, _, session, message) = conversation();
    let sent = |alice: &Alone| {
        let sent = |it: &Notice| {
            matches!(it, Notice::Status { message: id, stage: model::Stage::Sent, .. }
                if *id == message)
        };
        alice.notices.iter().any(sent)
    };
    alice.wait(std::time::Duration::from_mins(1));
    assert!(!sent(&alice), "nothing was handed over yet");
    alice.feed(Input::Sync(SyncInput::Written { session }));
    assert!(sent(&alice));
}

#[test]
fn gossip_that_nobody_took_was_not_sent() {
    for taken in [false, true] {
        let mut alice = Alone::new("alice");
        let tag = alice.join("garden").tag();
        alice.feed(Input::Gossip(GossipInput::Ready { tag }));
        let draft = Draft { text: "hello".to_owned(), ..Draft::default() };
        let command = Command::Send { to: "#garden".parse().unwrap(), draft };
        let id = CallId(alice.number());
        for effect in alice.feed(Input::Call { id, command }) {
            if let Effect::Publish { ticket, .. } = effect {
                alice.feed(Input::Gossip(GossipInput::Published { ticket, taken }));
            }
        }
        let sent = |it: &Notice| matches!(it, Notice::Status { stage: model::Stage::Sent, .. });
        assert_eq!(alice.notices.iter().any(sent), taken);
    }
}

#[test]
fn a_devices_own_receipt_counts() {
    let (mut alice, bob, session, message) = conversation();
    let have = up_to(alice.device(), 1, message);
    let receipt = bob.receipt(bob.direct_with(&alice), Stage::Stored, have);
    let effects = alice.frame(session, &SyncFrame::Receipt(receipt));
    assert!(!closes(&effects, session));
    assert!(stored(&alice));
}

#[test]
fn a_receipt_by_another_device_is_refused() {
    let (mut alice, bob, session, message) = conversation();
    let other = Stranger::new(3, "carol");
    let have = up_to(alice.device(), 1, message);
    let receipt = other.receipt(bob.direct_with(&alice), Stage::Stored, have);
    let effects = alice.frame(session, &SyncFrame::Receipt(receipt));
    assert!(closes(&effects, session));
    assert!(!stored(&alice));
}

#[test]
fn a_receipt_with_a_wrong_signature_is_refused() {
    let (mut alice, bob, session, message) = conversation();
    let have = up_to(alice.device(), 1, message);
    let good = bob.receipt(bob.direct_with(&alice), Stage::Stored, have);
    let mut signature = *good.signature().as_bytes();
    signature[7] ^= 1;
    let forged = Signed::from_parts(good.body().to_vec(), Signature::new(signature));
    let effects = alice.frame(session, &SyncFrame::Receipt(forged));
    assert!(closes(&effects, session));
    assert!(!stored(&alice));
}

#[test]
fn a_receipt_for_another_conversation_is_refused() {
    let (mut alice, bob, session, message) = conversation();
    let secret = alice.join("garden");
    let have = up_to(alice.device(), 1, message);
    let receipt = bob.receipt(secret.conversation(), Stage::Stored, have);
    let effects = alice.frame(session, &SyncFrame::Receipt(receipt));
    assert!(closes(&effects, session));
    assert!(!stored(&alice));
}

#[test]
fn nobody_has_what_was_never_written() {
    let (mut alice, bob, session, message) = conversation();
    let have = up_to(alice.device(), 1_000_000, message);
    let receipt = bob.receipt(bob.direct_with(&alice), Stage::Read, have);
    alice.frame(session, &SyncFrame::Receipt(receipt));
    let next = alice.say("@bob", "not yet");
    let history = alice.history("@bob");
    let stage = |id| {
        let message = history.iter().find(|message| message.id == id).unwrap();
        message.delivery.unwrap().stage
    };
    // Who names an entry that was never made has another log, or lies: nothing of it counts.
    assert_eq!(stage(message), model::Stage::Waiting);
    assert_eq!(stage(next), model::Stage::Waiting);
}

#[test]
fn a_receipt_for_nothing_changes_nothing() {
    let (mut alice, bob, session, _) = conversation();
    let receipt = bob.receipt(bob.direct_with(&alice), Stage::Stored, Bounded::default());
    let effects = alice.frame(session, &SyncFrame::Receipt(receipt));
    assert!(!closes(&effects, session));
    assert!(!stored(&alice));
}
