//! Who lacks much sees the newest first, and each message once.

use std::time::Duration;

use wire::{
    event::{Event, Payload},
    id::DeviceId,
    limits::NUMBER_MAX,
    sync::{Have, SyncFrame},
};

use super::{
    Person,
    alone::{Alone, Stranger, closes, events, frames},
    network::Network,
};
use crate::core::{
    effect::Effect,
    input::{GossipInput, Input, SessionId, SyncInput, Ticket},
    storage::{StoreOp, StoreReply},
};

const SECOND: Duration = Duration::from_secs(1);
const MESSAGES: usize = 1200;

/// Two members with a long history.
fn long_history(seed: u64) -> Network {
    let mut network = Network::with_people(seed, &["alice", "bob"]);
    for place in 0..2 {
        network.join(place, "garden");
    }
    network.run_for(2 * SECOND);
    for number in 0..MESSAGES {
        network.say(number % 2, "#garden", &format!("message {number}"));
        network.run_for(SECOND / 10);
    }
    network.run_for(60 * SECOND);
    network
}

fn text(payload: Payload) -> String {
    match payload {
        Payload::Text { body, .. } => body,
        other => panic!("{other:?}"),
    }
}

/// The texts that a front end is told, in the order of their arrival.
fn told(network: &mut Network, place: usize) -> Vec<String> {
    let own = network.peers[place].device();
    let op = StoreOp::Untold { ticket: Ticket(0), limit: 10_000, own };
    match network.peers[place].store.execute(&op).remove(0) {
        StoreReply::Messages { rows, .. } => {
            rows.into_iter().map(|row| text(row.payload)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_late_joiner_sees_the_newest_first() {
    let mut network = long_history(1);
    let carol = network.add(Person::new(3, "carol"));
    network.run_for(2 * SECOND);
    network.join(carol, "garden");
    network.run_for(60 * SECOND);
    let expected: Vec<_> = (0..MESSAGES).map(|number| format!("message {number}")).collect();
    assert!(network.texts(carol, "#garden") == expected[MESSAGES - 1000..], "the newest page");
    assert_eq!(network.complete(carol, "#garden").missing, 0);
    let told = told(&mut network, carol);
    let newest = told.iter().position(|text| *text == expected[MESSAGES - 1]);
    assert!(newest.is_some_and(|place| place < MESSAGES / 3), "{newest:?}");
    let mut sorted = told;
    sorted.sort_by_key(|text| text["message ".len()..].parse::<usize>().unwrap());
    assert!(sorted == expected, "each is told once");
}

/// The logs of the entries that are sent on a stream.
fn logs_sent(effects: Vec<Effect>, session: SessionId) -> Vec<DeviceId> {
    let mut logs = Vec::new();
    for frame in frames(effects, session) {
        if let SyncFrame::Events(events) = frame {
            let author = |event: Event| event.check().unwrap().header.author;
            logs.extend(events.into_inner().into_iter().map(author));
        }
    }
    logs
}

#[test]
fn members_who_have_the_same_history_share_out_the_sending() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let id = secret.conversation();
    // One whose log is before, and one whose log is behind the own one.
    let others = (2..40).map(|number| Stranger::new(number, &format!("member{number}")));
    let (before, behind): (Vec<_>, Vec<_>) = others.partition(|it| it.id() < alice.device());
    for member in [&before[0], &behind[0]] {
        let proof = member.group_proof(&secret, &alice);
        let session = alice.greet(member.id(), id, proof);
        let log = member.log(id, &["hello"; 60]);
        assert!(!closes(&alice.frame(session, &events(&log)), session));
    }
    for number in 0..60 {
        alice.say("#garden", &format!("message {number}"));
    }
    let late = Stranger::new(50, "late");
    alice.link(late.id());
    let (session, effects) = alice.try_greet(late.id(), id, late.group_proof(&secret, &alice));
    let mut logs = logs_sent(effects, session);
    logs.dedup();
    assert_eq!(logs, [alice.device(), behind[0].id(), before[0].id()]);
}

#[test]
fn a_history_goes_on_while_new_messages_come() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let (id, tag) = (secret.conversation(), secret.tag());
    alice.feed(Input::Gossip(GossipInput::Ready { tag }));
    for number in 0..1000 {
        alice.say("#garden", &format!("message {number}"));
    }
    let bob = Stranger::new(2, "bob");
    let proof = bob.group_proof(&secret, &alice);
    alice.link(bob.id());
    let (session, _) = alice.accept(bob.id());
    let hello = SyncFrame::Hello { conversation: id, proof, have: Have::default() };
    let mut waiting = alice.feed(Input::Sync(SyncInput::arrived(session, hello)));
    let mut sent = 0;
    // The stream takes one frame after the other, and messages are written after the first ones.
    while sent < 5000
        && let Some(place) = waiting.iter().position(|it| matches!(it, Effect::SendSync { .. }))
    {
        sent += logs_sent(vec![waiting.remove(place)], session).len();
        if sent < 500 {
            alice.say("#garden", "and another");
        }
        waiting.extend(alice.feed(Input::Sync(SyncInput::Written { session })));
    }
    assert!((1000..5000).contains(&sent), "{sent} entries were sent, and then it waited");
}

#[test]
fn a_history_is_not_sent_again_without_end() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    for number in 0..5 {
        alice.say("#garden", &format!("message {number}"));
    }
    let bob = Stranger::new(2, "bob");
    let proof = bob.group_proof(&secret, &alice);
    let session = alice.greet(bob.id(), secret.conversation(), proof);
    let ask = SyncFrame::Ask { device: alice.device(), from: 0, to: NUMBER_MAX };
    let sent: usize = (0..1000).map(|_| logs_sent(alice.frame(session, &ask), session).len()).sum();
    assert_eq!(sent, 64 * 6, "each time the introduction and five messages");
}

#[test]
fn all_who_may_send_the_same_are_told_what_came_by_replication() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let id = secret.conversation();
    let [bob, carol, late] =
        [(2, "bob"), (3, "carol"), (4, "late")].map(|(number, name)| Stranger::new(number, name));
    let [to_bob, to_late] =
        [&bob, &late].map(|it| alice.greet(it.id(), id, it.group_proof(&secret, &alice)));
    let log = carol.log(id, &["one", "two"]);
    let effects = alice.frame(to_bob, &events(&log));
    let told = frames(effects, to_late)
        .into_iter()
        .any(|frame| matches!(frame, SyncFrame::Receipt(receipt) if receipt.open().is_ok()));
    assert!(told, "who may be about to send the same is not told that it is here");
}

#[test]
fn what_is_written_meanwhile_is_seen_before_the_history() {
    let mut network = long_history(2);
    let carol = network.add(Person::new(3, "carol"));
    network.run_for(2 * SECOND);
    network.join(carol, "garden");
    network.run_for(SECOND / 2);
    network.say(0, "#garden", "meanwhile");
    network.run_for(60 * SECOND);
    assert_eq!(network.texts(carol, "#garden").last().unwrap(), "meanwhile");
    assert_eq!(network.complete(carol, "#garden").missing, 0);
    assert_eq!(told(&mut network, carol).len(), MESSAGES + 1);
}

#[test]
fn what_came_from_a_member_is_not_sent_back() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let id = secret.conversation();
    let (bob, carol) = (Stranger::new(2, "bob"), Stranger::new(3, "carol"));
    let session = alice.greet(bob.id(), id, bob.group_proof(&secret, &alice));
    for log in [bob.log(id, &["one"]), carol.log(id, &["two", "three"])] {
        let mut sent = logs_sent(alice.frame(session, &events(&log)), session);
        sent.extend(logs_sent(alice.wait(10 * SECOND), session));
        assert!(!sent.contains(&log[0].header.author), "{sent:?}");
    }
}
