//! The command line.

mod operate;
mod run;
mod set_up;

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use libp2p::Multiaddr;

use crate::{config::Config, log, setup::CONFIG_FILE};

/// The Natterjack rendezvous server: registers names, introduces peers, relays circuits and groups.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How the log on standard error looks
    #[arg(long, value_name = "FORMAT", global = true, default_value = "text")]
    log: log::Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prepares a data folder: a key, a commented configuration, the address and an invitation.
    ///
    /// Asks nothing. The public address is found on the network interfaces; where it is not on one,
    /// name it with --external-address.
    Init(Settings),
    /// Runs the server until it gets SIGTERM or SIGINT.
    ///
    /// Prints one line `ready ADDRESS` for each address under which clients reach it, once they
    /// do. Logs go to standard error; `RUST_LOG` chooses what is logged.
    Run(run::Run),
    /// Looks for what would keep the server from working.
    Check(set_up::Check),
    /// Tells how the running server is.
    Status(operate::Status),
    /// Prints the addresses that clients need, without starting the server.
    ///
    /// It knows the key in the data folder (and makes one if there is none yet) and the
    /// configuration: the external addresses, else those to listen on. It cannot know the port
    /// where 0 is configured, nor the public address of a machine whose server listens on all
    /// interfaces; there it prints the loopback address, for use on the same machine.
    Address(Settings),
    /// Makes an invitation: a link with a token that lets so many people take a name.
    Invite(set_up::InviteWanted),
    /// Orders the running server: bans, devices, configuration.
    Admin(operate::Admin),
    /// Sends marked messages through the running server and looks for them in what it has.
    ///
    /// Evidence that this program keeps nothing, not about an operator who runs another one. The
    /// two throw-away peers take two names, the same each time.
    Prove(operate::Prove),
    /// Writes the key and the names into one file, while the server runs or not.
    Backup(set_up::Backup),
    /// Puts such a file into an empty data folder.
    Restore(set_up::Restore),
}

/// Where a server's data is.
#[derive(Args, Debug)]
struct DataFolder {
    /// Folder for the server's key and the registered names
    #[arg(long, value_name = "DIR", env = "NATTERJACK_DATA_DIR")]
    data_dir: PathBuf,
}

#[derive(Args, Debug)]
struct Settings {
    #[command(flatten)]
    folder: DataFolder,
    /// Configuration in TOML, see docs/operations.md [default: server.toml in the data folder, if it is there]
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
        let usual = self.folder.data_dir.join(CONFIG_FILE);
        let file = self.config.or_else(|| usual.is_file().then_some(usual));
        let mut config = match file {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        config.data_dir = self.folder.data_dir;
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
    /// How the log looks.
    pub fn log_format(&self) -> log::Format {
        self.log
    }

    /// Does what the command line asks.
    pub fn execute(self) -> Result<()> {
        match self.command {
            Command::Init(settings) => set_up::init(settings),
            Command::Run(run) => run.execute(),
            Command::Check(check) => check.execute(),
            Command::Status(status) => status.execute(),
            Command::Address(settings) => set_up::print_addresses(&settings.into_config()?),
            Command::Invite(wanted) => wanted.execute(),
            Command::Admin(admin) => admin.execute(),
            Command::Prove(prove) => prove.execute(),
            Command::Backup(backup) => backup.execute(),
            Command::Restore(restore) => restore.execute(),
        }
    }
}

fn print_lines(lines: impl IntoIterator<Item = String>) -> Result<()> {
    let mut stdout = io::stdout().lock();
    for line in lines {
        writeln!(stdout, "{line}").context("cannot write to standard output")?;
    }
    stdout.flush().context("cannot write to standard output")
}

/// For commands that talk to a server.
fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().context("cannot start")
}
