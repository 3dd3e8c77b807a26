//! Looks for what would keep a server from working: files, ports, addresses, limits of the system.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use libp2p::{Multiaddr, multiaddr::Protocol};

use crate::{
    addresses,
    config::Config,
    data_dir::{DataDir, DataDirError},
    identity, listen, setup,
    store::sqlite::SqliteNames,
    system,
};

/// Files that a server needs beside its connections.
const OTHER_FILES: u64 = 256;
/// What QUIC wants to receive into; the library asks for as much.
const RECEIVE_BUFFER: u64 = 2 * 1024 * 1024;
/// Time for the own address to answer.
const DIAL_WITHIN: Duration = Duration::from_secs(3);
/// The clock is wrong if it shows a time before this: 2025, in milliseconds since 1970.
const CLOCK_MIN: u64 = 1_735_689_600_000;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Fine,
    /// It works, not as well as it could, or nobody can tell from here.
    Warning,
    /// It does not work.
    Fault,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What, and what to do.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Fine => "ok   ",
            Level::Warning => "warn ",
            Level::Fault => "FAIL ",
        };
        write!(formatter, "{level} {}", self.text)
    }
}

fn fine(text: impl Into<String>) -> Finding {
    Finding { level: Level::Fine, text: text.into() }
}

fn warning(text: impl Into<String>) -> Finding {
    Finding { level: Level::Warning, text: text.into() }
}

fn fault(text: impl Into<String>) -> Finding {
    Finding { level: Level::Fault, text: text.into() }
}

/// Looks at everything. `is_running` tells whether the server runs now, which holds its ports and
/// its data folder.
pub fn all(config: &Config, is_running: bool) -> Vec<Finding> {
    let mut findings = vec![match &config.file {
        Some(file) => fine(format!("configuration {}", file.display())),
        None => fine("no configuration, so the defaults"),
    }];
    findings.push(if is_running {
        fine("the server runs")
    } else {
        fine("the server does not run")
    });
    findings.extend(data_folder(&config.data_dir, is_running));
    if !is_running {
        findings.extend(config.listen.iter().map(port));
    }
    findings.extend(reachability(config, is_running));
    findings.extend(limits(config));
    findings
}

fn data_folder(path: &Path, is_running: bool) -> Vec<Finding> {
    let locked = match DataDir::open(path) {
        Ok(locked) => Some(locked),
        Err(DataDirError::InUse { .. }) if is_running => None,
        Err(error) => return vec![fault(error.to_string())],
    };
    let mut findings = vec![fine(format!("data folder {}", path.display()))];
    if let Some(locked) = locked {
        findings.push(match identity::load_or_create(path) {
            Ok(key) => fine(format!("key of {}", key.id().peer_id())),
            Err(error) => fault(error.to_string()),
        });
        findings.push(match SqliteNames::open(&locked.names()).and_then(|store| store.rows()) {
            Ok(rows) => fine(format!("{} registered names, {} bans", rows.names, rows.bans)),
            Err(error) => fault(error.to_string()),
        });
    }
    if let Some(free) = system::disk_free(path) {
        let (free, min) = (free / (1024 * 1024), 100);
        findings.push(if free < min {
            fault(format!("{free} MiB free on the disk of the data folder; make room for {min}"))
        } else {
            fine(format!("{free} MiB free on the disk of the data folder"))
        });
    }
    findings
}

