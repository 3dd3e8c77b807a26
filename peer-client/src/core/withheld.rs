//! Entries that came without their payload although nobody took it back.
//!
//! Erasure leaves entries without a payload, which go from member to member like any others. So whoever passes
//! on a log can leave out what was never erased. Such entries are asked for again, of everybody whom this device
//! replicates with, until somebody has the payload or the erasure is known.

use std::collections::BTreeMap;

use wire::{
    event::{CheckedEvent, Payload},
    id::{AccountId, ConversationId, DeviceId, EventId},
    limits::EVENTS_PER_FRAME,
    sync::SyncFrame,
};

use super::{conversation::Conversation, input::SessionId, machine::Machine, repair::SYNC_WITH};

/// Such entries of one conversation that are remembered.
pub(crate) const WITHHELD_MAX: usize = 64;
/// Questions that follow one greeting.
const QUESTIONS_MAX: usize = 8;

/// The entries of one conversation whose payload is neither here nor known to be erased.
#[derive(Debug, Default)]
pub(crate) struct Withheld {
    entries: BTreeMap<(DeviceId, u64), EventId>,
    /// The last of them that was asked for: the next question begins behind it.
    asked: Option<(DeviceId, u64)>,
    /// There are some that nobody was asked for.
    pub(super) fresh: bool,
}

impl Withheld {
    /// Remembers an entry, as long as there is room.
    pub(super) fn insert(&mut self, device: DeviceId, sequence: u64, id: EventId) {
        if self.entries.len() < WITHHELD_MAX {
            self.entries.insert((device, sequence), id);
            self.fresh = true;
        }
    }

    /// Forgets an entry if it is one of these. Tells whether it was.
    fn take(&mut self, event: &CheckedEvent) -> bool {
        let place = (event.header.author, event.header.sequence);
        self.entries.get(&place) == Some(&event.id) && self.entries.remove(&place).is_some()
    }

    /// Log, first and last entry of the next questions; each goes on where the one before ended.
    fn questions(&mut self) -> Vec<(DeviceId, u64, u64)> {
        let asked = self.asked;
        let behind = self.entries.keys().filter(|place| asked.is_none_or(|asked| **place > asked));
        let before =
            self.entries.keys().filter(|place| asked.is_some_and(|asked| **place <= asked));
        let mut questions: Vec<(DeviceId, u64, u64)> = Vec::new();
        for (device, sequence) in behind.chain(before) {
            let goes_on = questions.last_mut().filter(|(log, from, to)| {
                log == device && to + 1 == *sequence && to - from + 1 < EVENTS_PER_FRAME as u64
            });
            if let Some((_, _, to)) = goes_on {
                *to = *sequence;
            } else if questions.len() < QUESTIONS_MAX {
                questions.push((*device, *sequence, *sequence));
            } else {
                break;
            }
        }
        self.asked = questions.last().map(|(device, _, to)| (*device, *to));
        questions
    }
}

impl Conversation {
    /// The payload of an entry that is here without it has come.
    pub(super) fn takes_payload(&mut self, event: &CheckedEvent) -> Option<AccountId> {
        let account = self.logs.get(&event.header.author)?.account;
        (event.payload.is_some() && self.withheld.take(event)).then_some(account)
    }

    /// An entry is durable: it may lack its payload, or say why another does.
    pub(super) fn note_withheld(&mut self, event: &CheckedEvent, account: AccountId) {
        let (author, sequence) = (event.header.author, event.header.sequence);
        match &event.payload {
            None => self.withheld.insert(author, sequence, event.id),
            Some(Payload::Erase { event: erased }) => {
                let logs = &self.logs;
                let by_author =
                    |log: &DeviceId| logs.get(log).is_some_and(|it| it.account == account);
                self.withheld.entries.retain(|(log, _), id| *id != *erased || !by_author(log));
            }
            Some(_) => {}
        }
    }
}

impl Machine {
    /// Asks the other side of a stream for what others left out.
    pub(super) fn ask_withheld(&mut self, session: SessionId, id: ConversationId) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        for (device, from, to) in conversation.withheld.questions() {
            self.send(session, SyncFrame::Ask { device, from, to }, None);
        }
    }

    /// Everything has come, and some of it without its payload: others may have that.
    pub(super) fn seek_withheld(&mut self, id: ConversationId) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        if !conversation.withheld.fresh || conversation.completeness().missing > 0 {
            return;
        }
        conversation.withheld.fresh = false;
        if conversation.withheld.entries.is_empty() {
            return;
        }
        let sessions = self.greeted_sessions(id);
        let streams = sessions.len();
        for session in sessions {
            self.ask_withheld(session, id);
        }
        // A greeting is followed by the same questions.
        let Some(conversation) = self.conversations.get(&id) else { return };
        let present = conversation.group.present.keys().copied();
        let others: Vec<_> = present
            .filter(|device| !self.has_session(id, device))
            .take(SYNC_WITH.saturating_sub(streams))
            .collect();
        for device in others {
            self.replicate_with(id, device);
        }
    }
}
