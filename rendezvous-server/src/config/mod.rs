//! What an operator can set: a TOML file, overridden by flags, checked once by [`Config::validate`].
//!
//! Every field has a default that serves a developer's machine and a small public server alike.

mod sections;

use std::{fs, path::PathBuf};

use libp2p::{Multiaddr, multiaddr::Protocol};
use serde::Deserialize;
use thiserror::Error;
use wire::limits::{PUZZLE_DIFFICULTY_MAX, TOPICS_MAX};

pub use self::sections::{
    AdmissionConfig, ConnectionConfig, GroupConfig, OverloadConfig, RelayConfig, RequestConfig,
};

/// The defaults as a commented file.
pub const TEMPLATE: &str = include_str!("default.toml");

/// Port that the server listens on by default, TCP and UDP.
pub const DEFAULT_PORT: u16 = 4001;
/// Addresses that a configuration may list, of each kind.
pub const ADDRESSES_MAX: usize = 64;

/// The least that may be sent through circuits at once.
const CIRCUIT_BURST_MIN: u64 = 1024 * 1024;
/// The least that may be sent through circuits in a second.
const CIRCUIT_RATE_MIN: u64 = 1024;

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML, or has an unknown key or a value of the wrong type.
    #[error("{path}, line {line}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A value is out of its bounds.
    #[error("configuration: {0}")]
    Invalid(String),
}

/// How a server runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder for the key and the registered names; made if missing. Set by flag only.
    #[serde(skip)]
    pub data_dir: PathBuf,
    /// The file that this was read from; none for defaults. Set by flag only.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// Addresses to listen on, as `/ip4/0.0.0.0/udp/4001/quic-v1` or `/ip6/::/tcp/4001`.
    /// Port 0 takes any free port.
    pub listen: Vec<Multiaddr>,
    /// Addresses under which clients reach the server; without any, those it listens on.
    pub external_addresses: Vec<Multiaddr>,
    /// Who may take a new name.
    pub admission: AdmissionConfig,
    /// Limits on connections.
    pub connections: ConnectionConfig,
    /// Limits on requests and registrations.
    pub requests: RequestConfig,
    /// Limits on groups and on their messages.
    pub groups: GroupConfig,
    /// Limits on relayed circuits.
    pub relay: RelayConfig,
    /// When nobody new is taken in.
    pub overload: OverloadConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("rendezvous-data"),
            file: None,
            listen: default_listen(),
            external_addresses: Vec::new(),
            admission: AdmissionConfig::default(),
            connections: ConnectionConfig::default(),
            requests: RequestConfig::default(),
            groups: GroupConfig::default(),
            relay: RelayConfig::default(),
            overload: OverloadConfig::default(),
        }
    }
}

fn default_listen() -> Vec<Multiaddr> {
    use std::net::{Ipv4Addr, Ipv6Addr};

    let hosts = [Protocol::from(Ipv4Addr::UNSPECIFIED), Protocol::from(Ipv6Addr::UNSPECIFIED)];
    let quic = hosts.iter().map(|host| {
        let udp = Multiaddr::empty().with(host.clone()).with(Protocol::Udp(DEFAULT_PORT));
        udp.with(Protocol::QuicV1)
    });
    let tcp = hosts
        .iter()
        .map(|host| Multiaddr::empty().with(host.clone()).with(Protocol::Tcp(DEFAULT_PORT)));
    quic.chain(tcp).collect()
}

