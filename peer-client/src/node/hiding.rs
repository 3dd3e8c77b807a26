//! Keeps a behaviour, and what it tells others, away from chosen peers.

use std::{
    collections::{BTreeSet, HashSet},
    task::{Context, Poll},
};

use libp2p::swarm::derive_prelude::Either;
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    multiaddr::Protocol,
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};
use thiserror::Error;

/// A behaviour that does not take part in connections to peers from whom this device's address is kept. Direct
/// connections to them are refused.
pub(super) struct Hiding<B> {
    pub(super) inner: B,
    hidden: BTreeSet<PeerId>,
    /// Connections that the behaviour does not know of.
    left_out: HashSet<ConnectionId>,
}

/// Why a connection is refused.
#[derive(Debug, Error)]
#[error("this device's address is kept from the peer")]
struct AddressKept;

impl<B> Hiding<B> {
    pub(super) fn new(inner: B) -> Self {
        Self { inner, hidden: BTreeSet::new(), left_out: HashSet::new() }
    }

    /// From now on these peers are left out of new connections, and no others.
    pub(super) fn hide_from(&mut self, hidden: BTreeSet<PeerId>) {
        self.hidden = hidden;
    }

    /// Whether a new connection is to be left out.
    fn leaves_out(
        &mut self,
        peer: &PeerId,
        connection: ConnectionId,
        address: &Multiaddr,
    ) -> Result<bool, ConnectionDenied> {
        if !self.hidden.contains(peer) {
            return Ok(false);
        }
        if !address.iter().any(|part| part == Protocol::P2pCircuit) {
            return Err(ConnectionDenied::new(AddressKept));
        }
        self.left_out.insert(connection);
        Ok(true)
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for Hiding<B> {
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
        if self.leaves_out(&peer, connection, local)? {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        let handler =
            self.inner.handle_established_inbound_connection(connection, peer, local, remote)?;
        Ok(Either::Left(handler))
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
        if self.leaves_out(&peer, connection, address)? {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        let handler = self
            .inner
            .handle_established_outbound_connection(connection, peer, address, role, port)?;
        Ok(Either::Left(handler))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let left_out = match &event {
            FromSwarm::ConnectionEstablished(event) => self.left_out.contains(&event.connection_id),
            FromSwarm::ConnectionClosed(event) => self.left_out.remove(&event.connection_id),
            FromSwarm::AddressChange(event) => self.left_out.contains(&event.connection_id),
            _ => false,
        };
        if !left_out {
            self.inner.on_swarm_event(event);
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
