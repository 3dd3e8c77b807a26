//! The account's own devices: the chain of records that lists them, adding one by a code, removing one.

use std::time::{Duration, Instant};

use rand::Rng as _;
use thiserror::Error;
use wire::{
    account::{AccountRecord, Introduction},
    bounded::Bounded,
    codec::DecodeError,
    id::{AccountId, DeviceId, MembershipProof},
    key::AccountKey,
    limits::DEVICES_MAX,
    name::Username,
    pairing::{PairingCode, PairingReply, PairingSecret},
    rendezvous::{Address, Refusal, Request},
    signed::Signed,
};

use super::{
    command::{Answer, Failure},
    effect::Effect,
    input::{CallId, PairingId},
    machine::Machine,
    model::DeviceView,
    session::Purpose,
};

/// How long a code is good.
pub const CODE_LIFE: Duration = Duration::from_mins(10);
/// Wrong proofs after which a code is good no more.
const CODE_TRIES: u32 = 3;

/// How a device speaks for its account.
#[derive(Clone, Debug)]
pub enum Authority {
    /// With the account's key, so that it may add and remove devices.
    Key(AccountKey),
    /// With what a device that has the key gave it.
    Introduced {
        /// The account.
        account: AccountId,
        /// The certificate for this device, and the record at that time.
        introduction: Box<Introduction>,
    },
}

/// Why an account's record cannot have another device.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("an account has at most {DEVICES_MAX} devices; remove one first")]
pub struct TooManyDevices;

impl Authority {
    /// Takes an introduction that must be of `device`.
    pub fn introduced(introduction: Introduction, device: DeviceId) -> Result<Self, DecodeError> {
        let identity = introduction.open()?;
        if identity.device != device {
            return Err(DecodeError::Invalid("an introduction of another device"));
        }
        Ok(Self::Introduced { account: identity.account, introduction: Box::new(introduction) })
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        match self {
            Self::Key(key) => key.id(),
            Self::Introduced { account, .. } => *account,
        }
    }

    /// The record with which this device begins. It is the same each time that it is made, so that
    /// whoever lost the database and still has the keys is known to the server.
    pub(super) fn first_record(
        &self,
        username: &Username,
        device: DeviceId,
    ) -> Signed<AccountRecord> {
        match self {
            Self::Key(key) => {
                let record = AccountRecord {
                    username: username.clone(),
                    account: key.id(),
                    devices: Bounded::truncated([device]),
                    sequence: 0,
                    previous: None,
                    issued_at: 0,
                };
                Signed::by_account(&record, key)
            }
            Self::Introduced { introduction, .. } => introduction.record.clone(),
        }
    }

    /// What this device shows to others together with a record that lists it.
    pub(super) fn introduce(
        &self,
        record: &Signed<AccountRecord>,
        device: DeviceId,
    ) -> Introduction {
        match self {
            Self::Key(key) => {
                let issued_at = record.open().map_or(0, |record| record.issued_at);
                Introduction::new(record.clone(), device, issued_at, key)
            }
            Self::Introduced { introduction, .. } => Introduction {
                record: record.clone(),
                certificate: introduction.certificate.clone(),
            },
        }
    }
}

/// The record that follows `before`, with these devices.
pub fn next_record(
    before: &Signed<AccountRecord>,
    devices: Vec<DeviceId>,
    issued_at: u64,
    key: &AccountKey,
) -> Result<Signed<AccountRecord>, DecodeError> {
    let opened = before.open()?;
    let devices = Bounded::try_from(devices)
        .map_err(|_devices| DecodeError::Invalid("an account has at most 16 devices"))?;
    let record = AccountRecord {
        devices,
        sequence: opened.sequence + 1,
        previous: Some(before.hash()),
        issued_at,
        ..opened
    };
    Ok(Signed::by_account(&record, key))
}

/// A code that was shown.
#[derive(Debug)]
struct Offer {
    secret: PairingSecret,
    until: Instant,
    tries: u32,
}

/// Why the record is being changed.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// A new device proved that it knows the code.
    Add { pairing: PairingId, device: DeviceId },
    /// The user removes a device.
    Revoke { call: CallId },
}

/// What the core keeps of the account's devices.
#[derive(Debug, Default)]
pub(crate) struct OwnDevices {
    /// This device is not in any record that the server has taken.
    pub(super) joining: bool,
    /// Times that a newer record was asked for since the last registration.
    pub(super) renewals: u32,
    offer: Option<Offer>,
    change: Option<(Signed<AccountRecord>, Change)>,
}

impl OwnDevices {
    pub(super) fn joining(joining: bool) -> Self {
        Self { joining, ..Self::default() }
    }
}

impl Machine {
    pub(super) fn own_devices(&self) -> Vec<DeviceId> {
        self.record.open().map(|record| record.devices.to_vec()).unwrap_or_default()
    }

    pub(super) fn on_devices(&mut self, call: CallId) {
        let devices = self.own_devices().into_iter().map(|device| {
            let here = device == self.me.device;
            let present = self.people.present(&self.me.account);
            let online = here
                || self.paths.is_linked(&device)
                || present.iter().any(|(present, _)| *present == device);
            DeviceView { device, here, online }
        });
        let devices = devices.collect();
        self.answer(call, Ok(Answer::Devices(devices)));
    }

