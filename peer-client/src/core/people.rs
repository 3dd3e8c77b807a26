//! Accounts and devices: who is who, and who is present.

use std::collections::{BTreeMap, BTreeSet};

use libp2p::Multiaddr;
use wire::{
    account::AccountRecord,
    id::{AccountId, DeviceId},
    name::Username,
    rendezvous::Reachable,
    signed::Signed,
};

use super::storage::AccountRow;

/// Accounts that are kept; beyond that, strangers are refused.
pub(crate) const ACCOUNTS_MAX: usize = 16 * 1024;

/// Devices of one account that are remembered to have shown its certificate; further ones are refused.
pub(crate) const DEVICES_CERTIFIED_MAX: u32 = 256;

/// Where word of an account came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The rendezvous server, which binds names to accounts.
    Server,
    /// The account's own device, which may claim any name.
    Peer,
}

/// Everybody who was met.
#[derive(Debug, Default)]
pub(crate) struct People {
    accounts: BTreeMap<AccountId, Person>,
    names: BTreeMap<Username, AccountId>,
    devices: BTreeMap<DeviceId, Owner>,
    blocked: BTreeSet<AccountId>,
}

/// Whose a device is, and how well that is known.
#[derive(Clone, Copy, Debug)]
struct Owner {
    account: AccountId,
    evidence: Evidence,
}

/// What speaks for a device's belonging to an account, the better the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    /// A record that a peer showed lists it.
    Listed,
    /// A record that the server has lists it.
    Registered,
    /// The server says that it is present for the account.
    Present,
    /// The device itself showed the account's certificate.
    Certified,
}

#[derive(Debug)]
struct Person {
    row: AccountRow,
    sequence: u64,
    devices: Vec<DeviceId>,
    /// How many devices have shown the account's certificate.
    certified: u32,
    present: BTreeMap<DeviceId, Vec<Multiaddr>>,
}

impl People {
    /// Takes over who is blocked.
    pub(crate) fn load_blocked(&mut self, accounts: BTreeSet<AccountId>) {
        self.blocked = accounts;
    }

    /// Blocks an account, or no longer.
    pub(crate) fn block(&mut self, account: AccountId, on: bool) {
        if on {
            self.blocked.insert(account);
        } else {
            self.blocked.remove(&account);
        }
    }

    /// Whether the user does not want to hear of an account.
    pub(crate) fn is_blocked(&self, account: &AccountId) -> bool {
        self.blocked.contains(account)
    }

    /// Takes over a stored account.
    pub(crate) fn load(&mut self, row: AccountRow) {
        if let Ok(record) = row.record.open() {
            self.insert(row, &record);
        }
    }

    /// Everybody, as they are stored.
    pub(crate) fn rows(&self) -> Vec<AccountRow> {
        self.accounts.values().map(|person| person.row.clone()).collect()
    }

    /// Takes in an account's record. Gives the row to be stored if it says something new.
    ///
    /// `record` must be the opened form of `signed`.
    pub(crate) fn learn(
        &mut self,
        signed: &Signed<AccountRecord>,
        record: &AccountRecord,
        source: Source,
    ) -> Option<AccountRow> {
        // Names are never given to another account. If a server says that one was, whom the user
        // knows by the name keeps it.
        let holder = self.names.get(&record.username);
        let is_taken =
            holder.is_some_and(|holder| *holder != record.account && self.is_verified(holder));
        let verified = source == Source::Server && !is_taken;
        let before = self.accounts.get(&record.account);
        let old = before.is_some_and(|person| {
            // A name stays for good; only the server knows of one that was never registered.
            let says_nothing =
                person.sequence >= record.sequence || person.row.username != record.username;
            says_nothing && (person.row.verified || !verified)
        });
        if old || (before.is_none() && self.accounts.len() >= ACCOUNTS_MAX) {
            return None;
        }
        let verified = verified || before.is_some_and(|person| person.row.verified);
        let row = AccountRow {
            account: record.account,
            username: record.username.clone(),
            record: signed.clone(),
            verified,
        };
        self.insert(row.clone(), record);
        Some(row)
    }

