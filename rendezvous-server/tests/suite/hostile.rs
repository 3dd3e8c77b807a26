//! Attacks on a real server while an honest pair goes on: nothing of what the attackers hold grows
//! beyond its bound, and the pair is served.

use std::time::Duration;

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::StreamProtocol;
use rendezvous_server::{
    config::Config,
    operator::{Operator, Order, Reply},
    service::{ClientId, Input},
};
use tempfile::TempDir;
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};
use wire::{
    account::AccountRecord,
    frame,
    id::{DeviceId, Signature, TopicTag},
    limits::{RENDEZVOUS_FRAME_MAX, VERSION},
    rendezvous::{self, ClientFrame, Refusal, Request, Response},
    signed::Signed,
};

use crate::{
    client::{Client, peer_of},
    people::{first_record, name, tag},
    scenario::Scenario,
    test_server::{PATIENCE, TestServer, within},
};

/// An honest pair: finds each other, and talks in a group.
struct Pair {
    anna: Client,
    bob: Client,
    said: u32,
}

impl Pair {
    async fn meet(server: &TestServer) -> Self {
        let mut anna = Client::register(1, &server.quic, "anna").await;
        let mut bob = Client::register(2, &server.tcp, "bob").await;
        anna.join(tag(1)).await;
        bob.join(tag(1)).await;
        anna.meet(&mut bob, tag(1)).await;
        Self { anna, bob, said: 0 }
    }

    /// All that they want from the server works.
    async fn go_on(&mut self) {
        let lookup = Request::Lookup { username: name("bob") };
        assert!(self.anna.ask(lookup).await.is_ok());
        self.said += 1;
        let data = format!("hello {}", self.said).into_bytes();
        self.anna.publish(tag(1), data.clone()).await.unwrap();
        assert_eq!(self.bob.message().await.1, data);
    }
}

async fn status(operator: &Operator) -> rendezvous_server::counters::Snapshot {
    match operator.order(Order::Status).await {
        Reply::Status(status) => *status,
        other => panic!("{other:?}"),
    }
}

/// A server that gives loopback no privilege.
async fn wary(change: impl FnOnce(&mut Config)) -> TestServer {
    let wary = |config: &mut Config| {
        config.connections.trust_loopback = false;
        change(config);
    };
    TestServer::start_in(TempDir::new().unwrap(), wary).await
}

