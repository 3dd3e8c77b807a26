//! Circuits through the server, with real clients.

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::{Multiaddr, StreamProtocol};
use rendezvous_server::operator::{Order, Reply};
use tempfile::TempDir;
use wire::{
    id::Hash,
    rendezvous::{Request, Response},
};

use crate::{
    client::Client,
    client_swarm::ClientEvent,
    people::{first_record, tag},
    test_server::{TestServer, within},
};

const ECHO: StreamProtocol = StreamProtocol::new("/natterjack/test-echo/1");
/// More than the 128 KiB at which the library's default cuts a circuit, in each direction.
const BYTES: usize = 3 * 1024 * 1024;

async fn reserved(client: &mut Client) {
    client.reserve().await;
    client
        .event("the reservation", |event| match event {
            ClientEvent::Reserved => Some(Ok(())),
            ClientEvent::ReservationFailed(error) => Some(Err(error)),
            _ => None,
        })
        .await
        .unwrap();
}

async fn refused(client: &mut Client) {
    client.reserve().await;
    let error = client
        .event("the refusal", |event| match event {
            ClientEvent::Reserved => Some(Err("reserved")),
            ClientEvent::ReservationFailed(error) => Some(Ok(error)),
            _ => None,
        })
        .await
        .unwrap();
    assert!(error.contains("ResourceLimitExceeded"), "{error}");
}

/// Sends bytes back as they come, on the first stream.
fn echo(client: &mut Client) -> tokio::task::JoinHandle<()> {
    let mut incoming = client.control.accept(ECHO).unwrap();
    tokio::spawn(async move {
        let (_peer, stream) = incoming.next().await.unwrap();
        let (mut reader, mut writer) = stream.split();
        futures::io::copy(&mut reader, &mut writer).await.unwrap();
        writer.close().await.unwrap();
    })
}

