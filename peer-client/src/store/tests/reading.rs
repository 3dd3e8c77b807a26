//! History by pages, messages that were not told, entries for replication, attachments' names.

use wire::{event::Attachment, id::BlobHash, limits::EVENTS_PER_FRAME};

use super::*;

fn two_logs() -> Opened {
    let mut opened = Opened::with_conversation();
    let (alice, bob) = (Author::new(1), Author::new(2));
    opened.must_append(&bob, &bob.log(&[("b1", 10), ("b2", 30), ("b3", 50)]));
    opened.must_append(&alice, &alice.log(&[("a1", 20), ("a2", 40)]));
    opened
}

#[test]
fn history_is_in_the_order_of_the_clocks() {
    let mut opened = two_logs();
    assert_eq!(opened.history(10, None), (all(&["b1", "a1", "b2", "a2", "b3"]), false));
}

fn all(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn pages_end_where_the_next_ones_begin() {
    let mut opened = two_logs();
    let conversation = direct().id;
    let (mut before, mut pages) = (None, Vec::new());
    loop {
        let (rows, more) =
            opened.messages(|ticket| StoreOp::History { ticket, conversation, limit: 2, before });
        before = rows.first().map(|row| row.id);
        pages.push(texts(&rows));
        if !more {
            break;
        }
    }
    assert_eq!(pages, [all(&["a2", "b3"]), all(&["a1", "b2"]), all(&["b1"])]);
}

#[test]
fn a_page_before_an_unknown_message_is_empty() {
    let mut opened = two_logs();
    assert_eq!(opened.history(10, Some(EventId::new([9; 32]))), (vec![], false));
}

#[test]
fn messages_with_one_clock_are_ordered_by_author_and_sequence() {
    let mut opened = Opened::with_conversation();
    let authors = [Author::new(1), Author::new(2), Author::new(3)];
    for author in &authors {
        opened.must_append(author, &author.log(&[("first", 5), ("second", 5)]));
    }
    let conversation = direct().id;
    let (rows, _) = opened.messages(|ticket| StoreOp::History {
        ticket,
        conversation,
        limit: 10,
        before: None,
    });
    let order: Vec<_> = rows.iter().map(|row| (row.author, row.sequence)).collect();
    assert!(order.is_sorted() && order.len() == 6, "{order:?}");
}

#[test]
fn a_message_carries_what_it_answers() {
    let mut opened = Opened::with_conversation();
    let (alice, bob) = (Author::new(1), Author::new(2));
    let question = bob.log(&[("why?", 1)]);
    opened.must_append(&bob, &question);
    let payload = |id| Payload::Text { body: "because".to_owned(), reply_to: Some(id) };
    let answer = alice.entry(None, &payload(question[0].id), 2);
    let unknown = alice.entry(Some(&answer), &payload(EventId::new([9; 32])), 3);
    opened.must_append(&alice, &[answer, unknown]);
    let conversation = direct().id;
    let (rows, _) = opened.messages(|ticket| StoreOp::History {
        ticket,
        conversation,
        limit: 10,
        before: None,
    });
    assert_eq!(rows[1].quoted, Some((bob.device(), text("why?"))));
    assert_eq!(rows[2].quoted, None);
}

#[test]
fn untold_messages_are_those_of_others_in_the_order_of_arrival() {
    let mut opened = two_logs();
    let untold = opened.untold(10);
    assert_eq!(texts(&untold), ["b1", "b2", "b3"]);
    opened.submit(StoreOp::Told(untold[1].arrival));
    assert_eq!(texts(&opened.untold(10)), ["b3"]);
    let mut opened = opened.reopen();
    assert_eq!(texts(&opened.untold(10)), ["b3"]);
    let untold = opened.untold(10);
    opened.submit(StoreOp::Told(untold[0].arrival));
    assert!(opened.untold(10).is_empty());
    let mut opened = opened.reopen();
    assert!(opened.untold(10).is_empty());
    let carol = Author::new(3);
    opened.must_append(&carol, &carol.log(&[("c1", 1)]));
    assert_eq!(texts(&opened.untold(10)), ["c1"]);
}

#[test]
fn untold_messages_come_in_portions() {
    let mut opened = two_logs();
    let own = Author::new(1).device();
    let (rows, more) = opened.messages(|ticket| StoreOp::Untold { ticket, limit: 2, own });
    assert_eq!((texts(&rows), more), (all(&["b1", "b2"]), true));
}

#[test]
fn what_was_told_is_not_untold_by_an_older_word() {
    let mut opened = two_logs();
    let untold = opened.untold(10);
    opened.submit(StoreOp::Told(untold[2].arrival));
    opened.submit(StoreOp::Told(untold[0].arrival));
    assert!(opened.untold(10).is_empty());
}

#[test]
fn entries_come_out_as_they_were_signed() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = bob.log(&(0..100).map(|ms| ("word", ms)).collect::<Vec<_>>());
    opened.must_append(&bob, &log);
    let mut opened = opened.reopen();
    let (conversation, device) = (direct().id, bob.device());
    let mut from = 0;
    let mut out = Vec::new();
    while from < 100 {
        let op = |ticket| StoreOp::Log { ticket, conversation, log: device, from, to: 99 };
        let StoreReply::Log { events, .. } = opened.ask(op) else { panic!("no entries") };
        assert!(!events.is_empty() && events.len() <= 4 * EVENTS_PER_FRAME);
        from += events.len() as u64;
        out.extend(events.into_iter().map(|event| event.check().unwrap()));
    }
    assert_eq!(out, log);
}

#[test]
fn an_attachment_is_named_only_in_its_conversation() {
    let mut opened = Opened::with_conversation();
    let author = Author::new(2);
    let blob = BlobHash::new([8; 32]);
    let attachment = Payload::Attachment(Attachment {
        blob,
        size: 3,
        media_type: "text/plain".to_owned(),
        name: "note.txt".to_owned(),
        caption: None,
        preview: None,
        dimensions: None,
        reply_to: None,
    });
    let first = author.entry(None, &attachment, 1);
    opened.must_append(&author, std::slice::from_ref(&first));
    let cases = [
        (direct().id, blob, true),
        (direct().id, BlobHash::new([7; 32]), false),
        (ConversationId::new([7; 32]), blob, false),
    ];
    for (conversation, blob, expected) in cases {
        let op = |ticket| StoreOp::Names { ticket, conversation, blob };
        let StoreReply::Named { named, .. } = opened.ask(op) else { panic!("no answer") };
        assert_eq!(named, expected);
    }
    let (rows, _) = opened.messages(|ticket| StoreOp::Message { ticket, id: first.id });
    assert_eq!(rows[0].payload, attachment);
}
