//! Loads one real server that is held to one core: idle registered connections, requests, messages
//! and circuits that all move chat and an image, and honest clients while others attack. Prints what
//! it cost, and beside it what the same costs `mosquitto` with TLS on the same core, if that is
//! installed.
//!
//! Arguments name what to measure (`idle`, `requests`, `messages`, `circuits`, `attack`); without
//! any, all is. `attack NAME…` makes these attacks alone. `soak` is by itself, see there.
//! `CLIENTS`, `CIRCUITS` and `SERVER_CORE` change the size, `TRANSPORT=quic` the transport, and
//! `WITHOUT_GROUPS=1` has clients without gossip. Build everything first, with `--release` for
//! figures that mean something to others.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "measures time, prints figures, and has nobody to report errors to"
)]

mod attacks;
mod circuits;
mod client;
mod forward;
mod hostile;
mod mosquitto;
#[path = "../load/mqtt.rs"]
mod mqtt;
mod node;
mod soak;
mod swarm;
#[path = "../load/tls.rs"]
mod tls;

use std::{
    env,
    time::{Duration, Instant},
};

use futures::future::join_all;
use tokio::task::JoinSet;
use wire::rendezvous::Request;

use self::{client::Client, mosquitto::Mosquitto, node::Node};

/// Clients that connect at one time; more would wait for each other's handshakes.
const AT_ONCE: usize = 32;

#[tokio::main]
async fn main() {
    let wanted: Vec<_> = env::args().skip(1).collect();
    match wanted.first().map(String::as_str) {
        Some("attackers") => {
            let server = wanted[2].parse().expect("an address");
            return attacks::run(&wanted[1], &server).await;
        }
        Some("attack") => return hostile::measure(&wanted[1..]).await,
        Some("soak") => return soak::run().await,
        _ => {}
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|it| it == name);
    if is_wanted("idle") {
        idle(number("CLIENTS", 5_000)).await;
    }
    if is_wanted("requests") {
        requests().await;
    }
    if is_wanted("messages") {
        circuits::messages().await;
    }
    if is_wanted("circuits") {
        circuits::images(number("CIRCUITS", 1_000)).await;
    }
    if is_wanted("attack") {
        hostile::measure(&[]).await;
    }
}

/// A size or number that the environment may set.
fn number(variable: &str, usual: usize) -> usize {
    env::var(variable).map_or(usual, |value| value.parse().expect("a number"))
}

/// The transport that the environment wants, TCP if none.
fn transport() -> String {
    env::var("TRANSPORT").unwrap_or_else(|_unset| "tcp".to_owned())
}

/// Connects and registers clients with these numbers.
async fn register(node: &Node, numbers: impl Iterator<Item = usize>) -> Vec<Client> {
    let mut clients = Vec::new();
    let mut coming = JoinSet::new();
    let address = if transport() == "quic" { &node.quic } else { &node.tcp };
    for number in numbers {
        if coming.len() >= AT_ONCE
            && let Some(client) = coming.join_next().await
        {
            clients.push(client.expect("a client fails"));
        }
        let address = address.clone();
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
        "idle: {count} connections by {} registered in {took:.1} s, {:.0} a second of its core",
        transport(),
        count as f64 / spent
    );
    let (cpu, pause) = (node.cpu(), Duration::from_secs(20));
    tokio::time::sleep(pause).await;
    let busy = (node.cpu() - cpu) / pause.as_secs_f64();
    let each = node.resident().saturating_sub(before) as f64 / count as f64 / 1024.0;
    println!(
        "idle: {each:.1} KiB a connection, {:.1} connections a MiB, {:.0} MiB in all, {:.1} % of its core",
        1024.0 / each,
        mib(node.resident()),
        busy * 100.0
    );
    drop(clients);
    tokio::time::sleep(pause / 4).await;
    println!("idle: {:.0} MiB once they are gone", mib(node.resident()));
    drop(node);
    match Mosquitto::start().await {
        Some(broker) => {
            let other = broker.idle(count).await;
            println!(
                "idle: mosquitto with TLS {other:.1} KiB a connection, {:.1} connections a MiB; ratio {:.2}",
                1024.0 / other,
                other / each
            );
        }
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
