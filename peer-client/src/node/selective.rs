//! A behaviour that takes part in some connections only, and does not know of the others.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    task::{Context, Poll},
};

use either::Either;
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    multiaddr::Protocol,
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm, behaviour::ConnectionEstablished, dummy,
    },
};
use thiserror::Error;

/// A behaviour, and what decides in which new connections it takes part.
pub(super) struct Selective<B, R> {
    pub(super) inner: B,
    pub(super) rule: R,
    /// Connections that the behaviour does not know of.
    left_out: HashSet<ConnectionId>,
    /// How many connections of each peer it knows of.
    known: HashMap<PeerId, usize>,
}

/// Decides in which connections a behaviour takes part.
pub(super) trait Rule {
    /// Whether it takes part in a new one to a peer at an address; an error closes the connection.
    fn takes_part(&self, peer: &PeerId, address: &Multiaddr) -> Result<bool, ConnectionDenied>;
}

/// Not in those through circuits.
///
/// Over a circuit each of a group's messages would pass the server once more than if the server sent it by itself.
pub(super) struct OnlyDirect;

impl Rule for OnlyDirect {
    fn takes_part(&self, _: &PeerId, address: &Multiaddr) -> Result<bool, ConnectionDenied> {
        Ok(!is_circuit(address))
    }
}

/// Not in those to peers from whom this device's address is kept. Direct ones to them are refused.
#[derive(Default)]
pub(super) struct NotHidden(BTreeSet<PeerId>);

/// Why a connection is refused.
#[derive(Debug, Error)]
#[error("this device's address is kept from the peer")]
struct AddressKept;

impl Rule for NotHidden {
    fn takes_part(&self, peer: &PeerId, address: &Multiaddr) -> Result<bool, ConnectionDenied> {
        match self.0.contains(peer) {
            false => Ok(true),
            true if is_circuit(address) => Ok(false),
            true => Err(ConnectionDenied::new(AddressKept)),
        }
    }
}

impl NotHidden {
    /// From now on these peers are left out of new connections, and no others.
    pub(super) fn hide_from(&mut self, hidden: BTreeSet<PeerId>) {
        self.0 = hidden;
    }
}

impl<B: NetworkBehaviour, R: Rule> Selective<B, R> {
    /// Wraps a behaviour that has seen no connection.
    pub(super) fn new(inner: B, rule: R) -> Self {
        Self { inner, rule, left_out: HashSet::new(), known: HashMap::new() }
    }

    fn takes_part(
        &mut self,
        connection: ConnectionId,
        peer: &PeerId,
        address: &Multiaddr,
    ) -> Result<bool, ConnectionDenied> {
        let takes_part = self.rule.takes_part(peer, address)?;
        if !takes_part {
            self.left_out.insert(connection);
        }
        Ok(takes_part)
    }

    fn on_established(&mut self, event: ConnectionEstablished<'_>) {
        if !self.left_out.contains(&event.connection_id) {
            let count = self.known.entry(event.peer_id).or_default();
            let other_established = *count;
            *count += 1;
            let event = ConnectionEstablished { other_established, ..event };
            self.inner.on_swarm_event(FromSwarm::ConnectionEstablished(event));
        }
    }

    fn on_closed(&mut self, event: ConnectionClosed<'_>) {
        if !self.left_out.remove(&event.connection_id)
            && let Some(count) = self.known.get_mut(&event.peer_id)
        {
            *count = count.saturating_sub(1);
            let remaining_established = *count;
            if remaining_established == 0 {
                self.known.remove(&event.peer_id);
            }
            let event = ConnectionClosed { remaining_established, ..event };
            self.inner.on_swarm_event(FromSwarm::ConnectionClosed(event));
        }
    }
}

impl<B: NetworkBehaviour, R: Rule + 'static> NetworkBehaviour for Selective<B, R> {
    type ConnectionHandler = Either<THandler<B>, dummy::ConnectionHandler>;
    type ToSwarm = B::ToSwarm;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.inner.handle_pending_inbound_connection(connection, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if !self.takes_part(connection, &peer, local)? {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.inner
            .handle_established_inbound_connection(connection, peer, local, remote)
            .map(Either::Left)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner.handle_pending_outbound_connection(connection, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if !self.takes_part(connection, &peer, address)? {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.inner
            .handle_established_outbound_connection(connection, peer, address, role, port)
            .map(Either::Left)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => self.on_established(event),
            FromSwarm::ConnectionClosed(event) => self.on_closed(event),
            FromSwarm::AddressChange(event) if self.left_out.contains(&event.connection_id) => {}
            event => {
                // A connection that another behaviour refuses is never established.
                match &event {
                    FromSwarm::DialFailure(failure) => {
                        self.left_out.remove(&failure.connection_id);
                    }
                    FromSwarm::ListenFailure(failure) => {
                        self.left_out.remove(&failure.connection_id);
                    }
                    _ => {}
                }
                self.inner.on_swarm_event(event);
            }
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {
            Either::Left(event) => self.inner.on_connection_handler_event(peer, connection, event),
            Either::Right(never) => match never {},
        }
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.inner.poll(context).map(|action| action.map_in(Either::Left))
    }
}

fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}
