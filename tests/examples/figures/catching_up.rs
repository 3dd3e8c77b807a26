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
    let began = Instant::now();
    // Each member's log begins with an introduction.
    carol.wait_for("everything", has(count as u64 + 3));
    let took = began.elapsed().as_secs_f64();
    let rate = count as f64 / took;
    println!("{count} messages from two members with a half each: {took:.2} s, {rate:.0}/s");
    println!("peak memory of the one who came late: {} MiB", peak_memory(&carol));
}