    fn insert(&mut self, row: AccountRow, record: &AccountRecord) {
        let devices = record.devices.to_vec();
        let evidence = if row.verified { Evidence::Registered } else { Evidence::Listed };
        for device in &devices {
            self.note_owner(*device, row.account, evidence);
        }
        let before = self.accounts.remove(&row.account);
        // A device that was only named is nothing once it is named no more.
        for device in before.iter().flat_map(|before| &before.devices) {
            let is_said = |owner: &Owner| {
                owner.account == row.account && owner.evidence < Evidence::Certified
            };
            if !devices.contains(device) && self.devices.get(device).is_some_and(is_said) {
                self.devices.remove(device);
            }
        }
        if let Some(before) = &before
            && before.row.username != row.username
            && self.names.get(&before.row.username) == Some(&row.account)
        {
            self.names.remove(&before.row.username);
        }
        if row.verified || !self.names.contains_key(&row.username) {
            self.names.insert(row.username.clone(), row.account);
        }
        let (certified, present) =
            before.map(|person| (person.certified, person.present)).unwrap_or_default();
        let person = Person { sequence: record.sequence, devices, certified, present, row };
        self.accounts.insert(person.row.account, person);
    }

    /// Notes that a device itself showed an account's certificate.
    pub(crate) fn certify(&mut self, device: DeviceId, account: AccountId) {
        let owner = Owner { account, evidence: Evidence::Certified };
        let before = self.devices.insert(device, owner);
        let is_new = before.is_none_or(|before| {
            before.account != account || before.evidence != Evidence::Certified
        });
        if let Some(person) = self.accounts.get_mut(&account).filter(|_| is_new) {
            person.certified += 1;
        }
    }

    /// Whether a device may show an account's certificate: it did before, or not too many others did.
    pub(crate) fn may_certify(&self, device: &DeviceId, account: &AccountId) -> bool {
        let did = self.devices.get(device).is_some_and(|owner| {
            owner.account == *account && owner.evidence == Evidence::Certified
        });
        did || self
            .accounts
            .get(account)
            .is_none_or(|person| person.certified < DEVICES_CERTIFIED_MAX)
    }

    /// Notes whose a device is said to be, unless it is known as well already.
    fn note_owner(&mut self, device: DeviceId, account: AccountId, evidence: Evidence) {
        if self.devices.get(&device).is_none_or(|owner| owner.evidence < evidence) {
            self.devices.insert(device, Owner { account, evidence });
        }
    }

    /// Whether the newest record of an account lists a device; true if none is known.
    pub(crate) fn speaks_for(&self, device: &DeviceId, account: &AccountId) -> bool {
        self.accounts.get(account).is_none_or(|person| person.devices.contains(device))
    }

    /// Whether a device was an account's, and the account's newest record does not list it any
    /// more. The record that listed it was learnt together with its certificate.
    pub(crate) fn is_removed(&self, device: &DeviceId) -> bool {
        self.devices.get(device).is_some_and(|owner| {
            owner.evidence == Evidence::Certified && !self.speaks_for(device, &owner.account)
        })
    }

    /// The newest record of an account.
    pub(crate) fn record_of(&self, account: &AccountId) -> Option<Signed<AccountRecord>> {
        self.accounts.get(account).map(|person| person.row.record.clone())
    }

    /// The name that an account claims, while the server did not vouch for it.
    pub(crate) fn unverified_name(&self, account: &AccountId) -> Option<Username> {
        let person = self.accounts.get(account).filter(|person| !person.row.verified)?;
        Some(person.row.username.clone())
    }

    /// How many devices are remembered.
    #[cfg(test)]
    pub(crate) fn devices(&self) -> usize {
        self.devices.len()
    }

