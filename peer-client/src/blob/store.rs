//! Attachments on disk. A whole one is a file named by its hash, beside it `<hash>.obao` with the
//! hashes of its chunk groups; one that is still coming is `<hash>.part`, and `<hash>.have` says
//! what of it came.
//!
//! Everything here blocks. One process uses the directory at a time.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bao_tree::{
    BaoTree,
    io::{outboard::PreOrderMemOutboard, sync},
};
use tempfile::NamedTempFile;
use thiserror::Error;
use wire::{id::BlobHash, limits::BLOB_MAX};

use super::{
    encoder::Encoder,
    files,
    partial::{self, Partial},
    walk::BLOCK,
};

/// How the names of files begin that a crash leaves behind for nothing.
const TEMPORARY: &str = "tmp-";

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
    /// The same attachment is being fetched.
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
    directory: Arc<Path>,
    /// Attachments that are being fetched.
    fetching: Arc<Mutex<BTreeSet<BlobHash>>>,
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
pub(super) enum Beginning {
    /// It is here already.
    Whole {
        /// Its file.
        path: PathBuf,
        /// Its bytes.
        size: u64,
    },
    /// Some or all of it is missing.
    Partial(Partial),
}

/// The right to be the only one that fetches an attachment, given back when dropped.
#[derive(Debug)]
pub(super) struct Claim {
    store: BlobStore,
    hash: BlobHash,
}

impl BlobStore {
    /// Opens the store in a directory, which is made if need be, and tidies up after a crash.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        files::create_directory(directory).map_err(at(directory))?;
        for entry in fs::read_dir(directory).map_err(at(directory))? {
            let path = entry.map_err(at(directory))?.path();
            if is_leftover(&path) {
                files::remove_if_present(&path).map_err(at(&path))?;
            }
        }
        Ok(Self { directory: directory.into(), fetching: Arc::default() })
    }

    /// Stores a copy of a file. It is durable when this returns.
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
        let mut copy = self.temporary()?;
        let size = io::copy(&mut content.take(BLOB_MAX + 1), copy.as_file_mut())
            .map_err(StoreError::Source)?;
        if size > BLOB_MAX {
            return Err(StoreError::TooLarge);
        }
        copy.rewind().map_err(at(copy.path()))?;
        let (hash, outboard) = hash_whole(copy.as_file(), size).map_err(at(copy.path()))?;
        if self.path(&hash).is_none() {
            copy.as_file().sync_all().map_err(at(copy.path()))?;
            self.complete(&hash, copy.path(), &outboard)?;
        }
        Ok(Imported { hash, size })
    }

    /// The file of an attachment that is here whole.
    pub fn path(&self, hash: &BlobHash) -> Option<PathBuf> {
        Some(self.whole(hash)).filter(|path| path.is_file())
    }

    /// What of an attachment of `size` bytes is not here, as half-open ranges of bytes in order.
    pub fn missing_ranges(
        &self,
        hash: &BlobHash,
        size: u64,
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        match self.path(hash) {
            Some(_) => Ok(Vec::new()),
            None => Ok(partial::read_record(self, hash, size)?.missing()),
        }
    }

    /// Forgets an attachment, whole or not, for instance one that is [`StoreError::Damaged`]. It
    /// can be stored or fetched again.
    pub fn remove(&self, hash: &BlobHash) -> Result<(), StoreError> {
        for path in [self.whole(hash), self.outboard(hash), self.record(hash), self.part(hash)] {
            files::remove_if_present(&path).map_err(at(&path))?;
        }
        files::sync_directory(&self.directory).map_err(at(&self.directory))
    }

    /// Goes on with fetching an attachment, or begins.
    pub(super) fn begin(&self, hash: &BlobHash, size: u64) -> Result<Beginning, StoreError> {
        if size > BLOB_MAX {
            return Err(StoreError::TooLarge);
        }
        if let Some(size) = self.size(hash) {
            return Ok(Beginning::Whole { path: self.whole(hash), size });
        }
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if !fetching.insert(*hash) {
            return Err(StoreError::Fetching);
        }
        drop(fetching);
        Partial::open(Claim { store: self.clone(), hash: *hash }, size).map(Beginning::Partial)
    }

    /// Reads the encoding of ranges of an attachment, if it is here whole.
    pub(super) fn encoder(
        &self,
        hash: &BlobHash,
        ranges: &[(u64, u64)],
    ) -> Result<Option<Encoder>, StoreError> {
        match self.size(hash) {
            Some(size) => {
                Encoder::open(&self.whole(hash), &self.outboard(hash), (hash, size), ranges)
                    .map(Some)
            }
            None => Ok(None),
        }
    }

    /// Gives a durable file with an attachment's bytes the attachment's name, durably.
    pub(super) fn complete(
        &self,
        hash: &BlobHash,
        data: &Path,
        outboard: &[u8],
    ) -> Result<PathBuf, StoreError> {
        let mut hashes = self.temporary()?;
        hashes.write_all(outboard).map_err(at(hashes.path()))?;
        hashes.as_file().sync_all().map_err(at(hashes.path()))?;
        self.rename(hashes.path(), &self.outboard(hash))?;
        let whole = self.whole(hash);
        self.rename(data, &whole)?;
        Ok(whole)
    }

    /// The file of an attachment that is coming.
    pub(super) fn part(&self, hash: &BlobHash) -> PathBuf {
        self.directory.join(format!("{hash}.part"))
    }

    /// The record of what has come.
    pub(super) fn record(&self, hash: &BlobHash) -> PathBuf {
        self.directory.join(format!("{hash}.have"))
    }

    /// Durable when it returns, so that what is renamed later is never found without this.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        fs::rename(from, to).map_err(at(to))?;
        files::sync_directory(&self.directory).map_err(at(&self.directory))
    }

    fn temporary(&self) -> Result<NamedTempFile, StoreError> {
        tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(&self.directory)
            .map_err(at(&self.directory))
    }

    fn size(&self, hash: &BlobHash) -> Option<u64> {
        fs::metadata(self.whole(hash)).ok().filter(fs::Metadata::is_file).map(|file| file.len())
    }

    fn whole(&self, hash: &BlobHash) -> PathBuf {
        self.directory.join(hash.to_string())
    }

    fn outboard(&self, hash: &BlobHash) -> PathBuf {
        self.directory.join(format!("{hash}.obao"))
    }
}

impl Claim {
    pub(super) fn store(&self) -> &BlobStore {
        &self.store
    }

    pub(super) fn hash(&self) -> &BlobHash {
        &self.hash
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.store.fetching.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.hash);
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

/// What a crash left behind for nothing: an unfinished copy, or parts of what is here whole.
fn is_leftover(path: &Path) -> bool {
    let is_temporary = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes()));
    let is_part =
        path.extension().is_some_and(|extension| extension == "part" || extension == "have");
    is_temporary || (is_part && path.with_extension("").is_file())
}
