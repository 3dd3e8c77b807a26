//! Groups: joining, gossip of new entries, digests that find what gossip lost, repair.

use std::{sync::Arc, time::Duration};

use rand::{Rng as _, RngExt as _};
use wire::{
    bounded::Bounded,
    conversation::{GroupMessage, GroupSecret},
    event::{CheckedEvent, Payload},
    id::{AccountId, ConversationId, DeviceId, TopicTag},
    limits::EVENTS_PER_GOSSIP,
    rendezvous::{Member, Request},
    sync::Receipt,
};

use super::{
    effect::Effect, input::GossipInput, machine::Machine, model::Path, notice::Notice,
    pending::Pending, people::Source, session::Purpose, storage::Kind,
};

/// Members to replicate with on joining and on reconnecting.
const SYNC_WITH: usize = 3;
/// Members that are replicated with at most.
const WANTED_MAX: usize = 8;
/// Members whose presence is remembered.
const PRESENT_MAX: usize = 1024;
/// Members up to which everyone's receipt follows every message.
const PROMPT_MEMBERS: usize = 16;
/// How soon such a receipt follows.
const PROMPT: Duration = Duration::from_millis(700);
/// How often a member tells what it has anyway.
const DIGEST: Duration = Duration::from_secs(30);
/// How long a missing entry may still come by gossip before it is fetched.
const REPAIR: Duration = Duration::from_millis(500);
/// How long someone counts as writing after a word of it.
const TYPING: Duration = Duration::from_secs(6);

impl Machine {
    fn secret(&self, id: ConversationId) -> Option<&GroupSecret> {
        match &self.conversations.get(&id)?.row {
            row if row.left => None,
            row => match &row.kind {
                Kind::Group(secret) => Some(secret),
                Kind::Direct(_) => None,
            },
        }
    }

    fn group_of(&self, tag: TopicTag) -> Option<ConversationId> {
        self.tags.get(&tag).copied()
    }

    /// Takes part in the topics of all groups, as at the start.
    pub(super) fn subscribe_all(&mut self) {
        for id in self.conversations.keys().copied().collect::<Vec<_>>() {
            if let Some(tag) = self.secret(id).map(GroupSecret::tag) {
                self.tags.insert(tag, id);
                self.effects.push(Effect::Subscribe(tag));
            }
        }
    }

    /// A group is stored: introduce this device to it and take part.
    pub(super) fn begin_group(&mut self, id: ConversationId) {
        let Some(tag) = self.secret(id).map(GroupSecret::tag) else { return };
        self.tags.insert(tag, id);
        self.effects.push(Effect::Subscribe(tag));
        let new =
            self.conversations.get(&id).is_some_and(|c| c.next_sequence(&self.me.device) == 0);
        if new {
            let introduction = Payload::Introduction(self.introduction.clone());
            self.append_own(id, &introduction, None);
        }
        if self.tie.is_registered() {
            self.ask_server(Request::Join { tag }, Purpose::Join(tag));
        }
    }

    /// After registering: every group again.
    pub(super) fn join_all(&mut self) {
        for tag in self.tags.keys().copied().collect::<Vec<_>>() {
            self.ask_server(Request::Join { tag }, Purpose::Join(tag));
        }
    }

    /// The server counts this peer as present; who else is?
    pub(super) fn on_joined(&mut self, tag: TopicTag) {
        if let Some(conversation) =
            self.group_of(tag).and_then(|id| self.conversations.get_mut(&id))
        {
            conversation.group.joined = true;
            self.ask_server(Request::Members { tag }, Purpose::Members(tag));
        }
    }

    pub(super) fn on_members(&mut self, tag: TopicTag, members: &[Member]) {
        let Some(id) = self.group_of(tag) else { return };
        for member in members {
            self.on_member(id, member);
        }
        let candidates: Vec<_> = members.iter().map(|member| member.reachable.device).collect();
        for device in candidates.into_iter().take(SYNC_WITH) {
            self.replicate_with(id, device);
        }
    }

    pub(super) fn on_member_joined(&mut self, tag: TopicTag, member: &Member) {
        if let Some(id) = self.group_of(tag) {
            self.on_member(id, member);
            self.schedule_digest(id);
        }
    }

