//! The data folder: its lock, the keys, where the rest lies.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;
use wire::{
    account::Introduction,
    codec,
    id::BlobHash,
    key::{AccountKey, DeviceKey},
    limits::PAYLOAD_MAX,
};

use crate::core::devices::Authority;

/// The device's key.
pub const DEVICE_KEY: &str = "device.key";
/// The account's key.
pub const ACCOUNT_KEY: &str = "account.key";
/// The certificate of a device that has no account key, and the record that came with it.
pub const INTRODUCTION: &str = "introduction";
/// The database.
pub const DATABASE: &str = "messages.sqlite";

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum FilesError {
    /// Another process uses it.
    #[error("the data folder {} is in use by another running program; end that one or choose another folder", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// Something in it cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key file holds something else.
    #[error("{} is not a key; restore it from a copy", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
}

/// A data folder that belongs to this process.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    /// Held until the end of the process; none if a node of this process holds it.
    _lock: Option<File>,
}

impl Files {
    /// Makes the folder if need be and locks it.
    pub fn open(root: &Path) -> Result<Self, FilesError> {
        let wrap = |source| FilesError::Io { path: root.to_owned(), source };
        private_folder(root).map_err(wrap)?;
        let lock = private_file(&root.join("lock")).map_err(wrap)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_owned(), _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(FilesError::Locked { path: root.to_owned() }),
            Err(TryLockError::Error(source)) => Err(wrap(source)),
        }
    }

    /// The folder of a node that runs in this process, for reading only.
    pub fn beside_node(root: &Path) -> Self {
        Self { root: root.to_owned(), _lock: None }
    }

    /// Puts what a device began here into a folder of its own, so that another one can begin.
    pub fn set_aside(&self) -> Result<(), FilesError> {
        let free = (1..).map(|number| self.root.join(format!("unused-{number}")));
        let Some(aside) = free.into_iter().find(|path| !path.exists()) else { return Ok(()) };
        let wrap = |source| FilesError::Io { path: aside.clone(), source };
        private_folder(&aside).map_err(wrap)?;
        for name in Self::begun() {
            match fs::rename(self.root.join(&name), aside.join(&name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(wrap(error)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// What shows that a device began in a folder.
    fn begun() -> impl Iterator<Item = String> {
        let names = [DEVICE_KEY, ACCOUNT_KEY, INTRODUCTION, DATABASE].map(str::to_owned);
        let logs = ["wal", "shm"].map(|log| format!("{DATABASE}-{log}"));
        names.into_iter().chain(logs)
    }

    /// This device's key, made at the first start.
    pub fn device_key(&self) -> Result<DeviceKey, FilesError> {
        self.seed(DEVICE_KEY).map(DeviceKey::from_seed)
    }

    /// How this device speaks for its account: by a certificate that another device gave it, or with
    /// the account's key, made at the first start.
    pub fn authority(&self) -> Result<Authority, FilesError> {
        let path = self.root.join(INTRODUCTION);
        let wrap = |source| FilesError::Io { path: path.clone(), source };
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(file) => file.take(PAYLOAD_MAX as u64 + 1).read_to_end(&mut bytes).map_err(wrap)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self
                    .seed(ACCOUNT_KEY)
                    .map(|seed| Authority::Key(AccountKey::from_seed(seed)));
            }
            Err(error) => return Err(wrap(error)),
        };
        let device = self.device_key()?.id();
        codec::decode_canonical(&bytes, PAYLOAD_MAX)
            .and_then(|introduction| Authority::introduced(introduction, device))
            .map_err(|_error| FilesError::NotAKey { path })
    }

    /// Keeps what another device gave this one to speak for the account.
    pub fn save_introduction(&self, introduction: &Introduction) -> Result<(), FilesError> {
        self.save(INTRODUCTION, &codec::encode(introduction))
    }

    /// Makes this the folder of an account that exists already.
    pub fn save_account_key(&self, key: &AccountKey) -> Result<(), FilesError> {
        self.save(ACCOUNT_KEY, &key.seed())
    }

    /// Keeps the key of a new device.
    pub fn save_device_key(&self, key: &DeviceKey) -> Result<(), FilesError> {
        self.save(DEVICE_KEY, &key.seed())
    }

    /// Writes a file from elsewhere into the folder.
    pub fn put(&self, name: &Path, from: &mut impl io::Read) -> Result<(), FilesError> {
        let path = self.root.join(name);
        let wrap = |source| FilesError::Io { path: path.clone(), source };
        private_folder(path.parent().unwrap_or(&self.root)).map_err(wrap)?;
        let mut file = private_file(&path).map_err(wrap)?;
        file.set_len(0).map_err(wrap)?;
        io::copy(from, &mut file).map_err(wrap)?;
        file.sync_all().map_err(wrap)
    }

    /// Takes away what [`Self::put`] and the saving of keys began, where it did not come to an end.
    pub fn undo(&self) {
        for name in Self::begun() {
            if let Err(error) = fs::remove_file(self.root.join(&name))
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(name, %error, "a part of the backup could not be removed");
            }
        }
    }

    /// Whether a device began in this folder already.
    pub fn is_begun(&self) -> bool {
        Self::begun().any(|name| self.root.join(name).exists())
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn save(&self, name: &str, bytes: &[u8]) -> Result<(), FilesError> {
        let path = self.root.join(name);
        write_durably(&self.root, &path, bytes)
            .map_err(|source| FilesError::Io { path: path.clone(), source })
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.root.join(DATABASE)
    }

    /// The folder of attachments.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// The attachments that are here whole.
    pub fn whole_blobs(&self) -> Result<Vec<BlobHash>, FilesError> {
        let path = self.blobs();
        let wrap = |source| FilesError::Io { path: path.clone(), source };
        let mut blobs = Vec::new();
        for entry in fs::read_dir(&path).map_err(wrap)? {
            let name = entry.map_err(wrap)?.file_name();
            blobs.extend(name.to_str().and_then(|name| name.parse::<BlobHash>().ok()));
        }
        Ok(blobs)
    }

    fn seed(&self, name: &str) -> Result<[u8; 32], FilesError> {
        let path = self.root.join(name);
        let wrap = |source| FilesError::Io { path: path.clone(), source };
        match File::open(&path) {
            Ok(file) => {
                let mut seed = Vec::new();
                file.take(33).read_to_end(&mut seed).map_err(wrap)?;
                seed.try_into().map_err(|_seed| FilesError::NotAKey { path })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed: [u8; 32] = rand::random();
                write_durably(&self.root, &path, &seed).map_err(wrap)?;
                Ok(seed)
            }
            Err(error) => Err(wrap(error)),
        }
    }
}

/// Writes a small file so that a crash leaves either all of it or nothing.
fn write_durably(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = private_file(&draft)?;
    file.set_len(0)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}

pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_private_and_survive() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        let files = Files::open(&root).unwrap();
        let (device, account) =
            (files.device_key().unwrap().id(), files.authority().unwrap().account());
        assert_ne!(device.as_bytes(), account.as_bytes());
        assert_eq!(files.device_key().unwrap().id(), device);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode =
                |name: &str| fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode("device.key"), mode("account.key"), mode(".")), (0o600, 0o600, 0o700));
        }
    }

    #[test]
    fn a_folder_in_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = Files::open(folder.path()).unwrap();
        assert!(matches!(Files::open(folder.path()), Err(FilesError::Locked { .. })));
        drop(first);
        Files::open(folder.path()).unwrap();
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path()).unwrap();
        fs::write(folder.path().join("device.key"), b"short").unwrap();
        assert!(matches!(files.device_key(), Err(FilesError::NotAKey { .. })));
        assert_eq!(fs::read(folder.path().join("device.key")).unwrap(), b"short");
    }
}
