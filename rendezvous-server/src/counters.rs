//! What the server counts of itself: numbers alone, no names and no contents.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::store::operator::Rows;

/// Events since the start, each only ever more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Connections from clients.
    pub connections: u64,
    /// Connections that were turned away, by reason.
    pub turned_away: BTreeMap<&'static str, u64>,
    /// Requests of clients.
    pub requests: u64,
    /// Refused requests, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Registrations, of known names and new ones.
    pub registrations: u64,
    /// New names.
    pub new_names: u64,
    /// Reservations that were refused.
    pub reservations_refused: u64,
    /// Circuits that were opened.
    pub circuits: u64,
    /// Circuits that were refused.
    pub circuits_refused: u64,
    /// Bytes that went through circuits.
    pub circuit_bytes: u64,
    /// Group messages that came and were relayed.
    pub group_messages: u64,
    /// Group messages that came and were dropped.
    pub group_messages_dropped: u64,
    /// Copies of group messages that went out.
    pub group_copies: u64,
    /// Bytes of group messages that went out.
    pub group_bytes: u64,
    /// Clients that were disconnected because they did not read.
    pub slow_clients: u64,
}

/// What is there at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Gauges {
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Connections from clients, those being set up among them.
    pub connections: usize,
    /// Registered devices.
    pub devices: usize,
    /// Accounts with a registered device.
    pub accounts: usize,
    /// Accounts that clients watch, each client's counted.
    pub watches: usize,
    /// Groups with a present member.
    pub groups: usize,
    /// Memberships in them.
    pub memberships: usize,
    /// Devices with a reservation.
    pub reservations: usize,
    /// Circuits.
    pub circuits: usize,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// How late the loop was in the last second.
    pub loop_lag_ms: f64,
    /// How late it was at most since it was last asked.
    pub loop_lag_max_ms: f64,
    /// The server takes nobody new.
    pub busy: bool,
    /// Leading zero bits that the puzzle for a new name wants now.
    pub puzzle_bits: u8,
}

/// All that the server tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// The server's version.
    pub version: &'static str,
    /// The server's id.
    pub server: String,
    /// Its process.
    pub pid: u32,
    /// The addresses under which clients reach it.
    pub addresses: Vec<String>,
    /// What is there now.
    pub now: Gauges,
    /// What happened since the start.
    pub since_start: Counters,
    /// What is kept on the disk.
    pub kept: Rows,
}