    fn on_member(&mut self, id: ConversationId, member: &Member) {
        let Ok(record) = member.record.open() else { return };
        let device = member.reachable.device;
        if device == self.me.device || !record.devices.contains(&device) {
            return;
        }
        self.learn(&member.record, &record, Source::Server);
        self.learn_addresses(&member.reachable);
        if let Some(conversation) = self.conversations.get_mut(&id) {
            let present = &mut conversation.group.present;
            if present.len() < PRESENT_MAX {
                present.insert(device, record.account);
            }
        }
        self.dirty.conversations = true;
        self.dirty.peers = true;
    }

    /// Makes sure of a replication stream with a member, connecting first if need be.
    fn replicate_with(&mut self, id: ConversationId, device: DeviceId) {
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
    fn unwant_member(&mut self, device: DeviceId) {
        let in_group = |c: &super::conversation::Conversation| c.group.wanted.contains(&device);
        let is_contact = self
            .people
            .owner_of(&device)
            .is_some_and(|account| self.direct_with(account).is_some());
        if !is_contact && !self.conversations.values().any(in_group) {
            self.paths.unwant(&device);
        }
    }

    /// Gossips own entries that are durable.
    pub(super) fn gossip_events(&mut self, id: ConversationId, events: &[Arc<CheckedEvent>]) {
        let Some(tag) = self.secret(id).map(GroupSecret::tag) else { return };
        if !self.conversations.get(&id).is_some_and(|c| c.group.ready) {
            return;
        }
        for events in events.chunks(EVENTS_PER_GOSSIP) {
            let message = Bounded::truncated(events.iter().map(|event| event.event.clone()));
            let next = events.last().map(|last| last.header.sequence + 1);
            self.gossip(id, tag, &GroupMessage::Events(message), next);
        }
    }

    fn gossip(
        &mut self,
        id: ConversationId,
        tag: TopicTag,
        message: &GroupMessage,
        next: Option<u64>,
    ) {
        let mut nonce = [0; 24];
        self.rng.fill_bytes(&mut nonce);
        if let Some(secret) = self.secret(id) {
            let bytes = secret.seal(message, nonce);
            let ticket = self.expect(Pending::Publish { conversation: id, next });
            self.effects.push(Effect::Publish { ticket, tag, bytes });
        }
    }

    pub(super) fn on_gossip(&mut self, input: GossipInput) {
        match input {
            GossipInput::Message { tag, bytes } => self.on_gossip_message(tag, &bytes),
            GossipInput::Published { ticket, taken } => {
                if let Some(Pending::Publish { conversation, next: Some(next) }) =
                    self.pending.remove(&ticket)
                    && taken
                {
                    self.note_sent(conversation, next, Path::Group);
                }
            }
            GossipInput::Ready { tag } => {
                if let Some(id) = self.group_of(tag)
                    && let Some(conversation) = self.conversations.get_mut(&id)
                {
                    conversation.group.ready = true;
                    // What was written meanwhile is found by the digest.
                    self.schedule_digest(id);
                }
            }
            GossipInput::Unready { tag } => {
                if let Some(conversation) =
                    self.group_of(tag).and_then(|id| self.conversations.get_mut(&id))
                {
                    conversation.group.ready = false;
                }
            }
        }
    }

    fn on_gossip_message(&mut self, tag: TopicTag, bytes: &[u8]) {
        let Some(id) = self.group_of(tag) else { return };
        let Some(Ok(message)) = self.secret(id).map(|secret| secret.unseal(bytes)) else { return };
        match message {
            GroupMessage::Events(events) => {
                let authors: Vec<_> = events
                    .iter()
                    .filter_map(|e| {
                        Some((e.header.open().ok()?.author, e.header.open().ok()?.sequence))
                    })
                    .collect();
                let taken = self.take_events(id, events.into_inner(), |_, _| Path::Group);
                if taken.is_ok_and(|taken| taken.gap) {
                    self.note_gap(id, &authors);
                }
            }
            GroupMessage::Have(receipt) => {
                if let Ok(receipt) = receipt.open()
                    && receipt.conversation == id
                    && receipt.device != self.me.device
                {
                    self.on_digest(id, &receipt);
                }
            }
            GroupMessage::Typing(device) => {
                if let Some(account) = self.people.owner_of(&device) {
                    self.on_typing(id, account);
                }
            }
        }
    }

    /// Entries beyond a gap came by gossip: their author surely has what is before them.
    fn note_gap(&mut self, id: ConversationId, authors: &[(DeviceId, u64)]) {
        let repair_at = self.now.instant + REPAIR;
        if let Some(conversation) = self.conversations.get_mut(&id) {
            let have = authors.iter().map(|(device, sequence)| wire::sync::Held {
                device: *device,
                head: Some(wire::sync::Head {
                    sequence: *sequence,
                    id: wire::id::EventId::new([0; 32]),
                }),
                beyond: Bounded::default(),
            });
            conversation.compare(&Bounded::truncated(have));
            conversation.group.repair_at.get_or_insert(repair_at);
        }
        self.tell_complete(id);
    }

    /// A member told what it has.
    fn on_digest(&mut self, id: ConversationId, receipt: &Receipt) {
        self.on_receipt(receipt);
        let jitter = self.rng.random_range(0.2..1.2);
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let comparison = conversation.compare(&receipt.have);
        if conversation.group.present.len() < PRESENT_MAX
            && let Some(account) = self.people.owner_of(&receipt.device)
        {
            conversation.group.present.insert(receipt.device, account);
        }
        if comparison.they_have_more {
            if conversation.group.sources.len() < WANTED_MAX {
                conversation.group.sources.insert(receipt.device);
            }
            let at = self.now.instant + REPAIR.mul_f64(1.0 + jitter);
            conversation.group.repair_at.get_or_insert(at);
        } else if !comparison.i_have_more {
            // An equal digest says the same as the own one would.
            let later = self.now.instant + DIGEST.mul_f64(0.8 + jitter / 3.0);
            if let Some(at) = &mut conversation.group.digest_at {
                *at = later.max(*at);
            }
        } else {
            self.schedule_digest(id);
        }
        self.tell_complete(id);
    }

    /// Plans the next digest: soon in small groups, where it is everyone's receipt.
    pub(super) fn schedule_digest(&mut self, id: ConversationId) {
        let jitter = self.rng.random_range(0.5..1.5);
        let own = self.me.account;
        let Some(conversation) = self.conversations.get_mut(&id).filter(|c| c.is_group()) else {
            return;
        };
        let members = conversation.others(own).len();
        let pause = if members <= PROMPT_MEMBERS { PROMPT } else { DIGEST };
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
            if digest || repair {
                due.push((*id, digest, repair));
            }
        }
        for (id, digest, repair) in due {
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
            && let Some(receipt) = self.full_receipt(id)
        {
            self.gossip(id, tag, &GroupMessage::Have(receipt), None);
        }
    }

    /// Replicates with members that have what is still missing.
    fn repair(&mut self, id: ConversationId) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let mut sources = std::mem::take(&mut conversation.group.sources);
        if conversation.completeness().missing == 0 {
            return;
        }
        sources.extend(conversation.group.present.keys().take(SYNC_WITH));
        for device in sources.into_iter().take(SYNC_WITH) {
            self.replicate_with(id, device);
        }
    }

