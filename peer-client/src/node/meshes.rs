//! The topics' meshes, as far as the core needs to know them, and copies of messages from the
//! server. A part of [`Running`].

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    time::Duration,
};

use libp2p::gossipsub::MessageId;
use tokio::time::{Interval, MissedTickBehavior, interval};
use wire::{
    id::{Hash, TopicTag},
    rendezvous::{Push, ServerFrame},
};

use super::{
    execute::topic,
    run::{BACKLOG, Running},
};
use crate::core::input::{GossipInput, Input, ServerInput};

/// How often gossipsub looks after its meshes, and this looks at them.
const LOOK: Duration = Duration::from_secs(1);
/// Messages that are remembered, to know those that come twice.
const REMEMBERED: usize = 1024;

/// What was seen of the meshes.
pub(super) struct Meshes {
    /// Members in the own mesh of each topic, without the server.
    members: BTreeMap<TopicTag, usize>,
    looks: Interval,
    heard: Heard,
}

/// The messages that came last, by the one way or the other.
#[derive(Default)]
struct Heard {
    ids: HashSet<MessageId>,
    order: VecDeque<MessageId>,
}

impl Heard {
    /// Notes a message. Tells whether it is new.
    fn note(&mut self, id: &MessageId) -> bool {
        if !self.ids.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id.clone());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

impl Meshes {
    /// Begins with none.
    pub(super) fn new() -> Self {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { members: BTreeMap::new(), looks, heard: Heard::default() }
    }

    /// Waits until it is time to look at the meshes.
    pub(super) async fn due(&mut self) {
        self.looks.tick().await;
    }
}

impl Running {
    /// Tells the core of meshes that have changed. Gossipsub tells nobody.
    pub(super) fn look_at_meshes(&mut self) {
        let server = self.server.id.peer_id();
        let gossip = &self.swarm.behaviour().gossip.inner;
        let members = &mut self.meshes.members;
        members.retain(|tag, _| self.subscribers.contains_key(tag));
        for tag in self.subscribers.keys() {
            let topic = topic(tag).hash();
            let count = gossip.mesh_peers(&topic).filter(|peer| **peer != server).count();
            if members.insert(*tag, count).unwrap_or(0) != count {
                let meshed = GossipInput::Meshed { tag: *tag, members: count };
                self.ready.push_back(Input::Gossip(meshed));
            }
        }
    }

    /// A message has come by gossip.
    pub(super) fn take_gossip(
        &mut self,
        tag: TopicTag,
        id: &MessageId,
        bytes: Vec<u8>,
    ) -> Option<Input> {
        // Nothing holds gossip back; what is lost of it is found by the next digest.
        let has_room = self.store_backlog.len() < BACKLOG;
        (has_room && self.meshes.heard.note(id))
            .then_some(Input::Gossip(GossipInput::Message { tag, bytes }))
    }

    /// A message has come from the server itself. Members that are connected get it from here: they
    /// may have nobody else.
    pub(super) fn take_push(&mut self, push: Push) -> Option<Input> {
        let Push::Message { tag, sealed } = push else {
            return Some(Input::Server(ServerInput::Frame(ServerFrame::Push(push))));
        };
        let (server, bytes) = (self.server.id.peer_id(), sealed.into_vec());
        if !self.meshes.heard.note(&MessageId::new(Hash::of(&bytes).as_bytes())) {
            return None;
        }
        let subscribers = self.subscribers.get(&tag)?;
        if subscribers.iter().any(|peer| *peer != server) {
            let passed =
                self.swarm.behaviour_mut().gossip.inner.publish(topic(&tag), bytes.clone());
            tracing::trace!(?passed, "a message of the server was passed on");
        }
        Some(Input::Gossip(GossipInput::Message { tag, bytes }))
    }
}
