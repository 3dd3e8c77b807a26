//! The protocols that a peer speaks, and the swarm that carries them.

use std::{collections::VecDeque, convert::Infallible, task::Poll, time::Duration};

use libp2p::{
    Multiaddr, Swarm, SwarmBuilder, autonat,
    connection_limits::{self, ConnectionLimits},
    core::{Endpoint, transport::PortUse},
    dcutr,
    gossipsub::{self, MaxCountSubscriptionFilter},
    identify, identity, mdns, noise, ping, relay,
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, behaviour::toggle::Toggle, dummy,
    },
    tcp, yamux,
};
use rand::{SeedableRng as _, rngs::StdRng};
use wire::{
    id::{DeviceId, Hash},
    limits::{GOSSIP_TRANSMIT_MAX, TOPICS_MAX},
};

use super::{
    NodeError,
    selective::{NotHidden, OnlyDirect, Selective},
};

/// How long a connection without streams is kept.
const IDLE: Duration = Duration::from_mins(1);
/// How long QUIC waits for a silent peer, as one that slept.
const QUIC_IDLE_MS: u32 = 30_000;
/// Pause between QUIC's signs of life: two fit into the 30 seconds after which the quickest routers forget a
/// connection, so that one may be lost.
const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(12);
/// Pause before a topic that was left can be in the mesh again; equal on all nodes.
const REJOIN_PAUSE: Duration = Duration::from_secs(1);
/// How long a message may wait for a slow member before it is dropped.
const QUEUED_MAX: Duration = Duration::from_secs(10);
/// Pause before a member that was refused may ask again.
const PRUNE_PAUSE: Duration = Duration::from_secs(10);
/// Members that are in the own mesh of a topic: more are looked for below the first number, until
/// there are as many as the second says. Others are taken up to the third, so that hardly anybody is refused.
const MESH: [usize; 3] = [3, 4, 24];

/// Gossipsub of sealed messages.
pub(super) type Gossip = gossipsub::Behaviour<
    gossipsub::IdentityTransform,
    MaxCountSubscriptionFilter<gossipsub::AllowAllSubscriptionFilter>,
>;

/// What a peer speaks.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(super) candidates: Candidates,
    relay: relay::client::Behaviour,
    pub(super) punch: Selective<Toggle<dcutr::Behaviour>, NotHidden>,
    pub(super) identify: Selective<identify::Behaviour, NotHidden>,
    ping: ping::Behaviour,
    reachability: Toggle<autonat::v2::client::Behaviour<StdRng>>,
    pub(super) local: Toggle<mdns::tokio::Behaviour>,
    pub(super) gossip: Selective<Gossip, OnlyDirect>,
    pub(super) streams: libp2p_stream::Behaviour,
}

/// How far a device shows itself.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    /// Its address is kept from others.
    pub(super) relay_only: bool,
    /// It looks for peers on the local network.
    pub(super) local_network: bool,
}

/// Makes the swarm of a device.
pub(super) fn swarm(
    key: &identity::Keypair,
    server: DeviceId,
    reach: Reach,
) -> Result<Swarm<Behaviour>, NodeError> {
    let network = |error: &dyn std::fmt::Display| NodeError::Network(error.to_string());
    let swarm = SwarmBuilder::with_existing_identity(key.clone())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| network(&error))?
        .with_quic_config(|mut quic| {
            quic.max_idle_timeout = QUIC_IDLE_MS;
            quic.keep_alive_interval = QUIC_KEEP_ALIVE;
            quic
        })
        .with_dns()
        .map_err(|error| network(&error))?
        .with_relay_client(noise::Config::new, yamux::Config::default)
        .map_err(|error| network(&error))?
        .with_behaviour(|key, relay| behaviour(key, relay, server, reach))
        .map_err(|error| network(&error))?
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(IDLE).with_smart_dial())
        .build();
    Ok(swarm)
}

