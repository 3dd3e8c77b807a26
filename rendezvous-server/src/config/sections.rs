//! The sections of the configuration and their defaults.

use serde::Deserialize;

use crate::newcomers::Mode;

/// Who may take a new name. Who has one is always let in.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionConfig {
    /// Everybody, whoever brings a token, or nobody.
    pub mode: Mode,
    /// New names of one hour, from all networks together, before each further one takes a puzzle.
    pub free_names: u32,
    /// How hard the first puzzles are, in bits; they get harder with the number of new names.
    pub puzzle_bits: u8,
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self { mode: Mode::Open, free_names: 1_000, puzzle_bits: 16 }
    }
}

/// When nobody new is taken in; who is connected is served on.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OverloadConfig {
    /// Milliseconds that the server's loop may be late.
    pub lag_ms: u64,
    /// Memory that the server may have, in MiB; 0 for four fifths of the machine's.
    pub memory_mib: u64,
    /// What must be free on the disk of the data folder, in MiB.
    pub disk_free_mib: u64,
}

impl Default for OverloadConfig {
    fn default() -> Self {
        Self { lag_ms: 500, memory_mib: 0, disk_free_mib: 100 }
    }
}

/// Limits on connections.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionConfig {
    /// Connections from clients at one time.
    pub total: u32,
    /// Connections of one device at one time.
    pub per_device: u32,
    /// Connections from one network (an IPv4 address, an IPv6 /64) at one time.
    pub per_network: u32,
    /// Connections from one site (an IPv4 /24, an IPv6 /48) at one time.
    pub per_site: u32,
    /// New connections that one network may make at once.
    pub new_burst: u32,
    /// New connections a minute that one network may go on making.
    pub new_per_minute: u32,
    /// Loopback clients are exempt from limits of networks.
    pub trust_loopback: bool,
    /// Connections that are being set up at one time.
    pub pending: u32,
    /// Seconds after which a connection that nothing uses is closed.
    pub idle_seconds: u64,
    /// Seconds in which a connected device must have registered, or it is disconnected.
    pub registration_seconds: u64,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            total: 10_000,
            per_device: 8,
            per_network: 512,
            per_site: 2_048,
            new_burst: 512,
            new_per_minute: 300,
            trust_loopback: true,
            pending: 1_024,
            idle_seconds: 60,
            registration_seconds: 60,
        }
    }
}

/// Limits on requests and registrations.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestConfig {
    /// Requests that one device may make at once.
    pub burst: u32,
    /// Requests a second that one device may go on making.
    pub per_second: u32,
    /// Requests that one network may make at once.
    pub network_burst: u32,
    /// Requests a second that one network may go on making.
    pub network_per_second: u32,
    /// New names that one network may register at once.
    pub new_names_burst: u32,
    /// New names an hour that one network may go on registering.
    pub new_names_per_hour: u32,
    /// Accounts that all clients together may watch.
    pub watched_accounts: usize,
}

impl Default for RequestConfig {
    fn default() -> Self {
        Self {
            burst: 5_000,
            per_second: 200,
            network_burst: 50_000,
            network_per_second: 2_000,
            new_names_burst: 300,
            new_names_per_hour: 360,
            watched_accounts: 1_000_000,
        }
    }
}

/// Limits on groups and on their messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupConfig {
    /// Groups with a present member.
    pub total: usize,
    /// Groups that one device may be a present member of.
    pub per_device: usize,
    /// Present members of one group.
    pub members: usize,
    /// Present members of all groups together.
    pub memberships: usize,
    /// Bytes a second that one device may go on publishing.
    pub bytes_per_second: u32,
    /// Bytes that one device may publish at once.
    pub burst_bytes: u32,
    /// Bytes a second that one network may go on publishing.
    pub network_bytes_per_second: u32,
    /// Bytes that one network may publish at once.
    pub network_burst_bytes: u32,
    /// Group messages that may wait for one client; more are dropped, and replication repairs that.
    pub queue: usize,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            total: 16_000,
            per_device: 4_096,
            members: 10_000,
            memberships: 1_000_000,
            bytes_per_second: 2 * 1024 * 1024,
            burst_bytes: 32 * 1024 * 1024,
            network_bytes_per_second: 16 * 1024 * 1024,
            network_burst_bytes: 256 * 1024 * 1024,
            queue: 512,
        }
    }
}

/// Limits on relayed circuits. Only registered devices get any.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelayConfig {
    /// Devices that may hold a reservation.
    pub reservations: usize,
    /// Circuits at one time.
    pub circuits: usize,
    /// Circuits of one device at one time, incoming and outgoing.
    pub circuits_per_device: usize,
    /// Hours after which a circuit is closed.
    pub circuit_hours: u64,
    /// Bytes after which a circuit is closed, both directions together; 0 for no limit.
    pub circuit_bytes: u64,
    /// Bytes a second that a device may send through its circuits, lasting.
    pub circuit_bytes_per_second: u64,
    /// Bytes that a device may send through them at once.
    pub circuit_burst_bytes: u64,
    /// Bytes a second that the devices of one network may send; those of a site four times as much.
    pub network_circuit_bytes_per_second: u64,
    /// Bytes that they may send at once.
    pub network_circuit_burst_bytes: u64,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            reservations: 20_000,
            circuits: 4_096,
            circuits_per_device: 256,
            circuit_hours: 7 * 24,
            circuit_bytes: 0,
            circuit_bytes_per_second: 32 * 1024 * 1024,
            circuit_burst_bytes: 512 * 1024 * 1024,
            network_circuit_bytes_per_second: 128 * 1024 * 1024,
            network_circuit_burst_bytes: 2 * 1024 * 1024 * 1024,
        }
    }
}
