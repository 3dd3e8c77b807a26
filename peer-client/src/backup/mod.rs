//! Copies of everything in one encrypted file, and conversations to read elsewhere.

mod age;
mod archive;
mod conversation;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Context as _;

pub use self::conversation::Export;
use crate::{cli, node::files::Files, recovery::terminal};

/// Writes a backup, or a conversation that people and programs can read.
pub fn export(arguments: &cli::Export) -> anyhow::Result<()> {
    if !arguments.data_dir.is_dir() {
        anyhow::bail!("there is no folder {}", arguments.data_dir.display());
    }
    let files = Files::open(&arguments.data_dir)?;
    if !files.is_begun() {
        anyhow::bail!("{} holds no account yet", arguments.data_dir.display());
    }
    if let Some(of) = &arguments.conversation {
        let count = conversation::stored(&files, of, &arguments.to)?;
        return terminal::say(&format!("{count} messages are in {}", arguments.to.display()));
    }
    let passphrase = terminal::new_secret("A passphrase for the backup")?;
    write(&files, &arguments.to, &passphrase)?;
    terminal::say(&format!("everything is in {}", arguments.to.display()))
}

/// Writes everything of a folder into one encrypted file.
pub fn write(files: &Files, to: &Path, passphrase: &str) -> anyhow::Result<()> {
    archive::write(files, to, passphrase).with_context(|| format!("cannot write {}", to.display()))
}

/// Fills an empty folder from such a file, as a new device of the account or as the same one again.
pub fn read(files: &Files, from: &Path, passphrase: &str, same_device: bool) -> anyhow::Result<()> {
    archive::read(files, from, passphrase, same_device)
        .inspect_err(|_error| files.undo())
        .with_context(|| format!("cannot import {}", from.display()))
}

/// Makes a data folder of a backup.
pub fn import(arguments: &cli::Import) -> anyhow::Result<()> {
    let files = Files::open(&arguments.data_dir)?;
    if files.is_begun() {
        anyhow::bail!("{} holds a device already; choose a new folder", files.root().display());
    }
    let passphrase = terminal::secret("The passphrase of the backup")?;
    read(&files, &arguments.from, &passphrase, arguments.same_device)?;
    terminal::say(if arguments.same_device {
        "this is the same device again: never start the other copy any more"
    } else {
        "this is a new device of the account: the server learns of it at the first start"
    })
}
