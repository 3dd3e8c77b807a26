//! Where a text turns up in what a process holds: its files, its mapped files and its memory.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

/// Whether `needle` is in `bytes`.
pub fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some((&first, _rest)) = needle.split_first() else { return true };
    let mut from = 0;
    while let Some(found) = bytes.get(from..).and_then(|rest| memchr(first, rest)) {
        if bytes.get(from + found..).is_some_and(|rest| rest.starts_with(needle)) {
            return true;
        }
        from += found + 1;
    }
    false
}

fn memchr(byte: u8, bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&other| other == byte)
}

/// The files below `folder` that contain `needle`.
pub fn in_folder(folder: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).expect("the folder can be read");
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(in_folder(&path, needle));
        } else if path.is_file()
            && contains(&fs::read(&path).expect("the file can be read"), needle)
        {
            found.push(path);
        }
    }
    found
}

/// The files that the process has open or mapped, the program and its libraries apart.
pub fn files_of(pid: u32) -> BTreeSet<PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs");
    // What is a deleted file by now can still be read through its descriptor.
    let mut files: BTreeSet<_> = descriptors.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let mappings = mappings_of(pid);
    files.extend(mappings.iter().filter_map(|mapping| mapping.file.clone()));
    for code in mappings.iter().filter(|mapping| mapping.permissions.contains('x')) {
        files.retain(|file| Some(file) != code.file.as_ref());
    }
    files.retain(|path| fs::metadata(path).is_ok_and(|metadata| metadata.is_file()));
    files
}

/// The open or mapped files of the process that contain `needle`.
pub fn in_files_of(pid: u32, needle: &[u8]) -> Vec<PathBuf> {
    let mut found: Vec<_> = files_of(pid).into_iter().collect();
    found.retain(|path| fs::read(path).is_ok_and(|bytes| contains(&bytes, needle)));
    found
}

/// Whether `needle` is in the writable memory of the process.
pub fn in_memory_of(pid: u32, needle: &[u8]) -> bool {
    let mut memory = File::open(format!("/proc/{pid}/mem")).expect("the process is the test's own");
    let mut mappings = mappings_of(pid);
    mappings.retain(|mapping| mapping.permissions.starts_with("rw"));
    mappings.iter().any(|mapping| {
        let mut bytes = Vec::new();
        let length = mapping.end - mapping.start;
        // Parts that the process gave back in the meantime cannot be read; what comes before them is.
        let read = memory
            .seek(SeekFrom::Start(mapping.start))
            .and_then(|_position| (&mut memory).take(length).read_to_end(&mut bytes));
        drop(read);
        contains(&bytes, needle)
    })
}

/// A line of `/proc/PID/maps`: `start-end permissions offset device inode path`.
struct Mapping {
    start: u64,
    end: u64,
    permissions: String,
    file: Option<PathBuf>,
}

fn mappings_of(pid: u32) -> Vec<Mapping> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process runs");
    let mapping = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        Some(Mapping {
            start: u64::from_str_radix(start, 16).ok()?,
            end: u64::from_str_radix(end, 16).ok()?,
            permissions: fields.next()?.to_owned(),
            file: fields.nth(3).filter(|path| path.starts_with('/')).map(PathBuf::from),
        })
    };
    maps.lines().filter_map(mapping).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_is_found_after_a_false_beginning() {
        assert!(contains(b"aab", b"ab"));
        assert!(contains(b"ab", b"ab"));
        assert!(!contains(b"aa", b"ab"));
        assert!(!contains(b"", b"ab"));
    }

    #[test]
    fn a_deleted_but_open_file_is_found() {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"hidden in a deleted file").unwrap();
        let pid = std::process::id();
        assert_eq!(in_files_of(pid, b"hidden in a deleted file").len(), 1);
        assert_eq!(in_files_of(pid, b"in no file at all"), Vec::<PathBuf>::new());
    }

    #[test]
    fn what_the_memory_holds_is_found() {
        let secret: Vec<u8> = (0..32).map(|byte| byte * 7 + 1).collect();
        assert!(in_memory_of(std::process::id(), &secret));
    }
}
