//! A rendezvous server on loopback and peers with data of their own, all in one temporary folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use libp2p::Multiaddr;
use rendezvous_server::{config, server::Server};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wire::name::Username;

use crate::node::{self, Node};

/// A server and room for peers.
#[derive(Debug)]
pub(super) struct World {
    folder: TempDir,
    addresses: Vec<Multiaddr>,
    shutdown: CancellationToken,
    server: JoinSet<()>,
}

impl World {
    /// Starts the server.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("natterjack-demo-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        let config = config::Config {
            data_dir: folder.path().join("server"),
            listen: loopback()?,
            ..config::Config::default()
        };
        let server = Server::bind(config).await.context("the server does not start")?;
        let addresses = server.addresses().clone();
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let token = shutdown.clone();
        tasks.spawn(async move {
            if let Err(error) = server.run(token).await {
                tracing::error!(%error, "the server ended");
            }
        });
        Ok(Self { folder, addresses, shutdown, server: tasks })
    }

    /// Addresses of the server.
    pub(super) fn addresses(&self) -> &[Multiaddr] {
        &self.addresses
    }

    /// Where everything lies until the demo ends.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder of a peer.
    pub(super) fn data_dir(&self, username: &Username) -> PathBuf {
        self.folder.path().join(username.as_str())
    }

    /// Starts a peer, or starts it again with the data that it has.
    pub(super) async fn peer(&self, username: &Username, relay_only: bool) -> anyhow::Result<Node> {
        let config = node::Config {
            data_dir: self.data_dir(username),
            rendezvous: self.addresses.clone(),
            token: None,
            username: username.clone(),
            listen: loopback()?,
            relay_only,
            local_network: false,
            attachment_quota: node::ATTACHMENT_QUOTA,
        };
        node::start(config).await.with_context(|| format!("@{username} does not start"))
    }

    /// Ends the server and removes the folder.
    pub(super) async fn close(mut self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        while self.server.join_next().await.is_some() {}
        self.folder.close().context("cannot remove the temporary folder")
    }
}

fn loopback() -> anyhow::Result<Vec<Multiaddr>> {
    Ok(vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse()?, "/ip4/127.0.0.1/tcp/0".parse()?])
}
