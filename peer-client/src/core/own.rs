//! What the user's devices tell each other in the conversation of the account with itself: in which
//! conversations the user is.

use std::collections::BTreeMap;

use wire::{
    event::{Clock, Event, Membership, Payload},
    id::{ConversationId, DeviceId},
    limits::{LOGS_MAX, NUMBER_MAX},
    name::ConversationName,
    sync::Have,
};

use super::{
    conversation::Conversation,
    machine::Machine,
    pending::{AfterSave, Pending},
    people::Source,
    storage::{Kind, StoreOp},
};

/// What was told of one conversation last, by whichever device.
#[derive(Debug)]
struct Told {
    of: Membership,
    left: bool,
    clock: Clock,
}

/// What the own devices were told.
#[derive(Debug, Default)]
pub(crate) struct Own {
    told: BTreeMap<ConversationId, Told>,
    begun: bool,
    /// Logs that are still being read.
    reading: usize,
}

impl Machine {
    /// The conversation of the account with itself.
    pub(super) fn own_conversation(&self) -> Option<ConversationId> {
        self.direct_with(self.me.account)
    }

    /// Whether it has something for the user beside what devices tell each other.
    pub(super) fn is_hidden(&self, conversation: &Conversation) -> bool {
        let own = matches!(conversation.row.kind, Kind::Direct(other) if other == self.me.account);
        own && conversation.last.is_none()
    }

    /// Once there is a second device: makes the own conversation, and reads what was told in it.
    pub(super) fn begin_own(&mut self) {
        if self.own.begun || self.own_devices().len() < 2 {
            return;
        }
        self.own.begun = true;
        if self.own_conversation().is_none() {
            self.make_direct(self.me.account, false);
        }
        let Some(id) = self.own_conversation() else { return };
        let logs = self.conversations.get(&id).map(|c| c.logs.keys().copied().collect::<Vec<_>>());
        for log in logs.unwrap_or_default() {
            self.own.reading += 1;
            self.read_own(id, log, 0);
        }
        self.dirty.conversations = true;
    }

    fn read_own(&mut self, conversation: ConversationId, log: DeviceId, from: u64) {
        let next = self.conversations.get(&conversation).map_or(0, |c| c.durable_next(&log));
        if from >= next {
            self.own.reading -= 1;
            if self.own.reading == 0 {
                self.make_missing();
            }
            return;
        }
        let ticket = self.ticket_for(Pending::OwnLog { log, from });
        let to = next - 1;
        self.store(StoreOp::Log { ticket, conversation, log, from, to });
    }

    pub(super) fn on_own_log(&mut self, log: DeviceId, from: u64, events: Vec<Event>) {
        let Some(id) = self.own_conversation() else { return };
        let next = if events.is_empty() { u64::MAX } else { from + events.len() as u64 };
        for event in events.into_iter().filter_map(|event| event.check().ok()) {
            if let Some(Payload::Membership { of, left }) = event.payload {
                self.note_membership(event.header.clock, of, left);
            }
        }
        self.read_own(id, log, next);
    }

    /// Notes what a device told. Gives the conversation if that is news.
    fn note_membership(
        &mut self,
        clock: Clock,
        of: Membership,
        left: bool,
    ) -> Option<ConversationId> {
        let id = match &of {
            Membership::Person(record) => {
                ConversationId::direct(&self.me.account, &record.open().ok()?.account)
            }
            Membership::Group { secret, .. } => secret.conversation(),
        };
        if self.own.told.get(&id).is_some_and(|told| told.clock >= clock) {
            return None;
        }
        self.own.told.insert(id, Told { of, left, clock });
        Some(id)
    }

    /// A device told in which conversation the user is.
    pub(super) fn on_membership(
        &mut self,
        within: ConversationId,
        (clock, author): (Clock, DeviceId),
        of: &Membership,
        left: bool,
    ) {
        if self.own_conversation() != Some(within) || author == self.me.device {
            return;
        }
        if let Some(id) = self.note_membership(clock, of.clone(), left) {
            self.follow_membership(id);
        }
    }

