//! Taking in events of others: what is checked before an entry is handed to the store.

use std::sync::Arc;

use wire::{
    codec::DecodeError,
    event::{CheckedEvent, Event, Payload},
    id::{AccountId, ConversationId, DeviceId},
    limits::CLOCK_AHEAD_MAX,
};

use super::{
    conversation::{Conversation, Place},
    machine::Machine,
    model::Path,
    people::Source,
    storage::Kind,
};

/// What a batch of events did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// Entries before some of them are missing.
    pub(super) gap: bool,
}

impl Machine {
    /// Checks events and hands those that continue their logs to the store.
    ///
    /// `path` says by which road an author's events came, and is told whether this is a group.
    pub(super) fn take_events(
        &mut self,
        id: ConversationId,
        events: Vec<Event>,
        path: impl Fn(&DeviceId, bool) -> Path,
    ) -> Result<Taken, DecodeError> {
        let mut taken = Taken::default();
        let mut batch: Vec<(Arc<CheckedEvent>, AccountId, Path)> = Vec::new();
        let mut result = Ok(());
        for event in events {
            match self.take_event(id, event) {
                Ok(Some((event, account))) => {
                    let group = self.conversations.get(&id).is_some_and(Conversation::is_group);
                    let path = path(&event.header.author, group);
                    batch.push((event, account, path));
                }
                Ok(None) => {}
                Err(None) => taken.gap = true,
                Err(Some(error)) => {
                    result = Err(error);
                    break;
                }
            }
        }
        for run in batch.chunk_by(|one, other| one.2 == other.2) {
            let events = run.iter().map(|(event, ..)| Arc::clone(event)).collect();
            let accounts = run.iter().map(|(_, account, _)| *account).collect();
            self.append(id, events, accounts, Some(run[0].2), None);
        }
        result.map(|()| taken)
    }

    /// Checks one event. `Ok(None)`: known already. `Err(None)`: entries before it are missing.
    fn take_event(
        &mut self,
        id: ConversationId,
        event: Event,
    ) -> Result<Option<(Arc<CheckedEvent>, AccountId)>, Option<DecodeError>> {
        use DecodeError::Invalid;
        let event = event.check().map_err(Some)?;
        let author = event.header.author;
        let Some(conversation) =
            self.conversations.get(&id).filter(|_| event.header.conversation == id)
        else {
            return Err(Some(Invalid("an event of another conversation")));
        };
        match conversation.place(&event) {
            Place::Next => {}
            Place::Known => return Ok(None),
            Place::Gap => return Err(None),
            Place::Fork => return Err(Some(Invalid("a log with two entries of one sequence"))),
        }
        if !conversation.has_room(&author) {
            return Err(Some(Invalid("too many devices in one conversation")));
        }
        let account = match (conversation.logs.get(&author), &event.payload) {
            (Some(log), _) => log.account,
            (None, Some(Payload::Introduction(introduction))) => {
                let identity = introduction.open().map_err(Some)?;
                let belongs = match conversation.row.kind {
                    Kind::Direct(account) => [account, self.me.account].contains(&identity.account),
                    Kind::Group(_) => true,
                };
                if identity.device != author || !belongs {
                    return Err(Some(Invalid("an introduction of somebody else")));
                }
                let record = introduction.record.open().map_err(Some)?;
                self.learn(&introduction.record, &record, Source::Peer);
                self.people.certify(author, identity.account);
                identity.account
            }
            (None, _) => return Err(Some(Invalid("a log without an introduction"))),
        };
        if event.header.clock.ms
            <= self.now.unix_ms.saturating_add(CLOCK_AHEAD_MAX.as_millis() as u64)
        {
            self.clock = self.clock.max(event.header.clock);
        }
        if let Some(conversation) = self.conversations.get_mut(&id) {
            conversation.accept(&event, account);
        }
        Ok(Some((Arc::new(event), account)))
    }
}
