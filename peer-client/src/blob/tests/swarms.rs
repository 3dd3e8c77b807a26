use futures::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, noise, swarm::SwarmEvent, tcp, yamux,
};
use tokio::task::JoinSet;
use wire::blob::{BlobReply, PROTOCOL};

use super::*;

fn swarm() -> Swarm<libp2p_stream::Behaviour> {
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_quic()
        .with_behaviour(|_| libp2p_stream::Behaviour::new())
        .unwrap()
        .build()
}

async fn listen(swarm: &mut Swarm<libp2p_stream::Behaviour>, on: &str) -> Multiaddr {
    swarm.listen_on(on.parse().unwrap()).unwrap();
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return address;
        }
    }
}

/// Grants every second request, beginning with the second.
async fn serve_every_second(mut control: libp2p_stream::Control, store: BlobStore) {
    let mut requests = control.accept(StreamProtocol::new(PROTOCOL)).unwrap();
    let mut turn = 0;
    while let Some((_peer, mut stream)) = requests.next().await {
        turn += 1;
        let request = transfer::read_request(&mut stream).await.unwrap();
        if turn % 2 == 0 {
            transfer::grant(stream, &store, &request).await.unwrap();
        } else {
            transfer::refuse(stream, BlobReply::Busy).await.unwrap();
        }
    }
}

async fn fetch_over(on: &str) {
    let bytes = sample(5_000_000);
    let (from, to) = (Peer::with(&bytes), Peer::new());
    let (mut server, mut client) = (swarm(), swarm());
    let server_id: PeerId = *server.local_peer_id();
    let address = listen(&mut server, on).await;
    let mut tasks = JoinSet::new();
    tasks.spawn(serve_every_second(server.behaviour().new_control(), from.store.clone()));
    tasks.spawn(async move {
        loop {
            server.select_next_some().await;
        }
    });
    let mut control = client.behaviour().new_control();
    client.dial(address).unwrap();
    while !client.is_connected(&server_id) {
        client.select_next_some().await;
    }
    tasks.spawn(async move {
        loop {
            client.select_next_some().await;
        }
    });
    let wanted = wanted(&bytes);
    let open = async |control: &mut libp2p_stream::Control| {
        control.open_stream(server_id, StreamProtocol::new(PROTOCOL)).await.unwrap()
    };
    let stream = open(&mut control).await;
    let refused = fetch(stream, &to.store, &wanted, |_| {}).await;
    assert!(matches!(refused, Err(TransferError::Busy)), "{on}: {refused:?}");
    let stream = open(&mut control).await;
    let path = fetch(stream, &to.store, &wanted, |_| {}).await.unwrap();
    assert!(fs::read(path).unwrap() == bytes, "{on}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachment_arrives_over_tcp() {
    fetch_over("/ip4/127.0.0.1/tcp/0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachment_arrives_over_quic() {
    fetch_over("/ip4/127.0.0.1/udp/0/quic-v1").await;
}
