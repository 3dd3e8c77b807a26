//! Attacks, as many as the hostile have thought of. Each is run in a process of its own, by
//! attackers at other addresses than the honest client's, and goes on until it is ended.

use std::{net::Ipv4Addr, time::Duration};

use futures::future::join_all;
use libp2p::Multiaddr;
use tokio::{task::JoinSet, time::sleep};
use wire::{
    bounded::Bounded,
    frame,
    id::{Hash, Signature, TopicTag},
    limits::{GOSSIP_MAX, RENDEZVOUS_FRAME_MAX},
    rendezvous::{ClientFrame, Request},
    signed::Signed,
};

use crate::{
    client::{self, Client},
    forward::{THERE, connect, forward, port},
};

/// Clients of one attack.
const ATTACKERS: usize = 16;
/// Identities that come from one address.
const IDENTITIES: usize = 100_000;
/// Of those, how many try at one time.
const IDENTITIES_AT_ONCE: usize = 64;
/// The number of the first attacker; honest clients have lower ones.
const FIRST: usize = 100_000;
/// Pause after the server did not want an attacker.
const PAUSE: Duration = Duration::from_millis(20);
/// The attack of those who come and go from many networks.
const EVERYWHERE: &str = "come-and-go-250-networks";
/// How many networks these are.
const NETWORKS: usize = 250;

/// The attacks' names.
pub(crate) const NAMES: [&str; 15] = [
    "requests",
    "bogus-signatures",
    "half-open",
    "come-and-go",
    EVERYWHERE,
    "slow-readers",
    "giant-frames",
    "junk-frames",
    "stolen-names",
    "reservations",
    "circuits",
    "gossip-flood",
    "topic-squatting",
    "replayed-records",
    "identities",
];

/// Attacks a server until this is dropped; an attack with an end ends by itself.
pub(crate) async fn run(name: &str, server: &Multiaddr) {
    let name_is_everywhere = name == EVERYWHERE;
    let everywhere = |turn: usize| Ipv4Addr::new(127, 1, (turn % NETWORKS) as u8, 1);
    let from = move |turn| if name_is_everywhere { everywhere(turn) } else { THERE };
    let direct = server;
    let server = forward(server, (0..).map(from)).await;
    let mut attack = JoinSet::new();
    for number in FIRST..FIRST + ATTACKERS {
        let server = server.clone();
        match name {
            "requests" => attack.spawn(again(number, server, requests)),
            "bogus-signatures" => attack.spawn(again(number, server, bogus_signatures)),
            "half-open" => attack.spawn(half_open(direct.clone())),
            "come-and-go" | EVERYWHERE => attack.spawn(again(number, server, leave)),
            "slow-readers" => attack.spawn(again(number, server, read_nothing)),
            "giant-frames" => attack.spawn(again(number, server, giant_frames)),
            "junk-frames" => attack.spawn(again(number, server, junk_frames)),
            "stolen-names" => attack.spawn(again(number, server, steal_names)),
            "reservations" => attack.spawn(again(number, server, reserve)),
            "circuits" => attack.spawn(hoard_circuits(number, server)),
            "gossip-flood" => attack.spawn(again(number, server, flood_group)),
            "topic-squatting" => attack.spawn(again(number, server, squat)),
            "replayed-records" => attack.spawn(again(number, server, replay)),
            "identities" if number == FIRST => attack.spawn(identities(server)),
            "identities" => continue,
            other => panic!("no attack is called {other}"),
        };
    }
    while let Some(attacker) = attack.join_next().await {
        attacker.expect("an attacker fails");
    }
}

/// Registers and attacks, and once the server has had enough of it, again.
async fn again(
    number: usize,
    server: Multiaddr,
    attack: impl AsyncFn(&mut Client, usize) -> Option<()>,
) {
    loop {
        match Client::try_register(number, &server).await {
            Some(mut client) => {
                attack(&mut client, number).await;
            }
            None => sleep(PAUSE).await,
        }
    }
}

/// Asks as fast as it is answered.
async fn requests(client: &mut Client, _number: usize) -> Option<()> {
    loop {
        drop(client.try_ask(Request::Lookup { username: client::name(0) }).await?);
    }
}

/// Registers with signatures that do not hold, which the server has to check.
async fn bogus_signatures(client: &mut Client, number: usize) -> Option<()> {
    let body = client::record(number, client::name(number), 0).body().to_vec();
    loop {
        let record = Signed::from_parts(body.clone(), Signature::new([7; 64]));
        drop(client.try_ask(Request::Register { record }).await?);
    }
}

