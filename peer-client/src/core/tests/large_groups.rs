//! Groups of many: what is new goes over a stream only to whoever lacks it.

use std::time::Duration;

use wire::{
    bounded::Bounded,
    conversation::{GroupMessage, GroupSecret},
    event::CheckedEvent,
    sync::{Head, Held, Receipt, Stage, SyncFrame},
};

use super::alone::{Alone, Stranger, frames, text};
use crate::core::{
    effect::Effect,
    input::{GossipInput, Input, SessionId},
};

const SECOND: Duration = Duration::from_secs(1);

/// Alice in a group with many, and a stream with the first of them.
struct Crowd {
    alice: Alone,
    secret: GroupSecret,
    members: Vec<Stranger>,
    logs: Vec<Vec<CheckedEvent>>,
    session: SessionId,
}

impl Crowd {
    fn new(members: u16) -> Self {
        let mut alice = Alone::new("alice");
        let secret = alice.join("garden");
        let members: Vec<_> =
            (1..=members).map(|number| Stranger::new(number, &format!("m{number}"))).collect();
        let logs = members.iter().map(|it| it.log(secret.conversation(), &[])).collect();
        alice.feed(Input::Gossip(GossipInput::Ready { tag: secret.tag() }));
        let mut crowd = Self { alice, secret, members, logs, session: SessionId(0) };
        for member in 0..crowd.members.len() {
            let first = crowd.logs[member][0].clone();
            crowd.gossip(&first);
        }
        let bob = crowd.members[0].clone();
        let proof = bob.group_proof(&crowd.secret, &crowd.alice);
        crowd.session = crowd.alice.greet(bob.id(), crowd.secret.conversation(), proof);
        crowd.alice.wait(30 * SECOND);
        crowd.bob_tells();
        crowd.alice.wait(30 * SECOND);
        crowd
    }

    fn gossip(&mut self, event: &CheckedEvent) -> Vec<Effect> {
        let message = GroupMessage::Events(Bounded::truncated([event.event.clone()]));
        let bytes = self.secret.seal(&message, [1; 24]);
        self.alice.feed(Input::Gossip(GossipInput::Message { tag: self.secret.tag(), bytes }))
    }

    /// A member writes; all but Bob have it by gossip.
    fn write(&mut self, member: usize) -> CheckedEvent {
        let before = self.logs[member].last().unwrap();
        let event = self.members[member].entry(before, &text("hello"));
        self.logs[member].push(event.clone());
        self.gossip(&event);
        event
    }

    /// Bob tells that he has all but what was written after the first entries.
    fn bob_tells(&mut self) -> Vec<Effect> {
        let held = |log: &Vec<CheckedEvent>| Held {
            device: log[0].header.author,
            head: Some(Head { sequence: 0, id: log[0].id }),
            beyond: Bounded::default(),
        };
        let have = Bounded::truncated(self.logs.iter().map(held));
        let receipt = self.members[0].receipt(self.secret.conversation(), Stage::Stored, have);
        self.alice.frame(self.session, &SyncFrame::Receipt(receipt))
    }

    /// What is sent to Bob in a time.
    fn wait(&mut self, seconds: u32) -> Vec<SyncFrame> {
        let effects = (0..seconds).flat_map(|_| self.alice.wait(SECOND)).collect();
        frames(effects, self.session)
    }
}

fn receipts(frames: &[SyncFrame]) -> Vec<Receipt> {
    let receipt = |frame: &SyncFrame| match frame {
        SyncFrame::Receipt(receipt) => Some(receipt.open().unwrap()),
        _ => None,
    };
    frames.iter().filter_map(receipt).collect()
}

fn sent(frames: &[SyncFrame]) -> Vec<wire::event::Event> {
    let events = |frame: &SyncFrame| match frame {
        SyncFrame::Events(events) => events.to_vec(),
        _ => Vec::new(),
    };
    frames.iter().flat_map(events).collect()
}

#[test]
fn streams_are_told_of_many_new_entries_at_once() {
    let mut crowd = Crowd::new(20);
    let written: Vec<_> = (1..6).map(|member| crowd.write(member)).collect();
    let frames = crowd.wait(30);
    assert!(sent(&frames).is_empty(), "gossip brings them");
    let told = receipts(&frames);
    assert_eq!(told.len(), 1);
    for event in written {
        let named = told[0].have.iter().find(|held| held.device == event.header.author);
        assert_eq!(named.and_then(|held| held.head).map(|head| head.id), Some(event.id));
    }
    assert_eq!(told[0].have.len(), 5, "nothing else is named");
}

#[test]
fn whoever_tells_what_it_has_gets_what_it_lacks() {
    let mut crowd = Crowd::new(20);
    let event = crowd.write(3);
    crowd.wait(25);
    crowd.bob_tells();
    assert_eq!(sent(&crowd.wait(4)), [event.event]);
}

#[test]
fn whoever_tells_nothing_gets_it_after_a_while() {
    let mut crowd = Crowd::new(20);
    let event = crowd.write(3);
    assert_eq!(sent(&crowd.wait(61)), [event.event]);
}

#[test]
fn in_a_small_group_entries_follow_gossip_at_once() {
    let mut crowd = Crowd::new(3);
    let event = crowd.write(1);
    assert_eq!(sent(&crowd.wait(2)), [event.event]);
}

#[test]
fn a_digest_of_a_very_large_group_names_what_is_new_and_a_part_of_the_rest() {
    let mut crowd = Crowd::new(150);
    let event = crowd.write(140);
    let effects = (0..60).flat_map(|_| crowd.alice.wait(SECOND)).collect::<Vec<_>>();
    let digest = |effect: &Effect| match effect {
        Effect::Publish { bytes, .. } => match crowd.secret.unseal(bytes).unwrap() {
            GroupMessage::Have(receipt) => Some(receipt.open().unwrap()),
            _ => None,
        },
        _ => None,
    };
    let digests: Vec<_> = effects.iter().filter_map(digest).collect();
    assert!(!digests.is_empty());
    let mut named = std::collections::BTreeSet::new();
    for digest in &digests {
        assert!(digest.have.len() <= 64, "{}", digest.have.len());
        let head = digest.have.iter().find(|held| held.device == event.header.author);
        assert_eq!(head.and_then(|held| held.head).map(|head| head.id), Some(event.id));
        named.extend(digest.have.iter().map(|held| held.device));
    }
    assert!(named.len() > 64 || digests.len() == 1, "each names others");
}

#[test]
fn how_complete_a_history_is_is_counted_as_entries_come() {
    let mut crowd = Crowd::new(20);
    crowd.write(3);
    let id = crowd.secret.conversation();
    let conversation = &crowd.alice.machine.conversations[&id];
    let have: u64 = conversation.logs.keys().map(|log| conversation.durable_next(log)).sum();
    assert_eq!(conversation.completeness().have, have);
    // Somebody has an entry that is not here, and then it comes.
    let before = crowd.logs[5].last().unwrap();
    let event = crowd.members[5].entry(before, &text("lost"));
    let have = super::alone::up_to(event.header.author, event.header.sequence, event.id);
    let receipt = crowd.members[6].receipt(id, Stage::Stored, have);
    let bytes = crowd.secret.seal(&GroupMessage::Have(receipt), [2; 24]);
    let tag = crowd.secret.tag();
    crowd.alice.feed(Input::Gossip(GossipInput::Message { tag, bytes }));
    assert_eq!(crowd.alice.machine.conversations[&id].completeness().missing, 1);
    crowd.gossip(&event);
    assert_eq!(crowd.alice.machine.conversations[&id].completeness().missing, 0);
}
