//! Opens the sockets that the server listens on, and finds out its addresses.

use std::{
    collections::{BTreeSet, HashSet},
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    time::Duration,
};

use libp2p::{
    Multiaddr, PeerId, Swarm, core::transport::ListenerId, multiaddr::Protocol,
    swarm::NetworkBehaviour,
};
use thiserror::Error;
use tracing::warn;

use crate::addresses;

/// How long the system may take to tell the addresses of the sockets.
pub const ADDRESS_TIMEOUT: Duration = Duration::from_secs(10);
/// How long further interfaces of this machine are waited for.
pub const INTERFACES_WAIT: Duration = Duration::from_millis(100);

/// Why the server cannot listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Another program has the port.
    #[error(
        "cannot listen on {0}: the port is in use by another program; stop that one or choose another port"
    )]
    InUse(Multiaddr),
    /// The system refuses.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// The address.
        address: Multiaddr,
        /// What the system said.
        source: io::Error,
    },
    /// All addresses are of a kind that this machine does not have.
    #[error("none of the addresses to listen on exists on this machine")]
    Nothing,
    /// A socket was closed, or its address never became known.
    #[error("a socket to listen on was lost: {0}")]
    Lost(String),
    /// An external address names another server.
    #[error("the external address {0} carries the id of another server")]
    ForeignId(Multiaddr),
}

/// Listens on all addresses, or on none. Those for all IPv6 interfaces are left out on a machine
/// without IPv6.
pub fn start<B: NetworkBehaviour>(
    swarm: &mut Swarm<B>,
    addresses: &[Multiaddr],
) -> Result<HashSet<ListenerId>, ListenError> {
    let mut usable = Vec::new();
    for address in addresses {
        match probe(address) {
            Ok(()) => usable.push(address),
            Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                return Err(ListenError::InUse(address.clone()));
            }
            Err(_) if addresses::ip_of(address) == Some(Ipv6Addr::UNSPECIFIED.into()) => {
                warn!(%address, "this machine has no IPv6; not listening there");
            }
            Err(source) => return Err(ListenError::Refused { address: address.clone(), source }),
        }
    }
    if usable.is_empty() {
        return Err(ListenError::Nothing);
    }
    let listen = |address: &Multiaddr| {
        swarm.listen_on(address.clone()).map_err(|error| ListenError::Refused {
            address: address.clone(),
            source: io::Error::other(error),
        })
    };
    usable.into_iter().map(listen).collect()
}

/// Takes the port for a moment. The transport would share a TCP port with another server.
pub(crate) fn probe(address: &Multiaddr) -> io::Result<()> {
    let Some(ip) = addresses::ip_of(address) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // A socket for all of IPv6 would claim IPv4 too, which the transport's does not.
    let ip = if ip == Ipv6Addr::UNSPECIFIED { IpAddr::from(Ipv6Addr::LOCALHOST) } else { ip };
    match address.iter().nth(1) {
        Some(Protocol::Tcp(port)) => TcpListener::bind(SocketAddr::new(ip, port)).map(drop),
        Some(Protocol::Udp(port)) => UdpSocket::bind(SocketAddr::new(ip, port)).map(drop),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Completes an address with the server's id, unless it carries it already.
pub fn with_id(address: &Multiaddr, server: PeerId) -> Result<Multiaddr, ListenError> {
    address.clone().with_p2p(server).map_err(|_address| ListenError::ForeignId(address.clone()))
}

/// The addresses under which the server can be reached, complete with its id.
#[derive(Debug)]
pub struct ReachableAddresses {
    server: PeerId,
    external: Vec<Multiaddr>,
    listening: BTreeSet<Multiaddr>,
}

impl ReachableAddresses {
    /// Starts with the external addresses that the operator gave.
    pub fn new(server: PeerId, external: &[Multiaddr]) -> Result<Self, ListenError> {
        let external =
            external.iter().map(|address| with_id(address, server)).collect::<Result<_, _>>()?;
        Ok(Self { server, external, listening: BTreeSet::new() })
    }

    /// The server listens on an address. Tells whether clients are to be told of it.
    pub fn add(&mut self, address: &Multiaddr) -> bool {
        self.listening.insert(address.clone());
        self.external.is_empty()
    }

    /// The server listens on an address no longer.
    pub fn remove(&mut self, address: &Multiaddr) {
        self.listening.remove(address);
    }

    /// The external addresses if the operator gave any, else those the server listens on.
    pub fn all(&self) -> Vec<Multiaddr> {
        if !self.external.is_empty() {
            return self.external.clone();
        }
        let complete = |address: &Multiaddr| with_id(address, self.server).ok();
        self.listening.iter().filter_map(complete).collect()
    }
}
