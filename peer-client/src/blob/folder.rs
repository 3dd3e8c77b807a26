//! The folder of attachments: what its files are called, and how one of them becomes whole.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use tempfile::NamedTempFile;
use wire::id::BlobHash;

use super::{
    download, files,
    store::{StoreError, at},
};
use crate::core::storage::{StoredFile, StoredState};

/// How the names of files begin that a crash leaves behind for nothing.
const TEMPORARY: &str = "tmp-";
/// Marks an attachment that was fetched; its time says when.
const FETCHED: &str = "fetched";
/// Endings of the files of an attachment that is coming.
const COMING: [&str; 3] = ["part", "pairs", "have"];

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Folder(Arc<Path>);

impl Folder {
    /// Opens the folder, which is made if need be, and tidies up after a crash.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        files::create_directory(path).map_err(at(path))?;
        for entry in fs::read_dir(path).map_err(at(path))? {
            let path = entry.map_err(at(path))?.path();
            if is_leftover(&path) {
                files::remove_if_present(&path).map_err(at(&path))?;
            }
        }
        Ok(Self(path.into()))
    }

    /// The bytes of an attachment that is here whole.
    pub(super) fn whole(&self, hash: &BlobHash) -> PathBuf {
        self.0.join(hash.to_string())
    }

    /// The hashes that prove them.
    pub(super) fn outboard(&self, hash: &BlobHash) -> PathBuf {
        self.with(hash, "obao")
    }

    /// The bytes of one that is coming.
    pub(super) fn part(&self, hash: &BlobHash) -> PathBuf {
        self.with(hash, "part")
    }

    /// The hashes that prove those.
    pub(super) fn pairs(&self, hash: &BlobHash) -> PathBuf {
        self.with(hash, "pairs")
    }

    /// The record of what has come.
    pub(super) fn record(&self, hash: &BlobHash) -> PathBuf {
        self.with(hash, "have")
    }

    fn with(&self, hash: &BlobHash, ending: &str) -> PathBuf {
        self.0.join(format!("{hash}.{ending}"))
    }

    /// Bytes of an attachment that is here whole.
    pub(super) fn size(&self, hash: &BlobHash) -> Option<u64> {
        fs::metadata(self.whole(hash)).ok().filter(fs::Metadata::is_file).map(|file| file.len())
    }

    /// A file that is gone when it is dropped.
    pub(super) fn temporary(&self) -> Result<NamedTempFile, StoreError> {
        tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.0).map_err(at(&self.0))
    }

    /// Gives durable files with an attachment's bytes and hashes the attachment's name, durably.
    pub(super) fn complete(
        &self,
        hash: &BlobHash,
        data: &Path,
        pairs: &Path,
    ) -> Result<PathBuf, StoreError> {
        // Durable before the next, so that an attachment is never found without its hashes.
        self.rename(pairs, &self.outboard(hash))?;
        let whole = self.whole(hash);
        self.rename(data, &whole)?;
        Ok(whole)
    }

    /// The same for one that was fetched.
    pub(super) fn complete_fetched(&self, hash: &BlobHash) -> Result<PathBuf, StoreError> {
        let marker = self.with(hash, FETCHED);
        files::remove_if_present(&marker).map_err(at(&marker))?;
        files::open_or_create(&marker).map_err(at(&marker))?;
        let whole = self.complete(hash, &self.part(hash), &self.pairs(hash))?;
        let record = self.record(hash);
        files::remove_if_present(&record).map_err(at(&record))?;
        Ok(whole)
    }

    /// Whether an attachment was fetched, and is not the user's own.
    pub(super) fn is_fetched(&self, hash: &BlobHash) -> bool {
        self.with(hash, FETCHED).is_file()
    }

    /// From now on an attachment counts as the user's own.
    pub(super) fn own(&self, hash: &BlobHash) -> Result<(), StoreError> {
        let marker = self.with(hash, FETCHED);
        files::remove_if_present(&marker).map_err(at(&marker))
    }

    /// Removes an attachment that is here whole.
    pub(super) fn remove(&self, hash: &BlobHash) -> Result<(), StoreError> {
        for path in [self.whole(hash), self.outboard(hash), self.with(hash, FETCHED)] {
            files::remove_if_present(&path).map_err(at(&path))?;
        }
        self.sync()
    }

    /// Removes what came of an attachment.
    pub(super) fn discard(&self, hash: &BlobHash) -> Result<(), StoreError> {
        for path in [self.record(hash), self.part(hash), self.pairs(hash)] {
            files::remove_if_present(&path).map_err(at(&path))?;
        }
        Ok(())
    }

    /// What is here.
    pub(super) fn list(&self) -> Result<Vec<StoredFile>, StoreError> {
        let mut listed = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(at(&self.0))? {
            let path = entry.map_err(at(&self.0))?.path();
            listed.extend(self.stored(&path));
        }
        Ok(listed)
    }

    /// What a file is, if it is the main one of an attachment.
    fn stored(&self, path: &Path) -> Option<StoredFile> {
        let stem = path.file_stem()?.to_str()?;
        let blob = stem.parse::<BlobHash>().ok()?;
        let file = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let changed_ms = |path: &Path| {
            let changed = fs::metadata(path).and_then(|file| file.modified()).ok()?;
            Some(changed.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis() as u64)
        };
        match path.extension() {
            None => {
                let fetched_ms = changed_ms(&self.with(&blob, FETCHED));
                let state = fetched_ms.map_or(StoredState::Own, |_| StoredState::Fetched);
                let changed_ms = fetched_ms.unwrap_or_default();
                Some(StoredFile { blob, bytes: file.len(), state, changed_ms })
            }
            Some(ending) if ending == "part" => {
                let here = download::read_record(self, &blob, file.len()).ok()?;
                let changed_ms = changed_ms(path).unwrap_or_default();
                Some(StoredFile { blob, bytes: here.bytes(), state: StoredState::Part, changed_ms })
            }
            Some(_) => None,
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        fs::rename(from, to).map_err(at(to))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), StoreError> {
        files::sync_directory(&self.0).map_err(at(&self.0))
    }
}

/// What a crash left behind for nothing: an unfinished copy, parts of what is here whole, and what
/// belongs to an attachment that is not here.
fn is_leftover(path: &Path) -> bool {
    let has_prefix =
        |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
    let ends_with = |ending: &str| path.extension().is_some_and(|it| it == ending);
    let is_whole = path.with_extension("").is_file();
    let is_coming = path.with_extension("part").is_file();
    path.file_name().is_some_and(has_prefix)
        || (is_whole && COMING.iter().any(|ending| ends_with(ending)))
        || (!is_whole && (ends_with(FETCHED) || (ends_with("obao") && !is_coming)))
        || (!is_coming && (ends_with("pairs") || ends_with("have")))
}
