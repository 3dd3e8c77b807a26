//! Everything that the core wants done, as one closed enum.

use std::{collections::BTreeSet, path::PathBuf};

use libp2p::Multiaddr;
use wire::{
    blob::{BlobReply, BlobRequest},
    id::{BlobHash, Challenge, DeviceId, TopicTag},
    pairing::PairingReply,
    rendezvous::ClientFrame,
    sync::SyncFrame,
};

use super::{
    command::{Answer, Failure, FileSource},
    input::{BlobStreamId, CallId, LinkId, PairingId, SessionId, Ticket},
    notice::Notice,
    opening::Port,
    storage::StoreOp,
};

/// Something to be done by the shell.
#[derive(Debug)]
pub enum Effect {
    /// Read or write the store. Operations take effect in this order.
    Store(StoreOp),
    /// Answer a command.
    Answer {
        /// The command.
        call: CallId,
        /// The answer.
        result: Result<Answer, Failure>,
    },
    /// Tell the front ends.
    Notice(Notice),
    /// Connect to the server at these addresses, beside others that are being tried, and open the stream for
    /// requests.
    ConnectServer {
        /// The addresses.
        addresses: Vec<Multiaddr>,
    },
    /// Drop the connection to the server, if any.
    DisconnectServer,
    /// Send a frame to the server.
    SendServer(ClientFrame),
    /// Solve the server's puzzle beside the loop.
    Solve {
        /// What it is about.
        challenge: Challenge,
        /// How hard it is.
        difficulty: u8,
    },
    /// Ask the server to keep a place for circuits to this peer.
    Reserve,
    /// Dial a device at these addresses.
    Dial {
        /// The device.
        device: DeviceId,
        /// Addresses; if empty, through a circuit of the server.
        addresses: Vec<Multiaddr>,
    },
    /// Keep this device's address from these devices and no others: no connection to them but through circuits, and
    /// no hole punching.
    HideFrom {
        /// The devices.
        devices: BTreeSet<DeviceId>,
    },
    /// Ask the router to let others in to a port.
    OpenPort {
        /// The port.
        port: Port,
    },
    /// Others can reach this device at an address, or not any more.
    Reachable {
        /// The address.
        address: Multiaddr,
        /// Whether they can.
        reachable: bool,
    },
    /// Ask the server at further addresses how it sees this device.
    ProbeServer {
        /// The addresses.
        addresses: Vec<Multiaddr>,
    },
    /// Close a connection.
    CloseLink {
        /// The connection.
        link: LinkId,
    },
    /// Open a replication stream.
    OpenSync {
        /// Names the stream.
        session: SessionId,
        /// The other device.
        device: DeviceId,
    },
    /// Send a frame; the shell says when it was handed over.
    SendSync {
        /// The stream.
        session: SessionId,
        /// The frame.
        frame: SyncFrame,
    },
    /// Close a stream after what was sent.
    CloseSync {
        /// The stream.
        session: SessionId,
    },
    /// Take part in a group's topic.
    Subscribe(TopicTag),
    /// Stop that.
    Unsubscribe(TopicTag),
    /// Gossip a sealed message; the shell says when another node took it.
    Publish {
        /// Names it.
        ticket: Ticket,
        /// The group.
        tag: TopicTag,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Answer a new device.
    AnswerPairing {
        /// The device's stream.
        pairing: PairingId,
        /// The answer.
        reply: PairingReply,
    },
    /// Read a file to be sent.
    Prepare {
        /// Names the job.
        ticket: Ticket,
        /// The file.
        source: FileSource,
    },
    /// Copy an attachment that is here whole.
    Save {
        /// Names the job.
        ticket: Ticket,
        /// The attachment.
        blob: BlobHash,
        /// Where to.
        to: PathBuf,
    },
    /// Fetch what is missing of an attachment from a device.
    Fetch {
        /// Names the transfer.
        ticket: Ticket,
        /// The device.
        device: DeviceId,
        /// The request; the shell fills in the ranges that are missing.
        request: BlobRequest,
        /// Bytes of the whole.
        size: u64,
    },
    /// End a transfer at once. Nothing is heard of it any more.
    StopFetch {
        /// The transfer.
        ticket: Ticket,
    },
    /// Let go of an attachment that was fetched, whole or in part.
    Evict {
        /// The attachment.
        blob: BlobHash,
    },
    /// Delete an attachment.
    Forget {
        /// The attachment.
        blob: BlobHash,
    },
    /// Send an attachment on a stream that waits.
    Serve {
        /// The stream.
        stream: BlobStreamId,
        /// What was asked.
        request: BlobRequest,
    },
    /// Refuse it.
    Refuse {
        /// The stream.
        stream: BlobStreamId,
        /// Why.
        reply: BlobReply,
    },
}
