//! A real server on loopback.

use std::time::Duration;

use libp2p::Multiaddr;
use rendezvous_server::{config::Config, operator::Operator, server::Server};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server on loopback, TCP and QUIC.
pub(crate) struct TestServer {
    pub(crate) tcp: Multiaddr,
    pub(crate) quic: Multiaddr,
    pub(crate) data_dir: TempDir,
    pub(crate) operator: Operator,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

pub(crate) fn loopback_config(data_dir: &TempDir) -> Config {
    Config {
        data_dir: data_dir.path().to_owned(),
        listen: vec![
            "/ip4/127.0.0.1/tcp/0".parse().unwrap(),
            "/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap(),
        ],
        ..Config::default()
    }
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), |_config| {}).await
    }

    pub(crate) async fn start_in(data_dir: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = loopback_config(&data_dir);
        change(&mut config);
        let server = Server::bind(config).await.unwrap();
        let (addresses, operator) = (server.addresses(), server.operator());
        let find = |part: &str| {
            addresses.iter().find(|it| it.to_string().contains(part)).cloned().unwrap()
        };
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        let running = tokio::spawn(async move { server.run(token).await.unwrap() });
        Self { tcp: find("/tcp/"), quic: find("/quic-v1"), data_dir, operator, shutdown, running }
    }

    /// Ends the server and returns its data folder.
    pub(crate) async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        within("the server's end", self.running).await.unwrap();
        self.data_dir
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_elapsed| panic!("{what} did not come"))
}
