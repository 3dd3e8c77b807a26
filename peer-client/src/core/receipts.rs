//! What other devices have of the own messages, and telling them what is here.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use wire::{
    bounded::Bounded,
    event::CheckedEvent,
    id::{ConversationId, DeviceId, EventId},
    signed::Signed,
    sync::{Have, Head, Held, Receipt, Stage, SyncFrame},
};

use super::{
    conversation::Conversation,
    input::SessionId,
    machine::Machine,
    model::{Path, Stage as Shown},
    notice::Notice,
    pending::Pending,
    storage::StoreOp,
};

impl Machine {
    fn sign_receipt(
        &self,
        conversation: ConversationId,
        stage: Stage,
        have: Have,
    ) -> Signed<Receipt> {
        let receipt =
            Receipt { conversation, device: self.me.device, stage, have, at: self.now.unix_ms };
        Signed::by_device(&receipt, &self.device_key)
    }

    /// The signed word on everything that is durable here.
    pub(super) fn full_receipt(&self, id: ConversationId) -> Option<Signed<Receipt>> {
        let have = self.conversations.get(&id)?.have();
        Some(self.sign_receipt(id, Stage::Stored, have))
    }

    /// The same on some logs.
    pub(super) fn receipt_on(
        &self,
        id: ConversationId,
        logs: &BTreeSet<DeviceId>,
    ) -> Option<Signed<Receipt>> {
        let conversation = self.conversations.get(&id)?;
        let heads =
            logs.iter().filter_map(|log| Some(held(*log, conversation.logs.get(log)?.head?)));
        let have = Bounded::truncated(heads);
        Some(self.sign_receipt(id, Stage::Stored, have))
    }

