//! The protocols that the server speaks, and its swarm.

use std::time::Duration;

use libp2p::{
    Swarm, SwarmBuilder, autonat,
    connection_limits::{self, ConnectionLimits},
    identify,
    identity::Keypair,
    noise, ping, relay,
    swarm::NetworkBehaviour,
    tcp, yamux,
};
use thiserror::Error;

use crate::{
    admission::Admission,
    client_streams::ClientStreams,
    config::Config,
    dial_guard::DialGuard,
    gate::Gate,
    gossip::{self, Gossip},
};

/// What identify calls this network.
pub(crate) const PROTOCOL_VERSION: &str = "/natterjack/1";
/// What identify calls this program.
const AGENT_VERSION: &str = concat!("natterjack-rendezvous/", env!("CARGO_PKG_VERSION"));
/// Silence after which a QUIC connection is given up; clients set the same.
pub(crate) const QUIC_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Silence after which a packet keeps a QUIC connection, and a NAT's memory of it, alive.
const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Time for a ping to come back, or the connection is closed.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Streams that a client may have open on one QUIC connection; each of its circuits is one.
const QUIC_STREAMS_MAX: u32 = 1_024;
/// Bytes that a client may send on one QUIC connection before any was read. With 100 ms to the
/// client this allows 40 MiB a second.
const QUIC_CONNECTION_UNREAD_MAX: u32 = 4 * 1024 * 1024;
/// The same for one of its streams.
const QUIC_STREAM_UNREAD_MAX: u32 = 2 * 1024 * 1024;
/// Streams that may be open on one TCP connection; as many circuits as a device has by default,
/// and the others that it needs.
const YAMUX_STREAMS_MAX: usize = 320;
/// Connections that the server may have dialled at one time, to test addresses.
const DIALLED_MAX: u32 = 128;

/// The swarm cannot be set up on this machine.
#[derive(Debug, Error)]
#[error("cannot set up the network: {0}")]
pub struct SwarmError(String);

/// The protocols of the server. The limits come first: what they deny, no other one counts.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) gate: Gate,
    limits: connection_limits::Behaviour,
    pub(crate) dial_guard: DialGuard,
    clients: ClientStreams,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    relay: relay::Behaviour,
    autonat: autonat::v2::server::Behaviour,
    pub(crate) gossip: Gossip,
}

/// Makes the swarm; it does not listen yet.
pub(crate) fn swarm(
    key: Keypair,
    config: &Config,
    admission: &Admission,
) -> Result<Swarm<Behaviour>, SwarmError> {
    let failed = |error: &dyn std::error::Error| SwarmError(error.to_string());
    let gossip = gossip::behaviour(&config.groups).map_err(|it| SwarmError(it.to_owned()))?;
    let idle = Duration::from_secs(config.connections.idle_seconds);
    let tcp = tcp::Config::default().nodelay(true);
    let builder = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp, noise::Config::new, yamux_config)
        .map_err(|error| failed(&error))?
        .with_quic_config(|mut quic| {
            quic.max_idle_timeout = QUIC_IDLE_TIMEOUT.as_millis() as u32;
            quic.keep_alive_interval = QUIC_KEEP_ALIVE;
            quic.max_concurrent_stream_limit = QUIC_STREAMS_MAX;
            quic.max_connection_data = QUIC_CONNECTION_UNREAD_MAX;
            quic.max_stream_data = QUIC_STREAM_UNREAD_MAX;
            quic
        })
        .with_behaviour(|key| {
            let local = key.public().to_peer_id();
            Behaviour {
                gate: Gate::new(&config.connections),
                limits: connection_limits::Behaviour::new(connection_limits(config)),
                dial_guard: DialGuard::default(),
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
            }
        })
        .map_err(|error| failed(&error))?;
    Ok(builder.with_swarm_config(|swarm| swarm.with_idle_connection_timeout(idle)).build())
}

fn yamux_config() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(YAMUX_STREAMS_MAX);
    config
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
