//! Attachments on disk. A whole one is a file named by its hash, beside it `<hash>.obao` with the
//! hashes of its chunk groups and, if it was fetched and not the user's own, `<hash>.fetched`; one
//! that is still coming is `<hash>.part` with what belongs to it, see `download.rs`.
//!
//! Everything here blocks. One process uses the directory at a time.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bao_tree::{
    BaoTree,
    io::{outboard::PreOrderMemOutboard, sync},
};
use thiserror::Error;
use wire::{id::BlobHash, limits::BLOB_MAX};

use super::{
    download::{self, Download},
    encoder::Encoder,
    folder::Folder,
    pace::Pace,
    walk::BLOCK,
};
use crate::core::input::StoredFile;

/// Attachments that are coming of which nothing is forgotten while nobody brings them.
const IDLE_MAX: usize = 32;

/// Why the store did not do something. The text is for a person.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk or its rights.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Reading what was to be stored failed.
    #[error("the file cannot be read: {0}")]
    Source(io::Error),
    /// More bytes than an attachment may have.
    #[error("files of at most {} GiB can be sent", BLOB_MAX >> 30)]
    TooLarge,
    /// A directory, a pipe or the like.
    #[error("{} is not a file; choose a file", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// The bytes on the disk are not those that were stored.
    #[error("the stored file is damaged; fetch it again")]
    Damaged,
    /// The same attachment is being fetched as one of another size.
    #[error("the file is being fetched already")]
    Fetching,
    /// Not all bytes are here.
    #[error("the file is not complete yet")]
    Incomplete,
    /// The program ends.
    #[error("the program is shutting down")]
    ShuttingDown,
}

/// The attachments of this peer. Clones are the same store.
#[derive(Clone, Debug)]
pub struct BlobStore {
    folder: Folder,
    /// Attachments that are coming.
    downloads: Arc<Mutex<BTreeMap<BlobHash, Arc<Download>>>>,
    pace: Pace,
}

/// An attachment that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// BLAKE3 of its bytes.
    pub hash: BlobHash,
    /// How many bytes.
    pub size: u64,
}

/// How fetching an attachment begins.
#[derive(Debug)]
pub(super) enum Beginning {
    /// It is here already.
    Whole {
        /// Its file.
        path: PathBuf,
        /// Its bytes.
        size: u64,
    },
    /// Some or all of it is missing.
    Coming(Arc<Download>),
}

