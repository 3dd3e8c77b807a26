//! An attachment that is coming, perhaps from several devices at one time: `<hash>.part` has its full
//! length and those bytes that are here, `<hash>.pairs` the hashes that prove them. `<hash>.have`
//! records which bytes these are, as the size (8 bytes, most significant first) and a bit for each
//! chunk group; what it names was made durable before it.
//!
//! What came in this run of the program was checked on its way. What an earlier one recorded is
//! checked before it counts.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bao_tree::BaoTree;
use tokio::{sync::Notify, time::Instant};
use wire::{bounded::Bounded, id::BlobHash, limits::RANGES_MAX};

use super::{
    encoder::Encoder,
    files,
    folder::Folder,
    groups::Groups,
    pace::Pace,
    runs::Batch,
    shares::{Shares, ranges_between},
    store::{StoreError, at},
    walk::BLOCK,
};

/// Bytes after which what came is recorded.
const UNRECORDED: u64 = 8 * 1024 * 1024;
/// Bytes that may come meanwhile; more wait. What an abrupt end of the program costs at most.
const UNRECORDED_MAX: u64 = 2 * UNRECORDED;
/// Bytes of the size at the head of a record.
const SIZE: usize = 8;

/// An attachment that is coming. There is one of these for each.
#[derive(Debug)]
pub(super) struct Download {
    folder: Folder,
    hash: BlobHash,
    size: u64,
    state: Mutex<State>,
    /// Held by whoever writes the record.
    recording: Mutex<()>,
    changed: Notify,
    pace: Pace,
}

#[derive(Debug)]
struct State {
    groups: Groups,
    /// What the groups name was checked.
    is_checked: bool,
    /// None before something has come.
    files: Option<Arc<Files>>,
    shares: Shares,
    /// Bytes written since the last record.
    unrecorded: u64,
    is_whole: bool,
}

/// Where bytes and hashes are written.
#[derive(Debug)]
struct Files {
    data: File,
    pairs: File,
}

/// What there is to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Bring these bytes.
    Bring(Share),
    /// Others bring all that is missing; see [`Download::changed`].
    Wait,
    /// Make it whole.
    Finish,
}

/// The right to bring some of the missing bytes, given back when dropped.
#[derive(Debug)]
pub struct Share {
    download: Arc<Download>,
    number: u64,
    ranges: Bounded<(u64, u64), RANGES_MAX>,
}

impl Download {
    /// Goes on from the record, or begins anew when there is none for this size.
    pub(super) fn open(
        folder: Folder,
        (hash, size): (BlobHash, u64),
        pace: Pace,
    ) -> Result<Self, StoreError> {
        let groups = read_record(&folder, &hash, size)?;
        let state = State {
            groups,
            is_checked: false,
            files: None,
            shares: Shares::default(),
            unrecorded: 0,
            is_whole: false,
        };
        let (state, recording) = (Mutex::new(state), Mutex::new(()));
        Ok(Self { folder, hash, size, state, recording, changed: Notify::new(), pace })
    }

    /// The pace at which it comes.
    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Bytes of the whole.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that are here.
    pub(super) fn bytes(&self) -> u64 {
        self.state().groups.bytes()
    }

    /// What is not here, as half-open ranges of bytes in order.
    pub(super) fn missing(&self) -> Vec<(u64, u64)> {
        self.state().groups.missing()
    }

    /// Nobody brings anything now.
    pub(super) fn is_idle(&self) -> bool {
        self.state().shares.is_empty()
    }

    /// Waits until it is worth asking for a task again.
    pub(super) async fn changed(&self) {
        // A share may become stale, of which nobody tells.
        if tokio::time::timeout(Duration::from_secs(1), self.changed.notified()).await.is_err() {
            tracing::trace!("nothing changed");
        }
    }

    /// Gives out what nobody brings, or half of what somebody has before them.
    pub(super) fn task(self: &Arc<Self>) -> Task {
        let mut state = self.state();
        if !state.is_checked {
            self.check(&mut state);
        }
        let missing = state.groups.missing();
        if missing.is_empty() {
            return Task::Finish;
        }
        let now = Instant::now().into_std();
        let Some((number, begin, end)) = state.shares.give(&missing, now) else {
            return Task::Wait;
        };
        let ranges = ranges_within(&missing, begin, end);
        Task::Bring(Share { download: Arc::clone(self), number, ranges })
    }

    /// Checks what an earlier run recorded, and forgets what is not so.
    fn check(&self, state: &mut State) {
        let here = state.groups.here();
        state.is_checked = true;
        if here.is_empty() {
            return;
        }
        let (part, pairs) = (self.folder.part(&self.hash), self.folder.pairs(&self.hash));
        state.groups = match Encoder::open(&part, &pairs, (&self.hash, self.size), &here) {
            Ok(mut recorded) => recorded.checked(),
            Err(error) => {
                tracing::debug!(%error, "nothing of an earlier transfer can be used");
                Groups::none(self.size)
            }
        };
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        let files = self.files()?;
        for (start, bytes) in batch.pairs.runs() {
            files::write_at(&files.pairs, start, bytes)
                .map_err(at(&self.folder.pairs(&self.hash)))?;
        }
        for (start, bytes) in batch.groups.runs() {
            files::write_at(&files.data, start, bytes)
                .map_err(at(&self.folder.part(&self.hash)))?;
        }
        let mut state = self.state();
        for (start, bytes) in batch.groups.runs() {
            state.groups.insert(start, start + bytes.len() as u64);
            state.unrecorded += bytes.len() as u64;
        }
        Ok(())
    }

    /// Whether enough came to be recorded, or so much that nothing more should come before.
    pub(super) fn is_record_due(&self) -> (bool, bool) {
        let unrecorded = self.state().unrecorded;
        (unrecorded >= UNRECORDED, unrecorded >= UNRECORDED_MAX)
    }

