//! Messages of groups: which are relayed, and to whom the server itself sends a copy. Pure, a part
//! of [`Service`].
//!
//! Members who are connected to each other carry a group's messages among themselves, and the
//! server is a neighbour like any other: gossipsub gives it a few members. Whoever says nothing of
//! such connections, or that they are gone, gets each message from here.

use std::time::Instant;

use wire::{
    id::{DeviceId, TopicTag},
    limits::GOSSIP_MAX,
};

use crate::service::{Effect, Service};

/// Bytes that a group message costs beyond its length, for the work it makes.
const GROUP_MESSAGE_OVERHEAD: u32 = 1024;

impl Service {
    /// Only present members speak in a group, at a bounded rate.
    pub(crate) fn may_publish(
        &mut self,
        now: Instant,
        from: DeviceId,
        tag: TopicTag,
        length: usize,
    ) -> bool {
        let cost = u32::try_from(length).unwrap_or(u32::MAX).saturating_add(GROUP_MESSAGE_OVERHEAD);
        if !self.topics.is_member(&tag, &from) {
            return false;
        }
        let client = self.presence.client(&from).and_then(|client| self.clients.get(&client));
        let network = self.network(client.and_then(|client| client.origin));
        self.group_bytes.try_take(from, cost, now).is_ok()
            && network.is_none_or(|it| self.network_bytes.try_take(it, cost, now).is_ok())
    }

    /// Sends a group message to the members that want copies, but not back.
    pub(crate) fn copy(
        &self,
        from: DeviceId,
        tag: TopicTag,
        sealed: Vec<u8>,
        effects: &mut Vec<Effect>,
    ) {
        let others = self.topics.copied(&tag).filter(|device| **device != from);
        let members =
            others.filter_map(|device| Some((*device, self.presence.client(device)?))).collect();
        if sealed.len() <= GOSSIP_MAX {
            effects.push(Effect::Copy { tag, sealed, members });
        }
    }
}
