//! Client and rendezvous server, `/natterjack/rendezvous/1`.
//!
//! One stream, opened by the client and kept. Client frames carry an id that the response
//! repeats; the server pushes without being asked.

use multiaddr::Multiaddr;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_bytes::ByteBuf;
use thiserror::Error;

use crate::{
    account::AccountRecord,
    bounded::Bounded,
    codec::{self, DecodeError},
    id::{AccountId, Challenge, DeviceId, TopicTag},
    limits::{
        ADDRESS_MAX, ADDRESSES_MAX, DEVICES_MAX, GOSSIP_MAX, MEMBERS_PER_ANSWER, NOTICE_MAX,
        RENDEZVOUS_FRAME_MAX, TOKEN_MAX, WATCH_PER_REQUEST,
    },
    name::Username,
    signed::Signed,
};

/// Protocol id of the stream to the server.
pub const PROTOCOL: &str = "/natterjack/rendezvous/1";

/// The gossip topic of a group.
pub fn topic(tag: &TopicTag) -> String {
    format!("/natterjack/group/1/{tag}")
}

/// The group of a gossip topic, if it is one of ours.
pub fn topic_tag(topic: &str) -> Option<TopicTag> {
    topic.strip_prefix("/natterjack/group/1/")?.parse().ok()
}

/// A client's frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientFrame {
    /// Repeated by the response.
    pub id: u32,
    /// What is asked.
    pub request: Request,
}

impl ClientFrame {
    /// Decodes and checks a frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let frame: Self = codec::decode(bytes, RENDEZVOUS_FRAME_MAX)?;
        match &frame.request {
            Request::Hello { token: Some(token), .. } if token.len() > TOKEN_MAX => {
                Err(DecodeError::Invalid("token is too long"))
            }
            _ => Ok(frame),
        }
    }
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The first request: the protocol version and, where wanted, an admission token.
    Hello {
        /// The client's version, [`crate::limits::VERSION`].
        version: u8,
        /// Admission token.
        token: Option<ByteBuf>,
    },
    /// Binds the account to its name and this device to the account.
    Register {
        /// The newest record of the account.
        record: Signed<AccountRecord>,
    },
    /// Answers the puzzle of the last refusal on this stream; then `Register` again.
    Solve {
        /// What [`crate::admission::solves`] it.
        answer: u64,
    },
    /// Replaces the addresses under which this device is introduced.
    Announce {
        /// The addresses, best first.
        addresses: Bounded<Address, ADDRESSES_MAX>,
    },
    /// Who has a name, and where.
    Lookup {
        /// The name.
        username: Username,
    },
    /// Adds accounts whose presence is pushed from now on; their present state is pushed at once.
    Watch {
        /// The accounts.
        accounts: Bounded<AccountId, WATCH_PER_REQUEST>,
    },
    /// Becomes a present member of a group.
    Join {
        /// The group.
        tag: TopicTag,
    },
    /// Stops being one.
    Leave {
        /// The group.
        tag: TopicTag,
    },
    /// A random sample of a group's present members.
    Members {
        /// The group.
        tag: TopicTag,
    },
    /// Whether the server itself sends this member each message of a group. It does from `Join` on,
    /// until the member says that others bring them.
    Copies {
        /// The group.
        tag: TopicTag,
        /// Whether it does.
        wanted: bool,
    },
}

/// A server's frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerFrame {
    /// Answers the request with the same id.
    Response {
        /// The request's id.
        id: u32,
        /// The answer, or why there is none.
        result: Result<Response, Refusal>,
    },
    /// Not asked for.
    Push(Push),
}

impl ServerFrame {
    /// Decodes and checks a frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let frame: Self = codec::decode(bytes, RENDEZVOUS_FRAME_MAX)?;
        match &frame {
            Self::Push(Push::Notice { text, .. }) if text.len() > NOTICE_MAX => {
                Err(DecodeError::Invalid("notice is too long"))
            }
            Self::Push(Push::Message { sealed, .. }) if sealed.len() > GOSSIP_MAX => {
                Err(DecodeError::Invalid("group message is too long"))
            }
            _ => Ok(frame),
        }
    }
}

/// A positive answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// To `Hello`: go on.
    Welcome {
        /// The server's version.
        version: u8,
    },
    /// To `Register`, `Solve`, `Announce`, `Watch`, `Join`, `Leave` and `Copies`.
    Done,
    /// To `Lookup`.
    Found(Whereabouts),
    /// To `Members`.
    Members(Bounded<Member, MEMBERS_PER_ANSWER>),
}