    /// Records what is here, so that another run of the program goes on from there.
    pub(super) fn record(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        if state.unrecorded == 0 || state.is_whole {
            return Ok(());
        }
        let Some(files) = state.files.clone() else { return Ok(()) };
        let groups = state.groups.clone();
        state.unrecorded = 0;
        drop(state);
        files.pairs.sync_data().map_err(at(&self.folder.pairs(&self.hash)))?;
        files.data.sync_data().map_err(at(&self.folder.part(&self.hash)))?;
        let path = self.folder.record(&self.hash);
        let write = || {
            let record = files::open_or_create(&path)?;
            // In place: a bit is only ever set, so a torn write leaves old or new bits; and what a
            // record names is checked before it counts.
            files::write_at(&record, 0, &self.size.to_be_bytes())?;
            files::write_at(&record, SIZE as u64, groups.bits())?;
            record.sync_data()
        };
        write().map_err(at(&path))
    }

    /// Makes it a whole attachment. All of it was checked, so it is not hashed again.
    pub(super) fn finish(&self) -> Result<PathBuf, StoreError> {
        let _no_record = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self.files()?;
        let mut state = self.state();
        if state.is_whole {
            return Ok(self.folder.whole(&self.hash));
        }
        if !state.groups.missing().is_empty() {
            return Err(StoreError::Incomplete);
        }
        // Nothing comes of nothing, so nothing was checked.
        if self.size == 0 && blake3::hash(&[]).as_bytes() != self.hash.as_bytes() {
            drop(state);
            self.folder.discard(&self.hash)?;
            return Err(StoreError::Damaged);
        }
        files.pairs.sync_all().map_err(at(&self.folder.pairs(&self.hash)))?;
        files.data.sync_all().map_err(at(&self.folder.part(&self.hash)))?;
        let whole = self.folder.complete_fetched(&self.hash)?;
        state.is_whole = true;
        drop(state);
        self.changed.notify_waiters();
        Ok(whole)
    }

    /// The files; new ones without what an attempt for another size left.
    fn files(&self) -> Result<Arc<Files>, StoreError> {
        let mut state = self.state();
        if let Some(files) = &state.files {
            return Ok(Arc::clone(files));
        }
        if state.groups.bytes() == 0 {
            self.folder.discard(&self.hash)?;
        }
        let open = |path: PathBuf, length: u64| {
            let open = || {
                let file = files::open_or_create(&path)?;
                file.set_len(length)?;
                Ok(file)
            };
            open().map_err(at(&path))
        };
        let files = Arc::new(Files {
            data: open(self.folder.part(&self.hash), self.size)?,
            pairs: open(
                self.folder.pairs(&self.hash),
                BaoTree::new(self.size, BLOCK).outboard_size(),
            )?,
        });
        state.files = Some(Arc::clone(&files));
        Ok(files)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// The bytes to ask for; the last range covers the rest and its gaps.
    pub(super) fn ranges(&self) -> &Bounded<(u64, u64), RANGES_MAX> {
        &self.ranges
    }

    /// The attachment.
    pub(super) fn download(&self) -> &Download {
        &self.download
    }

    /// Whether the bytes from `start` on are somebody else's by now.
    pub(super) fn is_over_at(&self, start: u64) -> bool {
        let now = Instant::now().into_std();
        self.download.state().shares.is_over_at(self.number, start, now)
    }

    /// Writes what was checked. Blocks.
    pub(super) fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        self.download.write(batch)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.download.state();
        state.shares.give_back(self.number);
        let is_recorded = state.unrecorded == 0;
        drop(state);
        self.download.changed.notify_waiters();
        // It was cancelled: writing the record must not hold anybody up.
        if !is_recorded && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let download = Arc::clone(&self.download);
            drop(runtime.spawn_blocking(move || {
                if let Err(error) = download.record() {
                    tracing::debug!(%error, "what came of a file could not be recorded");
                }
            }));
        }
    }
}

/// The parts of ranges between `start` and `end`, as many as a request holds; the last one covers the rest and its gaps.
fn ranges_within(missing: &[(u64, u64)], start: u64, end: u64) -> Bounded<(u64, u64), RANGES_MAX> {
    let mut ranges = ranges_between(missing, start, end);
    if let Some(&(_, end)) = ranges.last() {
        ranges.truncate(RANGES_MAX);
        if let Some(last) = ranges.last_mut() {
            last.1 = end;
        }
    }
    Bounded::truncated(ranges)
}

/// What an earlier run recorded of an attachment of `size` bytes: nothing if the record is of another
/// size, or does not fit the bytes.
pub(super) fn read_record(
    folder: &Folder,
    hash: &BlobHash,
    size: u64,
) -> Result<Groups, StoreError> {
    let part = folder.part(hash);
    match fs::metadata(&part) {
        Ok(data) if data.len() == size => {}
        Ok(_) => return Ok(Groups::none(size)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Groups::none(size)),
        Err(error) => return Err(at(&part)(error)),
    }
    let path = folder.record(hash);
    let record = match File::open(&path) {
        Ok(record) => record,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Groups::none(size)),
        Err(error) => return Err(at(&path)(error)),
    };
    let length = SIZE + Groups::bit_bytes(size);
    let mut bytes = Vec::with_capacity(length + 1);
    record.take(length as u64 + 1).read_to_end(&mut bytes).map_err(at(&path))?;
    let groups = match bytes.split_at_checked(SIZE) {
        Some((head, bits)) if head == size.to_be_bytes() => Groups::from_bits(size, bits.to_vec()),
        _ => None,
    };
    Ok(groups.unwrap_or_else(|| Groups::none(size)))
}
