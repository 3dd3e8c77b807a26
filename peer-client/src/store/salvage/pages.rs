//! The pages of a database file and of its write-ahead log, read past `SQLite`, which gives up a
//! table where one of its pages is damaged. The formats: <https://sqlite.org/fileformat2.html>.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use super::records::{Record, records};

/// What a database file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Where its header has the schema's version.
const VERSION_AT: usize = 60;
/// Bytes per page where no header says how many: what `SQLite` takes.
const PAGE: usize = 4096;
/// Bytes before the first frame of a write-ahead log, and before each page in it.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
/// Where the numbers are by which the frames of one log know each other.
const SALTS: std::ops::Range<usize> = 16..24;

/// A damaged database, opened for reading.
pub(super) struct Pages {
    main: File,
    log: Option<Log>,
    size: usize,
    count: u32,
    /// The schema's version, if the file's header can be read.
    pub(super) version: Option<u32>,
}

struct Log {
    file: File,
    /// Page and place of each frame, in the order written.
    frames: Vec<(u32, u64)>,
    /// The last frame of each page.
    newest: BTreeMap<u32, u64>,
}

/// Which version of an overflow page belongs to a row.
#[derive(Clone, Copy)]
enum View {
    Main,
    Newest,
}

impl Pages {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut main = File::open(path)?;
        let header = read_at(&mut main, 0, 100)?;
        let mut log = None;
        let mut log_size = None;
        match File::open(beside(path, "-wal")) {
            Ok(file) => (log, log_size) = (Some(file), None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if let Some(file) = &mut log {
            let header = read_at(file, 0, LOG_HEADER as usize)?;
            log_size = number(&header, 8).filter(|size| is_page_size(*size));
        }
        let size = main_size(&header).or(log_size).map_or(PAGE, |size| size as usize);
        let bytes = main.metadata()?.len();
        let count = u32::try_from(bytes.div_ceil(size as u64)).unwrap_or(u32::MAX);
        let log = log.map(|file| Log::open(file, size)).transpose()?;
        let version = number(&header, VERSION_AT).filter(|_| header.starts_with(MAGIC));
        Ok(Self { main, log, size, count, version })
    }

    /// Gives the rows of all tables to `take`, those that were written later after the earlier ones.
    pub(super) fn each<E: From<io::Error>>(
        &mut self,
        mut take: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        for number in 1..=self.count {
            let page = self.main_page(number)?;
            for record in records(&page, number, |next| self.overflow(next, View::Main)) {
                take(record)?;
            }
        }
        let frames = self.log.as_ref().map(|log| log.frames.clone()).unwrap_or_default();
        for (number, place) in frames {
            let page = self.frame(place)?;
            for record in records(&page, number, |next| self.overflow(next, View::Newest)) {
                take(record)?;
            }
        }
        Ok(())
    }

    fn overflow(&mut self, number: u32, view: View) -> Option<Vec<u8>> {
        let newest = self.log.as_ref().and_then(|log| log.newest.get(&number)).copied();
        let page = match (view, newest) {
            (View::Newest, Some(place)) => self.frame(place),
            _ if (1..=self.count).contains(&number) => self.main_page(number),
            _ => return None,
        };
        page.ok()
    }

    fn main_page(&mut self, number: u32) -> io::Result<Vec<u8>> {
        let place = u64::from(number - 1) * self.size as u64;
        let mut page = read_at(&mut self.main, place, self.size)?;
        // The file may have been cut within a page.
        page.resize(self.size, 0);
        Ok(page)
    }

    fn frame(&mut self, place: u64) -> io::Result<Vec<u8>> {
        match &mut self.log {
            Some(log) => read_at(&mut log.file, place, self.size),
            None => Ok(Vec::new()),
        }
    }
}

impl Log {
    /// Finds the frames that belong to the log's present round. Their checksums are not asked: what
    /// they hold is checked as what it is.
    fn open(mut file: File, size: usize) -> io::Result<Self> {
        let header = read_at(&mut file, 0, LOG_HEADER as usize)?;
        let (mut frames, mut newest) = (Vec::new(), BTreeMap::new());
        let end = file.metadata()?.len();
        let mut place = LOG_HEADER;
        while place + FRAME_HEADER + size as u64 <= end {
            let frame = read_at(&mut file, place, FRAME_HEADER as usize)?;
            if let Some(page) = number(&frame, 0)
                && page != 0
                && frame.get(8..16) == header.get(SALTS)
            {
                frames.push((page, place + FRAME_HEADER));
                newest.insert(page, place + FRAME_HEADER);
            }
            place += FRAME_HEADER + size as u64;
        }
        Ok(Self { file, frames, newest })
    }
}

/// The file beside a database whose name has this end.
pub(crate) fn beside(path: &Path, end: &str) -> std::path::PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

fn main_size(header: &[u8]) -> Option<u32> {
    let bytes: [u8; 2] = header.get(16..18)?.try_into().ok()?;
    let size = match u16::from_be_bytes(bytes) {
        1 => 65_536,
        size => u32::from(size),
    };
    (header.starts_with(MAGIC) && is_page_size(size)).then_some(size)
}

fn is_page_size(size: u32) -> bool {
    size.is_power_of_two() && (512..=65_536).contains(&size)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Reads as many bytes as there are, up to `length`.
fn read_at(file: &mut File, place: u64, length: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(place))?;
    let mut bytes = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