fn port(address: &Multiaddr) -> Finding {
    match listen::probe(address) {
        Ok(()) => fine(format!("{address} is free to listen on")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            fault(format!("{address} is in use by another program; stop it or choose another port"))
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => fault(format!(
            "{address} needs a right: run under systemd with CAP_NET_BIND_SERVICE, or choose a port of 1024 or more"
        )),
        Err(error) if is_any_v6(address) => warning(format!("{address}: no IPv6 here ({error})")),
        Err(error) => fault(format!("cannot listen on {address}: {error}")),
    }
}

fn is_any_v6(address: &Multiaddr) -> bool {
    addresses::ip_of(address).is_some_and(|ip| ip.is_ipv6() && ip.is_unspecified())
}

fn reachability(config: &Config, is_running: bool) -> Vec<Finding> {
    let own = setup::own_addresses();
    let told = if config.external_addresses.is_empty() {
        setup::external_addresses(&config.listen, &own)
    } else {
        config.external_addresses.clone()
    };
    let mut findings: Vec<_> = told.iter().map(|it| address(it, is_running)).collect();
    let is_public = |it: &Multiaddr| addresses::ip_of(it).is_none_or(addresses::is_public);
    if !told.iter().any(is_public) {
        findings.push(warning(
            "no public address is known: clients elsewhere need one in external_addresses (--external-address)",
        ));
    }
    findings
}

/// What can be told of an address from inside.
fn address(address: &Multiaddr, is_running: bool) -> Finding {
    let Some(ip) = addresses::ip_of(address) else {
        return warning(format!("{address} has a name, which is not looked up here"));
    };
    if !addresses::is_public(ip) {
        return warning(format!("{address} is for clients in this network alone"));
    }
    let Some(Protocol::Tcp(port)) = address.iter().nth(1) else {
        return fine(format!(
            "{address} is public; only a client elsewhere can tell whether it is reached"
        ));
    };
    if !is_running {
        return fine(format!("{address} is public; check again while the server runs"));
    }
    match TcpStream::connect_timeout(&SocketAddr::new(ip, port), DIAL_WITHIN) {
        Ok(_stream) => fine(format!("{address} is public and answers from this machine")),
        Err(error) => warning(format!(
            "{address} does not answer from this machine ({error}): open the port in the firewall; some routers cannot reach their own outside"
        )),
    }
}

fn limits(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let wanted = u64::from(config.connections.total) + OTHER_FILES;
    if let Some(files) = system::open_files_max() {
        findings.push(if files < wanted {
            warning(format!(
                "{files} open files are allowed, {wanted} are wanted for connections.total: raise LimitNOFILE (ulimit -n)"
            ))
        } else {
            fine(format!("{files} open files are allowed"))
        });
    }
    if let Some(buffer) = system::receive_buffer_max() {
        findings.push(if buffer < RECEIVE_BUFFER {
            warning(format!(
                "net.core.rmem_max is {buffer}: under load QUIC loses packets; set {RECEIVE_BUFFER} with sysctl"
            ))
        } else {
            fine(format!("net.core.rmem_max is {buffer}"))
        });
    }
    findings.push(fine(format!("{} MiB of memory", system::memory() / (1024 * 1024))));
    findings.push(if system::unix_ms() < CLOCK_MIN {
        warning("the clock is years behind: tokens of invitations do not expire; set up NTP")
    } else {
        fine("the clock shows a possible time")
    });
    findings
}

/// What another server told of the addresses.
pub fn from_outside(reached: BTreeMap<Multiaddr, Option<bool>>) -> Vec<Finding> {
    let finding = |(address, reached)| match reached {
        Some(true) => fine(format!("{address} is reached from the other server")),
        Some(false) => fault(format!(
            "{address} is not reached from the other server: open the port in every firewall on the way"
        )),
        None => warning(format!("{address} was not tested by the other server")),
    };
    reached.into_iter().map(finding).collect()
}

/// The worst of what was found.
pub fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Fine)
}

/// Writes what was found, a line each.
pub fn print(findings: &[Finding], output: &mut impl io::Write) -> io::Result<()> {
    findings.iter().try_for_each(|finding| writeln!(output, "{finding}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn found(config: &Config, level: Level, part: &str) -> bool {
        all(config, false).iter().any(|it| it.level == level && it.text.contains(part))
    }

    #[test]
    fn a_port_in_use_and_a_damaged_store_are_faults() {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Config {
            data_dir: dir.path().to_owned(),
            listen: vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()],
            ..Config::default()
        };
        assert!(found(&config, Level::Fault, "in use by another program"));
        assert!(found(&config, Level::Fine, "0 registered names"));
        drop(listener);
        assert!(found(&config, Level::Fine, "free to listen on"));
        std::fs::write(dir.path().join("names.sqlite"), "no database").unwrap();
        assert!(found(&config, Level::Fault, "damaged"));
        assert_eq!(worst(&all(&config, false)), Level::Fault);
    }

    #[test]
    fn private_addresses_are_told_to_be_private() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: dir.path().to_owned(),
            external_addresses: vec!["/ip4/192.168.1.2/tcp/4001".parse().unwrap()],
            ..Config::default()
        };
        assert!(found(&config, Level::Warning, "in this network alone"));
        assert!(found(&config, Level::Warning, "no public address is known"));
    }
}
