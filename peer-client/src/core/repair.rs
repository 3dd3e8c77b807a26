//! What gossip loses is found by digests and repaired by replication with members.

use std::{collections::BTreeSet, time::Duration};

use rand::RngExt as _;
use wire::{
    bounded::Bounded,
    conversation::{GroupMessage, GroupSecret},
    id::{ConversationId, DeviceId, EventId},
    signed::Signed,
    sync::{Head, Held, Receipt},
};

use super::{
    conversation::{Conversation, GroupState},
    input::SessionId,
    machine::Machine,
    streams::Session,
};

/// Members to replicate with on joining and on reconnecting.
pub(super) const SYNC_WITH: usize = 3;
/// Members that are replicated with at most.
const WANTED_MAX: usize = 8;
/// Members whose presence is remembered.
pub(super) const PRESENT_MAX: usize = 1024;
/// Members up to which everyone's receipt follows every message.
const PROMPT_MEMBERS: usize = 16;
/// Logs that a digest names first of all because they have grown lately, and how many it names of the others: in
/// a large group each names other ones.
const GROWN: usize = 32;
const OTHERS: usize = 32;
/// How soon such a receipt follows.
const PROMPT: Duration = Duration::from_millis(700);
/// How often a member tells what it has anyway.
const DIGEST: Duration = Duration::from_secs(30);
/// How long a missing entry may still come by gossip before it is fetched.
const REPAIR: Duration = Duration::from_millis(500);

/// Whether a group has more members than those whose receipts all follow at once.
pub(super) fn is_large(conversation: &Conversation) -> bool {
    conversation.logs.len().max(conversation.group.present.len()) > PROMPT_MEMBERS
}

impl GroupState {
    /// A log has grown.
    pub(super) fn note_grown(&mut self, log: DeviceId) {
        self.grown.retain(|grown| *grown != log);
        self.grown.push_front(log);
        self.grown.truncate(GROWN);
    }
}

impl Conversation {
    /// The logs that a digest names, if not all: those that have grown lately, and some of the others, from a
    /// place on.
    fn digested(&self, from: usize) -> BTreeSet<DeviceId> {
        let grown = self.group.grown.iter().copied();
        let others = self.logs.keys().filter(|log| !self.group.grown.contains(log));
        let turned = others.clone().skip(from).chain(others);
        grown.chain(turned.copied().take(OTHERS)).collect()
    }
}

