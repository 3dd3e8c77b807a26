//! Who lacks much of a conversation gets its newest messages first, and the rest behind them.

use wire::{event::Event, id::ConversationId, sync::SyncFrame};

use super::{
    input::SessionId, machine::Machine, pending::Pending, replication::into_frames,
    storage::StoreOp,
};

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
        let ticket = self.ticket_for(Pending::Newest { session });
        if let Some(state) = self.sessions.get_mut(&session) {
            state.reading = true;
        }
        self.store(StoreOp::Newest { ticket, conversation: id });
    }

    /// Sends entries that change nothing about what the other side gets in turn.
    pub(super) fn send_beside(&mut self, session: SessionId, events: Vec<Event>) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.reading = false;
        }
        for frame in into_frames(events) {
            self.send(session, SyncFrame::Events(frame), None);
        }
        self.pump(session);
    }
}
