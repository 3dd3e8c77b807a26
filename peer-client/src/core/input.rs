//! Everything that reaches the core, as one closed enum.

mod attachments;

use std::{
    collections::BTreeMap,
    net::SocketAddrV4,
    time::{Duration, Instant},
};

use libp2p::Multiaddr;
use wire::{
    event::CheckedEvents,
    id::{DeviceId, MembershipProof, TopicTag},
    rendezvous::ServerFrame,
    sync::SyncFrame,
};

pub use self::attachments::{AttachmentInput, PreparedFile, StoredFile, StoredState};
use super::{
    command::Command,
    diagnostics::Whom,
    model::{Traffic, Transport},
    opening::Port,
    storage::StoreReply,
};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);
    };
}

number!(
    /// A command that waits for its answer.
    CallId
);
number!(
    /// A connection.
    LinkId
);
number!(
    /// A replication stream.
    SessionId
);
number!(
    /// A request to the store or a job whose result comes back as an input.
    Ticket
);
number!(
    /// A new device that waits for its certificate.
    PairingId
);
number!(
    /// An inbound attachment stream that waits for a decision.
    BlobStreamId
);

/// The time as the shell read it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines and durations.
    pub instant: Instant,
    /// Milliseconds since 1970, for what is shown and signed.
    pub unix_ms: u64,
}

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A front end wants something.
    Call {
        /// Names the answer.
        id: CallId,
        /// What it wants.
        command: Command,
    },
    /// The store finished an operation.
    Store(StoreReply),
    /// The tie to the rendezvous server.
    Server(ServerInput),
    /// Connections to other devices.
    Link(LinkInput),
    /// Replication streams.
    Sync(SyncInput),
    /// Gossip of groups.
    Gossip(GossipInput),
    /// Attachments.
    Attachment(AttachmentInput),
    /// A new device shows that it knows the code for it.
    Pairing {
        /// Names the answer.
        pairing: PairingId,
        /// The device.
        device: DeviceId,
        /// That it knows the secret.
        proof: MembershipProof,
    },
    /// The addresses on which this peer listens or is known to be reachable.
    Addresses(Vec<Multiaddr>),
    /// A port in the router.
    Opening(OpeningInput),
    /// What passed between this device and others since the start.
    Traffic(BTreeMap<DeviceId, Traffic>),
    /// Something that was tried did not work.
    Failed {
        /// With whom.
        whom: Whom,
        /// Where, if that can be said.
        address: Option<Multiaddr>,
        /// Why, for a person.
        text: String,
    },
    /// A deadline passed.
    Tick,
}

/// What the router said.
#[derive(Debug)]
pub enum OpeningInput {
    /// A port is open.
    Opened {
        /// The port here.
        port: Port,
        /// What others can call.
        external: SocketAddrV4,
        /// How long it stays open.
        lifetime: Duration,
        /// The protocol by which the router was asked.
        by: &'static str,
    },
    /// None was opened.
    Failed {
        /// The port here.
        port: Port,
        /// Why, for a person.
        text: String,
    },
}

/// What happens between this peer and the rendezvous server.
#[derive(Debug)]
pub enum ServerInput {
    /// The stream for requests is open.
    Opened {
        /// The server is on this machine.
        loopback: bool,
    },
    /// A frame came.
    Frame(ServerFrame),
    /// The connection or the stream could not be made, or is gone.
    Closed {
        /// Why, for a person.
        text: String,
    },
    /// How the server sees this device at one of its addresses.
    Seen {
        /// The server's address.
        at: Multiaddr,
        /// This device's as it sees it.
        address: Multiaddr,
    },
    /// The server does not answer at an address that was asked for that.
    Silent {
        /// The server's address.
        at: Multiaddr,
        /// Why, for a person.
        text: String,
    },
    /// The server's puzzle is solved; none if it is harder than any server may set.
    Solved {
        /// The answer.
        answer: Option<u64>,
    },
    /// The server keeps a place for circuits to this peer.
    Reserved,
    /// It does not any more, or refused.
    ReservationLost,
}

/// What happens to connections.
#[derive(Debug)]
pub enum LinkInput {
    /// A connection was made.
    Opened {
        /// The other device.
        device: DeviceId,
        /// The connection.
        link: LinkId,
        /// Through a circuit.
        relayed: bool,
        /// What carries it.
        transport: Transport,
        /// This side dialled.
        dialled: bool,
        /// Both sides dialled at once, through their routers.
        punched: bool,
        /// The other end, if it is known.
        address: Option<Multiaddr>,
    },
    /// It is gone.
    Closed {
        /// The other device.
        device: DeviceId,
        /// The connection.
        link: LinkId,
    },
    /// A ping came back.
    RoundTrip {
        /// The other device.
        device: DeviceId,
        /// The connection.
        link: LinkId,
        /// Milliseconds.
        rtt_ms: u32,
    },
    /// The connection came about by a punched hole.
    Punched {
        /// The other device.
        device: DeviceId,
        /// The connection.
        link: LinkId,
    },
    /// No address of a dial answered.
    DialFailed {
        /// The other device.
        device: DeviceId,
    },
    /// The local network told of a device.
    Found {
        /// The device.
        device: DeviceId,
        /// Where.
        address: Multiaddr,
    },
}

/// What happens on replication streams.
#[derive(Debug)]
pub enum SyncInput {
    /// The other side opened a stream.
    Accepted {
        /// The stream.
        session: SessionId,
        /// The other device.
        device: DeviceId,
    },
    /// A stream that this side wanted is open.
    Opened {
        /// The stream.
        session: SessionId,
    },
    /// A frame came.
    Frame {
        /// The stream.
        session: SessionId,
        /// The frame.
        frame: Box<SyncFrame>,
    },
    /// A frame with events came, whose signatures were checked on the way here.
    Events {
        /// The stream.
        session: SessionId,
        /// The events.
        checked: CheckedEvents,
    },
    /// Frames were handed to the connection.
    Written {
        /// The stream.
        session: SessionId,
    },
    /// The stream is gone, or could not be opened.
    Closed {
        /// The stream.
        session: SessionId,
    },
}

impl SyncInput {
    /// A frame that came on a stream. Its events are checked here, which is most of the work with them,
    /// so that streams do that beside each other.
    pub fn arrived(session: SessionId, frame: SyncFrame) -> Self {
        match frame {
            SyncFrame::Events(events) => {
                Self::Events { session, checked: CheckedEvents::of(events.into_inner()) }
            }
            frame => Self::Frame { session, frame: Box::new(frame) },
        }
    }
}

/// What happens to gossip.
#[derive(Debug)]
pub enum GossipInput {
    /// A message came.
    Message {
        /// The group.
        tag: TopicTag,
        /// The sealed message.
        bytes: Vec<u8>,
    },
    /// A message was handed to at least one other node.
    Published {
        /// The message.
        ticket: Ticket,
        /// It was; if not, nobody took it.
        taken: bool,
    },
    /// How many members pass the group's messages on to this peer, and it to them.
    Meshed {
        /// The group.
        tag: TopicTag,
        /// The members.
        members: usize,
    },
    /// Another node relays the group's topic to this peer.
    Ready {
        /// The group.
        tag: TopicTag,
    },
    /// No other node does.
    Unready {
        /// The group.
        tag: TopicTag,
    },
}
