//! Peers without IO: alone, fed by hand, and in a network in memory with the server's own core.
//! Time is injected and moves only when a test moves it.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on fails")]
#![cfg_attr(not(test), expect(dead_code, reason = "a fuzz target needs a part of it"))]

mod alone;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod details;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod direct;
#[cfg(test)]
mod files;
#[cfg(test)]
mod forks;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod impostors;
#[cfg(test)]
mod large_groups;
mod network;
#[cfg(test)]
mod newest;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod registering;
#[cfg(test)]
mod roads;
pub(crate) mod siege;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod storing;
#[cfg(test)]
mod surroundings;
mod withheld;

use std::time::Instant;

use wire::{
    account::Introduction,
    id::AccountId,
    key::{AccountKey, DeviceKey},
    name::Username,
};

use super::{
    devices::Authority,
    input::Now,
    machine::{Machine, Setup},
};
use crate::store::in_memory::InMemory;

/// When all scenarios begin, milliseconds since 1970.
const BEGINNING: u64 = 1_750_000_000_000;

/// The instant from which a scenario counts.
#[expect(clippy::disallowed_methods, reason = "an instant to begin with; time is added to it")]
pub(in crate::core) fn beginning() -> Instant {
    Instant::now()
}

fn seed(role: u8, number: u16) -> [u8; 32] {
    let mut seed = [role; 32];
    seed[..2].copy_from_slice(&number.to_be_bytes());
    seed
}

fn account_key(number: u16) -> AccountKey {
    AccountKey::from_seed(seed(1, number))
}

fn device_key(number: u16) -> DeviceKey {
    DeviceKey::from_seed(seed(2, number))
}

fn server_key() -> DeviceKey {
    DeviceKey::from_seed(seed(3, 0))
}

/// Who a peer of a scenario is.
#[derive(Clone, Debug)]
struct Person {
    /// Picks the keys.
    number: u16,
    /// Picks the account's key; as `number` for a person's first device.
    account_number: u16,
    /// What a device has that was added by a code, instead of the account's key.
    introduction: Option<Introduction>,
    username: Username,
    relay_only: bool,
}

impl Person {
    fn new(number: u16, username: &str) -> Self {
        let username = Username::new(username).unwrap();
        Self { number, account_number: number, introduction: None, username, relay_only: false }
    }

    fn account(&self) -> AccountId {
        account_key(self.account_number).id()
    }

    fn authority(&self) -> Authority {
        match self.introduction.clone() {
            Some(it) => Authority::introduced(it, device_key(self.number).id()).unwrap(),
            None => Authority::Key(account_key(self.account_number)),
        }
    }

    /// Starts the person's peer with what its store has.
    fn start(&self, store: &mut InMemory, now: Now) -> Machine {
        let setup = Setup {
            device_key: device_key(self.number),
            authority: self.authority(),
            username: self.username.clone(),
            server: server_key().id(),
            server_addresses: Vec::new(),
            token: None,
            relay_only: self.relay_only,
            blob_dir: "blobs".into(),
            attachment_quota: 1000,
            seed: seed(4, self.number),
        };
        let snapshot = store.snapshot(self.account());
        Machine::new(setup, snapshot, now)
    }
}
