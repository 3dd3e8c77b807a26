//! Loads one real server that is held to one core: idle registered connections, requests, circuits
//! that all move chat and an image, and honest clients while others attack. Prints what it cost, and
//! beside it what idle connections cost `mosquitto` on the same core, if that is installed.
//!
//! Arguments name what to measure (`idle`, `requests`, `circuits`, `attack`); without any, all is.
//! `CLIENTS`, `CIRCUITS` and `SERVER_CORE` change the size; `WITHOUT_GROUPS=1` has clients without gossip. Build everything first, with `--release`
//! for figures that mean something to others.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "measures time, prints figures, and has nobody to report errors to"
)]

mod client;
mod mosquitto;
mod node;

use std::{
    env,
    time::{Duration, Instant},
};

use futures::future::join_all;
use tokio::task::JoinSet;
use wire::{name::Username, rendezvous::Request};

use self::{client::Client, node::Node};

/// Clients that connect at one time; more would wait for each other's handshakes.
const AT_ONCE: usize = 32;
/// Bytes of the image that each circuit moves.
const IMAGE: usize = 200 * 1024;
/// Messages that each circuit moves, each answered before the next.
const MESSAGES: usize = 20;

#[tokio::main]
async fn main() {
    let wanted: Vec<_> = env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|it| it == name);
    if is_wanted("idle") {
        idle(number("CLIENTS", 5_000)).await;
    }
    if is_wanted("requests") {
        requests().await;
    }
    if is_wanted("circuits") {
        circuits(number("CIRCUITS", 1_000)).await;
    }
    if is_wanted("attack") {
        attack().await;
    }
}

/// A size or number that the environment may set.
fn number(variable: &str, usual: usize) -> usize {
    env::var(variable).map_or(usual, |value| value.parse().expect("a number"))
}

/// Connects and registers clients with these numbers.
async fn register(node: &Node, numbers: impl Iterator<Item = usize>) -> Vec<Client> {
    let mut clients = Vec::new();
    let mut coming = JoinSet::new();
    for number in numbers {
        if coming.len() >= AT_ONCE
            && let Some(client) = coming.join_next().await
        {
            clients.push(client.expect("a client fails"));
        }
        let address = node.address.clone();
        coming.spawn(async move { Client::register(number, &address).await });
    }
    clients.extend(coming.join_all().await);
    clients
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

async fn idle(count: usize) {
    let node = Node::start();
    let (before, begun, cpu) = (node.resident(), Instant::now(), node.cpu());
    let clients = register(&node, 0..count).await;
    let took = begun.elapsed().as_secs_f64();
    let spent = node.cpu() - cpu;
    println!(
        "idle: {count} connections registered in {took:.1} s, {:.0} a second of its core",
        count as f64 / spent
    );
    let (cpu, pause) = (node.cpu(), Duration::from_secs(20));
    tokio::time::sleep(pause).await;
    let busy = (node.cpu() - cpu) / pause.as_secs_f64();
    let each = node.resident().saturating_sub(before) as f64 / count as f64 / 1024.0;
    println!(
        "idle: {each:.1} KiB a connection, {:.0} MiB in all, {:.1} % of its core",
        mib(node.resident()),
        busy * 100.0
    );
    drop(clients);
    match mosquitto::idle(count).await {
        Some(other) => println!(
            "idle: mosquitto {other:.1} KiB a connection (without encryption); ratio {:.1}",
            each / other
        ),
        None => println!("idle: no mosquitto to compare with"),
    }
}

async fn requests() {
    const EACH: usize = 500;
    let node = Node::start();
    let mut clients = register(&node, 0..64).await;
    let cpu = node.cpu();
    let begun = Instant::now();
    let asking = clients.iter_mut().map(|client| async {
        for _ in 0..EACH {
            let username = client::name(0);
            client.ask(Request::Lookup { username }).await.expect("a lookup is refused");
        }
    });
    join_all(asking).await;
    let count = (64 * EACH) as f64;
    println!(
        "requests: {:.0} lookups a second, {:.0} a second of its core",
        count / begun.elapsed().as_secs_f64(),
        count / (node.cpu() - cpu)
    );
}

async fn circuits(count: usize) {
    // Each client has as many circuits as a busy person's device.
    let people = (count / 10).max(2);
    let node = Node::start();
    let mut clients = register(&node, 0..people).await;
    for client in &mut clients {
        client.reserve().await;
    }
    let before = node.resident();
    let mut talks = JoinSet::new();
    for number in 0..count {
        // The distance grows with each round, so that no pair talks twice.
        let (from, distance) = (number % people, 1 + number / people);
        let to = &clients[(from + distance) % people];
        talks.spawn(clients[from].talk(to.peer(), MESSAGES, IMAGE));
    }
    let begun = Instant::now();
    let (mut whole, mut peak) = (0, before);
    while let Some(talk) = talks.join_next().await {
        whole += usize::from(talk.expect("a talk fails"));
        peak = peak.max(node.resident());
    }
    println!(
        "circuits: {whole} of {count} moved {MESSAGES} messages each way and {} KiB whole, in {:.1} s; \
         {:.0} MiB at most, {:.0} before",
        IMAGE / 1024,
        begun.elapsed().as_secs_f64(),
        mib(peak),
        mib(before)
    );
}

/// The slowest of a hundred answers to an honest client, one request after another.
async fn slowest(client: &mut Client, count: usize) -> Duration {
    let mut times = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        let username = Username::new("nobody-has-this-name").unwrap();
        drop(client.ask(Request::Lookup { username }).await);
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() * 99 / 100]
}

/// Begins an attack with clients from a number on. It ends with what it gives.
type Attack = fn(&libp2p::Multiaddr, usize) -> JoinSet<()>;

async fn attack() {
    const COUNT: usize = 2_000;
    // As from another machine: attackers on this one would be exempt from limits of networks.
    let node = Node::start_with("[connections]\ntrust_loopback = false\n");
    let mut honest = register(&node, 0..1).await.remove(0);
    let calm = slowest(&mut honest, COUNT).await;
    println!("attack: calm, 99 of 100 answers within {:.2} ms", calm.as_secs_f64() * 1000.0);
    let attacks: [(&str, Attack); 4] = [
        ("requests", client::flood_requests),
        ("registrations with bogus signatures", client::flood_registrations),
        ("half-open connections", client::flood_half_open),
        ("connections that come and go", client::flood_connections),
    ];
    for (index, (name, begin)) in attacks.into_iter().enumerate() {
        let running = begin(&node.address, 1_000 * (index + 1));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let attacked = slowest(&mut honest, COUNT).await;
        println!(
            "attack: {name}: within {:.2} ms, ratio {:.1}, {:.0} MiB",
            attacked.as_secs_f64() * 1000.0,
            attacked.as_secs_f64() / calm.as_secs_f64(),
            mib(node.resident())
        );
        drop(running);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}
