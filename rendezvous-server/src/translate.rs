//! What the swarm tells, as the service understands it. A part of [`Server`].

use std::sync::Arc;

use libp2p::{PeerId, gossipsub, ping, relay, swarm::SwarmEvent};
use tokio::sync::mpsc;
use tracing::{debug, warn};
use wire::{id::DeviceId, rendezvous};

use crate::{
    addresses,
    behaviour::BehaviourEvent,
    client_streams::NewStream,
    server::{ClientTask, Server},
    service::{ClientId, Input},
    streams::{self, OUTBOX_MAX},
};

impl Server {
    /// Handles an event of the swarm.
    pub(crate) fn take_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        self.count(&event);
        match event {
            SwarmEvent::Behaviour(event) => self.take_behaviour_event(event),
            SwarmEvent::NewListenAddr { address, .. } => {
                debug!(%address, "listening");
                if self.addresses.add(&address) {
                    self.swarm.add_external_address(address);
                }
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                warn!(%address, "not listening any more");
                self.addresses.remove(&address);
                self.swarm.remove_external_address(&address);
            }
            SwarmEvent::ConnectionEstablished {
                peer_id, connection_id, num_established, ..
            } => {
                match DeviceId::try_from(peer_id) {
                    Ok(device) if num_established.get() == 1 => self.take(Input::Connected(device)),
                    Ok(_) => {}
                    // Nobody registers with such a key.
                    Err(_) => {
                        self.swarm.close_connection(connection_id);
                    }
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                if let Ok(device) = DeviceId::try_from(peer_id) {
                    self.take(Input::Disconnected(device));
                }
            }
            SwarmEvent::IncomingConnectionError { error, .. } => {
                debug!(%error, "a client could not connect");
            }
            SwarmEvent::ListenerError { error, .. } => warn!(%error, "a listening socket failed"),
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                warn!(?addresses, ?reason, "a listening socket was closed");
            }
            _ => {}
        }
    }

    fn take_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Clients(stream) => self.open(stream),
            BehaviourEvent::Gossip(event) => self.take_gossip(event),
            BehaviourEvent::Ping(ping::Event {
                peer,
                connection,
                result: Err(ping::Failure::Timeout),
            }) => {
                debug!(%peer, "a connection is dead");
                self.swarm.close_connection(connection);
            }
            BehaviourEvent::Autonat(test) => {
                debug!(client = %test.client, address = %test.tested_addr, ok = test.result.is_ok(), "tested an address");
                let guard = &mut self.swarm.behaviour_mut().dial_guard;
                guard.test_ended(test.client, &test.tested_addr);
            }
            BehaviourEvent::Relay(event) => log_relay(&event),
            BehaviourEvent::Gate(never)
            | BehaviourEvent::Limits(never)
            | BehaviourEvent::DialGuard(never) => match never {},
            BehaviourEvent::Ping(_) | BehaviourEvent::Identify(_) => {}
        }
    }

    /// Starts the task of a client's new stream.
    fn open(&mut self, NewStream { peer, origin, stream }: NewStream) {
        let Ok(device) = DeviceId::try_from(peer) else { return };
        let client = ClientId(self.next_client);
        self.next_client += 1;
        let (outbox, waiting) = mpsc::channel(OUTBOX_MAX);
        let serving = streams::serve(client, stream, self.to_inbox.clone(), waiting);
        let abort = self.tasks.spawn(serving);
        self.task_clients.insert(abort.id(), client);
        self.clients.insert(client, ClientTask { outbox, abort, waiting: Arc::default() });
        let origin = addresses::ip_of(&origin);
        self.take(Input::Opened { client, device, origin });
    }

    fn take_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                let sender = DeviceId::try_from(propagation_source);
                let tag = rendezvous::topic_tag(message.topic.as_str());
                if let (Ok(from), Some(tag)) = (sender, tag) {
                    let (length, relayed) = (message.data.len(), self.counters.group_messages);
                    let (topic, sealed) = (message.topic, message.data);
                    self.take(Input::GroupMessage { from, tag, sealed, message: message_id.0 });
                    if self.counters.group_messages > relayed {
                        let mesh = self.swarm.behaviour().gossip.mesh_peers(&topic);
                        let copies =
                            mesh.filter(|peer| **peer != propagation_source).count() as u64;
                        self.counters.group_copies += copies;
                        self.counters.group_bytes += copies * length as u64;
                    }
                }
            }
            gossipsub::Event::SlowPeer { peer_id, failed_messages } => {
                debug!(peer = %peer_id, ?failed_messages, "a client is too slow for its groups");
            }
            _ => {}
        }
    }
}

fn log_relay(event: &relay::Event) {
    let peer = |peer: &PeerId| peer.to_string();
    match event {
        relay::Event::ReservationReqDenied { src_peer_id, status } => {
            debug!(peer = peer(src_peer_id), ?status, "a reservation was refused");
        }
        relay::Event::CircuitReqDenied { src_peer_id, dst_peer_id, status } => {
            debug!(
                from = peer(src_peer_id),
                to = peer(dst_peer_id),
                ?status,
                "a circuit was refused"
            );
        }
        relay::Event::CircuitReqAccepted { src_peer_id, dst_peer_id } => {
            debug!(from = peer(src_peer_id), to = peer(dst_peer_id), "a circuit was opened");
        }
        _ => {}
    }
}
