//! Behaviours that speak no protocol: they see connections come and go, may deny them, and tell the
//! swarm what to do.

use std::{
    convert::Infallible,
    ops::{Deref, DerefMut},
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};

/// What such a behaviour may have a say in; by default in nothing.
pub trait Bystander: 'static {
    /// Somebody begins to connect from an address.
    fn arriving(
        &mut self,
        _connection: ConnectionId,
        _remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        Ok(())
    }

    /// Somebody's connection has proven whose it is.
    fn arrived(&mut self, _peer: PeerId) -> Result<(), ConnectionDenied> {
        Ok(())
    }

    /// Somebody is about to be dialled.
    fn dialling(
        &mut self,
        _peer: Option<PeerId>,
        _addresses: &[Multiaddr],
    ) -> Result<(), ConnectionDenied> {
        Ok(())
    }

    /// Something happened.
    fn saw(&mut self, _event: &FromSwarm<'_>) {}

    /// What the swarm is to do.
    fn poll(&mut self, _context: &mut Context<'_>) -> Poll<ToSwarm<Infallible, Infallible>> {
        Poll::Pending
    }
}

/// A bystander as a behaviour.
#[derive(Debug, Default)]
pub struct Bystanding<B>(pub B);

impl<B> Deref for Bystanding<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.0
    }
}

impl<B> DerefMut for Bystanding<B> {
    fn deref_mut(&mut self) -> &mut B {
        &mut self.0
    }
}

impl<B: Bystander> NetworkBehaviour for Bystanding<B> {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.0.arriving(connection, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.0.arrived(peer).map(|()| dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.0.dialling(peer, addresses).map(|()| Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.0.saw(&event);
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.0.poll(context)
    }
}
