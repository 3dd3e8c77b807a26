//! Guards the only dials that the server makes: those by which `AutoNAT` tests a client's address.
//!
//! A client names the address, so it is checked against [`addresses::may_dial`]. The connection
//! serves the test alone and is closed after it.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    convert::Infallible,
    net::IpAddr,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use libp2p::{
    Multiaddr, PeerId,
    core::ConnectedPoint,
    multiaddr::Protocol,
    swarm::{
        CloseConnection, ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, ToSwarm,
        behaviour::ConnectionEstablished,
    },
};
use thiserror::Error;

use crate::{addresses, bystander::Bystander};

/// How long a connection that the server dialled may last if its test does not end.
const DIAL_BACK_LIFETIME: Duration = Duration::from_secs(15);

/// The server does not dial this address for this client.
#[derive(Debug, Error)]
#[error("the address is neither public nor the client's own")]
pub struct NotDialled;

/// A connection that the server dialled.
#[derive(Debug)]
struct DialBack {
    connection: ConnectionId,
    /// Without the peer id at its end.
    address: Multiaddr,
}

/// Denies and ends dials, see the module.
#[derive(Debug, Default)]
pub struct DialGuard {
    /// Where each client is connected from.
    origins: BTreeMap<PeerId, BTreeMap<ConnectionId, IpAddr>>,
    dial_backs: BTreeMap<PeerId, Vec<DialBack>>,
    expiring: FuturesUnordered<BoxFuture<'static, (PeerId, ConnectionId)>>,
    to_close: VecDeque<(PeerId, ConnectionId)>,
}

impl DialGuard {
    /// Ends the connection that the server dialled to test this address of a client.
    pub fn test_ended(&mut self, client: PeerId, tested: &Multiaddr) {
        let tested = without_peer(tested);
        for dial_back in self.dial_backs.get(&client).into_iter().flatten() {
            if dial_back.address == tested {
                self.to_close.push_back((client, dial_back.connection));
            }
        }
    }

    fn established(&mut self, event: &ConnectionEstablished<'_>) {
        let (peer, connection) = (event.peer_id, event.connection_id);
        match event.endpoint {
            ConnectedPoint::Listener { send_back_addr, .. } => {
                if let Some(ip) = addresses::ip_of(send_back_addr) {
                    self.origins.entry(peer).or_default().insert(connection, ip);
                }
            }
            ConnectedPoint::Dialer { address, .. } => {
                let dial_back = DialBack { connection, address: without_peer(address) };
                self.dial_backs.entry(peer).or_default().push(dial_back);
                let expiry = tokio::time::sleep(DIAL_BACK_LIFETIME);
                self.expiring.push(expiry.map(move |()| (peer, connection)).boxed());
            }
        }
    }

    fn closed(&mut self, event: &ConnectionClosed<'_>) {
        if let Entry::Occupied(mut origins) = self.origins.entry(event.peer_id) {
            origins.get_mut().remove(&event.connection_id);
            if origins.get().is_empty() {
                origins.remove();
            }
        }
        if let Entry::Occupied(mut dial_backs) = self.dial_backs.entry(event.peer_id) {
            dial_backs.get_mut().retain(|it| it.connection != event.connection_id);
            if dial_backs.get().is_empty() {
                dial_backs.remove();
            }
        }
    }
}

fn without_peer(address: &Multiaddr) -> Multiaddr {
    let is_peer = |part: &Protocol<'_>| matches!(part, Protocol::P2p(_));
    address.iter().take_while(|part| !is_peer(part)).collect()
}

impl Bystander for DialGuard {
    fn dialling(
        &mut self,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
    ) -> Result<(), ConnectionDenied> {
        let origins = peer.and_then(|peer| self.origins.get(&peer));
        let origins: Vec<_> = origins.into_iter().flat_map(BTreeMap::values).copied().collect();
        if addresses.iter().all(|address| addresses::may_dial(address, &origins)) {
            Ok(())
        } else {
            Err(ConnectionDenied::new(NotDialled))
        }
    }

    fn saw(&mut self, event: &FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => self.established(event),
            FromSwarm::ConnectionClosed(event) => self.closed(event),
            _ => {}
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ToSwarm<Infallible, Infallible>> {
        while let Poll::Ready(Some(expired)) = self.expiring.poll_next_unpin(context) {
            self.to_close.push_back(expired);
        }
        match self.to_close.pop_front() {
            Some((peer_id, connection)) => Poll::Ready(ToSwarm::CloseConnection {
                peer_id,
                connection: CloseConnection::One(connection),
            }),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected_from(guard: &mut DialGuard, peer: PeerId, remote: &str) -> ConnectionId {
        let connection_id = ConnectionId::new_unchecked(1);
        let endpoint = ConnectedPoint::Listener {
            local_addr: "/ip4/192.0.2.1/tcp/4001".parse().unwrap(),
            send_back_addr: remote.parse().unwrap(),
        };
        guard.saw(&FromSwarm::ConnectionEstablished(ConnectionEstablished {
            peer_id: peer,
            connection_id,
            endpoint: &endpoint,
            failed_addresses: &[],
            other_established: 0,
        }));
        connection_id
    }

    fn dials(guard: &mut DialGuard, peer: PeerId, address: &str) -> bool {
        guard.dialling(Some(peer), &[address.parse().unwrap()]).is_ok()
    }

    #[test]
    fn only_public_addresses_and_the_askers_own_are_dialled() {
        let mut guard = DialGuard::default();
        let (local, remote) = (PeerId::random(), PeerId::random());
        connected_from(&mut guard, local, "/ip4/10.0.0.7/tcp/50000");
        connected_from(&mut guard, remote, "/ip4/8.8.8.8/udp/50000/quic-v1");
        assert!(dials(&mut guard, local, "/ip4/10.0.0.7/tcp/4001"));
        assert!(!dials(&mut guard, local, "/ip4/10.0.0.8/tcp/4001"));
        assert!(dials(&mut guard, remote, "/ip4/1.1.1.1/tcp/4001"));
        assert!(!dials(&mut guard, remote, "/ip4/10.0.0.7/tcp/4001"));
        assert!(!dials(&mut guard, remote, "/ip4/127.0.0.1/tcp/4001"));
    }

    #[test]
    fn closed_connections_are_forgotten() {
        let mut guard = DialGuard::default();
        let peer = PeerId::random();
        let connection_id = connected_from(&mut guard, peer, "/ip4/10.0.0.7/tcp/50000");
        let endpoint = ConnectedPoint::Listener {
            local_addr: Multiaddr::empty(),
            send_back_addr: Multiaddr::empty(),
        };
        guard.saw(&FromSwarm::ConnectionClosed(ConnectionClosed {
            peer_id: peer,
            connection_id,
            endpoint: &endpoint,
            cause: None,
            remaining_established: 0,
        }));
        assert!(!dials(&mut guard, peer, "/ip4/10.0.0.7/tcp/4001"));
        assert!(guard.origins.is_empty());
    }
}
