//! What follows when the disk does not keep something.

use std::time::Duration;

use wire::sync::{Have, SyncFrame};

use super::alone::{Alone, Stranger, closes, events, frames, text};
use crate::core::{
    command::{Command, Draft},
    effect::Effect,
    input::{CallId, Input, SessionId, SyncInput},
    storage::{StoreOp, StoreReply},
};

/// What the store is asked for by an input, not done yet.
fn asked(alice: &mut Alone, input: Input) -> Vec<StoreOp> {
    let op = |effect| match effect {
        Effect::Store(op) => Some(op),
        _ => None,
    };
    alice.machine.handle(alice.now, input).into_iter().filter_map(op).collect()
}

fn frame(session: SessionId, entries: &[wire::event::CheckedEvent]) -> Input {
    Input::Sync(SyncInput::arrived(session, events(entries)))
}

fn send(alice: &mut Alone, to: &str) -> Vec<StoreOp> {
    let draft = Draft { text: "own".to_owned(), ..Draft::default() };
    let id = CallId(alice.number());
    asked(alice, Input::Call { id, command: Command::Send { to: to.parse().unwrap(), draft } })
}

fn fail(alice: &mut Alone, ops: Vec<StoreOp>) {
    for op in ops {
        let text = "the disk is full".to_owned();
        alice.feed(Input::Store(StoreReply::Failed { ticket: op.ticket(), text }));
    }
}

fn succeed(alice: &mut Alone, ops: Vec<StoreOp>) {
    for op in ops {
        for reply in alice.store.execute(&op) {
            alice.feed(Input::Store(reply));
        }
    }
}

/// Operations on several logs are under way, and only some of them fail.
#[test]
fn what_fails_takes_nothing_else_with_it() {
    let mut alice = Alone::new("alice");
    let bob = Stranger::new(2, "bob");
    alice.trust(&bob);
    let id = bob.direct_with(&alice);
    let session = alice.greet(bob.id(), id, bob.direct_proof());
    let log = bob.log(id, &["one", "two"]);
    // Bob's first words fail while Alice's first one, and with it her log, is kept.
    let lost = asked(&mut alice, frame(session, &log[..2]));
    let kept = send(&mut alice, "@bob");
    fail(&mut alice, lost);
    succeed(&mut alice, kept);
    alice.say("@bob", "own again");
    // Once both logs are there, the same again.
    let (session, _) = alice.try_greet(bob.id(), id, bob.direct_proof());
    alice.frame(session, &events(&log[..2]));
    let lost = asked(&mut alice, frame(session, &log[2..]));
    let kept = send(&mut alice, "@bob");
    fail(&mut alice, lost);
    succeed(&mut alice, kept);
    alice.say("@bob", "own at last");
    let (session, _) = alice.try_greet(bob.id(), id, bob.direct_proof());
    alice.frame(session, &events(&log));
    let mut texts = alice.texts("@bob");
    texts.sort();
    assert_eq!(texts, ["one", "own", "own", "own again", "own at last", "two"]);
    alice.restart();
    alice.say("@bob", "after the restart");
    let three = bob.entry(&log[2], &text("three"));
    let session = alice.greet(bob.id(), id, bob.direct_proof());
    alice.frame(session, &events([&three]));
    assert_eq!(alice.texts("@bob").len(), 8);
}

#[test]
fn a_message_that_is_not_kept_is_answered_with_a_failure_and_can_be_sent_again() {
    let mut alice = Alone::new("alice");
    alice.join("garden");
    alice.store.refuse_writes(true);
    let draft = Draft { text: "hello".to_owned(), ..Draft::default() };
    let command = Command::Send { to: "#garden".parse().unwrap(), draft };
    let answer = alice.ask(command.clone()).unwrap();
    assert_eq!(answer.unwrap_err().code, "storage");
    assert!(alice.texts("#garden").is_empty());
    alice.store.refuse_writes(false);
    assert!(alice.ask(command).unwrap().is_ok());
    assert_eq!(alice.texts("#garden"), ["hello"]);
}

/// Others send again at once what was not kept: that must not go round and round.
#[test]
fn what_cannot_be_kept_is_told_once_and_others_are_kept_off_for_a_while() {
    let mut alice = Alone::new("alice");
    let bob = Stranger::new(2, "bob");
    alice.trust(&bob);
    let id = bob.direct_with(&alice);
    let log = bob.log(id, &["one"]);
    alice.link(bob.id());
    alice.store.refuse_writes(true);
    for _ in 0..3 {
        let (session, _) = alice.try_greet(bob.id(), id, bob.direct_proof());
        let effects = alice.frame(session, &events(&log));
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::SendSync { .. })));
        let (session, effects) = alice.accept(bob.id());
        assert!(closes(&effects, session), "no stream while nothing is kept");
        alice.wait(Duration::from_secs(31));
    }
    assert_eq!(alice.errors(), ["storage"], "told once");
    alice.store.refuse_writes(false);
    alice.wait(Duration::from_secs(31));
    let (session, _) = alice.try_greet(bob.id(), id, bob.direct_proof());
    alice.frame(session, &events(&log));
    assert_eq!(alice.texts("@bob"), ["one"]);
}

/// A log with a damaged page: the others are still given to whoever asks.
#[test]
fn what_cannot_be_read_keeps_nothing_else_back() {
    let mut alice = Alone::new("alice");
    let bob = Stranger::new(2, "bob");
    alice.trust(&bob);
    let id = bob.direct_with(&alice);
    let session = alice.greet(bob.id(), id, bob.direct_proof());
    alice.frame(session, &events(&bob.log(id, &["one"])));
    alice.say("@bob", "own");
    alice.restart();
    let (session, _) = alice.accept(bob.id());
    let hello =
        SyncFrame::Hello { conversation: id, proof: bob.direct_proof(), have: Have::default() };
    let asked =
        asked(&mut alice, Input::Sync(SyncInput::Frame { session, frame: Box::new(hello) }));
    let reads: Vec<_> = asked.into_iter().filter(|op| matches!(op, StoreOp::Log { .. })).collect();
    assert_eq!(reads.len(), 1);
    let text = "the message database is damaged".to_owned();
    let ticket = reads[0].ticket();
    let effects = alice.feed(Input::Store(StoreReply::Failed { ticket, text }));
    assert!(!closes(&effects, session));
    let sent = frames(effects, session);
    assert!(matches!(&sent[..], [SyncFrame::Events(_)]), "the other log: {sent:?}");
    assert_eq!(alice.errors(), ["storage"]);
}
