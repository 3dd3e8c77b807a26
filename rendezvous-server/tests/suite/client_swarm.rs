//! The swarm of a client, set up as every client must be.

use std::{fmt::Debug, time::Duration};

use futures::StreamExt as _;
use libp2p::{
    PeerId, Swarm, SwarmBuilder,
    gossipsub::{
        self, AllowAllSubscriptionFilter, MaxCountSubscriptionFilter, MessageAuthenticity,
        MessageId, ValidationMode,
    },
    identify, noise, ping, relay,
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use tokio::sync::mpsc;
use wire::{
    id::Hash,
    key::DeviceKey,
    limits::{GOSSIP_TRANSMIT_MAX, TOPICS_MAX},
};

use crate::test_server::PATIENCE;

/// Something to be done on a swarm.
pub(crate) type SwarmJob = Box<dyn FnOnce(&mut Swarm<ClientBehaviour>) + Send>;

#[derive(NetworkBehaviour)]
pub(crate) struct ClientBehaviour {
    pub(crate) gossip: gossipsub::Behaviour<
        gossipsub::IdentityTransform,
        MaxCountSubscriptionFilter<AllowAllSubscriptionFilter>,
    >,
    relay: relay::client::Behaviour,
    pub(crate) stream: libp2p_stream::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

/// What a client's swarm tells, as far as tests ask for it.
#[derive(Debug)]
pub(crate) enum ClientEvent {
    Message {
        topic: String,
        data: Vec<u8>,
    },
    /// The server relays a topic.
    Relays(String),
    Reserved,
    ReservationFailed(String),
    Connected {
        peer: PeerId,
        relayed: bool,
    },
    DialFailed(String),
    Disconnected(PeerId),
}

/// Makes a client's swarm; it does nothing yet.
pub(crate) fn swarm(key: &DeviceKey) -> Swarm<ClientBehaviour> {
    SwarmBuilder::with_existing_identity(key.to_libp2p())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_quic()
        .with_relay_client(noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key, relay| ClientBehaviour {
            gossip: gossip(),
            relay,
            stream: libp2p_stream::Behaviour::new(),
            identify: identify::Behaviour::new(identify::Config::new(
                "/natterjack/1".to_owned(),
                key.public(),
            )),
            ping: ping::Behaviour::default(),
        })
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build()
}

/// Gossipsub as every client must have it: equal to the server's in what both ends share.
fn gossip() -> gossipsub::Behaviour<
    gossipsub::IdentityTransform,
    MaxCountSubscriptionFilter<AllowAllSubscriptionFilter>,
> {
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| MessageId::new(Hash::of(&message.data).as_bytes()))
        .max_transmit_size(GOSSIP_TRANSMIT_MAX)
        .max_control_message_size(GOSSIP_TRANSMIT_MAX)
        .unsubscribe_backoff(Duration::from_secs(1))
        .gossip_lazy(0)
        .gossip_factor(0.0)
        .build()
        .unwrap();
    let filter = MaxCountSubscriptionFilter {
        filter: AllowAllSubscriptionFilter {},
        max_subscribed_topics: TOPICS_MAX,
        max_subscriptions_per_request: TOPICS_MAX,
    };
    let anonymous = MessageAuthenticity::Anonymous;
    gossipsub::Behaviour::new_with_subscription_filter(anonymous, config, filter).unwrap()
}

/// Runs a client's swarm until its jobs end.
pub(crate) async fn drive(
    mut swarm: Swarm<ClientBehaviour>,
    server: PeerId,
    mut jobs: mpsc::Receiver<SwarmJob>,
    events: mpsc::Sender<ClientEvent>,
) {
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => job(&mut swarm),
                None => return,
            },
            event = swarm.select_next_some() => {
                if let Some(event) = translate(event, server) {
                    events.try_send(event).unwrap();
                }
            }
        }
    }
}

fn translate(event: SwarmEvent<ClientBehaviourEvent>, server: PeerId) -> Option<ClientEvent> {
    match event {
        SwarmEvent::Behaviour(ClientBehaviourEvent::Gossip(event)) => match event {
            gossipsub::Event::Message { message, .. } => Some(ClientEvent::Message {
                topic: message.topic.into_string(),
                data: message.data,
            }),
            gossipsub::Event::Subscribed { peer_id, topic } if peer_id == server => {
                Some(ClientEvent::Relays(topic.into_string()))
            }
            _ => None,
        },
        SwarmEvent::Behaviour(ClientBehaviourEvent::Relay(
            relay::client::Event::ReservationReqAccepted { .. },
        )) => Some(ClientEvent::Reserved),
        SwarmEvent::ListenerClosed { reason: Err(error), .. } => {
            Some(ClientEvent::ReservationFailed(error_text(&error)))
        }
        SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } => {
            Some(ClientEvent::Connected { peer: peer_id, relayed: endpoint.is_relayed() })
        }
        SwarmEvent::OutgoingConnectionError { error, .. } => {
            Some(ClientEvent::DialFailed(error_text(&error)))
        }
        SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
            Some(ClientEvent::Disconnected(peer_id))
        }
        _ => None,
    }
}

fn error_text(error: &impl Debug) -> String {
    format!("{error:?}")
}
