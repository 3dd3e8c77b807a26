//! `run`: the server, its admin socket and its monitoring, until a signal comes.

use std::{net::SocketAddr, path::Path};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::{signal, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Settings, print_lines};
use crate::{config::Config, http, operator::Operator, server::Server};

#[derive(Args, Debug)]
pub(super) struct Run {
    #[command(flatten)]
    settings: Settings,
    /// Answer /metrics and /healthz by HTTP there, as 127.0.0.1:9090
    #[arg(long, value_name = "ADDR:PORT")]
    metrics: Option<SocketAddr>,
}

impl Run {
    pub(super) fn execute(self) -> Result<()> {
        run(self.settings.into_config()?, self.metrics)
    }
}

// One thread: most of the work is single packets, and waking another thread costs more than each of them.
#[tokio::main(flavor = "current_thread")]
async fn run(config: Config, metrics: Option<SocketAddr>) -> Result<()> {
    let shutdown = shutdown_on_signal()?;
    let data_dir = config.data_dir.clone();
    let server = Server::bind(config).await?;
    // Ends with the server.
    let mut beside = JoinSet::new();
    if let Some(address) = metrics {
        monitor(address, server.operator(), &mut beside).await?;
    }
    open_admin_socket(&data_dir, server.operator(), &mut beside);
    print_lines(server.addresses().iter().map(|address| format!("ready {address}")))?;
    Ok(server.run(shutdown).await?)
}

async fn monitor(address: SocketAddr, operator: Operator, beside: &mut JoinSet<()>) -> Result<()> {
    if !address.ip().is_loopback() {
        warn!(%address, "everybody who reaches this address can read the metrics");
    }
    let listener = http::bind(address).await;
    let listener = listener.with_context(|| format!("cannot answer /metrics on {address}"))?;
    let at = listener.local_addr().context("the socket for /metrics has no address")?;
    beside.spawn(http::serve(listener, operator));
    print_lines([format!("metrics http://{at}/metrics")])
}

#[cfg(unix)]
fn open_admin_socket(data_dir: &Path, operator: Operator, beside: &mut JoinSet<()>) {
    match crate::admin::bind(data_dir) {
        Ok(listener) => {
            beside.spawn(crate::admin::serve(listener, operator));
        }
        // As where the path of the data folder is too long for a socket.
        Err(error) => warn!(%error, "no admin socket: `admin` and `status` do not work"),
    }
}

#[cfg(not(unix))]
fn open_admin_socket(_data_dir: &Path, _operator: Operator, _beside: &mut JoinSet<()>) {}

/// A token that SIGTERM and SIGINT cancel.
fn shutdown_on_signal() -> Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    #[cfg(unix)]
    let mut terminate =
        signal::unix::signal(signal::unix::SignalKind::terminate()).context("no signals")?;
    #[cfg(unix)]
    let terminated = async move { terminate.recv().await.is_some() };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<bool>();
    #[expect(clippy::disallowed_methods, reason = "waits for signals as long as the program runs")]
    tokio::spawn(async move {
        tokio::select! {
            _ = terminated => {}
            _ = signal::ctrl_c() => {}
        }
        token.cancel();
    });
    Ok(shutdown)
}
