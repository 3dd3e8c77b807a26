//! Entries that come before what is before them in their logs.

use wire::limits::EVENTS_PER_FRAME;

use super::{Author, Opened, direct, shared, text, texts};
use crate::core::storage::{StoreOp, StoreReply};

impl Opened {
    /// Stores entries beyond a gap. Gives their arrivals.
    fn append_ahead(
        &mut self,
        author: &Author,
        log: &[wire::event::CheckedEvent],
    ) -> Vec<Option<i64>> {
        let (events, accounts) = shared(author, log);
        let op = |ticket| StoreOp::Append { ticket, events, accounts, path: None, ahead: true };
        match self.ask(op) {
            StoreReply::Appended { arrivals, .. } => arrivals,
            other => panic!("{other:?}"),
        }
    }

    fn append_next(
        &mut self,
        author: &Author,
        log: &[wire::event::CheckedEvent],
    ) -> Vec<Option<i64>> {
        match self.append(author, log, crate::core::model::Path::Synced) {
            StoreReply::Appended { arrivals, .. } => arrivals,
            other => panic!("{other:?}"),
        }
    }

    fn found(&mut self, words: &str) -> Vec<String> {
        let text = words.to_owned();
        let op = |ticket| StoreOp::Search { ticket, text, conversation: None, limit: 10 };
        texts(&self.messages(op).0)
    }
}

fn log(author: &Author) -> Vec<wire::event::CheckedEvent> {
    author.log(&[("one", 1), ("two", 2), ("three", 3), ("four", 4), ("five", 5)])
}

#[test]
fn what_came_ahead_is_shown_and_told_once_when_its_log_has_come_there() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = log(&bob);
    opened.must_append(&bob, &log[..1]);
    let ahead = opened.append_ahead(&bob, &log[3..]);
    assert!(ahead.iter().all(Option::is_some), "{ahead:?}");
    assert_eq!(opened.history(10, None).0, ["one", "four", "five"]);
    assert_eq!(opened.found("four"), ["four"]);
    assert_eq!(opened.append_ahead(&bob, &log[4..]), [None], "it is here already");

    let mut opened = opened.reopen();
    assert_eq!(opened.state().logs[0].head.sequence, 0, "the gap counts");
    assert_eq!(opened.state().unread, 3);
    let arrivals = opened.append_next(&bob, &log[1..]);
    assert_eq!(
        arrivals.iter().map(Option::is_some).collect::<Vec<_>>(),
        [true, true, false, false]
    );
    assert_eq!(opened.history(10, None).0, ["one", "two", "three", "four", "five"]);
    assert_eq!(texts(&opened.untold(10)), ["one", "four", "five", "two", "three"]);
    assert_eq!(opened.found("four"), ["four"]);
    let opened = opened.reopen();
    assert_eq!((opened.state().logs[0].head.sequence, opened.state().unread), (4, 5));
}

#[test]
fn of_two_entries_for_one_place_the_one_that_continues_the_log_stays() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = log(&bob);
    let other = bob.entry(Some(&log[2]), &text("another four"), 4);
    opened.must_append(&bob, &log[..1]);
    opened.append_ahead(&bob, &[other]);
    opened.append_next(&bob, &log[1..]);
    assert_eq!(opened.history(10, None).0, ["one", "two", "three", "four", "five"]);
    assert_eq!(opened.found("another"), Vec::<String>::new());
}

#[test]
fn the_newest_messages_come_with_the_beginnings_of_their_logs() {
    let mut opened = Opened::with_conversation();
    let (bob, carol) = (Author::new(2), Author::new(3));
    let words: Vec<_> = (0..500).map(|number| format!("word {number}")).collect();
    let times: Vec<_> = words.iter().zip(0..).map(|(word, ms)| (word.as_str(), ms)).collect();
    let (long, short) = (bob.log(&times), carol.log(&[("old", 1), ("newest", 1000)]));
    for part in long.chunks(EVENTS_PER_FRAME) {
        opened.must_append(&bob, part);
    }
    opened.must_append(&carol, &short);
    opened.append_ahead(&carol, &[carol.entry(None, &text("not in its log"), 2000)]);
    let conversation = direct().id;
    let reply = opened.ask(|ticket| StoreOp::Newest { ticket, conversation });
    let StoreReply::Log { events, .. } = reply else { panic!("{reply:?}") };
    let places: Vec<_> = events
        .into_iter()
        .map(|event| event.check().unwrap().header)
        .map(|header| (header.author, header.sequence))
        .collect();
    assert_eq!(places[..2], [(carol.device(), 0), (bob.device(), 0)]);
    assert_eq!(places[2], (carol.device(), 1), "the newest of all comes first");
    let newest: Vec<_> = (453..500).map(|sequence| (bob.device(), sequence)).collect();
    assert_eq!(places[3..], newest);
}
