//! The node: one task that owns the swarm and the core, and carries out what the core decides.

mod behaviour;
mod closing;
mod execute;
pub mod files;
mod jobs;
mod listen;
pub(crate) mod lone;
mod meshes;
mod opening;
mod pairing;
mod run;
mod selective;
mod streams;
mod surroundings;
mod traffic;
mod translate;

use std::path::PathBuf;

use libp2p::{Multiaddr, multiaddr::Protocol};
use thiserror::Error;
use tokio::{
    sync::{broadcast, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use wire::{id::DeviceId, name::Username};

pub(crate) use self::run::now;
use crate::{
    blob::store::BlobStore,
    core::{
        machine::{Machine, Setup},
        notice::Notice,
    },
    handle::{self, Handle},
    store::{self, Store},
};

/// Bytes that fetched attachments may take together if the user says nothing else.
pub const ATTACHMENT_QUOTA: u64 = 10 * 1024 * 1024 * 1024;

/// Where and as whom a peer runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Addresses of one rendezvous server, each ending in `/p2p/ID`.
    pub rendezvous: Vec<Multiaddr>,
    /// What the server wants to see before it gives a new name, from an invitation to it.
    pub token: Option<Vec<u8>>,
    /// The name to register.
    pub username: Username,
    /// Where to listen; empty for all interfaces, ports chosen by the system.
    pub listen: Vec<Multiaddr>,
    /// Keep this device's address from contacts: everything goes through the server's circuits.
    pub relay_only: bool,
    /// Look for peers on the local network by multicast DNS.
    pub local_network: bool,
    /// Bytes that fetched attachments may take together; beyond that the oldest go.
    pub attachment_quota: u64,
}

/// Why a node does not start. The text says what to do.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The data folder.
    #[error(transparent)]
    Files(#[from] files::FilesError),
    /// The database.
    #[error("cannot use the data folder")]
    Store(#[from] store::StoreError),
    /// The store of attachments.
    #[error("cannot use the data folder")]
    Blobs(#[from] crate::blob::store::StoreError),
    /// The folder belongs to another name.
    #[error(
        "this data folder belongs to @{registered}; leave the name out, or choose another folder for @{wanted}"
    )]
    OtherName {
        /// The name in the folder.
        registered: Username,
        /// The name that was asked for.
        wanted: Username,
    },
    /// No address of a server was given.
    #[error("no address of a rendezvous server was given")]
    NoServer,
    /// An address of the server is unusable.
    #[error(
        "{address} is no address of a rendezvous server: it must end in /p2p/ and the server's id"
    )]
    ServerAddress {
        /// The address.
        address: Multiaddr,
    },
    /// Addresses of several servers were given.
    #[error("the addresses are of different servers; give the addresses of one")]
    SeveralServers,
    /// The network stack does not start.
    #[error("cannot start the network: {0}")]
    Network(String),
    /// An address to listen on is unusable.
    #[error("cannot listen on {address}: {reason}; choose another address or port")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// Why.
        reason: String,
    },
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    /// The front ends' way in.
    pub handle: Handle,
    /// Notices from the very first.
    pub notices: broadcast::Receiver<Notice>,
    /// Ends with the node.
    pub task: JoinHandle<()>,
    /// Ends the node.
    pub shutdown: CancellationToken,
}

impl Node {
    /// Asks the node to end and waits until everything is on the disk.
    pub async fn stop(self) {
        self.shutdown.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the node failed");
        }
    }
}

/// Splits addresses of one server into its id and the addresses without it.
pub fn server_of(addresses: &[Multiaddr]) -> Result<(DeviceId, Vec<Multiaddr>), NodeError> {
    let mut server = None;
    let mut plain = Vec::new();
    for address in addresses {
        let mut rest = address.clone();
        let id = match rest.pop() {
            Some(Protocol::P2p(peer)) => DeviceId::try_from(peer).ok(),
            _ => None,
        };
        let id = id.ok_or_else(|| NodeError::ServerAddress { address: address.clone() })?;
        if *server.get_or_insert(id) != id {
            return Err(NodeError::SeveralServers);
        }
        plain.push(rest);
    }
    server.map(|server| (server, plain)).ok_or(NodeError::NoServer)
}

/// Starts a node. It is ready for commands at once, and connects by itself.
pub async fn start(config: Config) -> Result<Node, NodeError> {
    let (server, server_addresses) = server_of(&config.rendezvous)?;
    let files = files::Files::open(&config.data_dir)?;
    let (authority, device_key) = (files.authority()?, files.device_key()?);
    let (replies, store_replies) = mpsc::channel(store::REPLIES);
    let (store, mut snapshot) = Store::open(&files.database(), authority.account(), replies)?;
    if let Some(Ok(record)) =
        snapshot.record.as_ref().filter(|_| snapshot.registered).map(wire::signed::Signed::open)
        && record.username != config.username
    {
        return Err(NodeError::OtherName { registered: record.username, wanted: config.username });
    }
    let blobs = BlobStore::open(&files.blobs())?;
    snapshot.blobs = blobs.list()?;
    let reach =
        behaviour::Reach { relay_only: config.relay_only, local_network: config.local_network };
    let swarm = behaviour::swarm(&device_key.to_libp2p(), server, reach)?;
    let setup = Setup {
        device_key,
        authority,
        username: config.username.clone(),
        server,
        server_addresses: server_addresses.clone(),
        token: config.token.clone(),
        relay_only: config.relay_only,
        blob_dir: files.blobs(),
        attachment_quota: config.attachment_quota,
        seed: rand::random(),
    };
    let machine = Machine::new(setup, snapshot, run::now());
    let (handle, port) = handle::channel();
    let notices = handle.notices();
    let shutdown = CancellationToken::new();
    let parts = run::Parts {
        swarm,
        machine,
        files,
        store,
        store_replies,
        blobs,
        port,
        server,
        server_addresses,
    };
    let mut running = run::Running::new(parts);
    running.listen(&config).await?;
    let token = shutdown.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "the node's own task, which ends with its handles"
    )]
    let task = tokio::spawn(running.run(token));
    Ok(Node { handle, notices, task, shutdown })
}

/// The name that a data folder is registered under, if it is.
pub fn registered_name(data_dir: &std::path::Path) -> Result<Option<Username>, NodeError> {
    if !data_dir.join("messages.sqlite").exists() {
        return Ok(None);
    }
    let files = files::Files::open(data_dir)?;
    let (replies, _waiting) = mpsc::channel(1);
    let (_store, snapshot) = Store::open(&files.database(), files.authority()?.account(), replies)?;
    let record =
        snapshot.record.filter(|_| snapshot.registered).and_then(|record| record.open().ok());
    Ok(record.map(|record| record.username))
}