/// An account and where its devices are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// Its newest record, signed by the account.
    pub record: Signed<AccountRecord>,
    /// Its devices that are present now.
    pub devices: Bounded<Reachable, DEVICES_MAX>,
}

/// A device that is present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reachable {
    /// The device.
    pub device: DeviceId,
    /// What it announced, best first.
    pub addresses: Bounded<Address, ADDRESSES_MAX>,
}

/// A present member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The newest record of its account, signed by the account.
    pub record: Signed<AccountRecord>,
    /// The device.
    pub reachable: Reachable,
}

/// Told without being asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Push {
    /// Where a watched account's devices are now; none if it is not present.
    Presence {
        /// The account.
        account: AccountId,
        /// Its devices that are present.
        devices: Bounded<Reachable, DEVICES_MAX>,
    },
    /// A watched account has a new record.
    RecordChanged {
        /// The record, signed by the account.
        record: Signed<AccountRecord>,
    },
    /// A group that this client is in has a new present member.
    MemberJoined {
        /// The group.
        tag: TopicTag,
        /// The member.
        member: Box<Member>,
    },
    /// A message of a group whose messages this client wants from the server.
    Message {
        /// The group.
        tag: TopicTag,
        /// The message, sealed, at most [`GOSSIP_MAX`] bytes.
        sealed: ByteBuf,
    },
    /// The server's word to its clients.
    Notice {
        /// What it is about.
        kind: NoticeKind,
        /// The same for a person.
        text: String,
    },
}

/// What a server's notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoticeKind {
    /// The server is about to end; it may come back.
    ShuttingDown,
    /// The same device registered from another connection.
    Replaced,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The name, or one that looks like it, belongs to another account.
    #[error("the name is taken, or looks like one that is; choose another")]
    NameTaken,
    /// The name breaks the rules of names.
    #[error("the name is not allowed")]
    NameInvalid,
    /// The record is not signed rightly, does not list this device or does not follow the last one.
    #[error("the account record does not follow the one the server has")]
    RecordInvalid,
    /// The server has a newer record of this account.
    #[error("the server has a newer record of this account")]
    RecordOutdated,
    /// The request needs a registration first.
    #[error("register first")]
    NotRegistered,
    /// Nobody has this name.
    #[error("nobody has this name")]
    NotFound,
    /// A limit on names, groups or watched accounts is reached.
    #[error("a limit of the server is reached")]
    TooMany,
    /// Too many requests.
    #[error("too many requests; wait {retry_after} s")]
    RateLimited {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// The server does not speak this version.
    #[error("the server does not speak this version; update the program")]
    Version,
    /// The server does not admit this client.
    #[error("the server does not admit this account; a new name there needs an invitation")]
    NotAdmitted,
    /// Many take new names now: whoever wants one has to work for it.
    #[error("the server wants proof of work for a new name")]
    Puzzle {
        /// What the puzzle is about.
        challenge: Challenge,
        /// How hard it is, see [`crate::admission::solves`].
        difficulty: u8,
    },
    /// The server could not do it now.
    #[error("the server has a problem; try again later")]
    Unavailable,
}

impl Refusal {
    /// The refusal as a stable word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::NameTaken => "name_taken",
            Self::NameInvalid => "name_invalid",
            Self::RecordInvalid => "record_invalid",
            Self::RecordOutdated => "record_outdated",
            Self::NotRegistered => "not_registered",
            Self::NotFound => "not_found",
            Self::TooMany => "too_many",
            Self::RateLimited { .. } => "rate_limited",
            Self::Version => "version",
            Self::NotAdmitted => "not_admitted",
            Self::Puzzle { .. } => "puzzle",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A multiaddress of at most 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Address(Multiaddr);

impl Address {
    /// Takes an address unless it is too long.
    pub fn new(address: Multiaddr) -> Option<Self> {
        (address.len() <= ADDRESS_MAX).then_some(Self(address))
    }

    /// The address.
    pub fn as_multiaddr(&self) -> &Multiaddr {
        &self.0
    }

    /// The address.
    pub fn into_multiaddr(self) -> Multiaddr {
        self.0
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = ByteBuf::deserialize(deserializer)?;
        if bytes.len() > ADDRESS_MAX {
            return Err(D::Error::custom("address is too long"));
        }
        Multiaddr::try_from(bytes.into_vec()).map(Self).map_err(D::Error::custom)
    }
}
