//! What is stored, as the core sees it.

use std::collections::BTreeSet;

use libp2p::Multiaddr;
use wire::{
    account::AccountRecord,
    conversation::GroupSecret,
    event::{Clock, Payload},
    id::{AccountId, ConversationId, DeviceId, EventId},
    name::{ConversationName, Username},
    signed::Signed,
    sync::{Head, Stage},
};

use crate::core::{input::StoredFile, model::Path};

/// Everything that the core keeps in memory, as it was stored.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The own account's newest record.
    pub record: Option<Signed<AccountRecord>>,
    /// The server took that record.
    pub registered: bool,
    /// Accounts that were met.
    pub accounts: Vec<AccountRow>,
    /// Conversations.
    pub conversations: Vec<ConversationState>,
    /// Attachments that are here, whole or in part.
    pub blobs: Vec<StoredFile>,
    /// Accounts that the user does not want to hear of.
    pub blocked: BTreeSet<AccountId>,
    /// Accounts from which this device keeps its address.
    pub relay_only: BTreeSet<AccountId>,
    /// Where devices of people that the user knows were met.
    pub whereabouts: Vec<(DeviceId, Vec<Multiaddr>)>,
    /// Whether messages of others are stored that were not told.
    pub untold: bool,
    /// The device that wrote here before and whose place this one takes in the account.
    pub replaces: Option<DeviceId>,
}

/// An account that was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// The account.
    pub account: AccountId,
    /// The name in its record.
    pub username: Username,
    /// Its newest record.
    pub record: Signed<AccountRecord>,
    /// The server said so too, not only a peer.
    pub verified: bool,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationRow {
    /// Its id.
    pub id: ConversationId,
    /// What people call it.
    pub name: ConversationName,
    /// Who belongs to it.
    pub kind: Kind,
    /// A stranger wrote first and was not answered yet.
    pub request: bool,
    /// The user left the group.
    pub left: bool,
    /// The user does not want to be told of new messages.
    pub muted: bool,
}

/// Who belongs to a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The user and this account.
    Direct(AccountId),
    /// Whoever knows the secret.
    Group(GroupSecret),
}

/// A conversation with what the core keeps of it.
#[derive(Debug)]
pub struct ConversationState {
    /// The conversation.
    pub row: ConversationRow,
    /// Its logs.
    pub logs: Vec<LogRow>,
    /// How far other devices have acknowledged logs: device, stage, log, next sequence.
    pub acknowledged: Vec<(DeviceId, Stage, DeviceId, u64)>,
    /// How far the user has read: log, next sequence.
    pub read: Vec<(DeviceId, u64)>,
    /// Own entries that were handed to a connection: next sequence.
    pub sent: u64,
    /// Messages of others beyond what the user has read.
    pub unread: u32,
    /// The newest message.
    pub last: Option<MessageRow>,
    /// Entries without a payload that nobody is known to have erased: log, sequence, entry.
    pub withheld: Vec<(DeviceId, u64, EventId)>,
}

/// A log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// The device whose log it is.
    pub device: DeviceId,
    /// The account that the log's first entry names.
    pub account: AccountId,
    /// The last entry.
    pub head: Head,
    /// That entry's clock.
    pub clock: Clock,
}

/// A message with what is needed to show it.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    /// The order in which events were stored on this device.
    pub arrival: i64,
    /// Its event.
    pub id: EventId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The device that wrote it.
    pub author: DeviceId,
    /// Its place in that device's log.
    pub sequence: u64,
    /// The author's clock: milliseconds since 1970, and the counter.
    pub clock: Clock,
    /// What it says.
    pub payload: Payload,
    /// The road by which it came or went.
    pub path: Option<Path>,
    /// The message that it answers, if that is here: its device and payload.
    pub quoted: Option<(DeviceId, Payload)>,
    /// What its author made of it later.
    pub revision: Revision,
    /// Who reacted with which emoji, the first reaction first.
    pub reactions: Vec<(AccountId, String)>,
}

/// What an author made of a message later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Revision {
    /// Nothing.
    #[default]
    None,
    /// It has another text.
    Edited(String),
    /// It was taken back; nothing of it is here any more.
    Erased,
}

/// Whether a payload is shown as a message of its own.
pub fn is_message(payload: &Payload) -> bool {
    matches!(payload, Payload::Text { .. } | Payload::Attachment(_) | Payload::Unsupported)
}
