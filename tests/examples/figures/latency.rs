//! How long a text takes to be told at the other side, at rest and beside a large file on its way.

use std::time::{Duration, Instant};

use e2e::{event, peer::Peer, samples, server::Server};
use serde_json::json;

/// Pause between texts.
const PAUSE: Duration = Duration::from_millis(15);

/// Milliseconds that one text takes to be told.
fn one(anna: &mut Peer, bob: &Peer, text: &str) -> f64 {
    let mark = bob.mark();
    let began = Instant::now();
    anna.tell(json!({"do": "send", "to": "@bob", "text": text}));
    bob.wait_after(mark, text, event::message(text));
    began.elapsed().as_secs_f64() * 1000.0
}

/// The time within which so many of a hundred were told.
fn percentile(times: &mut [f64], percent: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get((times.len() * percent / 100).min(times.len() - 1)).copied().unwrap_or_default()
}

fn pause(bob: &Peer) {
    bob.watch_without("an error", PAUSE, |line| event::is(line, "error"));
}

pub(crate) fn measure() {
    let mib = crate::number("MIB", 1024);
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| Peer::start(&server, name));
    let file = anna.write_file("large.bin", &samples::noise("figures", mib << 20));
    let sent = anna.must_in_time(json!({"do": "send", "to": "@bob", "file": file}));
    bob.wait_for("the file", event::attachment);
    let mut idle = Vec::new();
    for number in 0..300 {
        idle.push(one(&mut anna, &bob, &format!("idle {number}")));
        pause(&bob);
    }
    let kept = bob.folder().join("copy.bin");
    let fetch = bob.tell(json!({"do": "fetch", "message": sent["message"], "save_to": kept}));
    let began = Instant::now();
    let mut busy = Vec::new();
    let is_done = |bob: &Peer| bob.told().iter().any(|line| line["reply"] == json!(fetch));
    while !is_done(&bob) {
        busy.push(one(&mut anna, &bob, &format!("busy {}", busy.len())));
        pause(&bob);
    }
    let rate = mib as f64 / began.elapsed().as_secs_f64();
    println!("{mib} MiB at {rate:.0} MiB/s beside {} texts", busy.len());
    for percent in [50, 99] {
        let (idle, busy) = (percentile(&mut idle, percent), percentile(&mut busy, percent));
        println!("p{percent}: {idle:.1} ms idle, {busy:.1} ms beside it, ratio {:.2}", busy / idle);
    }
}