impl Machine {
    /// Makes sure of a replication stream with a member, connecting first if need be.
    pub(super) fn replicate_with(&mut self, id: ConversationId, device: DeviceId) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let wanted = &mut conversation.group.wanted;
        if device == self.me.device {
            return;
        }
        if !wanted.contains(&device) && wanted.len() >= WANTED_MAX {
            // Who is gone makes room; while all are here, nobody else is needed.
            let Some(gone) = wanted.iter().find(|it| !self.paths.is_linked(it)).copied() else {
                return;
            };
            wanted.remove(&gone);
            self.unwant_member(gone);
        }
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        conversation.group.wanted.insert(device);
        if self.paths.is_linked(&device) {
            self.ensure_session(id, device);
        } else {
            self.paths.want(device, &[], true, self.now.instant);
        }
    }

    /// Stops dialling a device that no conversation needs any more.
    pub(super) fn unwant_member(&mut self, device: DeviceId) {
        if !self.is_needed(&device) {
            self.paths.unwant(&device);
        }
    }

    /// Whether a contact, a group's replication or its messages need a connection to a device.
    pub(super) fn is_needed(&self, device: &DeviceId) -> bool {
        let in_group = |c: &Conversation| c.group.wanted.contains(device);
        let is_contact =
            self.people.owner_of(device).is_some_and(|account| self.direct_with(account).is_some());
        is_contact || self.neighbours.wants(device) || self.conversations.values().any(in_group)
    }

    /// Entries beyond a gap came by gossip: their author surely has what is before them.
    pub(super) fn note_gap(&mut self, id: ConversationId, authors: &[(DeviceId, u64)]) {
        let repair_at = self.now.instant + REPAIR;
        if let Some(conversation) = self.conversations.get_mut(&id) {
            let have = authors.iter().map(|(device, sequence)| Held {
                device: *device,
                head: Some(Head { sequence: *sequence, id: EventId::new([0; 32]) }),
                beyond: Bounded::default(),
            });
            conversation.compare(&Bounded::truncated(have));
            conversation.group.repair_at.get_or_insert(repair_at);
        }
        self.tell_complete(id);
    }

    /// A member told what it has.
    pub(super) fn on_digest(&mut self, id: ConversationId, receipt: &Receipt) {
        self.on_receipt(receipt);
        let jitter = self.rng.random_range(0.2..1.2);
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let comparison = conversation.compare(&receipt.have);
        if conversation.group.present.len() < PRESENT_MAX
            && let Some(account) = self.people.owner_of(&receipt.device)
        {
            let before = conversation.group.present.insert(receipt.device, account);
            self.dirty.members |= before != Some(account);
        }
        if comparison.they_have_more {
            if conversation.group.sources.len() < WANTED_MAX {
                conversation.group.sources.insert(receipt.device);
            }
            let at = self.now.instant + REPAIR.mul_f64(1.0 + jitter);
            conversation.group.repair_at.get_or_insert(at);
        }
        let is_large = is_large(conversation);
        if is_large || !comparison.they_have_more && !comparison.i_have_more {
            // An equal digest says the same as the own one would. In a large group digests differ by what is
            // under way while people talk, and one is enough for all to find what they lack.
            let later = self.now.instant + DIGEST.mul_f64(0.8 + jitter / 3.0);
            if let Some(at) = &mut conversation.group.digest_at {
                *at = later.max(*at);
            }
        } else if !comparison.they_have_more {
            self.schedule_digest(id);
        }
        self.tell_complete(id);
    }

    /// Plans the next digest: soon in small groups, where it is everyone's receipt.
    pub(super) fn schedule_digest(&mut self, id: ConversationId) {
        let jitter = self.rng.random_range(0.5..1.5);
        let Some(conversation) = self.conversations.get_mut(&id).filter(|c| c.is_group()) else {
            return;
        };
        let pause = if is_large(conversation) { DIGEST } else { PROMPT };
        let at = self.now.instant + pause.mul_f64(jitter);
        let planned = conversation.group.digest_at.get_or_insert(at);
        *planned = at.min(*planned);
    }

    pub(super) fn tick_groups(&mut self) {
        let now = self.now.instant;
        let mut due = Vec::new();
        for (id, conversation) in &mut self.conversations {
            let before = conversation.typing.len();
            conversation.typing.retain(|_, until| *until > now);
            self.dirty.conversations |= before != conversation.typing.len();
            let group = &mut conversation.group;
            let digest = group.digest_at.take_if(|at| *at <= now).is_some();
            let repair = group.repair_at.take_if(|at| *at <= now).is_some();
            let tell = group.tell_at.take_if(|at| *at <= now).is_some();
            if digest || repair || tell {
                due.push((*id, digest, repair, tell));
            }
        }
        for (id, digest, repair, tell) in due {
            if tell {
                self.tell_streams(id);
            }
            if digest {
                self.publish_digest(id);
            }
            if repair {
                self.repair(id);
            }
        }
    }

    fn publish_digest(&mut self, id: ConversationId) {
        let jitter = self.rng.random_range(0.8..1.2);
        let Some(tag) = self.secret(id).map(GroupSecret::tag) else { return };
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        conversation.group.digest_at = Some(self.now.instant + DIGEST.mul_f64(jitter));
        if conversation.group.ready
            && let Some(receipt) = self.digest(id)
        {
            self.gossip(id, tag, &GroupMessage::Have(receipt), None);
        }
    }

    /// The signed word on what is durable here, or in a large group on a part of that.
    fn digest(&mut self, id: ConversationId) -> Option<Signed<Receipt>> {
        let logs = self.conversations.get(&id)?.logs.len();
        if logs <= GROWN + OTHERS {
            return self.full_receipt(id);
        }
        let from = self.rng.random_range(0..logs - GROWN);
        let named = self.conversations.get(&id)?.digested(from);
        self.receipt_on(id, &named)
    }

    /// Replicates with members that have what is still missing.
    fn repair(&mut self, id: ConversationId) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let sources = std::mem::take(&mut conversation.group.sources);
        if conversation.completeness().missing == 0 {
            return;
        }
        // Those who said that they have it come first; of the others nobody knows.
        let others = conversation.group.present.keys().filter(|device| !sources.contains(device));
        let devices: Vec<_> = sources.iter().chain(others).copied().take(SYNC_WITH).collect();
        let lagging = conversation.lagging.clone();
        for device in devices {
            self.replicate_with(id, device);
            // Where there is a stream already, its other side thinks that gossip does it.
            let of = |(session, s): (&SessionId, &Session)| {
                (s.device == device && s.conversation == Some(id) && s.greeted).then_some(*session)
            };
            let sessions: Vec<_> = self.sessions.iter().filter_map(of).collect();
            self.tell(id, &lagging, &sessions);
        }
    }
}
