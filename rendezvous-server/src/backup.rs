//! Everything that a server must not lose in one file: its key, and its names with the bans and
//! the used tokens. Made while the server runs; put into an empty folder.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use crate::{
    data_dir::{self, DataDir, DataDirError},
    identity::{self, IdentityError, KEY_FILE},
    store::{StoreError, sqlite::SqliteNames},
};

/// Name of the names in the archive, the same as in the data folder.
const NAMES_FILE: &str = "names.sqlite";
/// Largest key file that is read.
const KEY_MAX: u64 = 1024;

/// Why there is no backup, or no restoring.
#[derive(Debug, Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data folder has no names yet.
    #[error("{path} has no server's data; name its data folder")]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// There is something where the backup or the data should go.
    #[error("{path} is there already; choose another place, nothing is overwritten")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is no backup, or not whole.
    #[error("{path} is no whole backup: {detail}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is missing or wrong.
        detail: String,
    },
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The names.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `SQLite` failed.
    #[error("cannot copy the names: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { path, source }
}

/// Writes a data folder's key and names into one file, whether a server runs there or not. The
/// file appears whole or not at all, and is for its owner alone.
pub fn back_up(data_dir: &Path, file: &Path) -> Result<(), BackupError> {
    let names = data_dir.join(NAMES_FILE);
    if !names.is_file() || !data_dir.join(KEY_FILE).is_file() {
        return Err(BackupError::Nothing { path: data_dir.to_owned() });
    }
    if file.exists() {
        return Err(BackupError::Exists { path: file.to_owned() });
    }
    identity::load_or_create(data_dir)?;
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let work = Scratch::new(folder)?;
    let copy = work.path.join(NAMES_FILE);
    let connection = Connection::open_with_flags(&names, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    drop(connection);
    // What is written is read once as a server would, so that a damaged store is never taken for a backup.
    drop(SqliteNames::open(&copy)?);
    let draft = work.path.join("backup");
    pack(&draft, &[(KEY_FILE, &data_dir.join(KEY_FILE)), (NAMES_FILE, &copy)])?;
    fs::hard_link(&draft, file).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists { path: file.to_owned() },
        _ => BackupError::File { path: file.to_owned(), source },
    })?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

/// Puts a backup into a data folder that has neither key nor names, for a server that does not run.
pub fn restore(file: &Path, data_dir: &Path) -> Result<(), BackupError> {
    let locked = DataDir::open(data_dir)?;
    for name in [KEY_FILE, NAMES_FILE] {
        let path = locked.path().join(name);
        if path.exists() {
            return Err(BackupError::Exists { path });
        }
    }
    let work = Scratch::new(locked.path())?;
    unpack(file, &work.path)?;
    drop(SqliteNames::open(&work.path.join(NAMES_FILE))?);
    identity::load_or_create(&work.path)?;
    // The key last: a folder with a key has its names.
    for name in [NAMES_FILE, KEY_FILE] {
        let to = locked.path().join(name);
        fs::rename(work.path.join(name), &to).map_err(at(&to))?;
    }
    File::open(locked.path()).and_then(|folder| folder.sync_all()).map_err(at(locked.path()))
}

/// A folder for unfinished work, removed when this is dropped.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(beside: &Path) -> Result<Self, BackupError> {
        let path = beside.join(format!(
            ".natterjack-{}-{:08x}",
            std::process::id(),
            rand::random::<u32>()
        ));
        data_dir::create(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "unfinished work stays");
        }
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn pack(archive: &Path, files: &[(&str, &Path)]) -> Result<(), BackupError> {
    let mut builder = tar::Builder::new(create_private(archive).map_err(at(archive))?);
    for (name, path) in files {
        let mut header = tar::Header::new_gnu();
        let file = File::open(path).map_err(at(path))?;
        header.set_size(file.metadata().map_err(at(path))?.len());
        header.set_mode(0o600);
        builder.append_data(&mut header, name, file).map_err(at(archive))?;
    }
    builder.into_inner().and_then(|file| file.sync_all()).map_err(at(archive))
}

/// Takes the two files that a backup has out of it, and nothing else.
fn unpack(archive: &Path, folder: &Path) -> Result<(), BackupError> {
    let damaged = |detail: String| BackupError::Damaged { path: archive.to_owned(), detail };
    let mut reader = tar::Archive::new(File::open(archive).map_err(at(archive))?);
    let entries = reader.entries().map_err(|error| damaged(error.to_string()))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| damaged(error.to_string()))?;
        let path = entry.path().map_err(|error| damaged(error.to_string()))?.into_owned();
        let name = [KEY_FILE, NAMES_FILE].into_iter().find(|name| path == Path::new(name));
        let name =
            name.ok_or_else(|| damaged(format!("{} does not belong in it", path.display())))?;
        if name == KEY_FILE && entry.size() > KEY_MAX {
            return Err(damaged("its key is too large".to_owned()));
        }
        let to = folder.join(name);
        let size = entry.size();
        let mut file = create_private(&to).map_err(at(&to))?;
        let copied = io::copy(&mut (&mut entry).take(size), &mut file)
            .map_err(|error| damaged(error.to_string()))?;
        if copied != size {
            return Err(damaged(format!("{name} is cut")));
        }
        file.sync_all().map_err(at(&to))?;
    }
    for name in [KEY_FILE, NAMES_FILE] {
        if !folder.join(name).is_file() {
            return Err(damaged(format!("it has no {name}")));
        }
    }
    Ok(())
}
