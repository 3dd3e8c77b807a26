//! Gossipsub among the members of groups, with the server as a neighbour of a few of them.
//!
//! The library's defaults break at 101 topics, and its lazy gossip costs more than the messages.
//! Without it, members beyond the mesh get copies by `relaying.rs`. What both ends must set
//! alike is marked *shared*.

use std::time::Duration;

use libp2p::gossipsub::{
    self, ConfigBuilder, IdentTopic, MaxCountSubscriptionFilter, Message, MessageAuthenticity,
    MessageId, TopicHash, TopicSubscriptionFilter, ValidationMode,
};
use wire::{
    id::{Hash, TopicTag},
    limits::GOSSIP_TRANSMIT_MAX,
    rendezvous,
};

use crate::config::GroupConfig;

/// How long a group message may wait for a slow client before it is dropped.
const FORWARD_WAIT_MAX: Duration = Duration::from_secs(10);
/// Pause before a member that left a topic can be in its mesh again.
const REJOIN_PAUSE: Duration = Duration::from_secs(1);
/// Pause before a member asks again whether the server has room for it in a topic's mesh.
const REFUSAL_PAUSE: Duration = Duration::from_mins(1);
/// Members of a group that are in the server's mesh: it looks for more below the first number, until
/// it has the second, and takes none beyond the third.
const MESH: [usize; 3] = [3, 4, 8];

/// Gossipsub without transformations, for topics of groups.
pub type Gossip =
    gossipsub::Behaviour<gossipsub::IdentityTransform, MaxCountSubscriptionFilter<GroupTopics>>;

/// Lets nothing pass but topics of groups, whose names are short.
#[derive(Clone, Debug, Default)]
pub struct GroupTopics;

impl TopicSubscriptionFilter for GroupTopics {
    fn can_subscribe(&mut self, topic: &TopicHash) -> bool {
        rendezvous::topic_tag(topic.as_str()).is_some()
    }
}

/// The gossip topic of a group.
pub fn topic(tag: &TopicTag) -> IdentTopic {
    IdentTopic::new(rendezvous::topic(tag))
}

/// Makes the behaviour.
pub fn behaviour(config: &GroupConfig) -> Result<Gossip, &'static str> {
    let mut builder = ConfigBuilder::default();
    builder
        // Shared: the author is inside the sealed message, and equal bytes are one message.
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message: &Message| MessageId::new(Hash::of(&message.data).as_bytes()))
        // Shared: the subscriptions of thousands of topics are one transmission.
        .max_transmit_size(GOSSIP_TRANSMIT_MAX)
        .max_control_message_size(GOSSIP_TRANSMIT_MAX)
        // Shared: a member that comes back is no stranger for long.
        .unsubscribe_backoff(REJOIN_PAUSE)
        .prune_backoff(REFUSAL_PAUSE)
        // Shared: nobody waits for a hint of a message that was not sent.
        .gossip_lazy(0)
        .gossip_factor(0.0)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .heartbeat_interval(Duration::from_secs(1))
        .mesh_outbound_min(0)
        .mesh_n_low(MESH[0])
        .mesh_n(MESH[1])
        .mesh_n_high(MESH[2])
        .connection_handler_queue_len(config.queue)
        .forward_queue_duration(FORWARD_WAIT_MAX)
        // The service decides about each message.
        .validate_messages();
    let settings = builder.build().map_err(|_error| "gossipsub settings contradict each other")?;
    let filter = MaxCountSubscriptionFilter {
        filter: GroupTopics,
        // A client leaves a topic here and there at different times.
        max_subscribed_topics: 2 * config.per_device,
        max_subscriptions_per_request: 2 * config.per_device,
    };
    Gossip::new_with_subscription_filter(MessageAuthenticity::Anonymous, settings, filter)
}
