//! A damaged message database: saving what can be read of it into a new one.
//!
//! The device goes on as a new device of the account: what the old one signed last may be lost here
//! and known to others, and it must never sign other entries in their place.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use wire::key::DeviceKey;

use crate::{
    cli,
    core::devices::Authority,
    node::files::{DATABASE, DEVICE_KEY, Files, INTRODUCTION, sync_folder},
    recovery::terminal,
    store::{
        self,
        salvage::{Saved, beside},
    },
};

/// The new database while it is being written.
const DRAFT: &str = "messages.sqlite.draft";
/// The new database once it is whole. While it is there, it is about to take the old one's place.
const SAVED: &str = "messages.sqlite.saved";
/// The new device's key until then.
const SAVED_KEY: &str = "device.key.saved";

/// Saves what can be read and puts the damaged database aside.
pub fn salvage(arguments: &cli::Salvage) -> anyhow::Result<()> {
    let folder = arguments.data_dir.display();
    if !arguments.data_dir.is_dir() {
        anyhow::bail!("there is no folder {folder}");
    }
    let files = Files::open(&arguments.data_dir)?;
    if !files.database().exists() {
        anyhow::bail!("{folder} holds no messages");
    }
    let authority = files.authority()?;
    let (old, draft) = (files.device_key()?.id(), files.root().join(DRAFT));
    let saved = store::salvage::salvage(&files.database(), &draft, authority.account(), old)?;
    let is_whole = saved.missing.is_empty() && saved.lost_groups == 0;
    if is_whole && is_sound(&files)? {
        fs::remove_file(&draft)?;
        anyhow::bail!("the message database is not damaged; nothing was changed");
    }
    if matches!(authority, Authority::Key(_)) {
        files.save(SAVED_KEY, &DeviceKey::from_seed(rand::random()).seed())?;
    }
    rename(files.root(), &draft, SAVED).context("the new database cannot be kept")?;
    let aside = finish(files.root()).context("the new database cannot take its place yet")?;
    report(&saved, &authority, aside.as_deref())
}

/// Brings a salvage to its end whose new database is whole. Gives where the damaged one is now.
pub(crate) fn finish(root: &Path) -> io::Result<Option<PathBuf>> {
    let saved = root.join(SAVED);
    if !saved.exists() {
        return Ok(None);
    }
    let mut number = 1;
    while root.join(aside(DATABASE, number)).exists() {
        number += 1;
    }
    let key = root.join(SAVED_KEY);
    // Keys first: with the old one, the new database is never opened.
    if key.exists() {
        put_aside(root, DEVICE_KEY, number)?;
        rename(root, &key, DEVICE_KEY)?;
    } else if root.join(INTRODUCTION).exists() {
        put_aside(root, DEVICE_KEY, number)?;
        put_aside(root, INTRODUCTION, number)?;
    }
    for end in ["-wal", "-shm"] {
        let from = beside(&root.join(DATABASE), end);
        if from.exists() {
            rename(root, &from, &format!("{}{end}", aside(DATABASE, number)))?;
        }
    }
    put_aside(root, DATABASE, number)?;
    rename(root, &saved, DATABASE)?;
    Ok(Some(root.join(aside(DATABASE, number))))
}

fn aside(name: &str, number: u32) -> String {
    format!("{name}.damaged-{number}")
}

fn put_aside(root: &Path, name: &str, number: u32) -> io::Result<()> {
    let from = root.join(name);
    if from.exists() { rename(root, &from, &aside(name, number)) } else { Ok(()) }
}

fn rename(root: &Path, from: &Path, to: &str) -> io::Result<()> {
    fs::rename(from, root.join(to))?;
    sync_folder(root)
}

/// Whether the database is as it should be. A copy is looked at, since looking may change it.
fn is_sound(files: &Files) -> anyhow::Result<bool> {
    let folder = tempfile::tempdir_in(files.root())?;
    let copy = folder.path().join(DATABASE);
    fs::copy(files.database(), &copy)?;
    let log = beside(&files.database(), "-wal");
    if log.exists() {
        fs::copy(log, beside(&copy, "-wal"))?;
    }
    Ok(store::is_sound(&copy, files.authority()?.account()))
}

fn report(saved: &Saved, authority: &Authority, aside: Option<&Path>) -> anyhow::Result<()> {
    let Saved { messages, conversations, .. } = saved;
    terminal::say(&format!("saved {messages} messages in {conversations} conversations"))?;
    for (conversation, entries) in &saved.missing {
        terminal::say(&format!(
            "{entries} entries of {conversation} are missing: others who have them give them back"
        ))?;
    }
    if saved.lost_groups > 0 {
        terminal::say(&format!(
            "{} groups can be read only: their secrets are lost; join them again, private ones by a \
             new invitation",
            saved.lost_groups
        ))?;
    }
    if let Some(aside) = aside {
        terminal::say(&format!("the damaged database is kept as {}", aside.display()))?;
    }
    terminal::say(match authority {
        Authority::Key(_) => {
            "this is a new device of the account: the server learns of it at the next start"
        }
        Authority::Introduced { .. } => {
            "this device needs a new code: show one on the device that has the account's key, and run \
             `peer-client link` with this folder"
        }
    })
}

#[cfg(test)]
mod tests;
