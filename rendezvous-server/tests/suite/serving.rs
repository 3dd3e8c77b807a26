//! Registration and presence with real clients.

use libp2p::Multiaddr;
use rendezvous_server::server::{Server, ServerError};
use tempfile::TempDir;
use wire::{
    bounded::Bounded,
    frame,
    limits::ADDRESSES_MAX,
    rendezvous::{
        Address, ClientFrame, NoticeKind, Push, Reachable, Refusal, Request, Response, Whereabouts,
    },
};

use crate::{
    client::{Client, peer_of},
    client_swarm::ClientEvent,
    people::{account, device, first_record, name, record},
    test_server::{TestServer, loopback_config, within},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_register_over_tcp_and_quic_and_find_each_other() {
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    let _bob = Client::register(2, &server.quic, "bob").await;
    let found = alice.ask(Request::Lookup { username: name("bob") }).await;
    let reachable = Reachable { device: device(2), addresses: Bounded::default() };
    let record = first_record(2, "bob");
    let devices = Bounded::truncated([reachable]);
    assert_eq!(found, Ok(Response::Found(Whereabouts { record, devices })));
    server.stop().await;
}

#[tokio::test]
async fn a_taken_name_stays_taken_after_a_restart() {
    let server = TestServer::start().await;
    drop(Client::register(1, &server.tcp, "paul").await);
    let id = peer_of(&server.tcp);
    let server = TestServer::start_in(server.stop().await, |_config| {}).await;
    assert_eq!(peer_of(&server.tcp), id, "the same server");
    let mut other = Client::connect(2, &server.tcp).await;
    other.hello().await;
    for taken in ["paul", "pau1"] {
        let refused = other.register_with(first_record(2, taken)).await;
        assert_eq!(refused, Err(Refusal::NameTaken), "{taken}");
    }
    drop(Client::register(1, &server.tcp, "paul").await);
    server.stop().await;
}

#[tokio::test]
async fn presence_follows_coming_announcing_and_going() {
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    let watch = Request::Watch { accounts: Bounded::truncated([account(2)]) };
    assert_eq!(alice.ask(watch).await, Ok(Response::Done));
    let presence = |devices: Vec<Reachable>| Push::Presence {
        account: account(2),
        devices: Bounded::truncated(devices),
    };
    assert_eq!(alice.push().await, presence(vec![]));
    let mut bob = Client::register(2, &server.quic, "bob").await;
    let nowhere = Reachable { device: device(2), addresses: Bounded::default() };
    assert_eq!(alice.push().await, presence(vec![nowhere]));
    let text = "/ip4/127.0.0.1/udp/4242/quic-v1";
    let addresses = Bounded::truncated(Address::new(text.parse::<Multiaddr>().unwrap()));
    let announce = Request::Announce { addresses: addresses.clone() };
    assert_eq!(bob.ask(announce).await, Ok(Response::Done));
    assert_eq!(alice.push().await, presence(vec![Reachable { device: device(2), addresses }]));
    drop(bob);
    assert_eq!(alice.push().await, presence(vec![]));
    server.stop().await;
}

#[tokio::test]
async fn a_new_record_is_pushed_to_watchers() {
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    let mut bob = Client::register(2, &server.tcp, "bob").await;
    let watch = Request::Watch { accounts: Bounded::truncated([account(2)]) };
    assert_eq!(alice.ask(watch).await, Ok(Response::Done));
    assert!(matches!(alice.push().await, Push::Presence { .. }));
    let renewed = record(2, "bob", &[device(2), device(3)], Some(&first_record(2, "bob")));
    assert_eq!(bob.register_with(renewed.clone()).await, Ok(Response::Done));
    assert_eq!(alice.push().await, Push::RecordChanged { record: renewed });
    server.stop().await;
}

#[tokio::test]
async fn a_device_that_comes_twice_is_served_on_the_newer_stream() {
    let server = TestServer::start().await;
    let mut first = Client::register(1, &server.tcp, "alice").await;
    let mut second = Client::register(1, &server.quic, "alice").await;
    let push = first.push().await;
    assert!(matches!(push, Push::Notice { kind: NoticeKind::Replaced, .. }), "{push:?}");
    first.stream_ended().await;
    let lookup = Request::Lookup { username: name("alice") };
    let Ok(Response::Found(found)) = second.ask(lookup).await else { panic!("not found") };
    assert_eq!(found.devices.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn clients_learn_of_the_shutdown() {
    let server = TestServer::start().await;
    let mut clients = [
        Client::register(1, &server.tcp, "alice").await,
        Client::register(2, &server.quic, "bob").await,
    ];
    server.stop().await;
    for client in &mut clients {
        let push = client.push().await;
        assert!(matches!(push, Push::Notice { kind: NoticeKind::ShuttingDown, .. }), "{push:?}");
        client.stream_ended().await;
    }
}

#[tokio::test]
async fn what_is_no_request_ends_the_stream_only() {
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    alice.write(&[0, 0, 0, 3, 0xff, 0xff, 0xff]).await;
    alice.stream_ended().await;
    let mut bob = Client::register(2, &server.tcp, "bob").await;
    bob.write(&u32::MAX.to_be_bytes()).await;
    bob.stream_ended().await;
    drop(Client::register(3, &server.tcp, "carol").await);
    server.stop().await;
}

#[tokio::test]
async fn a_request_may_come_in_pieces_and_several_at_once() {
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    let ask = |id: u32| {
        let request = Request::Lookup { username: name("nobody") };
        frame::encode(&ClientFrame { id, request })
    };
    for byte in [ask(2), ask(3), ask(4)].concat() {
        alice.write(&[byte]).await;
    }
    for id in 2..5 {
        assert_eq!(alice.answer().await, (id, Err(Refusal::NotFound)));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let server = TestServer::start_in(TempDir::new().unwrap(), |config| {
        config.requests.burst = 100_000_000;
    })
    .await;
    let mut lazy = Client::register(1, &server.tcp, "lazy").await;
    let watch = Request::Watch { accounts: Bounded::truncated([account(2)]) };
    assert_eq!(lazy.ask(watch).await, Ok(Response::Done));
    lazy.stop_reading();
    let mut bob = Client::register(2, &server.tcp, "bob").await;
    let watch = Request::Watch { accounts: Bounded::truncated([account(1)]) };
    assert_eq!(bob.ask(watch).await, Ok(Response::Done));
    let announcements = async {
        for round in 0u16.. {
            let address = |n: u16| {
                let text = format!("/ip4/10.0.{n}.1/tcp/{}", 1 + (round & 0xff));
                Address::new(text.parse::<Multiaddr>().unwrap())
            };
            let addresses = (0..ADDRESSES_MAX as u16).filter_map(address);
            let addresses = Bounded::truncated(addresses);
            assert_eq!(bob.ask(Request::Announce { addresses }).await, Ok(Response::Done));
            while let Some(push) = bob.try_push() {
                if matches!(&push, Push::Presence { devices, .. } if devices.is_empty()) {
                    return;
                }
            }
        }
    };
    within("the end of the lazy client", announcements).await;
    server.stop().await;
}

#[tokio::test]
async fn who_does_not_register_is_disconnected() {
    let server = TestServer::start_in(TempDir::new().unwrap(), |config| {
        config.connections.registration_seconds = 1;
    })
    .await;
    let mut registered = Client::register(1, &server.tcp, "alice").await;
    let mut stranger = Client::connect(2, &server.tcp).await;
    stranger.hello().await;
    let id = peer_of(&server.tcp);
    stranger
        .event("the disconnection", |event| match event {
            ClientEvent::Disconnected(peer) if peer == id => Some(()),
            _ => None,
        })
        .await;
    let lookup = Request::Lookup { username: name("alice") };
    assert!(matches!(registered.ask(lookup).await, Ok(Response::Found(_))));
    server.stop().await;
}

#[tokio::test]
async fn a_data_folder_and_a_port_serve_one_server() {
    let server = TestServer::start().await;
    let error = Server::bind(loopback_config(&server.data_dir)).await.unwrap_err();
    assert!(matches!(error, ServerError::DataDir(_)), "{error}");
    let other = TempDir::new().unwrap();
    for address in [&server.tcp, &server.quic] {
        let mut config = loopback_config(&other);
        let mut taken = address.clone();
        taken.pop();
        config.listen = vec![taken];
        let error = Server::bind(config).await.unwrap_err();
        assert!(matches!(error, ServerError::Listen(_)), "{error}");
    }
    server.stop().await;
}
