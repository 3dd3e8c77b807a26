//! The server's key: made at the first start, kept in the data folder, readable for its owner alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;
use tracing::warn;
use wire::key::DeviceKey;

/// Name of the key's file in the data folder.
pub const KEY_FILE: &str = "identity.key";

/// Why there is no key.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("cannot use the key file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no key. It is left as it is, since a new key would be a new server.
    #[error(
        "the key file {path} is damaged; put a backup in its place, or move it away to become a new server"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the key, or makes one.
pub fn load_or_create(data_dir: &Path) -> Result<DeviceKey, IdentityError> {
    let path = data_dir.join(KEY_FILE);
    let failed = |source| IdentityError::File { path: path.clone(), source };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(data_dir, &path).map_err(failed)?;
            fs::read(&path).map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    let seed = <[u8; 32]>::try_from(bytes)
        .map_err(|_bytes| IdentityError::Damaged { path: path.clone() })?;
    hide(&path).map_err(failed)?;
    Ok(DeviceKey::from_seed(seed))
}

/// Writes a new key. It appears under its name complete or not at all, and never replaces one.
fn create(data_dir: &Path, path: &Path) -> io::Result<()> {
    let seed: [u8; 32] = rand::random();
    let draft = data_dir.join(format!("{KEY_FILE}.{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(&seed)?;
    file.sync_all()?;
    let linked = match fs::hard_link(&draft, path) {
        // Another process was faster: its key is the server's.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    };
    fs::remove_file(&draft)?;
    linked?;
    #[cfg(unix)]
    File::open(data_dir)?.sync_all()?;
    Ok(())
}

/// Takes the key file from others' eyes, as after a careless copy.
#[cfg(unix)]
fn hide(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let permissions = fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        warn!(path = %path.display(), "the key file was readable for others; it is not any more");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn hide(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let first = load_or_create(dir.path()).unwrap().id();
        assert_eq!(load_or_create(dir.path()).unwrap().id(), first);
        let files: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(files.len(), 1, "{files:?}");
    }

    #[test]
    fn a_damaged_key_is_told_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        fs::write(&path, b"short").unwrap();
        let error = load_or_create(dir.path()).unwrap_err();
        assert!(matches!(error, IdentityError::Damaged { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_key() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let key = load_or_create(dir.path()).unwrap().id();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(load_or_create(dir.path()).unwrap().id(), key);
        assert_eq!(mode(), 0o600);
    }
}