    /// How many were met.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Replaces where an account's devices are. Tells whether it came or went.
    pub(crate) fn set_present(
        &mut self,
        account: AccountId,
        devices: &[Reachable],
    ) -> Option<bool> {
        let person = self.accounts.get_mut(&account)?;
        let before = !person.present.is_empty();
        person.present = devices
            .iter()
            .map(|reachable| {
                let addresses = &reachable.addresses;
                let addresses = addresses.iter().map(|address| address.as_multiaddr().clone());
                (reachable.device, addresses.collect())
            })
            .collect();
        let after = !person.present.is_empty();
        for reachable in devices {
            self.note_owner(reachable.device, account, Evidence::Present);
        }
        (before != after).then_some(after)
    }

    /// Forgets all presence, as when the server is gone. Gives the accounts that were present.
    pub(crate) fn clear_presence(&mut self) -> Vec<AccountId> {
        let mut gone = Vec::new();
        for (account, person) in &mut self.accounts {
            if !person.present.is_empty() {
                person.present.clear();
                gone.push(*account);
            }
        }
        gone
    }

    /// The account of a name.
    pub(crate) fn account_of(&self, username: &Username) -> Option<AccountId> {
        self.names.get(username).copied()
    }

    /// The account of a device.
    pub(crate) fn owner_of(&self, device: &DeviceId) -> Option<AccountId> {
        self.devices.get(device).map(|owner| owner.account)
    }

    /// Whether the server vouched for the account's name.
    pub(crate) fn is_verified(&self, account: &AccountId) -> bool {
        self.accounts.get(account).is_some_and(|person| person.row.verified)
    }

    /// What to call an account. One that claims another's name is not called by it.
    pub(crate) fn name_of(&self, account: &AccountId) -> Username {
        if let Some(person) = self.accounts.get(account) {
            let name = &person.row.username;
            if self.names.get(name) == Some(account) {
                return name.clone();
            }
        }
        stand_in(account)
    }

    /// What to call a device's owner.
    pub(crate) fn name_of_device(&self, device: &DeviceId) -> Username {
        let unknown = AccountId::new(*device.as_bytes());
        self.name_of(&self.owner_of(device).unwrap_or(unknown))
    }

    /// The devices that are present, with what they announced.
    pub(crate) fn present(&self, account: &AccountId) -> Vec<(DeviceId, Vec<Multiaddr>)> {
        let person = self.accounts.get(account);
        person
            .map(|person| person.present.iter().map(|(d, a)| (*d, a.clone())).collect())
            .unwrap_or_default()
    }

    /// Whether a device is present.
    pub(crate) fn is_device_present(&self, account: &AccountId, device: &DeviceId) -> bool {
        self.accounts.get(account).is_some_and(|person| person.present.contains_key(device))
    }

    /// The devices that are known to be an account's.
    pub(crate) fn devices_of(&self, account: &AccountId) -> Vec<DeviceId> {
        let Some(person) = self.accounts.get(account) else { return Vec::new() };
        let mut devices: Vec<_> = person.present.keys().copied().collect();
        devices.extend(person.devices.iter().filter(|device| !person.present.contains_key(device)));
        devices.retain(|device| self.owner_of(device) == Some(*account));
        devices
    }

    /// Whether any device is present.
    pub(crate) fn is_present(&self, account: &AccountId) -> bool {
        self.accounts.get(account).is_some_and(|person| !person.present.is_empty())
    }
}

/// A name for someone whose own is unknown or claimed by another: valid, but never registered,
/// since it is too long to be typed by accident and says what it is.
fn stand_in(account: &AccountId) -> Username {
    let hex = account.to_string();
    let name = format!("unverified-{}", &hex[..16]);
    #[expect(clippy::expect_used, reason = "letters, a hyphen and 16 hex digits are a name")]
    Username::new(&name).expect("a valid name")
}
