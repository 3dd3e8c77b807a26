//! From the swarm's events to the core's inputs.

use libp2p::{
    Multiaddr, PeerId,
    core::{ConnectedPoint, Endpoint},
    gossipsub, identify, mdns,
    multiaddr::Protocol,
    ping, relay,
    swarm::{
        ConnectionId, DialError, FromSwarm, NetworkBehaviour as _, NewExternalAddrCandidate,
        SwarmEvent,
    },
};
use wire::{
    id::{DeviceId, TopicTag},
    rendezvous,
};

use super::{
    behaviour::BehaviourEvent,
    run::{NodeEvent, Running},
    streams, surroundings,
};
use crate::core::{
    diagnostics::Whom,
    input::{GossipInput, Input, LinkInput, ServerInput},
    model::Transport,
};

impl Running {
    pub(super) fn translate(&mut self, event: NodeEvent) -> Option<Input> {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_established(peer_id, connection_id, &endpoint)
            }
            SwarmEvent::ConnectionClosed {
                peer_id, connection_id, num_established, cause, ..
            } => {
                if num_established == 0 {
                    self.forget_subscriber(peer_id);
                }
                let cause =
                    cause.map_or_else(|| "it was closed".to_owned(), |cause| cause.to_string());
                self.on_closed(peer_id, connection_id, &cause)
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                connection_id,
                error,
                ..
            } => self.on_dial_failed(peer, connection_id, &error),
            SwarmEvent::NewListenAddr { .. }
            | SwarmEvent::ExpiredListenAddr { .. }
            | SwarmEvent::ExternalAddrConfirmed { .. }
            | SwarmEvent::ExternalAddrExpired { .. } => Some(Input::Addresses(self.addresses())),
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                if self.server.reservation != Some(listener_id) {
                    return None;
                }
                tracing::debug!(?reason, "the reservation for circuits ended");
                self.server.reservation = None;
                Some(Input::Server(ServerInput::ReservationLost))
            }
            _ => None,
        }
    }

    fn on_established(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        endpoint: &ConnectedPoint,
    ) -> Option<Input> {
        let Ok(device) = DeviceId::try_from(peer) else {
            self.swarm.close_connection(connection);
            return None;
        };
        if device == self.server.id {
            // By itself the server connects only to test an address, and hangs up at once.
            if endpoint.is_listener() {
                return None;
            }
            if self.server.probes.contains_key(&connection) {
                return None;
            }
            self.server.dials.remove(&connection);
            if self.server.connection.is_some() {
                // Another attempt was faster.
                self.swarm.close_connection(connection);
                return None;
            }
            self.server.identified = (false, false);
            self.server.connection = Some((connection, endpoint.get_remote_address().clone()));
            if self.server.wanted {
                self.open_server_stream();
            }
            return None;
        }
        let punched =
            matches!(endpoint, ConnectedPoint::Dialer { role_override: Endpoint::Listener, .. });
        let link = self.link(connection);
        Some(Input::Link(LinkInput::Opened {
            device,
            link,
            relayed: endpoint.is_relayed(),
            transport: transport(endpoint),
            dialled: endpoint.is_dialer(),
            punched,
            address: Some(endpoint.get_remote_address().clone()),
        }))
    }

    pub(super) fn open_server_stream(&mut self) {
        let loopback =
            self.server.connection.as_ref().is_some_and(|(_, address)| is_loopback(address));
        let (outbox, frames) = tokio::sync::mpsc::channel(streams::SERVER_OUTBOX);
        self.server.outbox = Some(outbox);
        let control = self.swarm.behaviour().streams.new_control();
        let (server, inbox) = (self.server.id, self.inbox.clone());
        self.tasks.spawn(streams::serve_requests(control, server, loopback, frames, inbox));
    }

    fn on_closed(&mut self, peer: PeerId, connection: ConnectionId, cause: &str) -> Option<Input> {
        self.server.probes.remove(&connection);
        if self.server.connection.as_ref().is_some_and(|(id, _)| *id == connection) {
            self.server.connection = None;
            return self.server_lost(format!("the connection to the server ended: {cause}"));
        }
        // Whoever has no members left is told so at once.
        self.look_at_meshes();
        let link = self.links.by_connection.remove(&connection)?;
        self.links.by_link.remove(&link);
        let device = DeviceId::try_from(peer).ok()?;
        Some(Input::Link(LinkInput::Closed { device, link }))
    }

    fn on_dial_failed(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        error: &DialError,
    ) -> Option<Input> {
        let device = DeviceId::try_from(peer).ok()?;
        tracing::debug!(%peer, %error, "a dial failed");
        if device != self.server.id {
            self.tell_failure(&Whom::Device(device), error);
            return Some(Input::Link(LinkInput::DialFailed { device }));
        }
        if let Some(at) = self.server.probes.remove(&connection) {
            let text = surroundings::reason(error);
            return Some(Input::Server(ServerInput::Silent { at, text }));
        }
        self.tell_failure(&Whom::Server, error);
        self.server.dials.remove(&connection);
        if self.server.connection.is_some() || !self.server.dials.is_empty() {
            return None;
        }
        let text = match error {
            DialError::WrongPeerId { .. } => {
                "another server answers at this address: check the part behind /p2p/".to_owned()
            }
            _ => "the server does not answer: check the address and the network".to_owned(),
        };
        self.server_lost(text)
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) -> Option<Input> {
        match event {
            BehaviourEvent::Ping(ping::Event { peer, connection, result: Ok(rtt) }) => {
                let device =
                    DeviceId::try_from(peer).ok().filter(|device| *device != self.server.id)?;
                let link = *self.links.by_connection.get(&connection)?;
                let rtt_ms = u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX);
                Some(Input::Link(LinkInput::RoundTrip { device, link, rtt_ms }))
            }
            BehaviourEvent::Punch(event) => {
                let device = DeviceId::try_from(event.remote_peer_id).ok()?;
                let connection = match event.result {
                    Ok(connection) => connection,
                    Err(error) => {
                        let text = format!("no hole could be punched: {error}");
                        let whom = Whom::Device(device);
                        return Some(Input::Failed { whom, address: None, text });
                    }
                };
                let link = *self.links.by_connection.get(&connection)?;
                Some(Input::Link(LinkInput::Punched { device, link }))
            }
            BehaviourEvent::Identify(event) => {
                self.on_identify(event);
                None
            }
            BehaviourEvent::Relay(relay::client::Event::ReservationReqAccepted {
                renewal, ..
            }) => (!renewal).then_some(Input::Server(ServerInput::Reserved)),
            BehaviourEvent::Gossip(event) => self.on_gossip(event),
            BehaviourEvent::Local(mdns::Event::Discovered(found)) => {
                let mut found = found.into_iter().filter_map(|(peer, address)| {
                    let device = DeviceId::try_from(peer).ok()?;
                    Some(Input::Link(LinkInput::Found { device, address }))
                });
                let first = found.next();
                self.ready.extend(found);
                first
            }
            _ => None,
        }
    }

    fn on_identify(&mut self, event: identify::Event) {
        match event {
            identify::Event::Received { connection_id, peer_id, info }
                if self.server.probes.contains_key(&connection_id) =>
            {
                self.swarm.close_connection(connection_id);
                if let Some(at) = self.server.probes.remove(&connection_id) {
                    let address = info.observed_addr;
                    self.swarm.behaviour_mut().candidates.observed(peer_id, address.clone());
                    let seen = ServerInput::Seen { at, address };
                    self.ready.push_back(Input::Server(seen));
                }
            }
            identify::Event::Received { connection_id, peer_id, info }
                if self.is_server_connection(connection_id) =>
            {
                self.server.identified.0 = true;
                let address = info.observed_addr;
                if let Some((_, at)) = &self.server.connection {
                    let (at, address) = (at.clone(), address.clone());
                    self.ready.push_back(Input::Server(ServerInput::Seen { at, address }));
                }
                self.swarm.behaviour_mut().candidates.observed(peer_id, address);
                self.offer_own_addresses();
            }
            identify::Event::Sent { connection_id, .. }
                if self.is_server_connection(connection_id) =>
            {
                self.server.identified.1 = true;
            }
            _ => {}
        }
        self.reserve_if_due();
    }

    /// Offers the own addresses that need no router's mapping to hole punching: those of the transports and
    /// families that the connection to the server does not show.
    fn offer_own_addresses(&mut self) {
        let public: Vec<_> =
            self.swarm.listeners().filter(|it| is_reachable(it)).cloned().collect();
        if let Some(punch) = self.swarm.behaviour_mut().punch.inner.as_mut() {
            for addr in &public {
                let candidate =
                    FromSwarm::NewExternalAddrCandidate(NewExternalAddrCandidate { addr });
                punch.on_swarm_event(candidate);
            }
        }
    }

    fn is_server_connection(&self, connection: ConnectionId) -> bool {
        self.server.connection.as_ref().is_some_and(|(id, _)| *id == connection)
    }

    fn on_gossip(&mut self, event: gossipsub::Event) -> Option<Input> {
        match event {
            gossipsub::Event::Message { message_id, message, .. } => {
                let tag = rendezvous::topic_tag(message.topic.as_str())?;
                self.take_gossip(tag, &message_id, message.data)
            }
            gossipsub::Event::Subscribed { peer_id, topic } => {
                let tag = rendezvous::topic_tag(topic.as_str())?;
                // Only topics of the own groups are kept.
                let subscribers = self.subscribers.get_mut(&tag)?;
                let was_empty = subscribers.is_empty();
                subscribers.insert(peer_id);
                was_empty.then(|| topic_ready(tag, true))
            }
            gossipsub::Event::Unsubscribed { peer_id, topic } => {
                let tag = rendezvous::topic_tag(topic.as_str())?;
                let subscribers = self.subscribers.get_mut(&tag)?;
                (subscribers.remove(&peer_id) && subscribers.is_empty())
                    .then(|| topic_ready(tag, false))
            }
            _ => None,
        }
    }

    fn forget_subscriber(&mut self, peer: PeerId) {
        let mut lonely = Vec::new();
        for (tag, subscribers) in &mut self.subscribers {
            if subscribers.remove(&peer) && subscribers.is_empty() {
                lonely.push(*tag);
            }
        }
        for tag in lonely {
            let input = topic_ready(tag, false);
            self.ready.push_back(input);
        }
    }
}

