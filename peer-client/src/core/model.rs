//! What a front end sees. The core publishes it whole; the big parts are shared, so that is cheap.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use wire::{
    id::{AccountId, BlobHash, DeviceId, EventId},
    name::{ConversationName, Username},
};

/// The state of this peer, published after every change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Who the user is; none until the store was read.
    pub me: Option<Me>,
    /// The tie to the rendezvous server.
    pub server: ServerTie,
    /// Where this peer listens.
    pub listening: Arc<Vec<String>>,
    /// All conversations, the one with the newest message first.
    pub conversations: Arc<Vec<ConversationView>>,
    /// The newest messages of the conversations that a front end opened.
    pub timelines: Arc<BTreeMap<ConversationName, Arc<Timeline>>>,
    /// The devices of contacts and of members of groups.
    pub peers: Arc<Vec<PeerView>>,
    /// Attachments on their way, by hash.
    pub transfers: Arc<BTreeMap<BlobHash, Transfer>>,
}

/// The user of this peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The name at the server.
    pub username: Username,
    /// The account.
    pub account: AccountId,
    /// This device.
    pub device: DeviceId,
}

/// The tie to the rendezvous server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServerTie {
    /// Being tried.
    #[default]
    Connecting,
    /// Registered: others can find this peer.
    Registered,
    /// Gone; tried again by itself.
    Lost {
        /// Why, for a person.
        text: String,
    },
    /// The server refused, and trying again will not help by itself.
    Refused {
        /// A stable word, as `name_taken`.
        code: &'static str,
        /// Why, for a person.
        text: String,
    },
}

/// A conversation in the list.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct ConversationView {
    /// `@username` or `#group`.
    pub name: ConversationName,
    /// Direct: the other person's account.
    pub account: Option<AccountId>,
    /// Messages of others that were not read.
    pub unread: u32,
    /// The newest message.
    pub last: Option<LastLine>,
    /// Direct: the other person. Group: any other member.
    pub online: bool,
    /// Who is writing now.
    pub typing: Vec<Username>,
    /// A stranger wrote first and was not answered yet.
    pub request: bool,
    /// The user does not want to be told of new messages.
    pub muted: bool,
    /// Direct: the user does not want to hear of the other person.
    pub blocked: bool,
    /// Direct: the user keeps this device's address from the other person.
    pub relay_only: bool,
    /// The road to the other person; none in groups and while there is no connection.
    pub road: Option<Road>,
    /// Own messages that are durable nowhere else yet.
    pub waiting: u32,
    /// How complete the history is.
    pub complete: Completeness,
    /// Others whose messages or presence are known. Direct: one.
    pub members: Arc<Vec<MemberView>>,
}

/// How much of a conversation's known history is here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Events here.
    pub have: u64,
    /// Events that another member is known to have and this device does not.
    pub missing: u64,
}

/// A member of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The person.
    pub username: Username,
    /// Whether one of the person's devices is present.
    pub online: bool,
}

/// The newest message of a conversation, as one line.
#[derive(Clone, Debug, PartialEq)]
pub struct LastLine {
    /// Who wrote it.
    pub from: Username,
    /// Whether this user did.
    pub own: bool,
    /// Its text, or what stands for it.
    pub text: String,
    /// When, milliseconds since 1970 by the author's clock.
    pub at_ms: u64,
    /// How far it came, if own.
    pub delivery: Option<Delivery>,
}

/// A window of a conversation's messages in their order, ending with the newest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// Oldest first.
    pub messages: Vec<Arc<MessageView>>,
    /// Whether older ones are stored.
    pub more_before: bool,
}

/// A message as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageView {
    /// Its event.
    pub id: EventId,
    /// Its conversation.
    pub conversation: ConversationName,
    /// Who wrote it.
    pub from: Username,
    /// Whether this user did, on whichever device.
    pub own: bool,
    /// When, milliseconds since 1970 by the author's clock.
    pub at_ms: u64,
    /// What it says.
    pub body: Body,
    /// The message that it answers.
    pub reply_to: Option<Quote>,
    /// The road by which it came, or by which it first reached another device.
    pub path: Option<Path>,
    /// How far it came, if own.
    pub delivery: Option<Delivery>,
    /// It came from a stranger who was not answered yet.
    pub request: bool,
    /// Its author gave it another text later.
    pub edited: bool,
    /// Reactions to it, the first one's emoji first.
    pub reactions: Vec<Reaction>,
}

/// An emoji with which people reacted to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// Who reacted with it, the first first.
    pub by: Vec<Username>,
    /// Whether this user did.
    pub own: bool,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Text.
    Text(String),
    /// A file, perhaps with text.
    Attachment(Arc<AttachmentView>),
    /// Nothing any more: its author took it back.
    Erased,
    /// A kind of a later version.
    Unsupported,
}

