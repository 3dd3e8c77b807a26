//! What a peer that starts finds as it was.

use wire::{
    account::AccountRecord,
    conversation::GroupSecret,
    event::Clock,
    name::Username,
    signed::Signed,
    sync::{Head, Stage},
};

use super::*;
use crate::core::storage::{AccountRow, LogRow};

fn record(number: u8, username: &str) -> Signed<AccountRecord> {
    let key = AccountKey::from_seed([number; 32]);
    let record = AccountRecord {
        username: Username::new(username).unwrap(),
        account: key.id(),
        devices: Bounded::truncated([Author::new(number).device()]),
        sequence: 0,
        previous: None,
        issued_at: 1,
    };
    Signed::by_account(&record, &key)
}

#[test]
fn a_new_store_is_empty() {
    let opened = Opened::new();
    assert!(opened.snapshot.record.is_none() && !opened.snapshot.registered);
    assert!(opened.snapshot.accounts.is_empty() && opened.snapshot.conversations.is_empty());
}

#[test]
fn the_own_record_and_whether_the_server_took_it() {
    let mut opened = Opened::new();
    for registered in [false, true] {
        let record = record(1, "alice");
        opened.submit(StoreOp::SaveRecord { record: record.clone(), registered });
        opened = opened.reopen();
        assert_eq!(opened.snapshot.record, Some(record));
        assert_eq!(opened.snapshot.registered, registered);
    }
}

#[test]
fn people_with_their_records() {
    let mut opened = Opened::new();
    let row = |number, username: &str, verified| {
        let record = record(number, username);
        let opened = record.open().unwrap();
        AccountRow { account: opened.account, username: opened.username, record, verified }
    };
    for row in [row(2, "bob", false), row(3, "carol", true), row(2, "bob", true)] {
        opened.submit(StoreOp::SaveAccount(row));
    }
    let opened = opened.reopen();
    let mut people = opened.snapshot.accounts.clone();
    people.sort_by(|one, other| one.username.cmp(&other.username));
    assert_eq!(people, [row(2, "bob", true), row(3, "carol", true)]);
}

#[test]
fn conversations_with_their_secrets() {
    let mut opened = Opened::new();
    let secret = GroupSecret::new([5; 32]);
    let group = ConversationRow {
        id: secret.conversation(),
        name: name("#garden"),
        kind: Kind::Group(secret),
        request: false,
        left: true,
        muted: false,
    };
    let request = ConversationRow { request: true, ..direct() };
    opened.save(group.clone());
    opened.save(request.clone());
    let opened = opened.reopen();
    let rows: Vec<_> = opened.snapshot.conversations.iter().map(|it| it.row.clone()).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows.contains(&group) && rows.contains(&request), "{rows:?}");
    let mut opened = opened;
    opened.save(ConversationRow { request: false, ..request.clone() });
    let opened = opened.reopen();
    assert!(!opened.snapshot.conversations.iter().any(|it| it.row.request));
}

#[test]
fn logs_with_their_heads() {
    let mut opened = Opened::with_conversation();
    let (alice, bob) = (Author::new(1), Author::new(2));
    let (own, other) = (alice.log(&[("a", 7)]), bob.log(&[("b", 1), ("c", 9)]));
    opened.must_append(&alice, &own);
    opened.must_append(&bob, &other);
    let mut opened = opened.reopen();
    let row = |author: &Author, last: &CheckedEvent| LogRow {
        device: author.device(),
        account: author.account,
        head: Head { sequence: last.header.sequence, id: last.id },
        clock: last.header.clock,
    };
    let logs = &opened.state().logs;
    assert_eq!(logs.len(), 2);
    assert!(logs.contains(&row(&alice, &own[0])), "{logs:?}");
    assert!(logs.contains(&row(&bob, &other[1])), "{logs:?}");
    assert_eq!(opened.state().last.as_ref().unwrap().clock, Clock { ms: 9, counter: 0 });
    let next = bob.entry(other.last(), &text("d"), 10);
    opened.must_append(&bob, &[next]);
}