impl Config {
    /// Reads a TOML file; what it leaves out has its default.
    pub fn read(path: PathBuf) -> Result<Self, ConfigError> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(ConfigError::Read { path, source }),
        };
        let read = toml::from_str::<Self>(&text);
        let read = read.map(|config| Self { file: Some(path.clone()), ..config });
        read.map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
            // Some messages explain themselves over several lines.
            let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            ConfigError::Parse { path, line, message }
        })
    }

    /// What a file that was read again changes, while flags stay as they were.
    pub fn renewed(&self, read: Self) -> Result<Self, ConfigError> {
        let renewed = Self {
            data_dir: self.data_dir.clone(),
            file: self.file.clone(),
            listen: self.listen.clone(),
            external_addresses: self.external_addresses.clone(),
            ..read
        };
        renewed.validate()?;
        Ok(renewed)
    }

    /// The sections of another configuration that a running server cannot take over.
    pub fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        let (before, after) = (&self.connections, &other.connections);
        let fixed = |it: &ConnectionConfig| (it.total, it.per_device, it.pending, it.idle_seconds);
        let mut sections = Vec::new();
        if fixed(before) != fixed(after)
            || before.registration_seconds != after.registration_seconds
        {
            sections.push(
                "[connections] total, per_device, pending, idle_seconds, registration_seconds",
            );
        }
        let (before, after) = (&self.relay, &other.relay);
        let fixed = |it: &RelayConfig| {
            (
                it.reservations,
                it.circuits,
                it.circuits_per_device,
                it.circuit_hours,
                it.circuit_bytes,
            )
        };
        if fixed(before) != fixed(after) {
            sections.push(
                "[relay] reservations, circuits, circuits_per_device, circuit_hours, circuit_bytes",
            );
        }
        if self.groups.queue != other.groups.queue {
            sections.push("[groups] queue");
        }
        sections
    }

    /// Checks every value against its bounds.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let check = |holds: bool, rule: &str| {
            if holds { Ok(()) } else { Err(ConfigError::Invalid(rule.to_owned())) }
        };
        check(!self.data_dir.as_os_str().is_empty(), "the data folder must be named")?;
        check(!self.listen.is_empty(), "listen must have an address")?;
        check(self.listen.len() <= ADDRESSES_MAX, "listen has too many addresses")?;
        check(
            self.external_addresses.len() <= ADDRESSES_MAX,
            "external_addresses has too many addresses",
        )?;
        for address in &self.listen {
            if !is_listen_address(address) {
                return Err(ConfigError::Invalid(format!(
                    "cannot listen on {address}; addresses look like /ip4/0.0.0.0/tcp/4001 or /ip4/0.0.0.0/udp/4001/quic-v1"
                )));
            }
        }
        check(
            self.admission.free_names > 0 && self.admission.puzzle_bits <= PUZZLE_DIFFICULTY_MAX,
            "admission.free_names must be more than 0 and admission.puzzle_bits at most 24",
        )?;
        check(self.overload.lag_ms >= 10, "overload.lag_ms must be at least 10")?;
        self.validate_limits(check)
    }

    fn validate_limits(
        &self,
        check: impl Fn(bool, &str) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let connections = &self.connections;
        check(
            connections.total > 0 && connections.per_device > 0 && connections.pending > 0,
            "the limits in [connections] must be more than 0",
        )?;
        check(
            connections.per_network > 0
                && connections.per_site > 0
                && connections.new_burst > 0
                && connections.new_per_minute > 0,
            "the limits of networks in [connections] must be more than 0",
        )?;
        check(
            connections.idle_seconds > 0 && connections.registration_seconds > 0,
            "the times in [connections] must be more than 0",
        )?;
        let requests = &self.requests;
        check(
            requests.burst >= 100 && requests.per_second > 0,
            "requests.burst must be at least 100 and requests.per_second more than 0",
        )?;
        check(
            requests.network_burst >= 100 && requests.network_per_second > 0,
            "requests.network_burst must be at least 100 and requests.network_per_second more than 0",
        )?;
        check(
            requests.new_names_burst > 0 && requests.new_names_per_hour > 0,
            "the limits on new names must be more than 0",
        )?;
        let groups = &self.groups;
        check(
            (1..=TOPICS_MAX).contains(&groups.total),
            "groups.total must be 1 to 16384, what clients take",
        )?;
        check(
            groups.per_device > 0 && groups.members > 0 && groups.memberships > 0,
            "the limits in [groups] must be more than 0",
        )?;
        check(
            groups.burst_bytes as usize >= 2 * wire::limits::GOSSIP_MAX
                && groups.network_burst_bytes as usize >= 2 * wire::limits::GOSSIP_MAX
                && groups.network_bytes_per_second > 0
                && groups.bytes_per_second > 0
                && groups.queue > 0,
            "groups.burst_bytes and network_burst_bytes must be at least 262144, and the other rates more than 0",
        )?;
        let relay = &self.relay;
        check(
            relay.circuits_per_device > 0 && (1..=24 * 365).contains(&relay.circuit_hours),
            "relay.circuit_hours must be 1 to 8760 and relay.circuits_per_device more than 0",
        )?;
        check(
            [relay.circuit_burst_bytes, relay.network_circuit_burst_bytes]
                .iter()
                .all(|bytes| *bytes >= CIRCUIT_BURST_MIN)
                && [relay.circuit_bytes_per_second, relay.network_circuit_bytes_per_second]
                    .iter()
                    .all(|bytes| *bytes >= CIRCUIT_RATE_MIN),
            "relay.circuit_burst_bytes must be at least 1048576 and circuit_bytes_per_second at least 1024, and the same of a network",
        )
    }
}