/// Two clients move [`BYTES`] there and back through a circuit, whole.
async fn carry(n: u8, address: &Multiaddr) {
    let mut alice = Client::register(n, address, &format!("alice{n}")).await;
    let mut bob = Client::register(n + 1, address, &format!("bob{n}")).await;
    let echo = echo(&mut bob);
    reserved(&mut bob).await;
    alice.dial_through_server(bob.device).await;
    let bob_id = bob.device.peer_id();
    let relayed = alice
        .event("the circuit", |event| match event {
            ClientEvent::Connected { peer, relayed } if peer == bob_id => Some(relayed),
            ClientEvent::DialFailed(error) => panic!("{error}"),
            _ => None,
        })
        .await;
    assert!(relayed);
    let opened = within("a stream", alice.control.open_stream(bob_id, ECHO)).await;
    let (mut reader, mut writer) = opened.unwrap().split();
    let sent: Vec<u8> = (0..BYTES).map(|n| (n / 7 % 251) as u8).collect();
    let hash = Hash::of(&sent);
    let sending = tokio::spawn(async move {
        writer.write_all(&sent).await.unwrap();
        writer.close().await.unwrap();
    });
    let mut received = Vec::new();
    within("the echo", reader.read_to_end(&mut received)).await.unwrap();
    assert_eq!((received.len(), Hash::of(&received)), (BYTES, hash));
    sending.await.unwrap();
    echo.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_circuit_between_registered_clients_carries_megabytes() {
    let server = TestServer::start().await;
    for (n, address) in [(1, &server.tcp), (3, &server.quic)] {
        carry(n, address).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_too_much_through_circuits_is_slowed_down_and_loses_nothing() {
    const RATE: u64 = 4 * 1024 * 1024;
    let server = TestServer::start_in(TempDir::new().unwrap(), |config| {
        config.relay.circuit_burst_bytes = 1024 * 1024;
        config.relay.circuit_bytes_per_second = RATE;
    })
    .await;
    let mut sent_before = 0;
    for (n, address) in [(1, &server.tcp), (3, &server.quic)] {
        let begun = tokio::time::Instant::now();
        carry(n, address).await;
        let least = (BYTES as u64 - 1024 * 1024) as f64 / RATE as f64;
        let took = begun.elapsed().as_secs_f64();
        assert!(took > 0.9 * least, "{took} s, which is too fast");
        let Reply::Status(status) = server.operator.order(Order::Status).await else {
            panic!("no status");
        };
        let sent = status.since_start.circuit_bytes - sent_before;
        // There, back, and what Noise and Yamux add.
        let payload = 2 * BYTES as u64;
        assert!((payload..payload + payload / 10).contains(&sent), "{sent} of {payload}");
        sent_before += sent;
    }
    server.stop().await;
}

#[tokio::test]
async fn only_registered_devices_get_a_reservation() {
    let server = TestServer::start().await;
    let mut stranger = Client::connect(1, &server.tcp).await;
    refused(&mut stranger).await;
    stranger.hello().await;
    let registered = stranger.register_with(first_record(1, "alice")).await;
    assert_eq!(registered, Ok(Response::Done));
    reserved(&mut stranger).await;
    server.stop().await;
}

#[tokio::test]
async fn a_device_that_is_registered_no_longer_gets_none() {
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    let mut watcher = Client::register(2, &server.tcp, "watcher").await;
    let account = crate::people::account(1);
    let accounts = wire::bounded::Bounded::truncated([account]);
    assert_eq!(watcher.ask(Request::Watch { accounts }).await, Ok(Response::Done));
    watcher.push().await;
    alice.write(&[0xff; 4]).await;
    alice.stream_ended().await;
    watcher.push().await;
    refused(&mut alice).await;
    server.stop().await;
}

#[tokio::test]
async fn who_hoards_circuits_gets_no_more_and_others_do() {
    let server = TestServer::start_in(tempfile::TempDir::new().unwrap(), |config| {
        config.relay.circuits_per_device = 2;
    })
    .await;
    let mut targets = Vec::new();
    for n in 10..13 {
        let mut target = Client::register(n, &server.tcp, &format!("target{n}x")).await;
        reserved(&mut target).await;
        targets.push(target);
    }
    let mut hoarder = Client::register(1, &server.tcp, "hoarder").await;
    for (number, target) in targets.iter().enumerate() {
        hoarder.dial_through_server(target.device).await;
        let peer = target.device.peer_id();
        let outcome = hoarder
            .event("a circuit or a refusal", |event| match event {
                ClientEvent::Connected { peer: it, relayed: true } if it == peer => Some(Ok(())),
                ClientEvent::DialFailed(error) => Some(Err(error)),
                _ => None,
            })
            .await;
        assert_eq!(outcome.is_ok(), number < 2, "{number}: {outcome:?}");
    }
    let mut other = Client::register(2, &server.tcp, "other").await;
    other.dial_through_server(targets[2].device).await;
    let peer = targets[2].device.peer_id();
    other
        .event("a circuit of another device", |event| match event {
            ClientEvent::Connected { peer: it, relayed: true } if it == peer => Some(()),
            ClientEvent::DialFailed(error) => panic!("{error}"),
            _ => None,
        })
        .await;
    server.stop().await;
}

#[tokio::test]
async fn only_registered_devices_open_a_circuit() {
    let server = TestServer::start().await;
    let mut bob = Client::register(2, &server.tcp, "bob").await;
    reserved(&mut bob).await;
    let mut stranger = Client::connect(1, &server.tcp).await;
    stranger.dial_through_server(bob.device).await;
    let error = stranger
        .event("the refusal", |event| match event {
            ClientEvent::Connected { peer, .. } => panic!("connected to {peer}"),
            ClientEvent::DialFailed(error) => Some(error),
            _ => None,
        })
        .await;
    assert!(error.contains("ResourceLimitExceeded"), "{error}");
    assert_eq!(bob.ask(Request::Leave { tag: tag(1) }).await, Ok(Response::Done), "bob is there");
    server.stop().await;
}
