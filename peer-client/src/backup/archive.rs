//! The backup: a tar archive inside an age file. What it holds is named as in the data folder.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use wire::{id::BlobHash, key::DeviceKey};

use super::age::{Opener, Sealer};
use crate::{
    node::files::{ACCOUNT_KEY, DATABASE, DEVICE_KEY, Files, INTRODUCTION},
    store,
};

/// Where attachments are in the archive and in the data folder.
const BLOBS: &str = "blobs";
/// Check values beside an attachment.
const OUTBOARD: &str = "obao";
/// Largest key file.
const KEY_MAX: u64 = 64 * 1024;

/// Writes all of a folder. The file is there only once it is whole.
pub(super) fn write(files: &Files, to: &Path, passphrase: &str) -> anyhow::Result<()> {
    let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let draft = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    let sealer = Sealer::new(BufWriter::new(draft), passphrase)?;
    let mut archive = tar::Builder::new(sealer);
    for name in [DEVICE_KEY, ACCOUNT_KEY, INTRODUCTION] {
        let path = files.root().join(name);
        if path.exists() {
            append(&mut archive, name, &path)?;
        }
    }
    if files.database().exists() {
        // Beside the database, where there is room for it and nobody else may read it.
        let copy = tempfile::NamedTempFile::new_in(files.root())?;
        store::copy(&files.database(), copy.path())?;
        append(&mut archive, DATABASE, copy.path())?;
    }
    for blob in whole_blobs(files)? {
        for name in [blob.to_string(), format!("{blob}.{OUTBOARD}")] {
            match append(&mut archive, &format!("{BLOBS}/{name}"), &files.blobs().join(name)) {
                // A small file has no check values; and a message may just have been erased.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
    }
    let draft = archive.into_inner()?.finish()?;
    let draft = draft.into_inner().map_err(io::IntoInnerError::into_error)?;
    draft.as_file().sync_all()?;
    draft.persist(to).map_err(|error| error.error)?;
    Ok(())
}

fn whole_blobs(files: &Files) -> anyhow::Result<Vec<BlobHash>> {
    if files.blobs().is_dir() { Ok(files.whole_blobs()?) } else { Ok(Vec::new()) }
}

fn append(archive: &mut tar::Builder<impl io::Write>, name: &str, path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(file.metadata()?.len());
    header.set_mode(0o600);
    header.set_entry_type(tar::EntryType::Regular);
    archive.append_data(&mut header, name, BufReader::new(file))
}

/// Fills an empty folder. Unless it shall be `same_device`, it gets a device key of its own, and its
/// record with this key is made at the first start.
pub(super) fn read(
    files: &Files,
    from: &Path,
    passphrase: &str,
    same_device: bool,
) -> anyhow::Result<()> {
    let opener = Opener::new(BufReader::new(File::open(from)?), passphrase)?;
    let mut archive = tar::Archive::new(opener);
    let mut account_key = false;
    let mut device_key = None;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        if !entry.header().entry_type().is_file() {
            anyhow::bail!("the backup holds something that is no file");
        }
        match Part::of(&name).context("the backup holds a file that does not belong into one")? {
            Part::DeviceKey => device_key = Some(small(&mut entry)?),
            Part::File(path) => {
                account_key |= path.as_os_str() == ACCOUNT_KEY;
                files.put(&path, &mut entry)?;
            }
        }
    }
    let device_key = device_key.context("the backup holds no device")?;
    if same_device {
        let seed = device_key.try_into().ok().context("the backup's device key is damaged")?;
        return Ok(files.save_device_key(&DeviceKey::from_seed(seed))?);
    }
    if !account_key {
        anyhow::bail!(
            "this is the backup of a device that was added by a code: add a new device by a code, or \
             be that device again (--same-device) if it is gone for good"
        );
    }
    store::forget_device(&files.database())?;
    Ok(files.save_device_key(&DeviceKey::from_seed(rand::random()))?)
}

/// What a file of a backup is.
enum Part {
    DeviceKey,
    /// It goes to this place in the folder.
    File(PathBuf),
}

impl Part {
    /// Only names that a backup has are let into the folder.
    fn of(name: &Path) -> Option<Self> {
        let text = name.to_str()?;
        if text == DEVICE_KEY {
            return Some(Self::DeviceKey);
        }
        if [ACCOUNT_KEY, INTRODUCTION, DATABASE].contains(&text) {
            return Some(Self::File(name.to_owned()));
        }
        let blob = text.strip_prefix(BLOBS)?.strip_prefix('/')?;
        let hash = blob.strip_suffix(OUTBOARD).and_then(|it| it.strip_suffix('.')).unwrap_or(blob);
        hash.parse::<BlobHash>().ok()?;
        Some(Self::File(Path::new(BLOBS).join(blob)))
    }
}

fn small(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(KEY_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
