//! What goes into the service and what comes out.

use std::net::IpAddr;

use wire::{
    account::AccountRecord,
    id::{AccountId, DeviceId, TopicTag},
    name::Username,
    rendezvous::{ClientFrame, Push, Refusal, Response},
    signed::Signed,
};

use crate::{
    addresses::Network,
    names::{Change, NameEntry, Newcomer},
};

/// A client's stream, numbered by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A device has its first connection.
    Connected(DeviceId),
    /// A device has no connection any more.
    Disconnected(DeviceId),
    /// A device opened a stream.
    Opened {
        /// The stream.
        client: ClientId,
        /// The device, proven by the connection.
        device: DeviceId,
        /// Where the connection comes from.
        origin: Option<IpAddr>,
    },
    /// A client asks.
    Request {
        /// Its stream.
        client: ClientId,
        /// The request.
        frame: ClientFrame,
    },
    /// The registry answers a question.
    Answer(Answer),
    /// A stream has ended.
    Closed(ClientId),
    /// A group message has come and waits to be relayed.
    GroupMessage {
        /// Who sent it here.
        from: DeviceId,
        /// The group.
        tag: TopicTag,
        /// The message, sealed.
        sealed: Vec<u8>,
        /// Its id in gossipsub.
        message: Vec<u8>,
    },
    /// The operator shuts an account out, or lets it in again.
    Ban {
        /// The account.
        account: AccountId,
        /// Whether it is shut out.
        on: bool,
    },
    /// The server has too much to do from now on, or no longer.
    Busy(bool),
    /// A deadline has come.
    Tick,
    /// The server is about to end.
    ShutDown,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a response to a client.
    Respond {
        /// Its stream.
        client: ClientId,
        /// Id of the request.
        id: u32,
        /// The answer.
        result: Result<Response, Refusal>,
    },
    /// Send a push to clients.
    Push {
        /// Their streams.
        clients: Vec<ClientId>,
        /// The push.
        push: Push,
    },
    /// End a stream after what was sent to it.
    Close(ClientId),
    /// Ask the registry.
    Ask(Question),
    /// Relay a topic.
    Subscribe(TopicTag),
    /// Relay it no longer.
    Unsubscribe(TopicTag),
    /// Grant a device relayed circuits.
    Admit(DeviceId),
    /// Grant them no longer.
    Dismiss(DeviceId),
    /// Close all connections of a device.
    Disconnect(DeviceId),
    /// Relay a group message, or drop it.
    Relay {
        /// Who sent it.
        from: DeviceId,
        /// Its id in gossipsub.
        message: Vec<u8>,
        /// Whether it is relayed.
        accept: bool,
    },
    /// Send a group message to each of these members that gossip does not bring it to.
    Copy {
        /// The group.
        tag: TopicTag,
        /// The message, sealed.
        sealed: Vec<u8>,
        /// The members and their streams.
        members: Vec<(DeviceId, ClientId)>,
    },
}

/// A question to the registry of names, which is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who asks.
    pub client: ClientId,
    /// Id of the request.
    pub id: u32,
    /// What is asked.
    pub kind: QuestionKind,
}

/// What the registry is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionKind {
    /// Register an account.
    Register {
        /// Its record.
        record: Signed<AccountRecord>,
        /// The device that speaks for it.
        device: DeviceId,
        /// What becomes of it if it has no name yet.
        newcomer: Newcomer,
        /// The network that was charged for a new name; it is refunded if there is none.
        charged: Option<Network>,
    },
    /// Who has a name.
    Lookup {
        /// The name.
        username: Username,
    },
}

/// The registry's answer. What it registered is durable.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Who asked.
    pub client: ClientId,
    /// Id of the request.
    pub id: u32,
    /// What the registry says.
    pub kind: AnswerKind,
}

/// What the registry says.
#[derive(Clone, Debug)]
pub enum AnswerKind {
    /// To [`QuestionKind::Register`].
    Registered {
        /// The newest record and what it changed.
        result: Result<(NameEntry, Change), Refusal>,
        /// From the question.
        charged: Option<Network>,
    },
    /// To [`QuestionKind::Lookup`].
    Found(Result<NameEntry, Refusal>),
}
