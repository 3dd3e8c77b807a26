//! What is done beside a running server: preparing, checking, inviting, backing up.

use std::{io, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use libp2p::{Multiaddr, multiaddr::Protocol};
use wire::invite::Invitation;

use super::{DataFolder, Settings, print_lines};
use crate::{
    addresses, backup, check,
    config::Config,
    data_dir, identity, listen,
    newcomers::Mode,
    probe,
    setup::{self, CONFIG_FILE},
    system,
};

/// Prepares a data folder.
pub(super) fn init(settings: Settings) -> Result<()> {
    let data_dir = settings.folder.data_dir.clone();
    let file = settings.config.clone().unwrap_or_else(|| data_dir.join(CONFIG_FILE));
    let (listen, mut external) = (settings.listen.clone(), settings.external_address.clone());
    let is_new = !file.exists();
    data_dir::create(&data_dir)?;
    let server = identity::load_or_create(&data_dir)?;
    let mut lines = vec![format!("key of {} in {}", server.id().peer_id(), data_dir.display())];
    if is_new {
        let listened = if listen.is_empty() { Config::default().listen } else { listen };
        let own: Vec<_> = setup::own_addresses();
        if external.is_empty() {
            let public: Vec<_> =
                own.iter().copied().filter(|ip| addresses::is_public(*ip)).collect();
            external = setup::external_addresses(&listened, &public);
        }
        setup::write_new(&file, &setup::render(&external))
            .with_context(|| format!("cannot write {}", file.display()))?;
        lines.push(format!("configuration in {}", file.display()));
    } else {
        lines.push(format!("{} is there already and stays as it is", file.display()));
    }
    let config = Settings { config: Some(file), ..settings }.into_config()?;
    if config.external_addresses.is_empty() {
        lines.push(
            "this machine has no public address on an interface: add one as external_addresses, or run init with --external-address /ip4/…/tcp/4001 in a new folder"
                .to_owned(),
        );
    }
    let known = known_addresses(&config)?;
    lines.extend(known.iter().map(|address| format!("address {address}")));
    lines.extend(link_lines(&setup::invite(&server, &plain(&known), Invitation::Server).to_link()));
    lines.push(format!("start it with: rendezvous-server run --data-dir {}", data_dir.display()));
    print_lines(lines)
}

/// What to look at.
#[derive(Args, Debug)]
pub(super) struct Check {
    #[command(flatten)]
    settings: Settings,
    /// Address of another server, which is asked to dial this one's external addresses
    #[arg(long, value_name = "MULTIADDR")]
    from: Option<Multiaddr>,
}

impl Check {
    pub(super) fn execute(self) -> Result<()> {
        let config = self.settings.into_config()?;
        check(&config, self.from.as_ref())
    }
}

/// Prints what keeps the server from working; a fault is an error.
fn check(config: &Config, from: Option<&Multiaddr>) -> Result<()> {
    let is_running = is_running(config)?;
    let mut findings = check::all(config, is_running);
    if let Some(from) = from {
        ensure!(!is_running, "stop the server first: its ports are needed to check from outside");
        let own = setup::own_addresses();
        let external = match &config.external_addresses[..] {
            [] => setup::external_addresses(&config.listen, &own),
            told => told.to_vec(),
        };
        let reached =
            super::runtime()?.block_on(probe::reached(&config.listen, &external, from))?;
        findings.extend(check::from_outside(reached));
    }
    check::print(&findings, &mut io::stdout().lock()).context("cannot write to standard output")?;
    ensure!(check::worst(&findings) < check::Level::Fault, "the server would not work, see FAIL");
    Ok(())
}

#[cfg(unix)]
fn is_running(config: &Config) -> Result<bool> {
    let status = crate::operator::Order::Status;
    let asked = super::operate::ask(&config.data_dir, &status);
    match asked {
        Ok(_status) => Ok(true),
        Err(error)
            if error
                .downcast_ref::<crate::admin::AdminError>()
                .is_some_and(|it| matches!(it, crate::admin::AdminError::NotRunning { .. })) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_running(_config: &Config) -> Result<bool> {
    Ok(false)
}

/// Prints the addresses of a server that need not run.
pub(super) fn print_addresses(config: &Config) -> Result<()> {
    print_lines(known_addresses(config)?.iter().map(ToString::to_string))
}

/// The addresses, complete with the server's id, as far as they are known without a server.
fn known_addresses(config: &Config) -> Result<Vec<Multiaddr>> {
    data_dir::create(&config.data_dir)?;
    let id = identity::load_or_create(&config.data_dir)?.id().peer_id();
    let known: Vec<_> = if config.external_addresses.is_empty() {
        config.listen.iter().filter_map(reachable_here).collect()
    } else {
        config.external_addresses.clone()
    };
    ensure!(
        !known.is_empty(),
        "the addresses are known once the server runs, since it takes any free port"
    );
    Ok(known.iter().map(|it| listen::with_id(it, id)).collect::<Result<_, _>>()?)
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

/// Addresses without the server's id.
fn plain(addresses: &[Multiaddr]) -> Vec<Multiaddr> {
    let without = |address: &Multiaddr| {
        address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
    };
    addresses.iter().map(without).collect()
}

fn link_lines(link: &str) -> Vec<String> {
    let mut lines = vec![format!("invitation {link}")];
    lines.extend(setup::qr(link));
    lines
}

/// What an invitation is to allow.
#[derive(Args, Debug)]
pub(super) struct InviteWanted {
    #[command(flatten)]
    settings: Settings,
    /// People who can take a name with it
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    uses: u32,
    /// Days for which it is good
    #[arg(long, value_name = "DAYS", default_value = "7", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
}

impl InviteWanted {
    pub(super) fn execute(self) -> Result<()> {
        let config = self.settings.into_config()?;
        let server = identity::load_or_create(&config.data_dir)?;
        let lasts = Duration::from_hours(24 * u64::from(self.days));
        let token = setup::token(&server, self.uses, system::unix_ms(), lasts);
        let addresses = plain(&known_addresses(&config)?);
        let link = setup::invite(&server, &addresses, Invitation::Admission(token)).to_link();
        let mut lines = link_lines(&link);
        lines.push(match config.admission.mode {
            Mode::Invite => {
                format!("good for {} new names in the next {} days", self.uses, self.days)
            }
            Mode::Open => {
                "the server is open, so that nobody needs it: set admission.mode to \"invite\""
                    .to_owned()
            }
            Mode::Closed => {
                "the server is closed, so that it helps nobody: set admission.mode to \"invite\""
                    .to_owned()
            }
        });
        print_lines(lines)
    }
}

/// Where a backup goes.
#[derive(Args, Debug)]
pub(super) struct Backup {
    #[command(flatten)]
    folder: DataFolder,
    /// The file to write; must not be there
    file: PathBuf,
}

impl Backup {
    pub(super) fn execute(self) -> Result<()> {
        backup::back_up(&self.folder.data_dir, &self.file)?;
        print_lines([format!(
            "{} has the server's key and names; whoever has it can be this server",
            self.file.display()
        )])
    }
}

/// Where a backup comes from.
#[derive(Args, Debug)]
pub(super) struct Restore {
    #[command(flatten)]
    folder: DataFolder,
    /// The file that `backup` wrote
    file: PathBuf,
}

impl Restore {
    pub(super) fn execute(self) -> Result<()> {
        if !self.file.is_file() {
            bail!("there is no file {}", self.file.display());
        }
        backup::restore(&self.file, &self.folder.data_dir)?;
        print_lines([format!("{} is ready to run", self.folder.data_dir.display())])
    }
}
