//! What the core asks of the store. The store executes operations in order and answers only
//! after what they wrote is durable.

mod rows;

use std::sync::Arc;

use libp2p::Multiaddr;
use wire::{
    account::AccountRecord,
    event::{CheckedEvent, Event},
    id::{AccountId, BlobHash, ConversationId, DeviceId, EventId},
    signed::Signed,
    sync::Stage,
};

pub use self::rows::{
    AccountRow, ConversationRow, ConversationState, Kind, LogRow, MessageRow, Revision, Snapshot,
    is_message,
};
use super::{input::Ticket, model::Path};

/// An operation.
#[derive(Debug)]
pub enum StoreOp {
    /// The own account's newest record.
    SaveRecord {
        /// The record.
        record: Signed<AccountRecord>,
        /// The server took it.
        registered: bool,
    },
    /// An account, new or changed.
    SaveAccount(AccountRow),
    /// A conversation, new or changed.
    SaveConversation {
        /// Answered by [`StoreReply::Saved`].
        ticket: Ticket,
        /// The conversation.
        row: ConversationRow,
    },
    /// Entries that continue their logs. Answered by [`StoreReply::Appended`].
    Append {
        /// Names the answer.
        ticket: Ticket,
        /// Entries of one conversation, each log's in order.
        events: Vec<Arc<CheckedEvent>>,
        /// The account of each entry's author.
        accounts: Vec<AccountId>,
        /// The road by which they came; none for own ones.
        path: Option<Path>,
        /// They do not continue their logs: they are shown, but count for nothing until what is before them
        /// is here.
        ahead: bool,
    },
    /// Another device acknowledged. Answered by [`StoreReply::Acknowledged`].
    Acknowledge {
        /// Names the answer.
        ticket: Ticket,
        /// The conversation.
        conversation: ConversationId,
        /// The device.
        device: DeviceId,
        /// How far.
        stage: Stage,
        /// The log, and which of its entries are new in this stage.
        log: DeviceId,
        /// First entry.
        from: u64,
        /// Entry after the last.
        to: u64,
        /// The last of these entries, as the device named it; nothing happens if it is another one here.
        named: Option<EventId>,
    },
    /// Own entries were handed to a connection. Answered by [`StoreReply::Acknowledged`].
    Sent {
        /// Names the answer.
        ticket: Ticket,
        /// The conversation.
        conversation: ConversationId,
        /// The own log.
        log: DeviceId,
        /// First entry.
        from: u64,
        /// Entry after the last.
        to: u64,
        /// The last of these entries, as the device named it; nothing happens if it is another one here.
        named: Option<EventId>,
        /// The road.
        path: Path,
    },
    /// The user has read up to here.
    Read {
        /// The conversation.
        conversation: ConversationId,
        /// Log and next sequence.
        marks: Vec<(DeviceId, u64)>,
    },
    /// Messages were told up to this arrival.
    Told(i64),
    /// The newest messages of a conversation, with what followed them in their logs and the first entries
    /// of those. Answered by [`StoreReply::Log`].
    Newest {
        /// Names the answer.
        ticket: Ticket,
        /// The conversation.
        conversation: ConversationId,
    },
    /// Entries of a log, from one on, as many as go into a frame. Answered by [`StoreReply::Log`].
    Log {
        /// Names the answer.
        ticket: Ticket,
        /// The conversation.
        conversation: ConversationId,
        /// The log.
        log: DeviceId,
        /// First entry.
        from: u64,
        /// Last entry.
        to: u64,
    },
    /// A page of messages. Answered by [`StoreReply::Messages`].
    History {
        /// Names the answer.
        ticket: Ticket,
        /// The conversation.
        conversation: ConversationId,
        /// Messages at most.
        limit: u32,
        /// Only those before this one in the order shown.
        before: Option<EventId>,
    },
    /// Messages of others that were not told. Answered by [`StoreReply::Messages`].
    Untold {
        /// Names the answer.
        ticket: Ticket,
        /// Messages at most.
        limit: u32,
        /// The own device, whose messages are not told.
        own: DeviceId,
    },
    /// One message. Answered by [`StoreReply::Messages`].
    Message {
        /// Names the answer.
        ticket: Ticket,
        /// The message.
        id: EventId,
    },
    /// Blocks an account, or no longer.
    Block {
        /// The account.
        account: AccountId,
        /// Whether it is blocked from now on.
        on: bool,
    },
    /// Keeps this device's address from an account, or no longer.
    RelayOnly {
        /// The account.
        account: AccountId,
        /// Whether it is kept from now on.
        on: bool,
    },
    /// Where a device is, in place of where it was.
    Remember {
        /// The device.
        device: DeviceId,
        /// Its addresses, the one to try first before others.
        addresses: Vec<Multiaddr>,
    },
    /// The newest messages that have all words of a text. Answered by [`StoreReply::Messages`].
    Search {
        /// Names the answer.
        ticket: Ticket,
        /// What a person typed; the last word may be unfinished.
        text: String,
        /// Only in this conversation.
        conversation: Option<ConversationId>,
        /// Messages at most.
        limit: u32,
    },
    /// Whether a message of the conversation names an attachment. Answered by [`StoreReply::Named`].
    Names {
        /// Names the answer.
        ticket: Ticket,
        /// The conversation.
        conversation: ConversationId,
        /// The attachment.
        blob: BlobHash,
    },
}

