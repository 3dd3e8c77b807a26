//! Passing moments, for front ends that tell or log them. The state itself is in the model.

use wire::{
    id::EventId,
    name::{ConversationName, Username},
};

use super::model::{Completeness, Me, MessageView, Road, ServerTie, Stage};

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The store was read and the node listens.
    Started {
        /// The user.
        me: Me,
        /// Where the node listens.
        listening: Vec<String>,
    },
    /// The tie to the server changed.
    Server(ServerTie),
    /// Messages of others arrived and are durable; ask for the untold ones.
    Arrived {
        /// Where.
        conversation: ConversationName,
    },
    /// An own message reached a further stage.
    Status {
        /// The message.
        message: EventId,
        /// The stage.
        stage: Stage,
        /// The person whose device reached it; none for `Sent`.
        by: Option<Username>,
    },
    /// A message was changed by a reaction, an edit or an erasure.
    Changed {
        /// The message as it is now.
        message: Box<MessageView>,
        /// Who changed it.
        by: Username,
        /// What they did.
        change: Change,
    },
    /// The road to a person changed.
    Path {
        /// The person.
        peer: Username,
        /// The road; none while there is no connection.
        road: Option<Road>,
    },
    /// A person came or went.
    Presence {
        /// The person.
        peer: Username,
        /// Whether a device of the person is present.
        online: bool,
    },
    /// A person is writing.
    Typing {
        /// Where.
        conversation: ConversationName,
        /// The person.
        peer: Username,
    },
    /// An attachment is coming.
    Progress {
        /// The message.
        message: EventId,
        /// Bytes that are here.
        done: u64,
        /// Bytes of the whole.
        total: u64,
    },
    /// The known extent of a conversation's history changed.
    Complete {
        /// The conversation.
        conversation: ConversationName,
        /// Its extent.
        complete: Completeness,
    },
    /// Something went wrong that no answer tells.
    Error {
        /// A stable word for programs.
        code: &'static str,
        /// For a person: what to do.
        text: String,
    },
}

/// What can be done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A reaction came or went.
    Reaction,
    /// It has another text.
    Edit,
    /// It was taken back.
    Erasure,
}
