//! The protocols that the server speaks, and its swarm.

use std::time::Duration;

use libp2p::{
    Swarm, autonat,
    connection_limits::{self, ConnectionLimits},
    identify,
    identity::Keypair,
    ping, relay,
    swarm::{self, NetworkBehaviour},
};
use thiserror::Error;

use crate::{
    admission::Admission,
    boxed::Boxed,
    bystander::Bystanding,
    circuit_bytes::CircuitBytes,
    client_streams::ClientStreams,
    config::Config,
    dial_guard::DialGuard,
    gate::Gate,
    gossip::{self, Gossip},
    transport,
};

/// What identify calls this network.
pub(crate) const PROTOCOL_VERSION: &str = "/natterjack/1";
/// What identify calls this program.
const AGENT_VERSION: &str = concat!("natterjack-rendezvous/", env!("CARGO_PKG_VERSION"));
/// Time for a ping to come back, or the connection is closed.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Connections that the server may have dialled at one time, to test addresses.
const DIALLED_MAX: u32 = 128;

/// The swarm cannot be set up on this machine.
#[derive(Debug, Error)]
#[error("cannot set up the network: {0}")]
pub struct SwarmError(String);

/// The protocols of the server. The limits come first: what they deny, no other one counts.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) gate: Bystanding<Gate>,
    limits: connection_limits::Behaviour,
    pub(crate) dial_guard: Bystanding<DialGuard>,
    clients: ClientStreams,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    relay: relay::Behaviour,
    autonat: autonat::v2::server::Behaviour,
    pub(crate) gossip: Gossip,
}

/// Makes the swarm; it does not listen yet.
pub(crate) fn swarm(
    key: &Keypair,
    config: &Config,
    admission: &Admission,
    circuit_bytes: &CircuitBytes,
) -> Result<Swarm<Boxed<Behaviour>>, SwarmError> {
    let transport =
        transport::transport(key, circuit_bytes).map_err(|error| SwarmError(error.to_string()))?;
    let gossip = gossip::behaviour(&config.groups).map_err(|it| SwarmError(it.to_owned()))?;
    let local = key.public().to_peer_id();
    let behaviour = Behaviour {
        gate: Bystanding(Gate::new(&config.connections)),
        limits: connection_limits::Behaviour::new(connection_limits(config)),
        dial_guard: Bystanding::default(),
        clients: ClientStreams::default(),
        identify: identify::Behaviour::new(
            identify::Config::new(PROTOCOL_VERSION.to_owned(), key.public())
                .with_agent_version(AGENT_VERSION.to_owned())
                .with_hide_listen_addrs(true)
                .with_cache_size(0),
        ),
        ping: ping::Behaviour::new(ping::Config::new().with_timeout(PING_TIMEOUT)),
        relay: relay::Behaviour::new(local, admission.relay_config(&config.relay)),
        autonat: autonat::v2::server::Behaviour::default(),
        gossip,
    };
    let idle = Duration::from_secs(config.connections.idle_seconds);
    let settings = swarm::Config::with_tokio_executor().with_idle_connection_timeout(idle);
    Ok(Swarm::new(transport, Boxed(behaviour), local, settings))
}

fn connection_limits(config: &Config) -> ConnectionLimits {
    let limits = &config.connections;
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(limits.pending))
        .with_max_established_incoming(Some(limits.total))
        .with_max_established_per_peer(Some(limits.per_device))
        .with_max_pending_outgoing(Some(DIALLED_MAX))
        .with_max_established_outgoing(Some(DIALLED_MAX))
}
