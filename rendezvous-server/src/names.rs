//! The registry's rules: who may have which name. Pure over a [`NameStore`].
//!
//! A name belongs to the account that registered it first, for ever; an account has one name. Its
//! records form a chain, so that neither a stolen old record nor the server can change who speaks
//! for it.

use thiserror::Error;
use wire::{
    account::AccountRecord,
    id::{AccountId, DeviceId},
    name::Username,
    rendezvous::Refusal,
    signed::Signed,
};

/// The newest record of an account, whose signature has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameEntry {
    /// The record.
    pub record: AccountRecord,
    /// The same as it was signed.
    pub signed: Signed<AccountRecord>,
}

impl NameEntry {
    /// Checks a signed record.
    pub fn open(signed: Signed<AccountRecord>) -> Result<Self, Refusal> {
        let record = signed.open().map_err(|_error| Refusal::RecordInvalid)?;
        Ok(Self { record, signed })
    }
}

/// Where the names are kept. Implementations do not interpret them.
pub trait NameStore {
    /// Why the store failed.
    type Error;

    /// The account that has a name.
    fn by_username(&mut self, username: &Username) -> Result<Option<NameEntry>, Self::Error>;
    /// The name of an account.
    fn by_account(&mut self, account: &AccountId) -> Result<Option<NameEntry>, Self::Error>;
    /// The account whose name has a skeleton, see [`Username::skeleton`].
    fn by_skeleton(&mut self, skeleton: &str) -> Result<Option<AccountId>, Self::Error>;
    /// Writes an account's newest record over the one before, if there is one.
    fn put(&mut self, entry: &NameEntry) -> Result<(), Self::Error>;
}

/// What a registration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The account took a new name.
    NewName,
    /// The account has a new record, perhaps with other devices.
    NewRecord,
    /// The store had the record already.
    None,
}

/// What becomes of an account that has no name yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Newcomer {
    /// It may take one.
    Welcome,
    /// It may not.
    Refused(Refusal),
    /// It may if the token, as it came in `Hello`, is good for one more.
    WithToken(Vec<u8>),
}

impl Newcomer {
    /// Decides where no token was ever given out.
    pub fn without_tokens(&self) -> Result<(), Refusal> {
        match self {
            Self::Welcome => Ok(()),
            Self::Refused(refusal) => Err(*refusal),
            Self::WithToken(_) => Err(Refusal::NotAdmitted),
        }
    }
}

/// Why a registration did not come about.
#[derive(Debug, Error)]
pub enum RegisterError<E> {
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error("the name store failed")]
    Store(E),
}

/// Registers the account that speaks through `entry` for one of its devices.
///
/// `admit` is asked last, for an account that is about to take a new name.
pub fn register<S: NameStore>(
    store: &mut S,
    entry: &NameEntry,
    device: DeviceId,
    admit: impl FnOnce(&mut S) -> Result<(), RegisterError<S::Error>>,
) -> Result<Change, RegisterError<S::Error>> {
    let record = &entry.record;
    if !record.devices.contains(&device) {
        return Err(Refusal::RecordInvalid.into());
    }
    let change = match store.by_account(&record.account).map_err(RegisterError::Store)? {
        Some(known) => follow(&known, entry)?,
        None => found(store, record, admit)?,
    };
    if change != Change::None {
        store.put(entry).map_err(RegisterError::Store)?;
    }
    Ok(change)
}

/// Compares a record with the newest one of the same account.
fn follow(known: &NameEntry, new: &NameEntry) -> Result<Change, Refusal> {
    if new.record.username != known.record.username {
        return Err(Refusal::TooMany);
    }
    let hash = known.signed.hash();
    if new.signed.hash() == hash {
        Ok(Change::None)
    } else if new.record.sequence < known.record.sequence {
        Err(Refusal::RecordOutdated)
    } else if new.record.follows(&known.record, hash) {
        Ok(Change::NewRecord)
    } else {
        Err(Refusal::RecordInvalid)
    }
}

/// Decides whether an account without a name may take this one.
fn found<S: NameStore>(
    store: &mut S,
    record: &AccountRecord,
    admit: impl FnOnce(&mut S) -> Result<(), RegisterError<S::Error>>,
) -> Result<Change, RegisterError<S::Error>> {
    let taken = store.by_username(&record.username).map_err(RegisterError::Store)?.is_some()
        || store.by_skeleton(&record.username.skeleton()).map_err(RegisterError::Store)?.is_some();
    if taken {
        return Err(Refusal::NameTaken.into());
    }
    if record.sequence != 0 {
        return Err(Refusal::RecordInvalid.into());
    }
    admit(store)?;
    Ok(Change::NewName)
}
