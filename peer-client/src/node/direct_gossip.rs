//! Gossip on direct connections only.
//!
//! Gossipsub takes every connection. Over a circuit each message would pass the server once more
//! than if the server sent it by itself, so circuits are hidden from it.

use std::{
    collections::HashMap,
    task::{Context, Poll},
};

use either::Either;
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    gossipsub,
    multiaddr::Protocol,
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
        behaviour::{AddressChange, ConnectionEstablished},
        dummy,
    },
};

use super::behaviour::Gossip;

/// Gossipsub that sees no circuits.
pub(super) struct DirectGossip {
    pub(super) topics: Gossip,
    /// Direct connections of each peer.
    direct: HashMap<PeerId, usize>,
}

impl DirectGossip {
    /// Hides circuits from a behaviour that has seen no connection.
    pub(super) fn new(topics: Gossip) -> Self {
        Self { topics, direct: HashMap::new() }
    }

    fn on_established(&mut self, event: ConnectionEstablished<'_>) {
        if !event.endpoint.is_relayed() {
            let count = self.direct.entry(event.peer_id).or_default();
            let other_established = *count;
            *count += 1;
            let event = ConnectionEstablished { other_established, ..event };
            self.topics.on_swarm_event(FromSwarm::ConnectionEstablished(event));
        }
    }

    fn on_closed(&mut self, event: ConnectionClosed<'_>) {
        if !event.endpoint.is_relayed()
            && let Some(count) = self.direct.get_mut(&event.peer_id)
        {
            *count = count.saturating_sub(1);
            let remaining_established = *count;
            if remaining_established == 0 {
                self.direct.remove(&event.peer_id);
            }
            let event = ConnectionClosed { remaining_established, ..event };
            self.topics.on_swarm_event(FromSwarm::ConnectionClosed(event));
        }
    }
}

impl NetworkBehaviour for DirectGossip {
    type ConnectionHandler = Either<THandler<Gossip>, dummy::ConnectionHandler>;
    type ToSwarm = gossipsub::Event;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if is_circuit(local) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.topics
            .handle_established_inbound_connection(connection, peer, local, remote)
            .map(Either::Left)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if is_circuit(address) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.topics
            .handle_established_outbound_connection(connection, peer, address, role, port_use)
            .map(Either::Left)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => self.on_established(event),
            FromSwarm::ConnectionClosed(event) => self.on_closed(event),
            FromSwarm::AddressChange(AddressChange { old, .. }) if old.is_relayed() => {}
            event => self.topics.on_swarm_event(event),
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {
            Either::Left(event) => self.topics.on_connection_handler_event(peer, connection, event),
            Either::Right(never) => match never {},
        }
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.topics.poll(context).map(|event| event.map_in(Either::Left))
    }
}

fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}
