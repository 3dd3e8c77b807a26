//! Copies of everything in one encrypted file, and conversations to read elsewhere.

pub(crate) mod age;
pub(crate) mod archive;
mod conversation;
#[cfg(test)]
mod tests;

use anyhow::Context as _;

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
        let count = conversation::export(&files, of, &arguments.to)?;
        return terminal::say(&format!("{count} messages are in {}", arguments.to.display()));
    }
    let passphrase = terminal::new_secret("A passphrase for the backup")?;
    archive::write(&files, &arguments.to, &passphrase)
        .with_context(|| format!("cannot write {}", arguments.to.display()))?;
    terminal::say(&format!("everything is in {}", arguments.to.display()))
}

/// Makes a data folder of a backup.
pub fn import(arguments: &cli::Import) -> anyhow::Result<()> {
    let files = Files::open(&arguments.data_dir)?;
    if files.is_begun() {
        anyhow::bail!("{} holds a device already; choose a new folder", files.root().display());
    }
    let passphrase = terminal::secret("The passphrase of the backup")?;
    archive::read(&files, &arguments.from, &passphrase, arguments.same_device)
        .inspect_err(|_error| files.undo())
        .with_context(|| format!("cannot import {}", arguments.from.display()))?;
    terminal::say(if arguments.same_device {
        "this is the same device again: never start the other copy any more"
    } else {
        "this is a new device of the account: the server learns of it at the first start"
    })
}
