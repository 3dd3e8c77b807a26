//! A client's swarm and the task that drives it.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder,
    gossipsub::{self, IdentTopic, MessageAuthenticity, MessageId, ValidationMode},
    identify,
    multiaddr::Protocol,
    noise, ping, relay,
    swarm::{NetworkBehaviour, SwarmEvent, behaviour::toggle::Toggle, dial_opts::DialOpts},
    tcp, yamux,
};
use tokio::sync::{mpsc, oneshot};
use wire::{
    id::{Hash, TopicTag},
    key::DeviceKey,
    limits::GOSSIP_TRANSMIT_MAX,
    rendezvous,
};

use crate::client::PATIENCE;

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    gossip: Toggle<gossipsub::Behaviour>,
    relay: relay::client::Behaviour,
    pub(crate) stream: libp2p_stream::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

/// Something that a swarm is to do.
pub(crate) enum Job {
    Reserve(oneshot::Sender<()>),
    Dial(PeerId),
    Subscribe(TopicTag),
    Publish(TopicTag, Vec<u8>),
}

/// Runs a swarm: connects, and does what it is told until nobody can tell it any more.
pub(crate) async fn drive(
    mut swarm: Swarm<Behaviour>,
    server: Multiaddr,
    mut jobs: mpsc::Receiver<Job>,
    connected: oneshot::Sender<()>,
    heard: Arc<AtomicUsize>,
) {
    swarm.dial(server.clone()).expect("dials");
    let circuit = server.with(Protocol::P2pCircuit);
    let (mut connected, mut reserved) = (Some(connected), None);
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(Job::Reserve(tell)) => {
                    swarm.listen_on(circuit.clone()).expect("listens");
                    reserved = Some(tell);
                }
                Some(Job::Dial(peer)) => {
                    let address = circuit.clone().with(Protocol::P2p(peer));
                    // Connected already is as good.
                    drop(swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()));
                }
                Some(Job::Subscribe(tag)) => on_gossip(&mut swarm, |gossip| {
                    drop(gossip.subscribe(&topic(&tag)));
                }),
                // Without a neighbour a message is lost, as on any network.
                Some(Job::Publish(tag, sealed)) => on_gossip(&mut swarm, |gossip| {
                    drop(gossip.publish(topic(&tag), sealed));
                }),
                None => return,
            },
            event = swarm.select_next_some() => match event {
                SwarmEvent::ConnectionEstablished { .. } => {
                    if let Some(tell) = connected.take() {
                        tell.send(()).ok();
                    }
                }
                // Without its sender, the one who waits learns that nothing comes.
                SwarmEvent::OutgoingConnectionError { .. } => connected = None,
                SwarmEvent::ListenerClosed { .. } => reserved = None,
                SwarmEvent::Behaviour(BehaviourEvent::Relay(
                    relay::client::Event::ReservationReqAccepted { .. },
                )) => {
                    let told: Option<oneshot::Sender<()>> = reserved.take();
                    if let Some(tell) = told {
                        tell.send(()).ok();
                    }
                }
                SwarmEvent::Behaviour(BehaviourEvent::Gossip(gossipsub::Event::Message {
                    ..
                })) => {
                    heard.fetch_add(1, Ordering::Relaxed);
                }
                _ => {}
            },
        }
    }
}

fn on_gossip(swarm: &mut Swarm<Behaviour>, act: impl FnOnce(&mut gossipsub::Behaviour)) {
    if let Some(gossip) = swarm.behaviour_mut().gossip.as_mut() {
        act(gossip);
    }
}

fn topic(tag: &TopicTag) -> IdentTopic {
    IdentTopic::new(rendezvous::topic(tag))
}

pub(crate) fn swarm(device: &DeviceKey) -> Swarm<Behaviour> {
    let is_in_groups = env::var_os("WITHOUT_GROUPS").is_none();
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| MessageId::new(Hash::of(&message.data).as_bytes()))
        .max_transmit_size(GOSSIP_TRANSMIT_MAX)
        .gossip_lazy(0)
        .gossip_factor(0.0)
        .build()
        .unwrap();
    let gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, config).unwrap();
    SwarmBuilder::with_existing_identity(device.to_libp2p())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_quic()
        .with_relay_client(noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key, relay| Behaviour {
            gossip: Toggle::from(is_in_groups.then_some(gossip)),
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
