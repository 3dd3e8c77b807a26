//! Accounts and devices: who is who, and who is present.

use std::collections::BTreeMap;

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
    devices: BTreeMap<DeviceId, AccountId>,
}

#[derive(Debug)]
struct Person {
    row: AccountRow,
    sequence: u64,
    devices: Vec<DeviceId>,
    present: BTreeMap<DeviceId, Vec<Multiaddr>>,
}

impl People {
    /// Takes over a stored account.
    pub(crate) fn load(&mut self, row: AccountRow) {
        if let Ok(record) = row.record.open() {
            self.insert(row, &record);
        }
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
        let verified = source == Source::Server;
        let before = self.accounts.get(&record.account);
        let old = before.is_some_and(|person| {
            person.sequence >= record.sequence && (person.row.verified || !verified)
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
        for device in &devices {
            self.devices.insert(*device, row.account);
        }
        if row.verified || !self.names.contains_key(&row.username) {
            self.names.insert(row.username.clone(), row.account);
        }
        let before = self.accounts.remove(&row.account);
        let present = before.map(|person| person.present).unwrap_or_default();
        let person = Person { sequence: record.sequence, devices, present, row };
        self.accounts.insert(person.row.account, person);
    }

    /// Notes that an account's certificate names a device.
    pub(crate) fn certify(&mut self, device: DeviceId, account: AccountId) {
        self.devices.insert(device, account);
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
        for device in person.present.keys() {
            self.devices.insert(*device, account);
        }
        let after = !person.present.is_empty();
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
        self.devices.get(device).copied()
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

    /// The devices that are known to be an account's.
    pub(crate) fn devices_of(&self, account: &AccountId) -> Vec<DeviceId> {
        let Some(person) = self.accounts.get(account) else { return Vec::new() };
        let mut devices: Vec<_> = person.present.keys().copied().collect();
        devices.extend(person.devices.iter().filter(|device| !person.present.contains_key(device)));
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
