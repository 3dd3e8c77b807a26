//! TCP with Noise and Yamux, and QUIC; over both, circuits are paid for.

use std::{error::Error, time::Duration};

use libp2p::{
    PeerId, Transport as _,
    core::{
        ConnectedPoint,
        muxing::{StreamMuxer, StreamMuxerBox},
        transport::{Boxed, timeout::TransportTimeout},
        upgrade,
    },
    identity::Keypair,
    noise, quic, tcp, yamux,
};

use crate::{addresses, circuit_bytes::CircuitBytes, handshakes::Deferred, metered::Metered};

/// Silence after which a QUIC connection is given up; clients set the same.
const QUIC_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Silence after which a packet keeps a QUIC connection, and a NAT's memory of it, alive.
const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(10);
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
/// Time to set up a connection.
const SET_UP_WITHIN: Duration = Duration::from_secs(10);

/// Makes the transport of a server with this key.
pub(crate) fn transport(
    key: &Keypair,
    circuit_bytes: &CircuitBytes,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, Box<dyn Error>> {
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(YAMUX_STREAMS_MAX);
    let mut quic = quic::Config::new(key);
    quic.max_idle_timeout = QUIC_IDLE_TIMEOUT.as_millis() as u32;
    quic.keep_alive_interval = QUIC_KEEP_ALIVE;
    quic.max_concurrent_stream_limit = QUIC_STREAMS_MAX;
    quic.max_connection_data = QUIC_CONNECTION_UNREAD_MAX;
    quic.max_stream_data = QUIC_STREAM_UNREAD_MAX;
    let (over_tcp, over_quic) = (circuit_bytes.clone(), circuit_bytes.clone());
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(upgrade::Version::V1Lazy)
        .authenticate(noise::Config::new(key)?)
        .multiplex(yamux)
        .map(move |connected, point| metered(connected, &point, &over_tcp));
    let quic = quic::tokio::Transport::new(quic)
        .map(move |connected, point| metered(connected, &point, &over_quic));
    let either =
        Deferred::new(tcp.boxed())?.or_transport(quic).map(|connected, _| connected.into_inner());
    Ok(TransportTimeout::new(either, SET_UP_WITHIN).boxed())
}

fn metered<M>(
    (peer, connection): (PeerId, M),
    point: &ConnectedPoint,
    circuit_bytes: &CircuitBytes,
) -> (PeerId, StreamMuxerBox)
where
    M: StreamMuxer + Send + Unpin + 'static,
    M::Substream: Send + Unpin + 'static,
    M::Error: Send + Sync + 'static,
{
    let payer = circuit_bytes.payer(peer, addresses::ip_of(point.get_remote_address()));
    (peer, StreamMuxerBox::new(Metered::new(connection, payer)))
}