/// Goes as soon as it has come.
async fn leave(_client: &mut Client, _number: usize) -> Option<()> {
    None
}

/// Connections on which nobody says anything.
async fn half_open(server: Multiaddr) {
    let port = port(&server);
    let mut held = Vec::new();
    loop {
        held.extend(connect(THERE, port).await);
        if held.len() > 200 {
            held.clear();
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Asks, and reads none of the answers.
async fn read_nothing(client: &mut Client, number: usize) -> Option<()> {
    client.join(tag(1)).await?;
    let accounts = Bounded::truncated((0..256).map(|n| {
        wire::key::AccountKey::from_seed(*Hash::of(&[n as u8, number as u8]).as_bytes()).id()
    }));
    loop {
        client.write(Request::Watch { accounts: accounts.clone() }).await?;
    }
}

/// Says that a frame of 4 GiB comes.
async fn giant_frames(client: &mut Client, _number: usize) -> Option<()> {
    loop {
        client.write_bytes(&[0xff; 1024]).await?;
        sleep(Duration::from_millis(1)).await;
        client.reopen().await?;
    }
}

/// Sends frames of the greatest length that is allowed, with nothing in them.
async fn junk_frames(client: &mut Client, _number: usize) -> Option<()> {
    let mut junk = frame::encode(&ClientFrame { id: 1, request: Request::Solve { answer: 0 } });
    junk.resize(frame::PREFIX + RENDEZVOUS_FRAME_MAX, 0x5b);
    junk[..frame::PREFIX].copy_from_slice(&(RENDEZVOUS_FRAME_MAX as u32).to_be_bytes());
    loop {
        // The server hangs up somewhere in it.
        client.write_bytes(&junk).await;
        client.reopen().await?;
    }
}

/// Registers with the name of somebody else.
async fn steal_names(client: &mut Client, number: usize) -> Option<()> {
    loop {
        let record = client::record(number + 1_000, client::name(0), 0);
        drop(client.try_ask(Request::Register { record }).await?);
    }
}

/// Asks for one place after another.
async fn reserve(client: &mut Client, _number: usize) -> Option<()> {
    loop {
        if client.reserve().await.is_none() {
            sleep(PAUSE).await;
        }
    }
}

/// Two that open circuits to each other and hold them.
async fn hoard_circuits(number: usize, server: Multiaddr) {
    let mut held = Vec::new();
    loop {
        let one = Client::try_register(number, &server).await;
        let other = Client::try_register(number + 500, &server).await;
        let (Some(one), Some(mut other)) = (one, other) else {
            sleep(PAUSE).await;
            continue;
        };
        while other.reserve().await.is_none() {
            sleep(PAUSE).await;
        }
        for _ in 0..10_000 {
            let opening: Vec<_> = (0..8).map(|_| one.open(other.peer())).collect();
            held.extend(join_all(opening).await.into_iter().flatten());
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Says as much in one group as it can.
async fn flood_group(client: &mut Client, number: usize) -> Option<()> {
    client.join(tag(1)).await?;
    for said in 0_u64.. {
        let mut sealed = vec![number as u8; GOSSIP_MAX / 2];
        sealed[..8].copy_from_slice(&said.to_be_bytes());
        client.publish(tag(1), sealed).await?;
    }
    Some(())
}

/// Takes one topic after another.
async fn squat(client: &mut Client, number: usize) -> Option<()> {
    for turn in 0_u64.. {
        let tag = tag(turn * 1_000 + number as u64);
        drop(client.try_ask(Request::Join { tag }).await?);
    }
    Some(())
}

/// Registers with an older record than its newest, again and again.
async fn replay(client: &mut Client, number: usize) -> Option<()> {
    for sequence in [1, 0].into_iter().cycle() {
        let record = client::record(number, client::name(number), sequence);
        drop(client.try_ask(Request::Register { record }).await?);
    }
    Some(())
}

/// A hundred thousand who register from one address.
async fn identities(server: Multiaddr) {
    let mut coming = JoinSet::new();
    let mut admitted = 0_usize;
    for number in 0..IDENTITIES {
        let server = server.clone();
        coming.spawn(
            async move { Client::try_register(2 * FIRST + number, &server).await.is_some() },
        );
        if coming.len() >= IDENTITIES_AT_ONCE {
            admitted += usize::from(matches!(coming.join_next().await, Some(Ok(true))));
        }
    }
    admitted += coming.join_all().await.into_iter().filter(|is_in| *is_in).count();
    println!("{admitted} of {IDENTITIES} identities were let in");
}

fn tag(number: u64) -> TopicTag {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    TopicTag::new(bytes)
}
