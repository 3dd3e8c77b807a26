//! How long a text takes to be told at the other side, at rest and beside a large file on its way over
//! the same road. Rest and file take turns, so that other work on the machine meets both.

use std::time::{Duration, Instant};

use e2e::{event, peer::Peer, samples, server::Server};
use serde_json::{Value, json};

use crate::roads::{ROADS, Road, median};

/// Pause between texts.
const PAUSE: Duration = Duration::from_millis(15);
/// Texts of a round at rest.
const TEXTS: usize = 100;

/// Milliseconds that one text takes to be told.
fn one(anna: &mut Peer, bob: &Peer, text: &str) -> f64 {
    let mark = bob.mark();
    let began = Instant::now();
    anna.tell(json!({"do": "send", "to": "@bob", "text": text}));
    bob.wait_after(mark, text, event::message(text));
    began.elapsed().as_secs_f64() * 1000.0
}

/// The time within which so many of a hundred were told.
fn percentile(times: &[f64], percent: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    let place = (times.len() * percent).div_ceil(100).clamp(1, times.len());
    times[place - 1]
}

fn pause(bob: &Peer) {
    bob.watch_without("an error", PAUSE, |line| event::is(line, "error"));
}

/// Times of texts at rest, of texts beside a file, and MiB a second of the file.
fn round(anna: &mut Peer, bob: &mut Peer, number: usize, mib: usize) -> (Vec<f64>, Vec<f64>, f64) {
    let mut idle = Vec::new();
    let file = anna.write_file("large.bin", &samples::noise(&format!("round {number}"), mib << 20));
    let sent = anna.must_in_time(json!({"do": "send", "to": "@bob", "file": file}));
    bob.wait_for("the file", |line| line["message"] == sent["message"]);
    for text in 0..TEXTS {
        idle.push(one(anna, bob, &format!("idle {number} {text}")));
        pause(bob);
    }
    let mark = bob.mark();
    let kept = bob.folder().join("copy.bin");
    let fetch = bob.tell(json!({"do": "fetch", "message": sent["message"], "save_to": kept}));
    let began = Instant::now();
    let mut busy = Vec::new();
    let is_done = |line: &Value| line["reply"] == json!(fetch);
    let mut seconds = None;
    while seconds.is_none() {
        busy.push(one(anna, bob, &format!("busy {number} {}", busy.len())));
        pause(bob);
        let done = bob.lines_from(mark).into_iter().any(|line| is_done(&line));
        seconds = done.then(|| began.elapsed().as_secs_f64());
    }
    (idle, busy, mib as f64 / seconds.unwrap_or(f64::NAN))
}

fn on(road: &Road) {
    let (rounds, mib) = (crate::number("ROUNDS", 6), crate::number("MIB", 256));
    let server = Server::start();
    let [mut anna, mut bob] = ["anna", "bob"].map(|name| road.start(&server, name));
    let rounds: Vec<_> =
        (0..rounds).map(|number| round(&mut anna, &mut bob, number, mib)).collect();
    let rate = median(rounds.iter().map(|round| round.2));
    println!("{}: {} files of {mib} MiB at {rate:.0} MiB/s", road.name, rounds.len());
    for percent in [50, 99] {
        let idle = median(rounds.iter().map(|round| percentile(&round.0, percent)));
        let busy = median(rounds.iter().map(|round| percentile(&round.1, percent)));
        let ratio = busy / idle;
        println!("{}: p{percent} {idle:.1} ms at rest, {busy:.1} ms beside, {ratio:.2}", road.name);
    }
}

pub(crate) fn measure() {
    for road in &ROADS {
        on(road);
    }
}