    /// Makes a code for a new device, in place of an earlier one.
    pub(super) fn on_add_device(&mut self, call: CallId) {
        if let Err(failure) = self.may_change() {
            return self.answer(call, Err(failure));
        }
        if self.own_devices().len() >= DEVICES_MAX {
            let failure = Failure::new("too_many", TooManyDevices.to_string());
            return self.answer(call, Err(failure));
        }
        let mut random = [0; 32];
        self.rng.fill_bytes(&mut random);
        let secret = PairingSecret::new(random);
        let code = PairingCode {
            account: self.me.account,
            username: self.me.username.clone(),
            device: self.me.device,
            addresses: Bounded::truncated(self.addresses.iter().cloned().filter_map(Address::new)),
            secret: secret.clone(),
        };
        let until = self.now.instant + CODE_LIFE;
        self.devices.offer = Some(Offer { secret, until, tries: 0 });
        self.answer(call, Ok(Answer::Code(code.to_text())));
    }

    pub(super) fn on_revoke(&mut self, call: CallId, device: DeviceId) {
        let mut devices = self.own_devices();
        let result = if device == self.me.device {
            Err(Failure::new("own_device", "This device cannot remove itself; use another one"))
        } else if devices.contains(&device) {
            devices.retain(|listed| *listed != device);
            self.change_record(devices, Change::Revoke { call })
        } else {
            Err(Failure::new("not_found", "You have no such device; see \"devices\""))
        };
        if let Err(failure) = result {
            self.answer(call, Err(failure));
        }
    }

    /// A new device wants its certificate.
    pub(super) fn on_pairing(
        &mut self,
        pairing: PairingId,
        device: DeviceId,
        proof: &MembershipProof,
    ) {
        let (now, own) = (self.now.instant, self.me.device);
        self.devices.offer.take_if(|offer| offer.until <= now);
        let Some(offer) = &mut self.devices.offer else {
            return self.answer_pairing(pairing, PairingReply::Refused);
        };
        if !offer.secret.accepts(proof, &device, &own) {
            offer.tries += 1;
            self.devices.offer.take_if(|offer| offer.tries >= CODE_TRIES);
            return self.answer_pairing(pairing, PairingReply::Refused);
        }
        let mut devices = self.own_devices();
        if !devices.contains(&device) {
            devices.push(device);
        }
        match self.change_record(devices, Change::Add { pairing, device }) {
            Ok(()) => self.devices.offer = None,
            Err(_failure) => self.answer_pairing(pairing, PairingReply::Unavailable),
        }
    }

    fn answer_pairing(&mut self, pairing: PairingId, reply: PairingReply) {
        self.effects.push(Effect::AnswerPairing { pairing, reply });
    }

    fn may_change(&self) -> Result<AccountKey, Failure> {
        let Authority::Key(key) = &self.authority else {
            let text = "This device was added by a code and cannot change the account's devices; \
                        use the one that showed the code";
            return Err(Failure::new("no_account_key", text));
        };
        if !self.tie.is_registered() {
            let text = "The server cannot be reached; check the network and try again";
            return Err(Failure::new("not_connected", text));
        }
        if self.devices.change.is_some() {
            return Err(Failure::new("busy", "The devices are being changed; try again"));
        }
        Ok(key.clone())
    }

    fn change_record(&mut self, devices: Vec<DeviceId>, change: Change) -> Result<(), Failure> {
        let key = self.may_change()?;
        let record = next_record(&self.record, devices, self.now.unix_ms, &key)
            .map_err(|error| Failure::new("too_many", error.to_string()))?;
        self.devices.change = Some((record.clone(), change));
        self.ask_server(Request::Register { record }, Purpose::ChangeDevices);
        Ok(())
    }

    pub(super) fn on_devices_changed(&mut self, result: Result<(), Refusal>) {
        let Some((signed, change)) = self.devices.change.take() else { return };
        let Ok(record) = signed.open() else { return };
        match result {
            Ok(()) => {
                self.on_own_record(&signed, &record);
                match change {
                    Change::Add { pairing, device } => {
                        let introduction = self.authority.introduce(&signed, device);
                        self.answer_pairing(pairing, PairingReply::Added(Box::new(introduction)));
                    }
                    Change::Revoke { call } => self.answer(call, Ok(Answer::Done)),
                }
            }
            Err(refusal) => self.fail_change(change, refusal),
        }
    }

    fn fail_change(&mut self, change: Change, refusal: Refusal) {
        match change {
            Change::Add { pairing, .. } => self.answer_pairing(pairing, PairingReply::Unavailable),
            Change::Revoke { call } => {
                let text = format!("The server says: {refusal}");
                self.answer(call, Err(Failure::new(refusal.code(), text)));
            }
        }
    }

    /// The tie broke: whether the server took the change is found out on registering again.
    pub(super) fn forget_change(&mut self) {
        if let Some((_, change)) = self.devices.change.take() {
            self.fail_change(change, Refusal::Unavailable);
        }
    }
}