/// The result of an operation; what it wrote is durable.
#[derive(Debug)]
pub enum StoreReply {
    /// A conversation is stored.
    Saved {
        /// The operation.
        ticket: Ticket,
    },
    /// Entries are stored.
    Appended {
        /// The operation.
        ticket: Ticket,
        /// Arrival of each entry; none if it had come ahead and was told of then.
        arrivals: Vec<Option<i64>>,
        /// Entries that changed a message which is here: entry and message.
        changed: Vec<(EventId, EventId)>,
        /// Something was taken off the disk for good.
        erased: bool,
        /// Attachments that no message names any more.
        orphans: Vec<BlobHash>,
    },
    /// An acknowledgement is stored.
    Acknowledged {
        /// The operation.
        ticket: Ticket,
        /// The messages that are new in the stage, oldest first; none if another entry was named.
        messages: Option<Vec<EventId>>,
    },
    /// Entries, each log's in order.
    Log {
        /// The operation.
        ticket: Ticket,
        /// The entries.
        events: Vec<Event>,
    },
    /// Messages, oldest first.
    Messages {
        /// The operation.
        ticket: Ticket,
        /// The messages.
        rows: Vec<MessageRow>,
        /// Whether there are more before them.
        more: bool,
    },
    /// Whether the attachment is named.
    Named {
        /// The operation.
        ticket: Ticket,
        /// Whether it is.
        named: bool,
    },
    /// An operation failed and wrote nothing.
    Failed {
        /// The operation, if it has a ticket.
        ticket: Option<Ticket>,
        /// Why, for a person.
        text: String,
    },
}

impl StoreReply {
    /// Whether something was written.
    pub(crate) fn is_written(&self) -> bool {
        matches!(self, Self::Saved { .. } | Self::Appended { .. } | Self::Acknowledged { .. })
    }
}

impl StoreOp {
    /// What names the answer, if there is one.
    pub fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::SaveConversation { ticket, .. }
            | Self::Append { ticket, .. }
            | Self::Acknowledge { ticket, .. }
            | Self::Sent { ticket, .. }
            | Self::Log { ticket, .. }
            | Self::Newest { ticket, .. }
            | Self::History { ticket, .. }
            | Self::Untold { ticket, .. }
            | Self::Message { ticket, .. }
            | Self::Names { ticket, .. }
            | Self::Search { ticket, .. } => Some(*ticket),
            Self::SaveRecord { .. }
            | Self::SaveAccount(_)
            | Self::Block { .. }
            | Self::RelayOnly { .. }
            | Self::Remember { .. }
            | Self::Read { .. }
            | Self::Told(_) => None,
        }
    }
}
