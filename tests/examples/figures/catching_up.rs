//! A member that comes late gets everything from two others, each of which has a half.

use std::{fs, time::Instant};

use e2e::{
    event::{self, text},
    peer::Peer,
    server::Server,
};
use serde_json::{Value, json};

use crate::sending::send;

/// The most memory that a process ever had, in MiB.
pub(crate) fn peak_memory(peer: &Peer) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", peer.process().pid()));
    let status = status.unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

/// Processor time that a process has taken so far, in milliseconds.
fn processor_ms(peer: &Peer) -> u64 {
    // Fields of proc(5) after the name, which may hold anything: utime and stime are the 12th and 13th.
    const TICK_MS: u64 = 10;
    let stat = fs::read_to_string(format!("/proc/{}/stat", peer.process().pid()));
    let stat = stat.unwrap_or_default();
    let fields =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * TICK_MS
}

fn has(count: u64) -> impl Fn(&Value) -> bool {
    move |line| {
        event::is(line, "complete")
            && text(line, "in") == "#late"
            && line["have"].as_u64() >= Some(count)
    }
}

pub(crate) fn measure() {
    let count = crate::number("MESSAGES", 10_000);
    let server = Server::start();
    let mut carol = Peer::start(&server, "carol");
    carol.must(json!({"do": "join", "group": "#late"}));
    carol.quit();
    let mut halves = ["anna", "bob"].map(|name| {
        let mut half = Peer::start(&server, name);
        half.must(json!({"do": "join", "group": "#late"}));
        send(&mut half, "#late", count / 2);
        half.quit();
        half
    });
    carol.restart();
    for half in &mut halves {
        half.start_again();
    }
    for half in &halves {
        half.wait_for("registration", event::rendezvous("registered"));
    }
    let (began, before) = (Instant::now(), processor_ms(&carol));
    // Each member's log begins with an introduction.
    carol.wait_in_time("everything", has(count as u64 + 3));
    let took = began.elapsed().as_secs_f64();
    let rate = count as f64 / took;
    println!("{count} messages from two members with a half each: {took:.2} s, {rate:.0}/s");
    let busy = (processor_ms(&carol) - before) * 1000 / count as u64;
    println!("processor time of the one who came late: {busy} us for each message");
    println!("peak memory of the one who came late: {} MiB", peak_memory(&carol));
}
