//! The server tests a client's address, with a real client.

use std::time::Duration;

use futures::StreamExt as _;
use libp2p::{
    SwarmBuilder, autonat, identify, noise,
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use rand::{SeedableRng as _, rngs::StdRng};
use rendezvous_server::probe;
use wire::key::DeviceKey;

use crate::test_server::{PATIENCE, TestServer, within};

#[derive(NetworkBehaviour)]
struct Tested {
    identify: identify::Behaviour,
    autonat: autonat::v2::client::Behaviour,
}

#[tokio::test]
async fn an_address_is_confirmed_and_the_connection_of_the_test_is_closed() {
    let server = TestServer::start().await;
    let key = DeviceKey::from_seed([1; 32]).to_libp2p();
    let mut swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key| Tested {
            identify: identify::Behaviour::new(identify::Config::new(
                "/natterjack/1".to_owned(),
                key.public(),
            )),
            autonat: autonat::v2::client::Behaviour::new(
                StdRng::seed_from_u64(1),
                autonat::v2::client::Config::default()
                    .with_probe_interval(Duration::from_millis(100)),
            ),
        })
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build();
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    let mut own = None;
    let mut confirmed = None;
    let mut tests_closed = 0;
    let testing = async {
        while confirmed.is_none() || tests_closed == 0 {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { address, .. } => {
                    own = Some(address);
                    swarm.dial(server.tcp.clone()).unwrap();
                }
                SwarmEvent::ExternalAddrConfirmed { address } => confirmed = Some(address),
                SwarmEvent::ConnectionClosed { endpoint, num_established, .. } => {
                    assert!(endpoint.is_listener() && num_established == 1, "{endpoint:?}");
                    tests_closed += 1;
                }
                _ => {}
            }
        }
    };
    within("a confirmed address and the end of its test", testing).await;
    assert_eq!(confirmed, own);
    server.stop().await;
}

#[tokio::test]
async fn another_server_tells_which_addresses_it_reaches() {
    let server = TestServer::start().await;
    let free = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        format!("/ip4/127.0.0.1/tcp/{port}").parse::<libp2p::Multiaddr>().unwrap()
    };
    let (open, shut) = (free(), free());
    let external = [open.clone(), shut.clone()];
    let reached =
        probe::reached(std::slice::from_ref(&open), &external, &server.tcp).await.unwrap();
    assert_eq!(reached[&open], Some(true));
    assert_eq!(reached[&shut], Some(false));
    let gone = server.tcp.clone();
    server.stop().await;
    let error = probe::reached(&[open], &[], &gone).await.unwrap_err();
    assert!(!error.to_string().is_empty());
}