/// Whether another node relays a topic to this one.
pub(super) fn topic_ready(tag: TopicTag, ready: bool) -> Input {
    Input::Gossip(if ready { GossipInput::Ready { tag } } else { GossipInput::Unready { tag } })
}

fn transport(endpoint: &ConnectedPoint) -> Transport {
    let address = match endpoint {
        ConnectedPoint::Dialer { address, .. } => address,
        ConnectedPoint::Listener { local_addr, .. } => local_addr,
    };
    let quic = address.iter().any(|part| matches!(part, Protocol::QuicV1 | Protocol::Quic));
    if quic { Transport::Quic } else { Transport::Tcp }
}

/// Whether others can send to an address unless a firewall keeps them from it: all of IPv6, and what is not
/// private of IPv4.
fn is_reachable(address: &Multiaddr) -> bool {
    let is_circuit = address.iter().any(|part| part == Protocol::P2pCircuit);
    !is_circuit
        && match address.iter().next() {
            Some(Protocol::Ip4(ip)) => !ip.is_private() && !ip.is_loopback() && !ip.is_link_local(),
            Some(Protocol::Ip6(ip)) => !ip.is_loopback() && !ip.is_unicast_link_local(),
            _ => false,
        }
}

fn is_loopback(address: &Multiaddr) -> bool {
    address.iter().any(|part| match part {
        Protocol::Ip4(ip) => ip.is_loopback(),
        Protocol::Ip6(ip) => ip.is_loopback(),
        _ => false,
    })
}
