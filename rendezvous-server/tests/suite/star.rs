//! A group of two hundred around the server: nobody misses a message.

use std::collections::BTreeSet;

use futures::future::join_all;
use tokio::time::Instant;

use crate::{
    client::{Client, greeting, is_greeting},
    client_swarm::ClientEvent,
    people::tag,
    test_server::{PATIENCE, TestServer},
};

const CLIENTS: u8 = 200;
const MESSAGES: u8 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_of_two_hundred_gets_every_message() {
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    // A few at a time, as the handshakes of all at once would only measure the machine.
    for first in (0..CLIENTS).step_by(20) {
        let joining = (first..first + 20).map(|n| {
            let address = if n % 2 == 0 { server.tcp.clone() } else { server.quic.clone() };
            async move {
                let mut client = Client::register(n, &address, &format!("member-{n}")).await;
                client.join(tag(1)).await;
                client
            }
        });
        clients.extend(join_all(joining).await);
    }
    all_are_in_the_mesh(&mut clients).await;
    let publishing = clients.iter().take(MESSAGES.into()).enumerate().map(|(n, client)| {
        let data = format!("message {n}").into_bytes();
        async move { client.publish(tag(1), data).await.unwrap() }
    });
    join_all(publishing).await;
    let receiving = clients.iter_mut().enumerate().map(|(n, client)| async move {
        let own = format!("message {n}").into_bytes();
        let all: BTreeSet<_> = (0..MESSAGES).map(|n| format!("message {n}").into_bytes()).collect();
        let mut missing: BTreeSet<_> = all.into_iter().filter(|it| *it != own).collect();
        let started = Instant::now();
        while !missing.is_empty() {
            match client.next_event(PATIENCE.saturating_sub(started.elapsed())).await {
                Some(ClientEvent::Message { data, .. }) if !is_greeting(&data) => {
                    assert!(missing.remove(&data), "twice");
                }
                Some(_) => {}
                None => break,
            }
        }
        (n, missing.len())
    });
    let received = join_all(receiving).await;
    let lacking: Vec<_> = received.into_iter().filter(|(_, missing)| *missing > 0).collect();
    assert_eq!(lacking, [], "(member, messages that it lacks)");
    server.stop().await;
}

/// The first client hears a greeting of each other one. It reached the server after what put its
/// sender into the mesh.
async fn all_are_in_the_mesh(clients: &mut [Client]) {
    let [first, second, ..] = clients else { panic!("too few clients") };
    second.meet(first, tag(1)).await;
    let mut unheard = BTreeSet::new();
    for client in clients.iter_mut().skip(2) {
        client.relayed(tag(1)).await;
        let greeting = greeting();
        client.publish(tag(1), greeting.clone()).await.unwrap();
        unheard.insert(greeting);
    }
    while !unheard.is_empty() {
        let data = clients[0].event("a greeting", |event| match event {
            ClientEvent::Message { data, .. } => Some(data),
            _ => None,
        });
        unheard.remove(&data.await);
    }
}
