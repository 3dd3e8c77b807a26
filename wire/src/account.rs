//! Accounts, their devices and the chain of records that binds a username to a key.

use serde::{Deserialize, Serialize};

use crate::{
    bounded::Bounded,
    codec::{self, DecodeError},
    id::{AccountId, DeviceId, Hash},
    key::AccountKey,
    limits::{CERTIFICATE_MAX, DEVICES_MAX, RECORD_MAX},
    name::Username,
    signed::{Signable, Signed},
};

/// States which name an account has and which devices speak for it.
///
/// Records form a chain: each but the first names the hash of the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRecord {
    /// The registered name.
    pub username: Username,
    /// The account, which signs the record.
    pub account: AccountId,
    /// The devices that speak for it.
    pub devices: Bounded<DeviceId, DEVICES_MAX>,
    /// 0 for the first record, then one more each time.
    pub sequence: u64,
    /// Hash of the record before; none for the first.
    pub previous: Option<Hash>,
    /// When it was made, milliseconds since 1970 by the account's clock. For display only.
    pub issued_at: u64,
}

impl AccountRecord {
    /// Whether this record may follow `before`, whose signed bytes have the hash `before_hash`.
    pub fn follows(&self, before: &Self, before_hash: Hash) -> bool {
        self.account == before.account
            && self.username == before.username
            && before.sequence.checked_add(1) == Some(self.sequence)
            && self.previous == Some(before_hash)
    }
}

impl Signable for AccountRecord {
    const DOMAIN: &'static str = "natterjack/account-record/1";
    const MAX: usize = RECORD_MAX;

    fn signer(&self) -> &[u8; 32] {
        self.account.as_bytes()
    }

    fn check(&self) -> Result<(), DecodeError> {
        if (self.sequence == 0) != self.previous.is_none() {
            return Err(DecodeError::Invalid("only the first record has no previous one"));
        }
        if self.devices.is_empty() {
            return Err(DecodeError::Invalid("an account record lists at least one device"));
        }
        codec::bounded_numbers(&[self.sequence, self.issued_at])
    }
}

/// An account's word that a device speaks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceCertificate {
    /// The account, which signs the certificate.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// When it was made, milliseconds since 1970. For display only.
    pub issued_at: u64,
}

impl Signable for DeviceCertificate {
    const DOMAIN: &'static str = "natterjack/device-certificate/1";
    const MAX: usize = CERTIFICATE_MAX;

    fn signer(&self) -> &[u8; 32] {
        self.account.as_bytes()
    }

    fn check(&self) -> Result<(), DecodeError> {
        codec::bounded_numbers(&[self.issued_at])
    }
}

/// Who a device is: its account's record and the certificate for the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introduction {
    /// The account's record.
    pub record: Signed<AccountRecord>,
    /// The certificate for the device that introduces itself.
    pub certificate: Signed<DeviceCertificate>,
}

/// A checked [`Introduction`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub username: Username,
    /// The device that was introduced.
    pub device: DeviceId,
}

impl Introduction {
    /// Makes the introduction of `device` by its account.
    pub fn new(
        record: Signed<AccountRecord>,
        device: DeviceId,
        issued_at: u64,
        key: &AccountKey,
    ) -> Self {
        let certificate = DeviceCertificate { account: key.id(), device, issued_at };
        Self { record, certificate: Signed::by_account(&certificate, key) }
    }

    /// Checks both signatures, that they speak of one account, and that it lists the device.
    pub fn open(&self) -> Result<Identity, DecodeError> {
        let record = self.record.open()?;
        let certificate = self.certificate.open()?;
        if record.account != certificate.account {
            return Err(DecodeError::Invalid("record and certificate are of different accounts"));
        }
        if !record.devices.contains(&certificate.device) {
            return Err(DecodeError::Invalid("the account record does not list the device"));
        }
        Ok(Identity {
            account: record.account,
            username: record.username,
            device: certificate.device,
        })
    }
}