impl BlobStore {
    /// Opens the store in a directory, which is made if need be, and tidies up after a crash.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            folder: Folder::open(directory)?,
            downloads: Arc::default(),
            pace: Pace::default(),
        })
    }

    /// The pace of all transfers from and to here.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// What is here, whole or in part.
    pub fn list(&self) -> Result<Vec<StoredFile>, StoreError> {
        self.folder.list()
    }

    /// Stores a copy of a file of the user's own. It is durable when this returns.
    pub fn import_file(&self, path: &Path) -> Result<Imported, StoreError> {
        let file = fs::metadata(path).map_err(at(path))?;
        // Opening a pipe would wait for its other end.
        if !file.is_file() {
            return Err(StoreError::NotAFile { path: path.to_owned() });
        }
        if file.len() > BLOB_MAX {
            return Err(StoreError::TooLarge);
        }
        self.import(File::open(path).map_err(at(path))?)
    }

    /// Stores all that a reader gives, at most `wire::limits::BLOB_MAX` bytes. It is durable when
    /// this returns. Memory is bounded, whatever the size.
    pub fn import(&self, content: impl Read) -> Result<Imported, StoreError> {
        let mut copy = self.folder.temporary()?;
        let size = io::copy(&mut content.take(BLOB_MAX + 1), copy.as_file_mut())
            .map_err(StoreError::Source)?;
        if size > BLOB_MAX {
            return Err(StoreError::TooLarge);
        }
        copy.rewind().map_err(at(copy.path()))?;
        let (hash, outboard) = hash_whole(copy.as_file(), size).map_err(at(copy.path()))?;
        // Nobody evicts it between the look and the end.
        let _alone = self.downloads();
        if self.path(&hash).is_none() {
            copy.as_file().sync_all().map_err(at(copy.path()))?;
            let mut hashes = self.folder.temporary()?;
            hashes.write_all(&outboard).map_err(at(hashes.path()))?;
            hashes.as_file().sync_all().map_err(at(hashes.path()))?;
            self.folder.complete(&hash, copy.path(), hashes.path())?;
        }
        self.folder.own(&hash)?;
        Ok(Imported { hash, size })
    }

    /// The file of an attachment that is here whole.
    pub fn path(&self, hash: &BlobHash) -> Option<PathBuf> {
        Some(self.folder.whole(hash)).filter(|path| path.is_file())
    }

    /// What of an attachment of `size` bytes is not here, as half-open ranges of bytes in order.
    pub fn missing_ranges(
        &self,
        hash: &BlobHash,
        size: u64,
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        if self.path(hash).is_some() {
            return Ok(Vec::new());
        }
        match self.downloads().get(hash) {
            Some(download) if download.size() == size => Ok(download.missing()),
            _ => Ok(download::read_record(&self.folder, hash, size)?.missing()),
        }
    }

    /// Forgets an attachment, whole or not, for instance one that is [`StoreError::Damaged`]. It
    /// can be stored or fetched again. What is coming just now goes on.
    pub fn remove(&self, hash: &BlobHash) -> Result<(), StoreError> {
        let mut downloads = self.downloads();
        if downloads.get(hash).is_none_or(|download| download.is_idle()) {
            downloads.remove(hash);
            self.folder.discard(hash)?;
        }
        drop(downloads);
        self.folder.remove(hash)
    }

    /// Lets go of an attachment that was fetched, or of what came of it, unless it is the user's own
    /// or coming just now.
    pub fn evict(&self, hash: &BlobHash) -> Result<(), StoreError> {
        let mut downloads = self.downloads();
        if downloads.get(hash).is_none_or(|download| download.is_idle()) {
            downloads.remove(hash);
            self.folder.discard(hash)?;
        }
        if self.folder.is_fetched(hash) { self.folder.remove(hash) } else { Ok(()) }
    }

    /// Goes on with fetching an attachment, or begins.
    pub(super) fn begin(&self, hash: &BlobHash, size: u64) -> Result<Beginning, StoreError> {
        if size > BLOB_MAX {
            return Err(StoreError::TooLarge);
        }
        let mut downloads = self.downloads();
        if let Some(size) = self.folder.size(hash) {
            downloads.remove(hash);
            return Ok(Beginning::Whole { path: self.folder.whole(hash), size });
        }
        if let Some(download) = downloads.get(hash) {
            if download.size() == size {
                return Ok(Beginning::Coming(Arc::clone(download)));
            }
            if !download.is_idle() {
                return Err(StoreError::Fetching);
            }
        }
        if downloads.len() >= IDLE_MAX {
            downloads.retain(|_, download| !download.is_idle());
        }
        let download =
            Arc::new(Download::open(self.folder.clone(), (*hash, size), self.pace.clone())?);
        downloads.insert(*hash, Arc::clone(&download));
        Ok(Beginning::Coming(download))
    }

    /// Reads the encoding of ranges of an attachment, if it is here whole.
    pub(super) fn encoder(
        &self,
        hash: &BlobHash,
        ranges: &[(u64, u64)],
    ) -> Result<Option<Encoder>, StoreError> {
        let Some(size) = self.folder.size(hash) else { return Ok(None) };
        let (whole, outboard) = (self.folder.whole(hash), self.folder.outboard(hash));
        Encoder::open(&whole, &outboard, (hash, size), ranges).map(Some)
    }

    /// Records what came of attachments that are coming, before the program ends.
    pub fn settle(&self) {
        let downloads: Vec<_> = self.downloads().values().cloned().collect();
        for download in downloads {
            if let Err(error) = download.record() {
                tracing::warn!(%error, "what came of a file could not be recorded");
            }
        }
    }

    fn downloads(&self) -> MutexGuard<'_, BTreeMap<BlobHash, Arc<Download>>> {
        self.downloads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names the file in an error of the system.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    |source| StoreError::Io { path: path.to_owned(), source }
}

/// Hashes an attachment of `size` bytes; returns its hash and those of its chunk groups, at most
/// 16 MiB.
pub(super) fn hash_whole(content: impl Read, size: u64) -> io::Result<(BlobHash, Vec<u8>)> {
    let tree = BaoTree::new(size, BLOCK);
    let mut outboard = PreOrderMemOutboard {
        root: blake3::Hash::from_bytes([0; blake3::OUT_LEN]),
        tree,
        data: vec![0; tree.outboard_size() as usize],
    };
    let root = sync::outboard(content, tree, &mut outboard)?;
    Ok((BlobHash::new(*root.as_bytes()), outboard.data))
}