/// A file in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentView {
    /// BLAKE3 of its bytes.
    pub blob: BlobHash,
    /// File name as the sender gave it: for display and as a suggestion only.
    pub name: String,
    /// Media type as the sender gave it.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Text beside it.
    pub caption: Option<String>,
    /// A small image of it, encoded.
    pub preview: Option<Arc<[u8]>>,
    /// Width and height of an image in pixels, as the sender gave them.
    pub dimensions: Option<(u32, u32)>,
    /// The whole file, once it is here.
    pub file: Option<PathBuf>,
}

/// The message that another one answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Its event.
    pub id: EventId,
    /// Who wrote it and its first words; none if it is not here.
    pub excerpt: Option<(Username, String)>,
}

/// An attachment on its way to this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// Bytes are coming, or a source is sought.
    Running {
        /// Bytes that are here and verified.
        done: u64,
        /// Bytes of the whole.
        total: u64,
    },
    /// Given up.
    Failed {
        /// Why, for a person.
        text: String,
    },
}

/// How far an own message came. Every stage has really happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// The furthest stage that any other person's device reached.
    pub stage: Stage,
    /// Other people on whose devices it is durable.
    pub stored_by: u32,
    /// Other people who read it.
    pub read_by: u32,
    /// Other people who should get it, as far as they are known.
    pub of: u32,
}

/// Stages of an own message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Durable on this device.
    #[default]
    Waiting,
    /// Handed to a connection.
    Sent,
    /// Durable on another person's device, which signed that.
    Stored,
    /// Shown to another person, whose device signed that.
    Read,
}

/// Whether a person has an own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonDelivery {
    /// The person.
    pub username: Username,
    /// It is the user, on further devices.
    pub own: bool,
    /// The furthest stage of the person's devices.
    pub stage: Stage,
    /// The person's devices, as far as they are known.
    pub devices: Vec<DeviceDelivery>,
}

/// Whether a device has an own message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceDelivery {
    /// The device.
    pub device: DeviceId,
    /// What it has signed: `Stored`, `Read`, or nothing yet, which is `Waiting`.
    pub stage: Stage,
}

/// The kind of road a message took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// From device to device, and on what; none where that was not noted.
    Direct(Option<Carrier>),
    /// From device to device through a circuit of the server, and on what the first leg.
    Relayed(Option<Carrier>),
    /// By the group's gossip.
    Group,
    /// By replication from a device that is not the author's.
    Synced,
}

impl Path {
    /// The stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct(_) => "direct",
            Self::Relayed(_) => "relayed",
            Self::Group => "group",
            Self::Synced => "synced",
        }
    }

    /// The connection, if it was one to the other device and is known.
    pub fn carrier(self) -> Option<Carrier> {
        match self {
            Self::Direct(carrier) | Self::Relayed(carrier) => carrier,
            Self::Group | Self::Synced => None,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Stored => "stored",
            Self::Read => "read",
        })
    }
}

/// The connection that carried a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Carrier {
    /// What carried it.
    pub transport: Transport,
    /// A hole was punched for it.
    pub punched: bool,
    /// Its round trip in milliseconds then; none before the first answer.
    pub rtt_ms: Option<u32>,
}

/// A live connection to another device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Road {
    /// Through a circuit of the server.
    pub relayed: bool,
    /// What carries it.
    pub transport: Transport,
    /// A hole was punched for it.
    pub punched: bool,
    /// Round trip in milliseconds; none before the first answer.
    pub rtt_ms: Option<u32>,
}

impl Road {
    /// The connection without where it leads.
    pub fn carrier(self) -> Carrier {
        let Self { relayed: _, transport, punched, rtt_ms } = self;
        Carrier { transport, punched, rtt_ms }
    }

    /// The road as a message that takes it records it.
    pub fn path(self) -> Path {
        let carrier = Some(self.carrier());
        if self.relayed { Path::Relayed(carrier) } else { Path::Direct(carrier) }
    }
}

/// What carries a connection, or the circuit's first leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// QUIC over UDP.
    Quic,
    /// TCP with Noise and yamux.
    Tcp,
}

impl Transport {
    /// The stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        }
    }
}

/// One of the user's devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceView {
    /// The device.
    pub device: DeviceId,
    /// It is this one.
    pub here: bool,
    /// It is present at the server, or connected.
    pub online: bool,
}

/// Another person's device.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerView {
    /// The person.
    pub username: Username,
    /// The device.
    pub device: DeviceId,
    /// The server says that it is present, or there is a connection.
    pub online: bool,
    /// The road to it.
    pub road: Option<Road>,
    /// What passed between it and this device since the program began.
    pub traffic: Traffic,
}

/// Bytes of messages and files on streams, before encryption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// To the device.
    pub sent: u64,
    /// From it.
    pub received: u64,
}