    /// Someone in a conversation is writing.
    pub(super) fn on_typing(&mut self, id: ConversationId, account: AccountId) {
        if account == self.me.account {
            return;
        }
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        conversation.typing.insert(account, self.now.instant + TYPING);
        let name = conversation.row.name.clone();
        self.dirty.conversations = true;
        let peer = self.people.name_of(&account);
        self.notice(Notice::Typing { conversation: name, peer });
    }

    /// Tells the others that the user is writing.
    pub(super) fn tell_typing(&mut self, id: ConversationId) {
        if let Some(tag) = self.secret(id).map(GroupSecret::tag) {
            let message = GroupMessage::Typing(self.me.device);
            self.gossip(id, tag, &message, None);
            return;
        }
        for session in self.greeted_sessions(id) {
            self.send(session, wire::sync::SyncFrame::Typing, None);
        }
    }

    /// Leaves a group. Its history stays.
    pub(super) fn leave(&mut self, id: ConversationId) {
        let Some(tag) = self.secret(id).map(GroupSecret::tag) else { return };
        self.tags.remove(&tag);
        self.effects.push(Effect::Unsubscribe(tag));
        if self.tie.is_registered() {
            self.ask_server(Request::Leave { tag }, Purpose::Inform);
        }
        self.close_sessions_of(id);
        if let Some(conversation) = self.conversations.get_mut(&id) {
            conversation.row.left = true;
            conversation.group = super::conversation::GroupState::default();
        }
        self.dirty.conversations = true;
    }
}
