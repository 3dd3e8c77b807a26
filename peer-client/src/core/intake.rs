//! Taking in events of others: what is checked before an entry is handed to the store.

use std::sync::Arc;

use wire::{
    codec::DecodeError,
    event::{CheckedEvent, CheckedEvents, Payload},
    id::{AccountId, ConversationId, DeviceId},
    limits::CLOCK_AHEAD_MAX,
};

use super::{
    conversation::{Conversation, Place},
    input::Now,
    log::Batch,
    machine::Machine,
    model::Path,
    notice::Notice,
    people::Source,
    storage::Kind,
};

/// Devices whose forked logs are told of in one run of the program.
const FORKS_TOLD_MAX: usize = 1024;

/// What a batch of events did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// Entries before some of them are missing.
    pub(super) gap: bool,
}

/// What became of one event.
enum Outcome {
    /// It goes to the store; the account is its author's.
    Next(Arc<CheckedEvent>, AccountId),
    /// It is here already, or another one with its sequence is.
    Skip,
    /// It is here without its payload.
    Late(Arc<CheckedEvent>, AccountId),
    /// Entries before it are missing, but it is shown already.
    Ahead(Arc<CheckedEvent>, AccountId),
    /// Entries before it are missing.
    Gap,
}

impl Machine {
    /// Looks where checked events belong and hands those that continue their logs to the store.
    ///
    /// `path` says by which road an author's events came, and is told whether this is a group.
    pub(super) fn take_events(
        &mut self,
        id: ConversationId,
        checked: CheckedEvents,
        path: impl Fn(&DeviceId, bool) -> Path,
    ) -> Result<Taken, DecodeError> {
        let mut taken = Taken::default();
        let mut batch: Vec<(Arc<CheckedEvent>, AccountId, Path, bool)> = Vec::new();
        let mut result = checked.fault.map_or(Ok(()), Err);
        for event in checked.events {
            let group = self.conversations.get(&id).is_some_and(Conversation::is_group);
            let path = path(&event.header.author, group);
            match self.take_event(id, event) {
                Ok(Outcome::Next(event, account)) => {
                    if group {
                        self.note_carried(id, &event, path);
                    }
                    batch.push((event, account, path, false));
                }
                Ok(Outcome::Ahead(event, account)) => {
                    taken.gap = true;
                    batch.push((event, account, path, true));
                }
                Ok(Outcome::Late(event, account)) => batch.push((event, account, path, true)),
                Ok(Outcome::Skip) => {}
                Ok(Outcome::Gap) => taken.gap = true,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        for run in batch.chunk_by(|one, other| (one.2, one.3) == (other.2, other.3)) {
            let events = run.iter().map(|(event, ..)| Arc::clone(event)).collect();
            let accounts = run.iter().map(|(_, account, ..)| *account).collect();
            let (path, ahead) = (Some(run[0].2), run[0].3);
            self.append(id, Batch { events, accounts, path, ahead }, None);
        }
        result.map(|()| taken)
    }

    fn take_event(
        &mut self,
        id: ConversationId,
        event: CheckedEvent,
    ) -> Result<Outcome, DecodeError> {
        let author = event.header.author;
        let Some(conversation) =
            self.conversations.get(&id).filter(|_| event.header.conversation == id)
        else {
            return Err(DecodeError::Invalid("an event of another conversation"));
        };
        match conversation.place(&event) {
            Place::Next => {}
            Place::Known => return Ok(self.take_known(id, event)),
            // What follows the other branch of a forked log never gets its predecessor.
            Place::Gap if conversation.forked.contains(&author) => return Ok(Outcome::Skip),
            Place::Gap => return Ok(self.take_ahead(id, event)),
            // No fault of whoever brought it: each replica keeps the branch that came first.
            Place::Fork => {
                self.note_fork(id, author);
                return Ok(Outcome::Skip);
            }
        }
        if !conversation.has_room(&author) {
            return Err(DecodeError::Invalid("too many devices in one conversation"));
        }
        let account = match conversation.logs.get(&author) {
            Some(log) => log.account,
            None => self.take_introduction(id, &event)?,
        };
        self.follow_clock(&event);
        if let Some(conversation) = self.conversations.get_mut(&id) {
            conversation.accept(&event, account);
            if conversation.overtake(&event) {
                self.note_fork(id, author);
            }
        }
        Ok(Outcome::Next(Arc::new(event), account))
    }

    /// An entry that is here already may bring the payload that somebody left out.
    fn take_known(&mut self, id: ConversationId, event: CheckedEvent) -> Outcome {
        let conversation = self.conversations.get_mut(&id);
        match conversation.and_then(|conversation| conversation.takes_payload(&event)) {
            Some(account) => Outcome::Late(Arc::new(event), account),
            None => Outcome::Skip,
        }
    }

    /// Takes in an entry beyond a gap, if it is worth being seen before the gap is filled.
    fn take_ahead(&mut self, id: ConversationId, event: CheckedEvent) -> Outcome {
        // What the own devices tell each other is obeyed in order, and the own log never has a gap.
        let own = Kind::Direct(self.me.account);
        let is_own = event.header.author == self.me.device;
        let conversation =
            self.conversations.get_mut(&id).filter(|it| !is_own && it.row.kind != own);
        match conversation.and_then(|conversation| conversation.accept_ahead(&event)) {
            Some(account) => {
                self.follow_clock(&event);
                Outcome::Ahead(Arc::new(event), account)
            }
            None => Outcome::Gap,
        }
    }

    /// What is written from now on comes after what was seen.
    fn follow_clock(&mut self, event: &CheckedEvent) {
        if is_timely(event.header.clock.ms, self.now) {
            self.clock = self.clock.max(event.header.clock);
        }
    }

    /// Checks the first entry of a log and gives the account that it names.
    fn take_introduction(
        &mut self,
        id: ConversationId,
        event: &CheckedEvent,
    ) -> Result<AccountId, DecodeError> {
        let Some(Payload::Introduction(introduction)) = &event.payload else {
            return Err(DecodeError::Invalid("a log without an introduction"));
        };
        let identity = introduction.open()?;
        let belongs = match self.conversations.get(&id).map(|c| &c.row.kind) {
            Some(Kind::Direct(account)) => [*account, self.me.account].contains(&identity.account),
            Some(Kind::Group(_)) => true,
            None => false,
        };
        if identity.device != event.header.author || !belongs {
            return Err(DecodeError::Invalid("an introduction of somebody else"));
        }
        let record = introduction.record.open()?;
        self.learn(&introduction.record, &record, Source::Peer);
        if !self.people.may_certify(&identity.device, &identity.account) {
            return Err(DecodeError::Invalid("too many devices of one account"));
        }
        self.people.certify(identity.device, identity.account);
        self.dirty.members = true;
        Ok(identity.account)
    }

    /// A device signed two entries with one sequence. Tells so once.
    fn note_fork(&mut self, id: ConversationId, device: DeviceId) {
        if let Some(conversation) = self.conversations.get_mut(&id) {
            conversation.forked.insert(device);
        }
        if self.forks_told.len() >= FORKS_TOLD_MAX || !self.forks_told.insert(device) {
            return;
        }
        let text = if device == self.me.device {
            "Others have other messages of this device than this data folder; it may be an old copy"
                .to_owned()
        } else {
            let name = self.people.name_of_device(&device);
            format!("A device of @{name} wrote two different messages in one place; one is kept")
        };
        self.notice(Notice::Error { code: "fork", text });
    }
}

/// Whether a clock is so near that it may pull the own one along.
pub(super) fn is_timely(ms: u64, now: Now) -> bool {
    ms <= now.unix_ms.saturating_add(CLOCK_AHEAD_MAX.as_millis() as u64)
}