    /// Streams are told of logs that have grown since they were told last.
    pub(super) fn tell_streams(&mut self, id: ConversationId) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let logs = mem::take(&mut conversation.group.untold);
        let sessions = self.greeted_sessions(id);
        self.tell(id, &logs, &sessions);
    }

    /// Tells streams how far some logs are here.
    pub(super) fn tell(
        &mut self,
        id: ConversationId,
        logs: &BTreeSet<DeviceId>,
        sessions: &[SessionId],
    ) {
        if sessions.is_empty() || logs.is_empty() {
            return;
        }
        let Some(receipt) = self.receipt_on(id, logs) else { return };
        for session in sessions {
            self.send(*session, SyncFrame::Receipt(receipt.clone()), None);
        }
    }

    /// At the start of a stream: all that is stored and read here, since earlier word may be lost.
    pub(super) fn send_receipts(&mut self, session: SessionId) {
        let Some(id) = self.sessions.get(&session).and_then(|s| s.conversation) else { return };
        let Some(conversation) = self.conversations.get(&id) else { return };
        let read = self.read_marks(id);
        let stored = conversation.have();
        for (stage, have) in [(Stage::Stored, stored), (Stage::Read, read)] {
            if !have.is_empty() {
                let receipt = self.sign_receipt(id, stage, have);
                self.send(session, SyncFrame::Receipt(receipt), None);
            }
        }
    }

    /// What the user has read, as far as the entry before the mark is known by its id.
    fn read_marks(&self, id: ConversationId) -> Have {
        let Some(conversation) = self.conversations.get(&id) else { return Have::default() };
        let marks = conversation.read.iter().filter_map(|(device, next)| {
            let head = conversation.logs.get(device)?.head?;
            (head.sequence + 1 == *next && !self.is_own(device)).then_some(held(*device, head))
        });
        Bounded::truncated(marks)
    }

    /// Others' entries became durable: their authors are told at once, and of what came by replication
    /// whoever may be about to send the same.
    pub(super) fn send_stored(
        &mut self,
        id: ConversationId,
        events: &[Arc<CheckedEvent>],
        path: Option<Path>,
    ) {
        let mut heads = BTreeMap::new();
        for event in events {
            heads.insert(
                event.header.author,
                Head { sequence: event.header.sequence, id: event.id },
            );
        }
        let Some(conversation) = self.conversations.get(&id) else { return };
        let to_all = !conversation.is_group() || path == Some(Path::Synced);
        let sessions: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.conversation == Some(id) && s.greeted)
            .filter(|(_, s)| to_all || heads.contains_key(&s.device))
            .map(|(session, _)| *session)
            .collect();
        if !sessions.is_empty() {
            let have = Bounded::truncated(heads.iter().map(|(device, head)| held(*device, *head)));
            let receipt = self.sign_receipt(id, Stage::Stored, have);
            for session in sessions {
                self.send(session, SyncFrame::Receipt(receipt.clone()), None);
            }
        }
        self.schedule_digest(id);
    }

    /// The user has seen everything in a conversation.
    pub(super) fn mark_read(&mut self, id: ConversationId) {
        let own = self.me.device;
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let mut marks = Vec::new();
        for (device, log) in &conversation.logs {
            let next = log.head.map_or(0, |head| head.sequence + 1);
            let read = conversation.read.entry(*device).or_default();
            if next > *read && *device != own {
                *read = next;
                marks.push((*device, next));
            }
        }
        conversation.unread = 0;
        self.dirty.conversations = true;
        if marks.is_empty() {
            return;
        }
        self.store(StoreOp::Read { conversation: id, marks });
        let have = self.read_marks(id);
        let sessions = self.greeted_sessions(id);
        if !have.is_empty() && !sessions.is_empty() {
            let receipt = self.sign_receipt(id, Stage::Read, have);
            for session in sessions {
                self.send(session, SyncFrame::Receipt(receipt.clone()), None);
            }
        }
    }

    /// Another device's checked word on what it has.
    pub(super) fn on_receipt(&mut self, receipt: &Receipt) {
        let (own, device, id) = (self.me.device, receipt.device, receipt.conversation);
        for session in self.sessions.values_mut() {
            if session.device == device && session.conversation == Some(id) {
                session.has(&receipt.have);
            }
        }
        if receipt.stage == Stage::Read && self.is_own(&device) {
            self.on_own_read(id, &receipt.have);
        }
        let Some(conversation) = self.conversations.get(&id) else { return };
        let Some(head) =
            receipt.have.iter().find(|held| held.device == own).and_then(|held| held.head)
        else {
            return;
        };
        let next = head.sequence.saturating_add(1);
        // Nobody has what was never made; who claims it has another log, or lies.
        if next > conversation.durable_next(&own) {
            return;
        }
        // What arrived was surely sent, even if the word of that is still on its way here.
        let path = self.path_to(&device);
        self.note_sent(id, (next, Some(head.id)), path);
        // Made-up devices leave room for those that are somebody's.
        if self.people.owner_of(&device).is_none()
            && self.conversations.get(&id).is_some_and(Conversation::is_crowded)
        {
            return;
        }
        let stage = receipt.stage;
        let asked =
            self.conversations.get_mut(&id).and_then(|c| c.ask_acknowledge(device, stage, next));
        let Some(from) = asked else { return };
        let pending = Pending::Acknowledge { conversation: id, device, stage, next };
        let ticket = self.ticket_for(pending);
        let op = StoreOp::Acknowledge {
            ticket,
            conversation: id,
            device,
            stage,
            log: own,
            from,
            to: next,
            named: Some(head.id),
        };
        self.store(op);
    }

    /// An acknowledgement is durable: only now it is shown.
    pub(super) fn on_acknowledged(
        &mut self,
        id: ConversationId,
        device: DeviceId,
        (stage, next): (Stage, u64),
        messages: &[EventId],
    ) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        conversation.acknowledge(device, stage, next);
        self.dirty.conversations = true;
        self.dirty.timelines.insert(id);
        if self.is_own(&device) {
            return;
        }
        let by = Some(self.people.name_of_device(&device));
        let stage = match stage {
            Stage::Stored => Shown::Stored,
            Stage::Read => Shown::Read,
        };
        for message in messages {
            self.notice(Notice::Status { message: *message, stage, by: by.clone() });
        }
    }

    /// Own entries before `next` were handed to a connection or to gossip, or another device has them
    /// and names the last.
    pub(super) fn note_sent(
        &mut self,
        id: ConversationId,
        (next, named): (u64, Option<EventId>),
        path: Path,
    ) {
        let log = self.me.device;
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let from = conversation.sent_asked;
        if next > from {
            conversation.sent_asked = next;
            let ticket = self.ticket_for(Pending::Sent { conversation: id, next });
            let op = StoreOp::Sent { ticket, conversation: id, log, from, to: next, named, path };
            self.store(op);
        }
    }

    pub(super) fn on_sent(&mut self, id: ConversationId, next: u64, messages: &[EventId]) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        conversation.sent = conversation.sent.max(next);
        self.dirty.conversations = true;
        self.dirty.timelines.insert(id);
        for message in messages {
            self.notice(Notice::Status { message: *message, stage: Shown::Sent, by: None });
        }
    }
}

fn held(device: DeviceId, head: Head) -> Held {
    Held { device, head: Some(head), beyond: Bounded::default() }
}
