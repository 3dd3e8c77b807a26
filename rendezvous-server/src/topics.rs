//! Who is a present member of which group, and which topics the server therefore relays, within
//! quotas. Pure, and gone at a restart.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::{Duration, Instant},
};

use rand::{Rng, seq::IteratorRandom as _};
use thiserror::Error;
use wire::id::{DeviceId, TopicTag};

use crate::config::GroupConfig;

/// How long the server stays subscribed to a topic whose last member left. A member that comes
/// back at once then finds the server's mesh as it was, without gossipsub's pause for rejoining.
pub const LINGER: Duration = Duration::from_secs(10);

/// A quota is used up.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a quota is used up")]
pub struct QuotaReached;

/// What a device's joining changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// The device was not a member before.
    pub is_new: bool,
    /// The server must subscribe to the topic.
    pub subscribe: bool,
    /// The server must unsubscribe from this empty topic, whose place is needed.
    pub unsubscribe: Option<TopicTag>,
}

/// The present members of all groups.
#[derive(Debug)]
pub struct Topics {
    quotas: GroupConfig,
    /// Groups with members; the server is subscribed to these and to the empty ones.
    members: BTreeMap<TopicTag, BTreeSet<DeviceId>>,
    /// Those of them to which the server sends each message itself.
    copied: BTreeMap<TopicTag, BTreeSet<DeviceId>>,
    joined: BTreeMap<DeviceId, BTreeSet<TopicTag>>,
    memberships: usize,
    /// Groups whose last member left; when the subscription ends.
    empty: BTreeMap<TopicTag, Instant>,
    /// The same by time.
    empty_until: BTreeSet<(Instant, TopicTag)>,
}

impl Topics {
    /// Starts without groups.
    pub fn new(quotas: GroupConfig) -> Self {
        Self {
            quotas,
            members: BTreeMap::new(),
            copied: BTreeMap::new(),
            joined: BTreeMap::new(),
            memberships: 0,
            empty: BTreeMap::new(),
            empty_until: BTreeSet::new(),
        }
    }

    /// Takes over other quotas; what is there stays.
    pub fn set_quotas(&mut self, quotas: GroupConfig) {
        self.quotas = quotas;
    }

    /// Groups with a present member, and memberships in them.
    pub fn counts(&self) -> (usize, usize) {
        (self.members.len(), self.memberships)
    }

    /// Makes a device a present member of a group, to which messages are sent.
    pub fn join(&mut self, tag: TopicTag, device: DeviceId) -> Result<Joined, QuotaReached> {
        if self.is_member(&tag, &device) {
            return Ok(Joined::default());
        }
        let present = self.members.get(&tag).map_or(0, BTreeSet::len);
        let own = self.joined.get(&device).map_or(0, BTreeSet::len);
        if own >= self.quotas.per_device
            || present >= self.quotas.members
            || self.memberships >= self.quotas.memberships
            || (present == 0 && self.members.len() >= self.quotas.total)
        {
            return Err(QuotaReached);
        }
        let subscribe = present == 0 && !self.end_linger(tag);
        let is_full = self.members.len() + self.empty.len() >= self.quotas.total;
        let unsubscribe = if subscribe && is_full { self.oldest_empty() } else { None };
        self.members.entry(tag).or_default().insert(device);
        self.copied.entry(tag).or_default().insert(device);
        self.joined.entry(device).or_default().insert(tag);
        self.memberships += 1;
        Ok(Joined { is_new: true, subscribe, unsubscribe })
    }

    /// Ends a device's membership of a group.
    pub fn leave(&mut self, tag: TopicTag, device: DeviceId, now: Instant) {
        if let Entry::Occupied(mut joined) = self.joined.entry(device) {
            joined.get_mut().remove(&tag);
            if joined.get().is_empty() {
                joined.remove();
            }
        }
        self.remove_member(tag, device, now);
    }

    /// Ends all memberships of a device.
    pub fn leave_all(&mut self, device: DeviceId, now: Instant) {
        for tag in self.joined.remove(&device).unwrap_or_default() {
            self.remove_member(tag, device, now);
        }
    }

    /// Takes the topics that have been empty long enough for the server to unsubscribe.
    pub fn expired(&mut self, now: Instant) -> Vec<TopicTag> {
        let expired: Vec<_> = self
            .empty_until
            .iter()
            .take_while(|(until, _)| *until <= now)
            .map(|(_, tag)| *tag)
            .collect();
        for tag in &expired {
            self.end_linger(*tag);
        }
        expired
    }

    /// When the next empty topic expires.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.empty_until.first().map(|(until, _)| *until)
    }

    /// Whether a device is a present member of a group.
    pub fn is_member(&self, tag: &TopicTag, device: &DeviceId) -> bool {
        self.members.get(tag).is_some_and(|members| members.contains(device))
    }

    /// Whether the server sends each message of a group to this member. Tells whether it is one.
    pub fn set_copied(&mut self, tag: TopicTag, device: DeviceId, wanted: bool) -> bool {
        let is_member = self.is_member(&tag, &device);
        if !wanted {
            self.end_copies(tag, &device);
        } else if is_member {
            self.copied.entry(tag).or_default().insert(device);
        }
        is_member
    }

    /// The members to which the server sends each message of a group.
    pub fn copied(&self, tag: &TopicTag) -> impl Iterator<Item = &DeviceId> {
        self.copied.get(tag).into_iter().flatten()
    }

    fn end_copies(&mut self, tag: TopicTag, device: &DeviceId) {
        if let Entry::Occupied(mut copied) = self.copied.entry(tag) {
            copied.get_mut().remove(device);
            if copied.get().is_empty() {
                copied.remove();
            }
        }
    }

    /// At most `count` random present members of a group, without one device.
    pub fn sample(
        &self,
        tag: &TopicTag,
        without: DeviceId,
        count: usize,
        rng: &mut impl Rng,
    ) -> Vec<DeviceId> {
        let members = self.members.get(tag).into_iter().flatten();
        members.copied().filter(|device| *device != without).sample(rng, count)
    }

    fn remove_member(&mut self, tag: TopicTag, device: DeviceId, now: Instant) {
        self.end_copies(tag, &device);
        let Entry::Occupied(mut members) = self.members.entry(tag) else { return };
        if !members.get_mut().remove(&device) {
            return;
        }
        self.memberships -= 1;
        if members.get().is_empty() {
            members.remove();
            self.empty.insert(tag, now + LINGER);
            self.empty_until.insert((now + LINGER, tag));
        }
    }

    /// Takes a topic from the empty ones; tells whether it was there.
    fn end_linger(&mut self, tag: TopicTag) -> bool {
        let Some(until) = self.empty.remove(&tag) else { return false };
        self.empty_until.remove(&(until, tag));
        true
    }

    fn oldest_empty(&mut self) -> Option<TopicTag> {
        let (_, tag) = *self.empty_until.first()?;
        self.end_linger(tag);
        Some(tag)
    }
}