#[test]
fn acknowledgements_at_their_furthest() {
    let mut opened = Opened::with_conversation();
    let (alice, bob) = (Author::new(1), Author::new(2));
    let log = alice.log(&[("one", 1), ("two", 2), ("three", 3)]);
    opened.must_append(&alice, &log);
    let (conversation, own, device) = (direct().id, alice.device(), bob.device());
    let named = |to: u64| log[to as usize - 1].id;
    let mut acknowledge_as = |stage, from, to, named| {
        let op = |ticket| StoreOp::Acknowledge {
            ticket,
            conversation,
            device,
            stage,
            log: own,
            from,
            to,
            named: Some(named),
        };
        let StoreReply::Acknowledged { messages, .. } = opened.ask(op) else { panic!("{stage:?}") };
        messages
    };
    assert_eq!(acknowledge_as(Stage::Stored, 0, 2, log[0].id), None, "another entry");
    let mut acknowledge =
        |stage, from, to| acknowledge_as(stage, from, to, named(to)).unwrap_or_default();
    assert_eq!(acknowledge(Stage::Stored, 0, 2), [log[0].id, log[1].id]);
    assert_eq!(acknowledge(Stage::Stored, 2, 3), [log[2].id]);
    assert_eq!(acknowledge(Stage::Stored, 0, 1), [log[0].id]);
    assert_eq!(acknowledge(Stage::Read, 0, 2), [log[0].id, log[1].id]);
    let opened = opened.reopen();
    let mut acknowledged = opened.state().acknowledged.clone();
    acknowledged.sort();
    let expected = [(device, Stage::Stored, own, 3), (device, Stage::Read, own, 2)];
    assert_eq!(acknowledged, expected);
}

#[test]
fn what_was_sent_and_by_which_road_it_first_went() {
    let mut opened = Opened::with_conversation();
    let alice = Author::new(1);
    let log = alice.log(&[("one", 1), ("two", 2)]);
    let (events, accounts) = shared(&alice, &log);
    opened.ask(|ticket| StoreOp::Append { ticket, events, accounts, path: None, ahead: false });
    let (conversation, own) = (direct().id, alice.device());
    for (from, to, path) in [(0, 1, Path::Relayed(None)), (0, 2, Path::Direct(None))] {
        let op =
            |ticket| StoreOp::Sent { ticket, conversation, log: own, from, to, named: None, path };
        let StoreReply::Acknowledged { messages, .. } = opened.ask(op) else { panic!("{path:?}") };
        assert_eq!(messages.unwrap_or_default().len() as u64, to - from);
    }
    let mut opened = opened.reopen();
    assert_eq!(opened.state().sent, 2);
    let (rows, _) = opened.messages(|ticket| StoreOp::History {
        ticket,
        conversation,
        limit: 10,
        before: None,
    });
    let roads: Vec<_> = rows.iter().map(|row| row.path).collect();
    assert_eq!(roads, [Some(Path::Relayed(None)), Some(Path::Direct(None))]);
}

#[test]
fn what_was_read_and_what_is_unread() {
    let mut opened = Opened::with_conversation();
    let (alice, bob) = (Author::new(1), Author::new(2));
    opened.must_append(&bob, &bob.log(&[("one", 1), ("two", 2), ("three", 3)]));
    opened.must_append(&alice, &alice.log(&[("own", 4)]));
    opened = opened.reopen();
    assert_eq!(opened.state().unread, 3);
    for (mark, unread) in [(2, 1), (1, 1), (3, 0)] {
        let marks = vec![(bob.device(), mark)];
        opened.submit(StoreOp::Read { conversation: direct().id, marks });
        opened = opened.reopen();
        assert_eq!(opened.state().unread, unread, "after the mark {mark}");
    }
    assert_eq!(opened.state().read, [(bob.device(), 3)]);
}

#[test]
fn a_kind_of_a_later_version_stays_and_goes_on_as_it_came() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let payload =
        Payload::Reaction { event: EventId::new([1; 32]), emoji: "🌿".to_owned(), on: true };
    let log = [bob.entry(None, &payload, 1)];
    opened.must_append(&bob, &log);
    let mut opened = opened.reopen();
    assert!(opened.state().last.is_none(), "a reaction is no message of its own");
    let (conversation, device) = (direct().id, bob.device());
    let op = |ticket| StoreOp::Log { ticket, conversation, log: device, from: 0, to: 0 };
    let StoreReply::Log { events, .. } = opened.ask(op) else { panic!("no entries") };
    assert_eq!(events, [log[0].event.clone()]);
}
