//! Circuits: messages between pairs, and many of them with an image at one time.

use std::time::Instant;

use tokio::task::JoinSet;

use crate::{client::exchange, mib, mosquitto::Mosquitto, node::Node, register, transport};

/// Bytes of the image that each circuit moves.
const IMAGE: usize = 200 * 1024;
/// Messages that each circuit moves, each answered before the next.
const MESSAGES: usize = 20;
/// Pairs whose messages are counted against the processor.
const PAIRS: usize = 50;
/// Messages of each, each answered.
const COUNTED: usize = 400;
/// Bytes of a message.
const LENGTH: usize = 200;

/// Messages a second of the core between pairs, beside those of `mosquitto`.
pub(crate) async fn messages() {
    let node = Node::start();
    let mut clients = register(&node, 0..2 * PAIRS).await;
    for client in &mut clients {
        client.reserve().await.expect("a place");
    }
    let mut streams = Vec::new();
    for pair in clients.chunks(2) {
        streams.push(pair[0].meet(pair[1].peer()).await.expect("a circuit"));
    }
    let cpu = node.cpu();
    let mut talks = JoinSet::new();
    for mut stream in streams {
        talks.spawn(async move {
            for _ in 0..COUNTED {
                exchange(&mut stream, &[7; LENGTH]).await.expect("an answer");
            }
        });
    }
    talks.join_all().await;
    let own = (2 * PAIRS * COUNTED) as f64 / (node.cpu() - cpu);
    println!("messages: by {} and circuits {own:.0} a second of its core", transport());
    drop(clients);
    drop(node);
    match Mosquitto::start().await {
        Some(broker) => {
            let other = broker.messages(PAIRS, COUNTED, &"7".repeat(LENGTH)).await;
            println!("messages: mosquitto with TLS {other:.0}; ratio {:.2}", own / other);
        }
        None => println!("messages: no mosquitto to compare with"),
    }
}

/// Many circuits at one time, each with chat and an image.
pub(crate) async fn images(count: usize) {
    // Each client has as many circuits as a busy person's device.
    let people = (count / 10).max(2);
    let node = Node::start();
    let mut clients = register(&node, 0..people).await;
    for client in &mut clients {
        client.reserve().await.expect("a place");
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
        "circuits: {whole} of {count} by {} moved {MESSAGES} messages each way and {} KiB whole, in {:.1} s; \
         {:.0} MiB at most, {:.0} before",
        transport(),
        IMAGE / 1024,
        begun.elapsed().as_secs_f64(),
        mib(peak),
        mib(before)
    );
}
