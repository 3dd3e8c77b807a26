//! Accepts the streams that clients open, and tells for each on which connection it came.
//!
//! Streams of `libp2p-stream` come without their connection, are dropped when many arrive at once
//! and leave something behind for each closed connection; a server that runs for months cannot
//! have that. On the network there is no difference.

use std::{
    collections::VecDeque,
    convert::Infallible,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{
        Endpoint,
        transport::PortUse,
        upgrade::{DeniedUpgrade, ReadyUpgrade},
    },
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
        NetworkBehaviour, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
        handler::{ConnectionEvent, FullyNegotiatedInbound},
    },
};

/// Streams of one connection that may wait to be taken; a client needs one.
const STREAMS_WAITING_MAX: usize = 4;

/// A client's new stream.
#[derive(Debug)]
pub struct NewStream {
    /// The client's device.
    pub peer: PeerId,
    /// Where its connection comes from.
    pub origin: Multiaddr,
    /// The stream.
    pub stream: Stream,
}

/// Accepts streams of [`wire::rendezvous::PROTOCOL`].
#[derive(Debug, Default)]
pub struct ClientStreams {
    /// At most as many as connections have sent since the swarm was last polled.
    arrived: VecDeque<NewStream>,
}

/// One connection's part.
#[derive(Debug)]
pub struct Handler {
    remote: Multiaddr,
    arrived: VecDeque<Stream>,
}

impl Handler {
    fn new(remote: &Multiaddr) -> Self {
        Self { remote: remote.clone(), arrived: VecDeque::new() }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = (Multiaddr, Stream);
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = DeniedUpgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        let protocol = StreamProtocol::new(wire::rendezvous::PROTOCOL);
        SubstreamProtocol::new(ReadyUpgrade::new(protocol), ())
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        match self.arrived.pop_front() {
            Some(stream) => {
                let event = (self.remote.clone(), stream);
                Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(event))
            }
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        if let ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
            protocol: stream,
            ..
        }) = event
            && self.arrived.len() < STREAMS_WAITING_MAX
        {
            self.arrived.push_back(stream);
        }
    }
}

impl NetworkBehaviour for ClientStreams {
    type ConnectionHandler = Handler;
    type ToSwarm = NewStream;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(remote))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(remote))
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        _: ConnectionId,
        (origin, stream): THandlerOutEvent<Self>,
    ) {
        self.arrived.push_back(NewStream { peer, origin, stream });
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.arrived.pop_front() {
            Some(stream) => Poll::Ready(ToSwarm::GenerateEvent(stream)),
            None => Poll::Pending,
        }
    }
}
