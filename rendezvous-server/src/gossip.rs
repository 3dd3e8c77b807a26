//! Gossipsub as a star with the server in its middle.
//!
//! The library's defaults lose messages in a star of more than twelve clients and break at 101
//! topics. What both ends must set alike is marked *shared*.

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
/// Members of a group that the server sends to directly, which is all of them.
const MESH: usize = 10_000;

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
        // Shared: who leaves a topic and comes back is relayed to again after a second. The
        // library counts a leaving as a prune, and would refuse the member for a minute.
        .unsubscribe_backoff(REJOIN_PAUSE)
        .prune_backoff(REJOIN_PAUSE)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .heartbeat_interval(Duration::from_secs(1))
        .mesh_outbound_min(0)
        .mesh_n_low(1)
        .mesh_n(MESH)
        .mesh_n_high(2 * MESH)
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
