//! Durable sends a second beside bare `SQLite` commits of as many rows.

use std::time::Instant;

use e2e::{peer::Peer, server::Server};
use rusqlite::Connection;
use serde_json::json;

/// Commands that wait for their answer at once.
const WINDOW: usize = 256;
/// Rows in one commit, as many as the store takes into one.
const BATCH: usize = 256;
/// Bytes of a row: a signed entry with a short text.
const ROW: usize = 600;

/// Sends texts and waits until each is durable. Gives how many a second.
pub(crate) fn send(peer: &mut Peer, to: &str, count: usize) -> f64 {
    let began = Instant::now();
    let mut waiting = std::collections::VecDeque::new();
    let mut mark = peer.mark();
    for number in 0..count {
        if waiting.len() == WINDOW {
            mark = await_reply(peer, mark, &mut waiting);
        }
        let text = format!("message {number} of {count}");
        waiting.push_back(peer.tell(json!({"do": "send", "to": to, "text": text})));
    }
    while !waiting.is_empty() {
        mark = await_reply(peer, mark, &mut waiting);
    }
    count as f64 / began.elapsed().as_secs_f64()
}

fn await_reply(peer: &Peer, mark: usize, waiting: &mut std::collections::VecDeque<u64>) -> usize {
    peer.wait_after(mark, "an answer", |_| true);
    let lines = peer.lines_from(mark);
    for line in &lines {
        if let Some(id) = line["reply"].as_u64() {
            assert_eq!(line["ok"], true, "{line}");
            waiting.retain(|other| *other != id);
        }
    }
    mark + lines.len()
}

fn bare_commits(count: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = Connection::open(folder.path().join("bare.sqlite")).expect("a database");
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE rows(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);",
        )
        .expect("a table");
    let row = vec![7_u8; ROW];
    let began = Instant::now();
    for from in (0..count).step_by(BATCH) {
        let transaction = database.unchecked_transaction().expect("a transaction");
        for _ in from..count.min(from + BATCH) {
            transaction.execute("INSERT INTO rows(bytes) VALUES (?1)", [&row]).expect("a row");
        }
        transaction.commit().expect("a commit");
    }
    count as f64 / began.elapsed().as_secs_f64()
}

pub(crate) fn measure() {
    let count = crate::number("SENDS", 10_000);
    let server = Server::start();
    let [mut anna, _bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    anna.say("@bob", "hello");
    let sends = send(&mut anna, "@bob", count);
    let bare = bare_commits(count);
    println!("{count} texts to a connected contact: {sends:.0} durable sends/s");
    println!("{count} bare rows in commits of {BATCH}, WAL and FULL: {bare:.0} rows/s");
    println!("ratio {:.3}", sends / bare);
}