    /// What was told and not done before the program ended.
    fn make_missing(&mut self) {
        let is_missing = |id: &&ConversationId| !self.conversations.contains_key(id);
        let missing: Vec<_> = self.own.told.keys().filter(is_missing).copied().collect();
        for id in missing {
            self.follow_membership(id);
        }
        self.dirty.conversations = true;
    }

    /// Makes a conversation here as it was told.
    fn follow_membership(&mut self, id: ConversationId) {
        let Some(told) = self.own.told.get(&id) else { return };
        let here = self.conversations.get(&id).map(|c| c.row.left);
        match (told.of.clone(), told.left, here) {
            (Membership::Group { .. }, true, Some(false)) => {
                self.leave(id);
                if let Some(row) = self.conversations.get(&id).map(|c| c.row.clone()) {
                    self.save_conversation(row, None, AfterSave::Nothing);
                }
            }
            (Membership::Group { name, secret }, false, None | Some(true)) => {
                let name = ConversationName::Group(name);
                if self.names.get(&name).is_some_and(|other| *other != id) {
                    return;
                }
                self.enter(name, secret, None, AfterSave::Joined);
            }
            (Membership::Person(record), false, None) => {
                let Ok(opened) = record.open() else { return };
                self.learn(&record, &opened, Source::Peer);
                self.make_direct(opened.account, false);
                self.watch(&[opened.account]);
            }
            (Membership::Person(_), false, Some(_)) => self.accept_request(id),
            _ => {}
        }
        self.dirty.conversations = true;
        for device in self.own_devices() {
            self.ensure_session(id, device);
        }
    }

    /// Tells the own devices of conversations that they were not told of as they are here.
    pub(super) fn tell_memberships(&mut self) {
        if !self.own.begun || self.own.reading > 0 || !self.dirty.conversations {
            return;
        }
        let Some(own) = self.own_conversation() else { return };
        let differs = |(id, conversation): (&ConversationId, &Conversation)| {
            let row = &conversation.row;
            let told = self.own.told.get(id);
            let is_news = told.map_or(!row.left, |told| told.left != row.left);
            if *id == own || row.request || !is_news {
                return None;
            }
            let of = match (&row.kind, &row.name) {
                (Kind::Direct(account), _) => Membership::Person(self.people.record_of(account)?),
                (Kind::Group(secret), ConversationName::Group(name)) => {
                    Membership::Group { name: name.clone(), secret: secret.clone() }
                }
                (Kind::Group(_), ConversationName::Direct(_)) => return None,
            };
            Some((of, row.left))
        };
        let news: Vec<_> = self.conversations.iter().filter_map(differs).collect();
        for (of, left) in news {
            self.append_own(own, &Payload::Membership { of: of.clone(), left }, None);
            self.note_membership(self.clock, of, left);
        }
    }

    /// Another own device has shown entries to the user.
    pub(super) fn on_own_read(&mut self, id: ConversationId, have: &Have) {
        let own = self.me.device;
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let mut marks = Vec::new();
        for held in have.iter().filter(|held| held.device != own) {
            // What was read there may still be on its way here.
            let next = held.head.map_or(0, |head| head.sequence.min(NUMBER_MAX) + 1);
            let read = conversation.read.get(&held.device).copied();
            if next > read.unwrap_or(0) && (read.is_some() || conversation.read.len() < LOGS_MAX) {
                conversation.read.insert(held.device, next);
                marks.push((held.device, next));
            }
        }
        if marks.is_empty() {
            return;
        }
        let account = self.me.account;
        let all_read = conversation.logs.iter().all(|(device, log)| {
            let read = conversation.read.get(device).copied().unwrap_or(0);
            log.account == account || read >= conversation.durable_next(device)
        });
        if all_read {
            conversation.unread = 0;
        }
        self.store(StoreOp::Read { conversation: id, marks });
        self.dirty.conversations = true;
    }
}
