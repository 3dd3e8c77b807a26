//! Groups: joining and leaving, and the members that the server names.

use std::time::Duration;

use wire::{
    conversation::GroupSecret,
    event::Payload,
    id::{ConversationId, TopicTag},
    rendezvous::{Member, Request},
};

use super::{
    conversation::GroupState,
    effect::Effect,
    machine::Machine,
    people::Source,
    repair::{PRESENT_MAX, SYNC_WITH},
    session::Purpose,
    storage::Kind,
};

/// How long connections that replication makes are waited for before others are sought.
const MEET: Duration = Duration::from_secs(2);

impl Machine {
    pub(super) fn secret(&self, id: ConversationId) -> Option<&GroupSecret> {
        match &self.conversations.get(&id)?.row {
            row if row.left => None,
            row => match &row.kind {
                Kind::Group(secret) => Some(secret),
                Kind::Direct(_) => None,
            },
        }
    }

    pub(super) fn group_of(&self, tag: TopicTag) -> Option<ConversationId> {
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
            conversation.group.carrying.joined();
            conversation.group.present.clear();
            self.dirty.members = true;
            self.ask_server(Request::Members { tag }, Purpose::Members(tag));
        }
    }

    pub(super) fn on_members(&mut self, tag: TopicTag, members: &[Member]) {
        self.on_neighbours(tag, members);
        let Some(id) = self.group_of(tag) else { return };
        let candidates: Vec<_> = members.iter().map(|member| member.reachable.device).collect();
        for device in candidates.into_iter().take(SYNC_WITH) {
            self.replicate_with(id, device);
        }
    }

    /// Takes in members to whom this device may connect.
    pub(super) fn on_neighbours(&mut self, tag: TopicTag, members: &[Member]) {
        let Some(id) = self.group_of(tag) else { return };
        for member in members {
            self.on_member(id, member);
        }
        let accounts: Vec<_> =
            members.iter().filter_map(|it| self.people.owner_of(&it.reachable.device)).collect();
        self.watch(&accounts);
        self.neighbours.look_by(self.now.instant + MEET);
    }

    pub(super) fn on_member_joined(&mut self, tag: TopicTag, member: &Member) {
        if let Some(id) = self.group_of(tag) {
            self.on_member(id, member);
            if let Some(account) = self.people.owner_of(&member.reachable.device) {
                self.watch(&[account]);
            }
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
        self.dirty.members = true;
        self.dirty.peers = true;
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
            conversation.group = GroupState::default();
        }
        self.dirty.conversations = true;
        self.dirty.members = true;
    }
}
