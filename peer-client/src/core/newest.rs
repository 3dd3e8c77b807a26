//! Who lacks much of a conversation gets its newest messages first, and the rest behind them.

use wire::{
    bounded::Bounded,
    event::Event,
    id::ConversationId,
    limits::{EVENT_BYTES_PER_FRAME, EVENTS_PER_FRAME},
    sync::SyncFrame,
};

use super::{input::SessionId, machine::Machine, pending::Pending, storage::StoreOp};

/// From how many missing entries on the newest go first. Fewer are there at once anyway.
const MANY: u64 = 192;

impl Machine {
    /// Sends the newest messages before anything else if the other side lacks much.
    pub(super) fn read_newest(&mut self, session: SessionId, id: ConversationId) {
        let (Some(state), Some(conversation)) =
            (self.sessions.get(&session), self.conversations.get(&id))
        else {
            return;
        };
        let lacks = |log| {
            let theirs = state.theirs.get(log).copied().unwrap_or(0);
            conversation.durable_next(log).saturating_sub(theirs)
        };
        if !state.may_send() || conversation.logs.keys().map(lacks).sum::<u64>() < MANY {
            return;
        }
        let ticket = self.expect(Pending::Newest { session });
        if let Some(state) = self.sessions.get_mut(&session) {
            state.reading = true;
        }
        self.store(StoreOp::Newest { ticket, conversation: id });
    }

    pub(super) fn send_newest(&mut self, session: SessionId, events: Vec<Event>) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.reading = false;
        }
        let (mut frame, mut bytes) = (Vec::new(), 0);
        for event in events {
            let size = event.size();
            if frame.len() == EVENTS_PER_FRAME || bytes + size > EVENT_BYTES_PER_FRAME {
                let full = Bounded::truncated(std::mem::take(&mut frame));
                self.send(session, SyncFrame::Events(full), None);
                bytes = 0;
            }
            bytes += size;
            frame.push(event);
        }
        if !frame.is_empty() {
            self.send(session, SyncFrame::Events(Bounded::truncated(frame)), None);
        }
        self.pump(session);
    }
}
