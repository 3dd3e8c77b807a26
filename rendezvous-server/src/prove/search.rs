//! Looks for bytes in what a process keeps: a folder, its open and mapped files, its memory.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

/// Bytes that are read at once.
const CHUNK: usize = 1024 * 1024;

/// Where something was looked for, and where it was found.
#[derive(Debug, Default)]
pub struct Search {
    /// Files that were read.
    pub files: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// Places that could not be read, with the reason.
    pub unread: Vec<String>,
    /// For each of the things that were looked for, where it was found.
    pub found: Vec<Vec<String>>,
}

impl Search {
    /// Begins a search for several things.
    pub fn new(needles: usize) -> Self {
        Self { found: vec![Vec::new(); needles], ..Self::default() }
    }

    /// Looks into all files below a folder.
    pub fn folder(&mut self, folder: &Path, needles: &[&[u8]]) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.cannot_read(folder, &error),
        };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.folder(&path, needles),
                Ok(kind) if kind.is_file() => self.file(&path, needles),
                _ => {}
            }
        }
    }

    /// Looks into one file.
    pub fn file(&mut self, path: &Path, needles: &[&[u8]]) {
        match File::open(path) {
            Ok(file) => {
                self.files += 1;
                self.reader(file, &path.display().to_string(), needles);
            }
            Err(error) => self.cannot_read(path, &error),
        }
    }

    /// Looks into the files that a process has open or mapped, deleted ones among them, the
    /// program and its libraries apart.
    pub fn open_files(&mut self, pid: u32, needles: &[&[u8]]) {
        let descriptors = match fs::read_dir(format!("/proc/{pid}/fd")) {
            Ok(descriptors) => descriptors,
            Err(error) => return self.cannot_read(Path::new(&format!("/proc/{pid}/fd")), &error),
        };
        let mut files: BTreeSet<PathBuf> =
            descriptors.filter_map(|entry| Some(entry.ok()?.path())).collect();
        let mappings = mappings_of(pid).unwrap_or_default();
        let code: BTreeSet<_> =
            mappings.iter().filter(|it| it.is_code).filter_map(|it| it.file.clone()).collect();
        files.extend(mappings.into_iter().filter_map(|it| it.file).filter(|it| !code.contains(it)));
        for path in files {
            if fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
                self.file(&path, needles);
            }
        }
    }

    /// Looks into the writable memory of a process. The system may forbid that.
    pub fn memory(&mut self, pid: u32, needles: &[&[u8]]) {
        let place = format!("/proc/{pid}/mem");
        let opened = File::open(&place).and_then(|file| Ok((file, mappings_of(pid)?)));
        let (mut memory, mappings) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.cannot_read(Path::new(&place), &error),
        };
        for mapping in mappings.iter().filter(|mapping| mapping.is_writable) {
            if memory.seek(SeekFrom::Start(mapping.start)).is_ok() {
                let name = format!("memory at {:x}", mapping.start);
                // Parts that the process gave back meanwhile end the reading, which is no fault.
                let part = (&mut memory).take(mapping.end - mapping.start);
                self.reader(part, &name, needles);
            }
        }
    }

    /// Reads to the end, or as far as it goes.
    fn reader(&mut self, mut reader: impl Read, name: &str, needles: &[&[u8]]) {
        let overlap = needles.iter().map(|needle| needle.len()).max().unwrap_or(1) - 1;
        let mut window = Vec::with_capacity(CHUNK + overlap);
        loop {
            let kept = window.len().min(overlap);
            window.drain(..window.len() - kept);
            let before = window.len();
            let read = (&mut reader).take(CHUNK as u64).read_to_end(&mut window);
            self.bytes += (window.len() - before) as u64;
            for (needle, found) in needles.iter().zip(&mut self.found) {
                if found.last().is_none_or(|last| last != name) && contains(&window, needle) {
                    found.push(name.to_owned());
                }
            }
            if read.is_err() || window.len() - before < CHUNK {
                return;
            }
        }
    }

    fn cannot_read(&mut self, path: &Path, error: &io::Error) {
        self.unread.push(format!("{}: {error}", path.display()));
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return true };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(needle) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// A line of `/proc/PID/maps`.
struct Mapping {
    start: u64,
    end: u64,
    is_writable: bool,
    is_code: bool,
    file: Option<PathBuf>,
}

fn mappings_of(pid: u32) -> io::Result<Vec<Mapping>> {
    let mapping = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let permissions = fields.next()?;
        Some(Mapping {
            start: u64::from_str_radix(start, 16).ok()?,
            end: u64::from_str_radix(end, 16).ok()?,
            is_writable: permissions.starts_with("rw"),
            is_code: permissions.contains('x'),
            file: fields.nth(3).filter(|path| path.starts_with('/')).map(PathBuf::from),
        })
    };
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    Ok(maps.lines().filter_map(mapping).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_across_two_chunks_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = vec![b'.'; CHUNK - 3];
        bytes.extend_from_slice(b"needle");
        bytes.extend(vec![b'.'; 2 * CHUNK]);
        fs::create_dir(dir.path().join("below")).unwrap();
        fs::write(dir.path().join("below/file"), &bytes).unwrap();
        let mut search = Search::new(2);
        search.folder(dir.path(), &[b"needle", b"absent"]);
        assert_eq!((search.files, search.bytes), (1, bytes.len() as u64));
        assert_eq!(search.found[0].len(), 1);
        assert_eq!(search.found[1], Vec::<String>::new());
        assert_eq!(search.unread, Vec::<String>::new());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_looked_through() {
        use std::io::Write as _;

        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"in a deleted file that is open").unwrap();
        let secret: Vec<u8> = (0..40_u8).map(|byte| byte.wrapping_mul(77) ^ 0x3c).collect();
        let mut search = Search::new(2);
        let pid = std::process::id();
        search.open_files(pid, &[b"in a deleted file that is open", b"nowhere in an open file"]);
        assert_eq!((search.found[0].len(), search.found[1].len()), (1, 0));
        let mut search = Search::new(1);
        search.memory(pid, &[&secret]);
        assert!(!search.found[0].is_empty() && search.unread.is_empty(), "{search:?}");
    }
}
