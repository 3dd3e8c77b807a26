//! The command line.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};
use libp2p::{Multiaddr, multiaddr::Protocol};
use tokio::signal;
use tokio_util::sync::CancellationToken;

use crate::{addresses, config::Config, data_dir, identity, listen, server::Server};

/// The Natterjack rendezvous server: registers names, introduces peers, relays circuits and groups.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server until it gets SIGTERM or SIGINT.
    ///
    /// Prints one line `ready ADDRESS` for each address under which clients reach it, once they
    /// do. Logs go to standard error; `RUST_LOG` chooses what is logged.
    Run(Settings),
    /// Prints the addresses that clients need, without starting the server.
    ///
    /// It knows the key in the data folder (and makes one if there is none yet) and the
    /// configuration: the external addresses, else those to listen on. It cannot know the port
    /// where 0 is configured, nor the public address of a machine whose server listens on all
    /// interfaces; there it prints the loopback address, for use on the same machine.
    Address(Settings),
}

#[derive(Args, Debug)]
struct Settings {
    /// Folder for the server's key and the registered names
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Configuration in TOML, see docs/operations.md
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen on, may be repeated [default: QUIC and TCP on port 4001, IPv4 and IPv6]
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<Multiaddr>,
    /// Address under which clients reach the server, may be repeated [default: those it listens on]
    #[arg(long, value_name = "MULTIADDR")]
    external_address: Vec<Multiaddr>,
}

impl Settings {
    /// The file's values, overridden by flags.
    fn into_config(self) -> Result<Config> {
        let mut config = match self.config {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        config.data_dir = self.data_dir;
        if !self.listen.is_empty() {
            config.listen = self.listen;
        }
        if !self.external_address.is_empty() {
            config.external_addresses = self.external_address;
        }
        config.validate()?;
        Ok(config)
    }
}

impl Cli {
    /// Does what the command line asks.
    pub fn execute(self) -> Result<()> {
        match self.command {
            Command::Run(settings) => run(settings.into_config()?),
            Command::Address(settings) => print_addresses(&settings.into_config()?),
        }
    }
}

#[tokio::main]
async fn run(config: Config) -> Result<()> {
    let shutdown = shutdown_on_signal()?;
    let server = Server::bind(config).await?;
    print_lines(server.addresses().iter().map(|address| format!("ready {address}")))?;
    Ok(server.run(shutdown).await?)
}

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

fn print_addresses(config: &Config) -> Result<()> {
    data_dir::create(&config.data_dir)?;
    let id = identity::load_or_create(&config.data_dir)?.public().to_peer_id();
    let known: Vec<_> = if config.external_addresses.is_empty() {
        config.listen.iter().filter_map(reachable_here).collect()
    } else {
        config.external_addresses.clone()
    };
    ensure!(
        !known.is_empty(),
        "the addresses are known once the server runs, since it takes any free port"
    );
    let complete: Result<Vec<_>, _> = known.iter().map(|it| listen::with_id(it, id)).collect();
    print_lines(complete?.iter().map(ToString::to_string))
}

/// The address under which this machine reaches a server that listens on another.
fn reachable_here(listen: &Multiaddr) -> Option<Multiaddr> {
    let has_port = |part: &Protocol<'_>| !matches!(part, Protocol::Tcp(0) | Protocol::Udp(0));
    if !listen.iter().all(|part| has_port(&part)) {
        return None;
    }
    let ip = addresses::ip_of(listen).filter(std::net::IpAddr::is_unspecified);
    match ip {
        Some(std::net::IpAddr::V4(_)) => {
            listen.replace(0, |_| Some(Protocol::Ip4(std::net::Ipv4Addr::LOCALHOST)))
        }
        Some(std::net::IpAddr::V6(_)) => {
            listen.replace(0, |_| Some(Protocol::Ip6(std::net::Ipv6Addr::LOCALHOST)))
        }
        None => Some(listen.clone()),
    }
}

fn print_lines(lines: impl Iterator<Item = String>) -> Result<()> {
    let mut stdout = io::stdout().lock();
    for line in lines {
        writeln!(stdout, "{line}").context("cannot write to standard output")?;
    }
    stdout.flush().context("cannot write to standard output")
}