/// An IP address with a TCP port or with a UDP port and QUIC, and nothing else.
fn is_listen_address(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    matches!(parts.next(), Some(Protocol::Ip4(_) | Protocol::Ip6(_)))
        && match parts.next() {
            Some(Protocol::Tcp(_)) => true,
            Some(Protocol::Udp(_)) => parts.next() == Some(Protocol::QuicV1),
            _ => false,
        }
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::newcomers::Mode;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Config::read(file.path().to_owned())
    }

    #[test]
    fn an_empty_file_is_the_default_and_the_default_is_valid() {
        let config = read("").unwrap();
        assert_eq!(config.listen, Config::default().listen);
        config.validate().unwrap();
    }

    #[test]
    fn the_documentation_lists_the_defaults() {
        let text = include_str!("../../../docs/operations.md");
        let (_, block) = text.split_once("```toml\n").unwrap();
        assert_eq!(block.split("```").next().unwrap(), TEMPLATE);
        let documented = Config { file: None, ..read(TEMPLATE).unwrap() };
        assert_eq!(format!("{documented:#?}"), format!("{:#?}", Config::default()));
    }

    #[test]
    fn values_are_taken_from_the_file() {
        let config = read(
            "listen = [\"/ip4/127.0.0.1/tcp/0\"]\n[admission]\nmode = \"invite\"\n[relay]\ncircuits = 7\n",
        )
        .unwrap();
        config.validate().unwrap();
        assert_eq!(config.listen, ["/ip4/127.0.0.1/tcp/0".parse().unwrap()]);
        assert_eq!(config.admission.mode, Mode::Invite);
        assert_eq!(config.relay.circuits, 7);
        assert_eq!(config.relay.circuits_per_device, 256);
    }

    #[test]
    fn an_unknown_key_is_told_in_one_line_with_its_place() {
        for text in ["\n[relay]\ncircuit = 7\n", "\n\nlisten_on = []\n", "\n\ndata_dir = \"x\"\n"] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains("line 3"), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn wrong_types_and_addresses_are_refused() {
        for text in ["listen = 3", "listen = [\"nonsense\"]", "[groups]\ntotal = -1", "= 3"] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, ConfigError::Parse { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        for text in [
            "listen = []",
            "listen = [\"/ip4/127.0.0.1/udp/1\"]",
            "listen = [\"/dns4/example.org/tcp/4001\"]",
            "[admission]\npuzzle_bits = 25",
            "[connections]\nper_network = 0",
            "[groups]\ntotal = 16385",
            "[connections]\nper_device = 0",
            "[relay]\ncircuit_hours = 0",
        ] {
            let error = read(text).unwrap().validate().unwrap_err();
            assert!(matches!(error, ConfigError::Invalid(_)), "{text}: {error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = Config::read(PathBuf::from("/no/such/file")).unwrap_err().to_string();
        assert!(message.contains("/no/such/file"), "{message}");
    }
}
