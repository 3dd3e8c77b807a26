//! What was asked of the store and of jobs, and where their answers go.

use std::path::PathBuf;

use wire::{
    blob::{BlobReply, BlobRequest},
    id::{BlobHash, ConversationId, DeviceId, EventId},
    sync::Stage,
};

use super::{
    command::{Command, Failure},
    effect::Effect,
    input::{BlobStreamId, CallId, SessionId, Ticket},
    log::Batch,
    machine::Machine,
    notice::Change,
    storage::StoreReply,
};

/// What an answer of the store or a job is for.
#[derive(Debug)]
pub(super) enum Pending {
    /// Entries are being stored.
    Append { conversation: ConversationId, batch: Batch, call: Option<CallId> },
    /// A conversation is being stored for a command.
    Conversation { id: ConversationId, call: Option<CallId>, then: AfterSave },
    /// An acknowledgement is being stored.
    Acknowledge { conversation: ConversationId, device: DeviceId, stage: Stage, next: u64 },
    /// Own entries were handed to a connection.
    Sent { conversation: ConversationId, next: u64 },
    /// A message is being handed to gossip, with own entries before `next`, if any.
    Publish { conversation: ConversationId, next: Option<u64> },
    /// Entries for a replication stream.
    Log { session: SessionId, log: DeviceId, from: u64 },
    /// The newest messages for a replication stream.
    Newest { session: SessionId },
    /// Entries that a replication stream asked for again.
    Again { session: SessionId },
    /// Entries of the own conversation, read at the start.
    OwnLog { log: DeviceId, from: u64 },
    /// A page for a command.
    History { call: CallId },
    /// Untold messages for a command.
    Untold { call: CallId },
    /// A message that a command wants to change.
    Change { call: CallId, change: Command },
    /// A message that was changed, as it is now; and by which device, how.
    Changed { author: DeviceId, change: Change },
    /// A page for an open conversation.
    Page { conversation: ConversationId },
    /// A stored message, again with what it quotes.
    Refresh { conversation: ConversationId },
    /// A message whose attachment is wanted.
    Wanted { call: CallId, save_to: Option<PathBuf> },
    /// A message of which a command asks who has it.
    Delivery { call: CallId },
    /// Whether an attachment may be served.
    Serve { stream: BlobStreamId, request: Box<BlobRequest> },
    /// A file is being read to be sent.
    Prepare { call: CallId, conversation: ConversationId, text: String, reply_to: Option<EventId> },
    /// A file is being copied for a command.
    Save { call: CallId, blob: BlobHash },
    /// An attachment is being fetched from a device.
    Fetch { blob: BlobHash, device: DeviceId },
}

impl Pending {
    /// Whether something is being written.
    fn is_write(&self) -> bool {
        matches!(
            self,
            Self::Append { .. }
                | Self::Conversation { .. }
                | Self::Acknowledge { .. }
                | Self::Sent { .. }
        )
    }
}

/// What follows once a conversation is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterSave {
    /// The command is done.
    Nothing,
    /// A group begins.
    Joined,
    /// A private group begins, and its invitation is wanted.
    Created,
}

impl Machine {
    /// Remembers what the answer to a new ticket is for.
    pub(super) fn ticket_for(&mut self, pending: Pending) -> Ticket {
        let ticket = Ticket(self.number());
        self.pending.insert(ticket, pending);
        ticket
    }

