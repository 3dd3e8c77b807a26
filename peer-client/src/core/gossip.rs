//! Gossip of groups: own entries out, others' entries and words in.

use std::{sync::Arc, time::Duration};

use rand::Rng as _;
use wire::{
    bounded::Bounded,
    conversation::{GroupMessage, GroupSecret},
    event::{CheckedEvent, CheckedEvents},
    id::{AccountId, ConversationId, TopicTag},
    limits::EVENTS_PER_GOSSIP,
    sync::SyncFrame,
};

use super::{
    effect::Effect, input::GossipInput, machine::Machine, model::Path, notice::Notice,
    pending::Pending,
};

/// How long someone counts as writing after a word of it.
const TYPING: Duration = Duration::from_secs(6);
/// How soon the next word of it is told on.
const TYPING_PAUSE: Duration = Duration::from_secs(1);

impl Machine {
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

    pub(super) fn gossip(
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
            let ticket = self.ticket_for(Pending::Publish { conversation: id, next });
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
                    self.note_sent(conversation, (next, None), Path::Group);
                }
            }
            GossipInput::Meshed { tag, members } => self.on_meshed(tag, members),
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

    pub(super) fn on_gossip_message(&mut self, tag: TopicTag, bytes: &[u8]) {
        let Some(id) = self.group_of(tag) else { return };
        let Some(Ok(message)) = self.secret(id).map(|secret| secret.unseal(bytes)) else { return };
        match message {
            GroupMessage::Events(events) => {
                let checked = CheckedEvents::of(events.into_inner());
                let place = |event: &CheckedEvent| (event.header.author, event.header.sequence);
                let authors: Vec<_> = checked.events.iter().map(place).collect();
                let taken = self.take_events(id, checked, |_, _| Path::Group);
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

    /// Someone in a conversation is writing.
    pub(super) fn on_typing(&mut self, id: ConversationId, account: AccountId) {
        if account == self.me.account || self.people.is_blocked(&account) {
            return;
        }
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let until = self.now.instant + TYPING;
        let before = conversation.typing.insert(account, until);
        if before.is_some_and(|before| until < before + TYPING_PAUSE) {
            return;
        }
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
            self.send(session, SyncFrame::Typing, None);
        }
    }
}
