//! Which devices are registered now, where they are, and who wants to know. Pure, and gone at a
//! restart.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use wire::{
    account::AccountRecord,
    bounded::Bounded,
    id::{AccountId, DeviceId},
    limits::{DEVICES_MAX, WATCH_MAX},
    rendezvous::{Member, Push, Reachable},
    signed::Signed,
};

use crate::{names::NameEntry, service::ClientId, topics::QuotaReached};

/// A registered device.
#[derive(Debug)]
struct Present {
    client: ClientId,
    account: AccountId,
    reachable: Reachable,
}

/// An account with at least one registered device.
#[derive(Debug)]
struct PresentAccount {
    signed: Signed<AccountRecord>,
    devices: BTreeSet<DeviceId>,
}

/// The registered devices and the watchers of their accounts.
#[derive(Debug)]
pub struct Presence {
    devices: BTreeMap<DeviceId, Present>,
    accounts: BTreeMap<AccountId, PresentAccount>,
    watchers: BTreeMap<AccountId, BTreeSet<ClientId>>,
    watched: BTreeMap<ClientId, BTreeSet<AccountId>>,
    watches: usize,
    watches_max: usize,
}

impl Presence {
    /// Starts with nobody present. `watches_max` bounds what all clients together may watch.
    pub fn new(watches_max: usize) -> Self {
        Self {
            devices: BTreeMap::new(),
            accounts: BTreeMap::new(),
            watchers: BTreeMap::new(),
            watched: BTreeMap::new(),
            watches: 0,
            watches_max,
        }
    }

    /// Takes over another bound on what all clients together may watch.
    pub fn set_watches_max(&mut self, watches_max: usize) {
        self.watches_max = watches_max;
    }

    /// Registered devices, and accounts with one.
    pub fn counts(&self) -> (usize, usize) {
        (self.devices.len(), self.accounts.len())
    }

    /// Accounts that all clients together watch.
    pub fn watches(&self) -> usize {
        self.watches
    }

    /// The registered devices of an account.
    pub fn devices_of(&self, account: &AccountId) -> Vec<DeviceId> {
        self.accounts.get(account).into_iter().flat_map(|it| &it.devices).copied().collect()
    }

    /// The registered devices with their accounts and streams.
    pub fn all(&self) -> impl Iterator<Item = (DeviceId, AccountId, ClientId)> {
        self.devices.iter().map(|(device, it)| (*device, it.account, it.client))
    }

    /// The stream through which a device is registered.
    pub fn client(&self, device: &DeviceId) -> Option<ClientId> {
        self.devices.get(device).map(|present| present.client)
    }

    /// The account that a device is registered for.
    pub fn account(&self, device: &DeviceId) -> Option<AccountId> {
        self.devices.get(device).map(|present| present.account)
    }

    /// Makes a device present. One that is present already keeps its addresses and changes its
    /// stream; it must be of the same account.
    pub fn arrive(&mut self, client: ClientId, device: DeviceId, entry: &NameEntry) {
        let account = entry.record.account;
        let present = self.devices.entry(device).or_insert_with(|| Present {
            client,
            account,
            reachable: Reachable { device, addresses: Bounded::default() },
        });
        present.client = client;
        let known = self.accounts.entry(account).or_insert_with(|| PresentAccount {
            signed: entry.signed.clone(),
            devices: BTreeSet::new(),
        });
        known.signed = entry.signed.clone();
        known.devices.insert(device);
    }

    /// Makes a device absent. Returns the account that it was registered for.
    pub fn depart(&mut self, device: &DeviceId) -> Option<AccountId> {
        let present = self.devices.remove(device)?;
        if let Entry::Occupied(mut account) = self.accounts.entry(present.account) {
            account.get_mut().devices.remove(device);
            if account.get().devices.is_empty() {
                account.remove();
            }
        }
        Some(present.account)
    }

    /// Replaces where a device can be reached. Returns its account if that changed anything.
    pub fn announce(&mut self, reachable: Reachable) -> Option<AccountId> {
        let present = self.devices.get_mut(&reachable.device)?;
        if present.reachable == reachable {
            return None;
        }
        present.reachable = reachable;
        Some(present.account)
    }

    /// Takes an account's new record. Returns its present devices that the record no longer lists.
    pub fn renew(&mut self, entry: &NameEntry) -> Vec<DeviceId> {
        let Some(account) = self.accounts.get_mut(&entry.record.account) else {
            return Vec::new();
        };
        account.signed = entry.signed.clone();
        let listed = |device: &DeviceId| entry.record.devices.contains(device);
        account.devices.iter().copied().filter(|device| !listed(device)).collect()
    }

    /// The present devices of an account.
    pub fn whereabouts(&self, account: &AccountId) -> Bounded<Reachable, DEVICES_MAX> {
        let devices = self.accounts.get(account).into_iter().flat_map(|account| &account.devices);
        let present = devices.filter_map(|device| self.devices.get(device));
        Bounded::truncated(present.map(|present| present.reachable.clone()))
    }

    /// A present device as a group shows it to its members.
    pub fn member(&self, device: &DeviceId) -> Option<Member> {
        let present = self.devices.get(device)?;
        let record = self.accounts.get(&present.account)?.signed.clone();
        Some(Member { record, reachable: present.reachable.clone() })
    }

    /// The push that tells where an account's devices are.
    pub fn push(&self, account: AccountId) -> Push {
        Push::Presence { account, devices: self.whereabouts(&account) }
    }

    /// Adds accounts that a client watches, all or none. Returns those it did not watch before.
    pub fn watch(
        &mut self,
        client: ClientId,
        accounts: &[AccountId],
    ) -> Result<Vec<AccountId>, QuotaReached> {
        let watched = self.watched.get(&client);
        let is_new = |account: &AccountId| watched.is_none_or(|known| !known.contains(account));
        let new: BTreeSet<_> = accounts.iter().copied().filter(is_new).collect();
        let count = watched.map_or(0, BTreeSet::len) + new.len();
        if count > WATCH_MAX || self.watches + new.len() > self.watches_max {
            return Err(QuotaReached);
        }
        self.watches += new.len();
        for account in &new {
            self.watchers.entry(*account).or_default().insert(client);
        }
        if !new.is_empty() {
            self.watched.entry(client).or_default().extend(&new);
        }
        Ok(new.into_iter().collect())
    }

    /// Ends all that a client watches.
    pub fn unwatch(&mut self, client: ClientId) {
        for account in self.watched.remove(&client).unwrap_or_default() {
            self.watches -= 1;
            if let Entry::Occupied(mut watchers) = self.watchers.entry(account) {
                watchers.get_mut().remove(&client);
                if watchers.get().is_empty() {
                    watchers.remove();
                }
            }
        }
    }

    /// The clients that watch an account.
    pub fn watchers(&self, account: &AccountId) -> Vec<ClientId> {
        self.watchers.get(account).into_iter().flatten().copied().collect()
    }
}