/// A connection from another address of this machine.
async fn connect_from(source: &str, server: &TestServer) -> std::io::Result<TcpStream> {
    let port = server.tcp.iter().find_map(|part| match part {
        libp2p::multiaddr::Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    let socket = TcpSocket::new_v4()?;
    socket.bind(format!("{source}:0").parse().unwrap())?;
    let server = format!("127.0.0.1:{}", port.unwrap()).parse().unwrap();
    timeout(PATIENCE, socket.connect(server)).await?
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn half_open_connections_of_one_network_leave_room_for_others() {
    let server = wary(|config| config.connections.per_network = 64).await;
    let mut pair = Pair::meet(&server).await;
    let mut half_open = Vec::new();
    for _ in 0..200 {
        half_open.push(connect_from("127.0.0.2", &server).await);
        if half_open.len() % 50 == 0 {
            pair.go_on().await;
        }
    }
    let now = status(&server.operator).await;
    assert!(now.now.connections <= 64 + 2, "{:?}", now.now);
    assert!(now.since_start.turned_away["network_full"] >= 100, "{:?}", now.since_start);
    let _late = Client::register(3, &server.tcp, "late").await;
    pair.go_on().await;
    drop(half_open);
}

#[tokio::test]
async fn floods_of_requests_are_slowed_down_and_nobody_else_is() {
    let server = TestServer::start_in(TempDir::new().unwrap(), |config| {
        config.requests.burst = 400;
        config.requests.per_second = 50;
    })
    .await;
    let mut pair = Pair::meet(&server).await;
    let mut floods = JoinSet::new();
    for n in 10..18 {
        let address = server.tcp.clone();
        floods.spawn(async move {
            let mut client = Client::register(n, &address, &format!("flood{n}x")).await;
            let mut limited = 0;
            for _ in 0..800 {
                let request = Request::Lookup { username: name("bob") };
                if let Err(Refusal::RateLimited { .. }) = client.ask(request).await {
                    limited += 1;
                }
            }
            limited
        });
    }
    // As much as the pair may ask at once itself.
    for _ in 0..100 {
        pair.go_on().await;
    }
    let mut limited = 0;
    while let Some(flood) = within("the end of a flood", floods.join_next()).await {
        limited += flood.unwrap();
    }
    pair.go_on().await;
    assert!(limited > 8 * 200, "{limited}");
}

#[tokio::test]
async fn giant_and_broken_frames_end_their_stream_and_nothing_else() {
    let server = TestServer::start().await;
    let mut pair = Pair::meet(&server).await;
    let deep = [vec![0x81; 100_000], vec![0]].concat();
    let sized = |length: u32, body: &[u8]| [&length.to_be_bytes()[..], body].concat();
    for (n, bytes) in [
        (10, sized(u32::MAX, b"")),
        (11, sized(u32::try_from(RENDEZVOUS_FRAME_MAX + 1).unwrap(), b"x")),
        (12, sized(u32::try_from(deep.len()).unwrap(), &deep)),
        (13, sized(4, b"\xff\xff\xff\xff")),
        (14, sized(0, b"")),
    ] {
        let mut client = Client::connect(n, &server.quic).await;
        client.write(&bytes).await;
        client.stream_ended().await;
        pair.go_on().await;
    }
    assert_eq!(status(&server.operator).await.now.devices, 2);
}

#[tokio::test]
async fn stolen_names_replayed_records_and_bogus_signatures_get_nothing() {
    let server = TestServer::start().await;
    let mut pair = Pair::meet(&server).await;
    let mut thief = Client::connect(9, &server.tcp).await;
    thief.hello().await;
    let bob = first_record(2, "bob");
    let forged = Signed::<AccountRecord>::from_parts(bob.body().to_vec(), Signature::new([7; 64]));
    for (record, refusal) in [
        (bob.clone(), Refusal::RecordInvalid),
        (forged, Refusal::RecordInvalid),
        (first_record(9, "bob"), Refusal::NameTaken),
        (first_record(9, "b0b"), Refusal::NameTaken),
    ] {
        assert_eq!(thief.register_with(record).await, Err(refusal));
    }
    assert_eq!(thief.ask(Request::Join { tag: tag(1) }).await, Err(Refusal::NotRegistered));
    pair.go_on().await;
    assert_eq!(status(&server.operator).await.kept.names, 2);
}

#[tokio::test]
async fn hoarding_topics_and_flooding_one_is_bounded() {
    let server = TestServer::start_in(TempDir::new().unwrap(), |config| {
        config.groups.per_device = 100;
        config.groups.total = 300;
        config.groups.burst_bytes = 512 * 1024;
        config.groups.bytes_per_second = 1_024;
    })
    .await;
    let mut pair = Pair::meet(&server).await;
    let mut squatters = Vec::new();
    for n in 10..14_u8 {
        let mut squatter = Client::register(n, &server.tcp, &format!("squat{n}x")).await;
        let mut taken = 0;
        for topic in 0..150_u8 {
            let tag =
                TopicTag::new([[n, topic], [n, topic]].concat().repeat(4).try_into().unwrap());
            if squatter.ask(Request::Join { tag }).await == Ok(Response::Done) {
                taken += 1;
            }
        }
        assert!(taken <= 100, "{taken}");
        squatters.push(squatter);
    }
    let now = status(&server.operator).await.now;
    assert!(now.groups <= 300 && now.memberships <= 302, "{now:?}");
    let mut flood = Client::register(20, &server.tcp, "flood").await;
    assert_eq!(flood.ask(Request::Leave { tag: tag(1) }).await, Ok(Response::Done));
    // In a group that it did not join, and then as a member.
    flood.subscribe(tag(1)).await;
    flood.relayed(tag(1)).await;
    for number in 0..64_u8 {
        drop(flood.publish(tag(1), vec![number; 64 * 1024]).await);
    }
    pair.go_on().await;
    let dropped = status(&server.operator).await.since_start.group_messages_dropped;
    assert!(dropped > 0, "nothing of the flood was dropped");
}

#[tokio::test]
async fn streams_that_are_opened_again_and_again_hold_nothing() {
    let server = TestServer::start().await;
    let mut pair = Pair::meet(&server).await;
    let mut hoarder = Client::connect(9, &server.quic).await;
    let mut streams = Vec::new();
    let protocol = StreamProtocol::new(rendezvous::PROTOCOL);
    for _ in 0..200 {
        let opening = hoarder.control.open_stream(peer_of(&server.quic), protocol.clone());
        let mut stream = within("a stream", opening).await.unwrap();
        // Half a frame.
        stream.write_all(&[0, 0, 1]).await.ok();
        streams.push(stream);
    }
    hoarder.stream_ended().await;
    let ended = async {
        for stream in &mut streams[..190] {
            stream.read_exact(&mut [0; 1]).await.ok();
        }
    };
    within("the end of all streams but the last", ended).await;
    pair.go_on().await;
}

#[test]
fn a_hundred_thousand_identities_of_one_address_leave_nothing_behind() {
    let mut scenario = Scenario::new(&Config::default());
    let anna = scenario.person(1, "anna");
    let origin = Some("203.0.113.9".parse().unwrap());
    let mut registered = 0;
    for number in 0..100_000_u32 {
        let mut id = [0xee; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let (device, client) = (DeviceId::new(id), ClientId(1_000_000 + u64::from(number)));
        scenario.handle(Input::Connected(device));
        scenario.handle(Input::Opened { client, device, origin });
        let ask = |scenario: &mut Scenario, id, request| {
            scenario.handle(Input::Request { client, frame: ClientFrame { id, request } })
        };
        ask(&mut scenario, 1, Request::Hello { version: VERSION, token: None });
        ask(&mut scenario, 2, Request::Lookup { username: name("anna") });
        registered += ask(&mut scenario, 3, Request::Join { tag: tag(1) }).len();
        if number % 3 == 0 {
            scenario.handle(Input::Closed(client));
            scenario.handle(Input::Disconnected(device));
        }
        scenario.wait(Duration::from_millis(1));
    }
    assert!(registered > 0, "nobody was answered");
    scenario.wait(Duration::from_mins(2));
    let strangers = scenario.handle(Input::Tick).len();
    assert!(strangers > 60_000, "{strangers} are put out");
    assert!(scenario.ask(anna, Request::Lookup { username: name("anna") }).is_ok());
    let bob = scenario.person(2, "bob");
    assert!(scenario.ask(bob, Request::Lookup { username: name("anna") }).is_ok());
}

#[tokio::test]
async fn a_slow_writer_of_a_request_keeps_nobody_waiting() {
    let server = TestServer::start().await;
    let mut pair = Pair::meet(&server).await;
    let mut slow = Client::connect(9, &server.tcp).await;
    let hello = ClientFrame { id: 1, request: Request::Hello { version: VERSION, token: None } };
    for byte in frame::encode(&hello) {
        slow.write(&[byte]).await;
        pair.go_on().await;
    }
    assert_eq!(slow.answer().await, (1, Ok(Response::Welcome { version: VERSION })));
}