    pub(super) fn on_store(&mut self, reply: StoreReply) {
        if reply.is_written() {
            self.end_trouble();
        }
        match reply {
            StoreReply::Saved { ticket } => {
                if let Some(Pending::Conversation { id, call, then }) = self.pending.remove(&ticket)
                {
                    self.on_conversation_saved(id, call, then);
                }
            }
            StoreReply::Appended { ticket, arrivals, changed, orphans, .. } => {
                if let Some(Pending::Append { conversation, batch, call }) =
                    self.pending.remove(&ticket)
                {
                    self.on_appended(conversation, &batch, &arrivals, call);
                    self.ask_changed(&batch, &changed);
                    self.forget_files(orphans);
                }
            }
            StoreReply::Acknowledged { ticket, messages } => match self.pending.remove(&ticket) {
                Some(Pending::Acknowledge { conversation, device, stage, next }) => {
                    if let Some(messages) = messages {
                        self.on_acknowledged(conversation, device, (stage, next), &messages);
                    } else if let Some(conversation) = self.conversations.get_mut(&conversation) {
                        conversation.forget_asked();
                    }
                }
                Some(Pending::Sent { conversation, next }) => {
                    if let Some(messages) = messages {
                        self.on_sent(conversation, next, &messages);
                    } else if let Some(conversation) = self.conversations.get_mut(&conversation) {
                        conversation.forget_asked();
                    }
                }
                _ => {}
            },
            StoreReply::Log { ticket, events } => match self.pending.remove(&ticket) {
                Some(Pending::Newest { session } | Pending::Again { session }) => {
                    self.send_beside(session, events);
                }
                Some(Pending::Log { session, log, from }) => {
                    self.on_log(session, log, from, events);
                }
                Some(Pending::OwnLog { log, from }) => self.on_own_log(log, from, events),
                _ => {}
            },
            StoreReply::Messages { ticket, rows, more } => self.on_messages(ticket, rows, more),
            StoreReply::Named { ticket, named } => {
                if let Some(Pending::Serve { stream, request }) = self.pending.remove(&ticket) {
                    self.on_named(stream, *request, named);
                }
            }
            StoreReply::Failed { ticket, text } => self.on_store_failed(ticket, &text),
        }
    }

    fn on_store_failed(&mut self, ticket: Option<Ticket>, text: &str) {
        let failure = Failure::new("storage", format!("The data folder cannot be used: {text}"));
        let pending = ticket.and_then(|ticket| self.pending.remove(&ticket));
        let is_write = pending.as_ref().is_none_or(Pending::is_write);
        self.note_trouble(&failure, is_write);
        match pending {
            Some(Pending::Append { conversation, batch, call }) => {
                if let Some(conversation) = self.conversations.get_mut(&conversation) {
                    conversation.roll_back(&batch.events, batch.ahead);
                    self.dirty.members = true;
                }
                self.close_sessions_of(conversation);
                self.answer_maybe(call, Err(failure.clone()));
            }
            Some(Pending::Conversation { id, call, then }) => {
                if let Some(conversation) = self.conversations.get_mut(&id) {
                    conversation.unsaved = true;
                    conversation.row.left |= then != AfterSave::Nothing;
                }
                self.answer_maybe(call, Err(failure.clone()));
            }
            Some(
                Pending::History { call }
                | Pending::Untold { call }
                | Pending::Wanted { call, .. }
                | Pending::Delivery { call }
                | Pending::Change { call, .. },
            ) => self.answer(call, Err(failure.clone())),
            Some(Pending::Serve { stream, .. }) => {
                let reply = BlobReply::NotFound;
                self.effects.push(Effect::Refuse { stream, reply });
            }
            // The other side gets them from someone else.
            Some(Pending::Log { session, log, from }) => {
                self.on_log(session, log, from, Vec::new());
            }
            Some(Pending::OwnLog { log, from }) => self.on_own_log(log, from, Vec::new()),
            Some(Pending::Newest { session } | Pending::Again { session }) => {
                self.send_beside(session, Vec::new());
            }
            Some(
                Pending::Acknowledge { conversation, .. } | Pending::Sent { conversation, .. },
            ) => {
                if let Some(conversation) = self.conversations.get_mut(&conversation) {
                    conversation.forget_asked();
                }
                // What others have is told again when a stream begins.
                self.close_sessions_of(conversation);
            }
            Some(Pending::Page { conversation }) => {
                if let Some(window) =
                    self.conversations.get_mut(&conversation).and_then(|c| c.window.as_mut())
                {
                    window.loading = false;
                    // Whoever looks at its beginning would ask for more again and again.
                    window.more_before = false;
                }
            }
            _ => {}
        }
    }
}
