//! Accounts, devices and records for tests.

use wire::{
    account::AccountRecord,
    bounded::Bounded,
    id::{AccountId, DeviceId, Hash, TopicTag},
    key::{AccountKey, DeviceKey},
    name::Username,
    signed::Signed,
};

/// The account key number `n`.
pub(crate) fn account_key(n: u8) -> AccountKey {
    AccountKey::from_seed([n; 32])
}

/// The account number `n`.
pub(crate) fn account(n: u8) -> AccountId {
    account_key(n).id()
}

/// The device number `n`.
pub(crate) fn device(n: u8) -> DeviceId {
    DeviceKey::from_seed([n; 32]).id()
}

pub(crate) fn name(text: &str) -> Username {
    Username::new(text).unwrap()
}

pub(crate) fn tag(n: u8) -> TopicTag {
    TopicTag::new([n; 16])
}

/// The first record of account `n`, for the device of the same number.
pub(crate) fn first_record(n: u8, username: &str) -> Signed<AccountRecord> {
    record(n, username, &[device(n)], None)
}

/// A record of account `n` that follows another, or the first one.
pub(crate) fn record(
    n: u8,
    username: &str,
    devices: &[DeviceId],
    after: Option<&Signed<AccountRecord>>,
) -> Signed<AccountRecord> {
    let sequence = after.map_or(0, |before| before.open().unwrap().sequence + 1);
    sign(n, username, devices, (sequence, after.map(Signed::hash)))
}

/// A record with any place in the chain.
pub(crate) fn sign(
    n: u8,
    username: &str,
    devices: &[DeviceId],
    (sequence, previous): (u64, Option<Hash>),
) -> Signed<AccountRecord> {
    let record = AccountRecord {
        username: name(username),
        account: account(n),
        devices: Bounded::truncated(devices.iter().copied()),
        sequence,
        previous,
        issued_at: 0,
    };
    Signed::by_account(&record, &account_key(n))
}