fn behaviour(
    key: &identity::Keypair,
    relay: relay::client::Behaviour,
    server: DeviceId,
    reach: Reach,
) -> Result<Behaviour, Box<dyn std::error::Error + Send + Sync>> {
    let open = !reach.relay_only;
    let peer = key.public().to_peer_id();
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(64))
        .with_max_established_incoming(Some(1024))
        .with_max_established_per_peer(Some(6));
    let identify = identify::Config::new("/natterjack/1".to_owned(), key.public())
        .with_agent_version(format!("natterjack/{}", env!("CARGO_PKG_VERSION")))
        .with_hide_listen_addrs(reach.relay_only)
        .with_push_listen_addr_updates(open)
        .with_cache_size(0);
    let local = (open && reach.local_network)
        .then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), peer))
        .and_then(|local| {
            local
                .inspect_err(|error| tracing::warn!(%error, "no discovery on the local network"))
                .ok()
        });
    let reachability = open.then(|| {
        autonat::v2::client::Behaviour::new(
            StdRng::from_seed(rand::random()),
            autonat::v2::client::Config::default(),
        )
    });
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        candidates: Candidates { server: server.peer_id(), found: VecDeque::new() },
        relay,
        punch: Selective::new(
            open.then(|| dcutr::Behaviour::new(peer)).into(),
            NotHidden::default(),
        ),
        identify: Selective::new(identify::Behaviour::new(identify), NotHidden::default()),
        ping: ping::Behaviour::new(ping::Config::new()),
        reachability: reachability.into(),
        local: local.into(),
        gossip: Selective::new(gossip()?, OnlyDirect),
        streams: libp2p_stream::Behaviour::new(),
    })
}

/// Authors are inside the sealed messages, equal bytes are one message, and thousands of
/// subscriptions fit into one transmission. All nodes must agree on these.
fn gossip() -> Result<Gossip, Box<dyn std::error::Error + Send + Sync>> {
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .message_id_fn(|message: &gossipsub::Message| {
            gossipsub::MessageId::new(Hash::of(&message.data).as_bytes())
        })
        .max_transmit_size(GOSSIP_TRANSMIT_MAX)
        .max_control_message_size(GOSSIP_TRANSMIT_MAX)
        .unsubscribe_backoff(REJOIN_PAUSE)
        .prune_backoff(PRUNE_PAUSE)
        .gossip_lazy(0)
        .gossip_factor(0.0)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .mesh_outbound_min(0)
        .mesh_n_low(MESH[0])
        .mesh_n(MESH[1])
        .mesh_n_high(MESH[2])
        .connection_handler_queue_len(512)
        .publish_queue_duration(QUEUED_MAX)
        .forward_queue_duration(QUEUED_MAX)
        .build()?;
    let filter = MaxCountSubscriptionFilter {
        filter: gossipsub::AllowAllSubscriptionFilter {},
        max_subscribed_topics: TOPICS_MAX,
        max_subscriptions_per_request: TOPICS_MAX,
    };
    Ok(Gossip::new_with_subscription_filter(
        gossipsub::MessageAuthenticity::Anonymous,
        config,
        filter,
    )?)
}

/// Offers addresses as the server saw them to hole punching and to the reachability check.
///
/// identify changes the port of an observed address to a listen port where it can, which loses
/// the mapping of routers that change ports.
pub(super) struct Candidates {
    server: libp2p::PeerId,
    found: VecDeque<Multiaddr>,
}

impl Candidates {
    /// The server told from where it sees this peer.
    pub(super) fn observed(&mut self, peer: libp2p::PeerId, address: Multiaddr) {
        const WAITING_MAX: usize = 16;
        if peer == self.server && self.found.len() < WAITING_MAX {
            self.found.push_back(address);
        }
    }
}

impl NetworkBehaviour for Candidates {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: libp2p::PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: libp2p::PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        _: libp2p::PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        match self.found.pop_front() {
            Some(address) => Poll::Ready(ToSwarm::NewExternalAddrCandidate(address)),
            // Woken by the swarm, which polls all behaviours after each event it hands out.
            None => Poll::Pending,
        }
    }
}
