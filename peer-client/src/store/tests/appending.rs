//! Entries of logs: what is taken, what is refused, and when the reply comes.

use super::*;

/// What another connection sees: entries, and heads of logs.
fn counts(database: &Connection) -> (u32, u32) {
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        database.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    (count("events"), count("logs"))
}

#[test]
fn the_reply_comes_after_the_commit() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = bob.log(&[("one", 1), ("two", 2), ("three", 3)]);
    let arrivals = opened.must_append(&bob, &log);
    // Another connection sees nothing of a transaction that is under way.
    assert_eq!(counts(&opened.look()), (3, 1));
    assert!(arrivals.is_sorted() && arrivals.len() == 3, "{arrivals:?}");
}

/// As after a power cut right behind the reply: only what is in the files by then counts.
#[test]
fn what_was_replied_to_is_in_the_files() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = bob.log(&[("one", 1), ("two", 2)]);
    for entry in &log {
        opened.must_append(&bob, std::slice::from_ref(entry));
        let copy = tempfile::tempdir().unwrap();
        for file in ["messages.sqlite", "messages.sqlite-wal"] {
            let from = opened.folder.path().join(file);
            std::fs::copy(from, copy.path().join(file)).unwrap();
        }
        let copy = open_in(copy);
        let [log] = &copy.state().logs[..] else { panic!("{:?}", copy.snapshot) };
        assert_eq!((log.head.sequence, log.head.id), (entry.header.sequence, entry.id));
    }
}

#[test]
fn a_gap_is_refused() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = bob.log(&[("one", 1), ("two", 2), ("three", 3)]);
    for (taken, refused) in [(&log[0..1], &log[2..3]), (&log[1..3], &log[0..1])] {
        opened.must_append(&bob, taken);
        let reply = opened.append(&bob, refused, Path::Direct(None));
        assert!(matches!(reply, StoreReply::Failed { ticket: Some(_), .. }), "{reply:?}");
    }
    assert_eq!(opened.history(10, None).0, ["one", "two", "three"]);
}

#[test]
fn a_log_does_not_begin_in_the_middle() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = bob.log(&[("one", 1), ("two", 2)]);
    let reply = opened.append(&bob, &log[1..], Path::Direct(None));
    assert!(matches!(reply, StoreReply::Failed { .. }), "{reply:?}");
    assert_eq!(counts(&opened.look()), (0, 0));
}

#[test]
fn an_entry_of_a_fork_is_refused() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = bob.log(&[("one", 1), ("two", 2)]);
    opened.must_append(&bob, &log);
    let other = bob.log(&[("one", 1), ("another two", 2), ("three", 3)]);
    for entry in [&other[1..2], &other[2..3]] {
        let reply = opened.append(&bob, entry, Path::Direct(None));
        assert!(matches!(reply, StoreReply::Failed { .. }), "{reply:?}");
    }
    assert_eq!(opened.history(10, None).0, ["one", "two"]);
}

#[test]
fn a_second_time_changes_nothing() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = bob.log(&[("one", 1), ("two", 2)]);
    opened.must_append(&bob, &log);
    let reply = opened.append(&bob, &log, Path::Synced);
    assert!(matches!(reply, StoreReply::Failed { .. }), "{reply:?}");
    let three = bob.entry(log.last(), &text("three"), 3);
    opened.must_append(&bob, &[three]);
    let mut opened = opened.reopen();
    assert_eq!(opened.history(10, None).0, ["one", "two", "three"]);
}

#[test]
fn of_entries_that_come_together_all_are_stored_or_none() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = bob.log(&[("one", 1), ("two", 2), ("three", 3), ("four", 4)]);
    let gappy = [log[0].clone(), log[1].clone(), log[3].clone()];
    let reply = opened.append(&bob, &gappy, Path::Direct(None));
    assert!(matches!(reply, StoreReply::Failed { .. }), "{reply:?}");
    assert_eq!(counts(&opened.look()), (0, 0));
    opened.must_append(&bob, &log);
    assert_eq!(counts(&opened.look()), (4, 1));
}

#[test]
fn replies_come_in_the_order_of_the_operations() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let times: Vec<_> = (0..600).map(|ms| ("word", ms)).collect();
    let log = bob.log(&times);
    for entry in &log {
        let ticket = opened.ticket();
        let (events, accounts) = shared(&bob, std::slice::from_ref(entry));
        opened.submit(StoreOp::Append { ticket, events, accounts, path: None, ahead: false });
    }
    let mut last = 0;
    for number in 2..602 {
        let StoreReply::Appended { ticket, arrivals, .. } = opened.reply() else {
            panic!("{number}")
        };
        assert_eq!(ticket, Ticket(number));
        assert!(arrivals[0] > Some(last));
        last = arrivals[0].unwrap();
    }
}

#[test]
fn one_bad_operation_does_not_spoil_those_that_came_with_it() {
    let mut opened = Opened::with_conversation();
    let (bob, carol) = (Author::new(2), Author::new(3));
    let (good, bad) = (bob.log(&[("one", 1), ("two", 2)]), carol.log(&[("x", 1), ("y", 2)]));
    let mut failed = Vec::new();
    for (author, entry) in [(&bob, &good[0]), (&carol, &bad[1]), (&bob, &good[1])] {
        let ticket = opened.ticket();
        let (events, accounts) = shared(author, std::slice::from_ref(entry));
        opened.submit(StoreOp::Append { ticket, events, accounts, path: None, ahead: false });
    }
    for _ in 0..3 {
        failed.push(matches!(opened.reply(), StoreReply::Failed { .. }));
    }
    assert_eq!(failed, [false, true, false]);
    assert_eq!(opened.history(10, None).0, ["one", "two"]);
}

#[test]
fn what_was_handed_over_is_written_though_the_store_is_closed_at_once() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    let log = bob.log(&(0..100).map(|ms| ("word", ms)).collect::<Vec<_>>());
    for entry in &log {
        let ticket = opened.ticket();
        let (events, accounts) = shared(&bob, std::slice::from_ref(entry));
        opened.submit(StoreOp::Append { ticket, events, accounts, path: None, ahead: false });
    }
    let opened = opened.reopen();
    assert_eq!(opened.state().logs[0].head.sequence, 99);
}

#[test]
fn more_operations_than_the_store_takes_are_given_back() {
    let mut opened = Opened::with_conversation();
    let bob = Author::new(2);
    // Nobody takes the replies, so the thread comes to rest with its queue full.
    let mut taken = 0;
    loop {
        let ticket = opened.ticket();
        let op = StoreOp::Untold { ticket, limit: 1, own: bob.device() };
        match opened.store.as_ref().unwrap().try_submit(op) {
            Ok(()) => taken += 1,
            Err(StoreOp::Untold { ticket: back, .. }) => {
                assert_eq!(back, ticket);
                break;
            }
            Err(other) => panic!("{other:?}"),
        }
        assert!(taken < 100_000, "the queue has no bound");
    }
    for _ in 0..taken {
        opened.reply();
    }
}
