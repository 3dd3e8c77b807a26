//! Fetching a file beside copying one through a bare stream of libp2p, from file to file.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use e2e::{event, peer::Peer, samples, server::Server};
use futures::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, noise, swarm::SwarmEvent, tcp, yamux,
};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::roads::{ROADS, Road, median};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/natterjack-figures/copy/1");

fn swarm() -> Swarm<libp2p_stream::Behaviour> {
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .expect("a transport")
        .with_quic()
        .with_behaviour(|_| libp2p_stream::Behaviour::new())
        .expect("a behaviour")
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_mins(1)))
        .build()
}

async fn listen(road: &Road) -> (Swarm<libp2p_stream::Behaviour>, Multiaddr) {
    let mut swarm = swarm();
    swarm.listen_on(road.listen.parse().expect("an address")).expect("it listens");
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return (swarm, address);
        }
    }
}

/// Copies a file to another through a stream over loopback, with both ends in this process.
async fn copy(from: &Path, to: &Path, road: &Road) -> Duration {
    let (mut source, address) = listen(road).await;
    let peer: PeerId = *source.local_peer_id();
    let mut offered = source.behaviour().new_control().accept(PROTOCOL).expect("a new protocol");
    let mut sink = swarm();
    let mut control = sink.behaviour().new_control();
    sink.dial(address).expect("an address to dial");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        loop {
            source.select_next_some().await;
        }
    });
    while !matches!(sink.select_next_some().await, SwarmEvent::ConnectionEstablished { .. }) {}
    tasks.spawn(async move {
        loop {
            sink.select_next_some().await;
        }
    });
    let file = tokio::fs::File::open(from).await.expect("the file is there");
    tasks.spawn(async move {
        let (_, stream) = offered.next().await.expect("a stream");
        let mut file = tokio::io::BufReader::with_capacity(256 * 1024, file);
        let mut stream = tokio_util::compat::FuturesAsyncWriteCompatExt::compat_write(stream);
        tokio::io::copy_buf(&mut file, &mut stream).await.expect("it is sent");
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await.expect("it is closed");
        std::future::pending().await
    });
    let began = Instant::now();
    let stream = control.open_stream(peer, PROTOCOL).await.expect("a stream");
    let stream = tokio_util::compat::FuturesAsyncReadCompatExt::compat(stream);
    let mut stream = tokio::io::BufReader::with_capacity(256 * 1024, stream);
    let mut file = tokio::fs::File::create(to).await.expect("a new file");
    tokio::io::copy_buf(&mut stream, &mut file).await.expect("it arrives");
    file.sync_all().await.expect("it is durable");
    began.elapsed()
}

/// MiB a second: verified and on the disk, copied to the user's place too, and through a bare stream.
fn round(
    [anna, bob]: &mut [Peer; 2],
    (number, mib): (usize, usize),
    (road, runtime): (&Road, &Runtime),
) -> [f64; 3] {
    let file = anna.write_file("large.bin", &samples::noise(&format!("round {number}"), mib << 20));
    let sent = anna.must_in_time(json!({"do": "send", "to": "@bob", "file": file}));
    bob.wait_for("the file", |line| line["message"] == sent["message"]);
    let (began, mark) = (Instant::now(), bob.mark());
    let kept = bob.folder().join("copy.bin");
    let fetch = bob.tell(json!({"do": "fetch", "message": sent["message"], "save_to": kept}));
    let size = (mib << 20) as u64;
    bob.wait_after(mark, "the last byte", |line| {
        event::is(line, "progress") && line["done"].as_u64() == Some(size)
    });
    let came = mib as f64 / began.elapsed().as_secs_f64();
    bob.reply(fetch);
    let fetched = mib as f64 / began.elapsed().as_secs_f64();
    let took = runtime.block_on(copy(&file, &bob.folder().join("bare.bin"), road));
    [came, fetched, mib as f64 / took.as_secs_f64()]
}

pub(crate) fn measure() {
    let (rounds, mib) = (crate::number("ROUNDS", 5), crate::number("MIB", 256));
    let runtime = Runtime::new().expect("a runtime");
    for road in &ROADS {
        let server = Server::start();
        let mut peers = ["anna", "bob"].map(|name| road.start(&server, name));
        let rounds: Vec<_> =
            (0..rounds).map(|number| round(&mut peers, (number, mib), (road, &runtime))).collect();
        let [came, fetched, bare] =
            [0, 1, 2].map(|it| median(rounds.iter().map(|round| round[it])));
        let ratio = |of: usize| median(rounds.iter().map(|round| round[of] / round[2]));
        let name = road.name;
        println!(
            "{name}: {} files of {mib} MiB, verified and durable: {came:.0} MiB/s",
            rounds.len()
        );
        println!("{name}: copied to the user's place, too: {fetched:.0} MiB/s");
        println!("{name}: through a bare stream: {bare:.0} MiB/s");
        println!("{name}: ratio {:.2}, with the copy {:.2}", ratio(0), ratio(1));
        println!(
            "{name}: peak memory of the receiver {} MiB",
            crate::catching_up::peak_memory(&peers[1])
        );
    }
}
