//! An account on a further device: by its recovery phrase, or by a code that another device shows.

mod link;
mod phrase;
mod recover;
pub(crate) mod terminal;

use std::path::Path;

use anyhow::Context as _;
use tokio::sync::mpsc;
use wire::{account::AccountRecord, key::DeviceKey, signed::Signed};

pub use self::{
    link::{add, link},
    recover::{Wanted, recover, restore},
};
use crate::{
    cli,
    core::{devices::Authority, storage::StoreOp},
    node::files::Files,
    store::Store,
};

/// Prints the words of an account's key.
pub fn show(arguments: &cli::Phrase) -> anyhow::Result<()> {
    if !arguments.data_dir.is_dir() {
        anyhow::bail!("there is no folder {}", arguments.data_dir.display());
    }
    let words = phrase_of(&Files::open(&arguments.data_dir)?)?;
    terminal::warn(
        "whoever has these words has your account: write them on paper, and show nobody",
    );
    terminal::say(&words)
}

/// The recovery phrase of a folder's account.
pub fn phrase_of(files: &Files) -> anyhow::Result<String> {
    if !files.is_begun() {
        anyhow::bail!("{} holds no account yet", files.root().display());
    }
    let Authority::Key(key) = files.authority()? else {
        anyhow::bail!(
            "this device was added by a code and does not have the account's key; show the phrase \
             on the device that showed the code"
        );
    };
    Ok(phrase::words(&key))
}

/// Opens a folder in which no device has begun yet.
fn new_folder(path: &Path) -> anyhow::Result<Files> {
    let files = Files::open(path)?;
    if files.is_begun() {
        anyhow::bail!("{} holds a device already; choose a new folder", path.display());
    }
    Ok(files)
}

/// Puts a new device into its folder: first what can be made again, last what makes it begin.
fn begin(
    files: &Files,
    device: &DeviceKey,
    authority: &Authority,
    record: Signed<AccountRecord>,
) -> anyhow::Result<()> {
    let (replies, _waiting) = mpsc::channel(1);
    let (store, _snapshot) = Store::open(&files.database(), authority.account(), replies)
        .context("cannot use the data folder")?;
    let saving = StoreOp::SaveRecord { record, registered: true };
    if store.try_submit(saving).is_err() {
        anyhow::bail!("cannot write the database");
    }
    drop(store);
    match authority {
        Authority::Key(key) => files.save_account_key(key)?,
        Authority::Introduced { introduction, .. } => files.save_introduction(introduction)?,
    }
    Ok(files.save_device_key(device)?)
}

fn new_device() -> DeviceKey {
    DeviceKey::from_seed(rand::random())
}
