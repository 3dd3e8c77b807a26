//! Entries of logs: making own ones, and what follows once entries are durable.

use std::{mem, sync::Arc};

use wire::{
    event::{CheckedEvent, Event, EventHeader, Payload},
    id::{AccountId, ConversationId, EventId, Hash},
    limits::VERSION,
};

use super::{
    command::Answer,
    conversation::order,
    input::CallId,
    machine::Machine,
    model::Path,
    notice::Notice,
    pending::{AfterSave, Pending},
    storage::{MessageRow, Revision, StoreOp, is_message},
};

/// Entries of one conversation that are stored together.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) events: Vec<Arc<CheckedEvent>>,
    /// The account of each entry's author.
    pub(super) accounts: Vec<AccountId>,
    /// The road by which they came; none for own ones.
    pub(super) path: Option<Path>,
    /// Entries before them are missing.
    pub(super) ahead: bool,
}

impl Machine {
    /// Signs an own entry, with the introduction before it if it is the first, and hands it to
    /// the store. The command is answered with its id once it is durable.
    pub(super) fn append_own(
        &mut self,
        id: ConversationId,
        payload: &Payload,
        call: Option<CallId>,
    ) {
        let device = self.me.device;
        let Some(conversation) = self.conversations.get(&id) else { return };
        let mut events = Vec::new();
        let introduction = Payload::Introduction(self.introduction.clone());
        if conversation.next_sequence(&device) == 0 && *payload != introduction {
            events.push(self.sign_next(id, &introduction));
        }
        events.push(self.sign_next(id, payload));
        let accounts = vec![self.me.account; events.len()];
        self.append(id, Batch { events, accounts, path: None, ahead: false }, call);
    }

    fn sign_next(&mut self, id: ConversationId, payload: &Payload) -> Arc<CheckedEvent> {
        let (device, account) = (self.me.device, self.me.account);
        self.clock = self.clock.tick(self.now.unix_ms);
        let conversation = self.conversations.get_mut(&id);
        let tip = conversation.as_ref().and_then(|c| c.logs.get(&device)).and_then(|log| log.tip);
        let header = EventHeader {
            version: VERSION,
            conversation: id,
            author: device,
            sequence: tip.map_or(0, |tip| tip.sequence + 1),
            previous: tip.map(|tip| tip.id),
            parents: conversation.as_ref().map(|c| c.parents()).unwrap_or_default(),
            clock: self.clock,
            payload_hash: Hash::of(&[]),
            payload_length: 0,
        };
        let event = Event::sign(header, payload, &self.device_key);
        if let Some(conversation) = conversation {
            conversation.accept(&event, account);
        }
        Arc::new(event)
    }

    pub(super) fn append(
        &mut self,
        conversation: ConversationId,
        batch: Batch,
        call: Option<CallId>,
    ) {
        self.save_again(conversation);
        let ticket = self.ticket_for(Pending::Append { conversation, batch: batch.clone(), call });
        let Batch { events, accounts, path, ahead } = batch;
        self.store(StoreOp::Append { ticket, events, accounts, path, ahead });
    }

    /// Entries are of no use without their conversation.
    fn save_again(&mut self, id: ConversationId) {
        if let Some(conversation) = self.conversations.get_mut(&id)
            && mem::take(&mut conversation.unsaved)
        {
            let row = conversation.row.clone();
            self.save_conversation(row, None, AfterSave::Nothing);
        }
    }

    pub(super) fn on_appended(
        &mut self,
        id: ConversationId,
        batch: &Batch,
        arrivals: &[Option<i64>],
        call: Option<CallId>,
    ) {
        let Batch { events, accounts, path, ahead } = batch;
        let own = self.me.device;
        let mut arrived = false;
        for ((event, account), arrival) in events.iter().zip(accounts).zip(arrivals) {
            let Some(conversation) = self.conversations.get_mut(&id) else { return };
            if !ahead {
                conversation.confirm(event, *account, own);
            }
            conversation.note_withheld(event, *account);
            if let Some(Payload::Membership { of, left }) = &event.payload {
                let origin = (event.header.clock, event.header.author);
                self.on_membership(id, origin, of, *left);
            }
            let message = event.payload.as_ref().filter(|payload| is_message(payload));
            if let (Some(payload), Some(arrival)) = (message, *arrival) {
                let row = MessageRow {
                    arrival,
                    id: event.id,
                    conversation: id,
                    author: event.header.author,
                    sequence: event.header.sequence,
                    clock: event.header.clock,
                    payload: payload.clone(),
                    path: *path,
                    quoted: None,
                    revision: Revision::None,
                    reactions: Vec::new(),
                };
                self.on_message(&row);
                arrived |= row.author != own;
            }
        }
        if arrived && let Some(conversation) = self.conversations.get(&id) {
            self.notice(Notice::Arrived { conversation: conversation.row.name.clone() });
        }
        self.dirty.conversations = true;
        if let (Some(call), Some(event)) = (call, events.last()) {
            let subject = event.payload.as_ref().and_then(changed_message);
            self.answer(call, Ok(Answer::Message(subject.unwrap_or(event.id))));
        }
        if *ahead {
            return;
        }
        self.seek_withheld(id);
        let is_own = events.first().is_some_and(|event| event.header.author == own);
        if is_own {
            self.gossip_events(id, events);
            self.reach_out(id);
        } else {
            self.send_stored(id, events, *path);
        }
        self.tell_complete(id);
        self.push_new(id, events);
    }

    /// A message is durable, an own one or another's.
    fn on_message(&mut self, row: &MessageRow) {
        let own = self.is_own(&row.author);
        let id = row.conversation;
        let writer = self.people.owner_of(&row.author);
        let blocked = writer.is_some_and(|writer| self.people.is_blocked(&writer));
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        if let Some(writer) = writer {
            conversation.typing.remove(&writer);
        }
        let read = conversation.read.get(&row.author).copied().unwrap_or(0);
        if own {
            conversation.row.request = false;
        } else if row.sequence >= read && !blocked {
            conversation.unread += 1;
        }
        if conversation.last.as_ref().is_none_or(|last| order(last) < order(row)) {
            conversation.last = Some(row.clone());
        }
        let shown = conversation.window.is_some();
        let has_quote = reply_to(&row.payload).is_some();
        let message = row.id;
        if let Some(window) = &mut conversation.window {
            window.insert(row.clone());
            self.dirty.timelines.insert(id);
        }
        if shown && has_quote {
            let ticket = self.ticket_for(Pending::Refresh { conversation: id });
            self.store(StoreOp::Message { ticket, id: message });
        }
        if row.author != self.me.device {
            self.want_small_image(row);
        }
    }

    /// Whether a device belongs to the user.
    pub(super) fn is_own(&self, device: &wire::id::DeviceId) -> bool {
        *device == self.me.device || self.people.owner_of(device) == Some(self.me.account)
    }
}

/// The message that a payload changes.
pub(crate) fn changed_message(payload: &Payload) -> Option<EventId> {
    match payload {
        Payload::Reaction { event, .. }
        | Payload::Edit { event, .. }
        | Payload::Erase { event } => Some(*event),
        _ => None,
    }
}

/// The message that a payload answers.
pub(crate) fn reply_to(payload: &Payload) -> Option<EventId> {
    match payload {
        Payload::Text { reply_to, .. } => *reply_to,
        Payload::Attachment(attachment) => attachment.reply_to,
        _ => None,
    }
}
