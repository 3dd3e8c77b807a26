//! What a front end asks of the core, and the answers.

use std::{path::PathBuf, sync::Arc};

use thiserror::Error;
use wire::{
    id::{DeviceId, EventId},
    name::{ConversationName, GroupName, Username},
};

use super::diagnostics::Diagnostics;
use super::model::{Completeness, DeviceView, MemberView, MessageView, PeerView, PersonDelivery};

/// A wish of the user.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Become a member of a group; a private one needs an invitation link.
    Join {
        /// The group.
        group: GroupName,
        /// The link.
        invite: Option<String>,
    },
    /// Leave a group. Its history stays.
    Leave {
        /// The group.
        group: GroupName,
    },
    /// Send a message.
    Send {
        /// To whom.
        to: ConversationName,
        /// What.
        draft: Draft,
    },
    /// Show a conversation: its timeline is published from now on. A person not known yet is looked up.
    Open {
        /// The conversation.
        conversation: ConversationName,
    },
    /// Its timeline is no longer wanted.
    Close {
        /// The conversation.
        conversation: ConversationName,
    },
    /// Extend an open conversation's timeline backwards by one page.
    Older {
        /// The conversation.
        conversation: ConversationName,
    },
    /// Everything in the conversation was seen.
    Read {
        /// The conversation.
        of: ConversationName,
    },
    /// The user is writing.
    Typing {
        /// The conversation.
        within: ConversationName,
    },
    /// React to a message, or take a reaction back.
    React {
        /// The message.
        message: EventId,
        /// The emoji.
        emoji: String,
        /// Whether the reaction is there from now on.
        on: bool,
    },
    /// Give an own message another text.
    Edit {
        /// The message.
        message: EventId,
        /// The text, or the file's caption.
        text: String,
    },
    /// Take an own message back, on all devices that have it.
    Erase {
        /// The message.
        message: EventId,
    },
    /// The newest messages with all words of a text.
    Search {
        /// What the user typed; the last word may be unfinished.
        text: String,
        /// Only in this conversation.
        within: Option<ConversationName>,
        /// Messages at most.
        limit: u32,
    },
    /// Accept a stranger's conversation without answering yet.
    Accept {
        /// The stranger.
        peer: Username,
    },
    /// Hear nothing of a person any more, or again.
    Block {
        /// The person.
        peer: Username,
        /// Whether they are blocked from now on.
        on: bool,
    },
    /// Talk to a person through the server's relay alone, so that they never learn this device's address, or
    /// directly again.
    RelayOnly {
        /// The direct conversation with the person, who is looked up if they are not known yet.
        with: ConversationName,
        /// Whether the address is kept from them from now on.
        on: bool,
    },
    /// Be told of new messages of a conversation no more, or again.
    Mute {
        /// The conversation.
        conversation: ConversationName,
        /// Whether it is muted from now on.
        on: bool,
    },
    /// Become the first member of a new private group. Answered with the invitation to it.
    Create {
        /// What to call it.
        group: GroupName,
    },
    /// The invitation to a group.
    Invite {
        /// The group.
        group: GroupName,
    },
    /// A page of history.
    History {
        /// The conversation.
        of: ConversationName,
        /// Messages at most.
        limit: u32,
        /// Only those before this one.
        before: Option<EventId>,
    },
    /// Get a message's file whole, and copy it to a place if one is given.
    Fetch {
        /// The message.
        message: EventId,
        /// The place.
        save_to: Option<PathBuf>,
    },
    /// Who has a message that this device wrote, and on which devices.
    Delivery {
        /// The message.
        message: EventId,
    },
    /// Stop getting a message's file; commands that wait for it fail. What came of it is kept for a
    /// while, and goes on from there if it is wanted again.
    CancelFetch {
        /// The message.
        message: EventId,
    },
    /// The devices of contacts and members.
    Peers,
    /// What kind of network this is, how others see this device, what was tried.
    Diagnose,
    /// The members of a conversation.
    Members {
        /// The conversation.
        of: ConversationName,
    },
    /// The people with whom there is a direct conversation.
    Contacts,
    /// The user's devices.
    Devices,
    /// Make a code with which another device can be added, once and within ten minutes.
    AddDevice,
    /// Remove one of the user's devices from the account.
    Revoke {
        /// The device.
        device: DeviceId,
    },
    /// Messages of others that were not told yet, oldest first; see [`Command::Told`].
    Untold {
        /// Messages at most.
        limit: u32,
    },
    /// All untold messages up to this arrival were told, and need not be again.
    Told {
        /// The last one's arrival.
        arrival: i64,
    },
}

impl Command {
    /// The conversation that must be there first.
    pub(super) fn wanted(&self) -> Option<&ConversationName> {
        match self {
            Self::Send { to, .. } => Some(to),
            Self::Open { conversation } | Self::RelayOnly { with: conversation, .. } => {
                Some(conversation)
            }
            _ => None,
        }
    }
}

/// A message to be sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The text, or the file's caption.
    pub text: String,
    /// The file.
    pub file: Option<FileSource>,
    /// The message that it answers.
    pub reply_to: Option<EventId>,
}

/// Where a file to be sent is.
#[derive(Clone, Debug, PartialEq)]
pub enum FileSource {
    /// On the disk.
    Path(PathBuf),
    /// In memory, as after a paste.
    Bytes {
        /// File name.
        name: String,
        /// The bytes.
        bytes: Arc<[u8]>,
    },
}

/// A positive answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is done, or will be without further ado.
    Done,
    /// The message is durable here.
    Message(EventId),
    /// Messages, oldest first.
    Messages(Vec<MessageView>),
    /// A link that makes whoever has it a member of a group.
    Invitation(String),
    /// Untold messages, oldest first, each with its arrival.
    Untold(Vec<(i64, MessageView)>),
    /// The file is here whole.
    Fetched {
        /// Its bytes.
        bytes: u64,
    },
    /// Other people of the conversation, and last the user if there are further devices.
    Delivery(Vec<PersonDelivery>),
    /// Devices.
    Peers(Vec<PeerView>),
    /// The network.
    Diagnostics(Box<Diagnostics>),
    /// Members, and how complete the history is.
    Members {
        /// The members, the user first.
        members: Vec<MemberView>,
        /// The history here.
        complete: Completeness,
    },
    /// People.
    Contacts(Vec<MemberView>),
    /// The user's devices.
    Devices(Vec<DeviceView>),
    /// A code for a new device; whoever has it can add one.
    Code(String),
}

/// Why something was not done. The text says what to do, in one line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text}")]
pub struct Failure {
    /// A stable word for programs.
    pub code: &'static str,
    /// For a person.
    pub text: String,
}

impl Failure {
    /// Makes a failure.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}
