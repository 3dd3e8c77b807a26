//! Files that only their owner may read, and directories whose entries are durable.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

/// Makes a directory that only its owner may enter, and those above it.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};

        builder.mode(0o700).create(path)?;
        // It may have been there before.
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
    }
    #[cfg(not(unix))]
    builder.create(path)
}

/// Opens a file for reading and writing, and makes an empty one if there is none.
pub(super) fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Removes a file that need not be there.
pub(super) fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes new names in a directory survive a loss of power.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Writes bytes at a place, wherever others write at the same time.
pub(super) fn write_at(file: &File, place: u64, bytes: &[u8]) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_all_at(file, bytes, place);
    #[cfg(windows)]
    {
        use std::os::windows::fs::FileExt as _;

        let mut written = 0;
        while written < bytes.len() {
            match file.seek_write(&bytes[written..], place + written as u64)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                length => written += length,
            }
        }
        Ok(())
    }
}
