//! Which attachments are on the disk, and which leave it. What the user sent stays. What was
//! fetched, whole or in part, may take so many bytes together; the oldest goes first.

use std::{collections::BTreeMap, time::Duration};

use wire::id::BlobHash;

use crate::core::storage::{StoredFile, StoredState};

/// After so long, a part of a file that nobody fetched on is let go.
const PART_KEPT: Duration = Duration::from_hours(14 * 24);

/// What is on the disk.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    quota: u64,
    files: BTreeMap<BlobHash, Kept>,
    /// What was fetched, the oldest first.
    fetched: BTreeMap<u64, BlobHash>,
    /// Bytes of all that.
    bytes: u64,
    last_rank: u64,
    /// Parts of files that were too old at the start.
    stale: Vec<BlobHash>,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    bytes: u64,
    is_whole: bool,
    /// Its place among what was fetched; none for what the user sent.
    rank: Option<u64>,
}

impl Shelf {
    /// Takes over what is on the disk at the start. What was fetched may take `quota` bytes.
    pub(crate) fn new(quota: u64, mut files: Vec<StoredFile>, now_ms: u64) -> Self {
        files.sort_by_key(|file| (file.changed_ms, file.blob));
        let mut shelf = Self { quota, ..Self::default() };
        let oldest = now_ms.saturating_sub(PART_KEPT.as_millis() as u64);
        for StoredFile { blob, bytes, state, changed_ms } in files {
            match state {
                StoredState::Own => shelf.put_own(blob, bytes),
                StoredState::Fetched => shelf.put_fetched(blob, bytes),
                StoredState::Part if changed_ms < oldest => shelf.stale.push(blob),
                StoredState::Part => shelf.put_part(blob, bytes),
            }
        }
        shelf
    }

    /// Whether an attachment is here whole.
    pub(super) fn has(&self, blob: &BlobHash) -> bool {
        self.files.get(blob).is_some_and(|kept| kept.is_whole)
    }

    /// The user sends it.
    pub(super) fn put_own(&mut self, blob: BlobHash, bytes: u64) {
        self.remove(&blob);
        self.files.insert(blob, Kept { bytes, is_whole: true, rank: None });
    }

    /// It was fetched whole just now.
    pub(super) fn put_fetched(&mut self, blob: BlobHash, bytes: u64) {
        self.put(blob, bytes, true);
    }

    /// So many bytes of it are here by now.
    pub(super) fn put_part(&mut self, blob: BlobHash, bytes: u64) {
        self.put(blob, bytes, false);
    }

    fn put(&mut self, blob: BlobHash, bytes: u64, is_whole: bool) {
        let is_more = |kept: &Kept| kept.is_whole && (kept.rank.is_none() || !is_whole);
        if self.files.get(&blob).is_some_and(is_more) {
            return;
        }
        self.remove(&blob);
        self.last_rank += 1;
        self.fetched.insert(self.last_rank, blob);
        self.bytes = self.bytes.saturating_add(bytes);
        self.files.insert(blob, Kept { bytes, is_whole, rank: Some(self.last_rank) });
    }

    /// It is not here any more.
    pub(super) fn remove(&mut self, blob: &BlobHash) {
        if let Some(Kept { bytes, rank: Some(rank), .. }) = self.files.remove(blob) {
            self.fetched.remove(&rank);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// Lets go of the oldest until the rest fits; what is busy stays, and so does the newest, be it
    /// ever so large.
    pub(super) fn evict(&mut self, is_busy: impl Fn(&BlobHash) -> bool) -> Vec<BlobHash> {
        let mut evicted = std::mem::take(&mut self.stale);
        let newest = self.last_rank;
        let mut idle = self.fetched.iter().filter(|(rank, blob)| **rank < newest && !is_busy(blob));
        let mut rest = self.bytes;
        while rest > self.quota
            && let Some((_, blob)) = idle.next()
        {
            rest = rest.saturating_sub(self.files.get(blob).map_or(0, |kept| kept.bytes));
            evicted.push(*blob);
        }
        for blob in &evicted {
            self.remove(blob);
        }
        evicted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 24 * 60 * 60 * 1000;

    fn blob(number: u8) -> BlobHash {
        BlobHash::new([number; 32])
    }

    fn stored(number: u8, bytes: u64, state: StoredState, changed_ms: u64) -> StoredFile {
        StoredFile { blob: blob(number), bytes, state, changed_ms }
    }

    #[test]
    fn the_oldest_fetched_goes_first_also_after_a_restart() {
        use StoredState::{Fetched, Own, Part};
        let files = vec![
            stored(1, 40, Own, 1),
            stored(2, 40, Fetched, 5),
            stored(3, 40, Fetched, 3),
            stored(4, 40, Part, 4),
        ];
        let mut shelf = Shelf::new(100, files, 10);
        assert_eq!(shelf.evict(|_| false), [blob(3)]);
        shelf.put_fetched(blob(5), 90);
        assert_eq!(shelf.evict(|_| false), [blob(4), blob(2)]);
        assert!(shelf.has(&blob(1)) && shelf.has(&blob(5)) && !shelf.has(&blob(2)));
    }

    #[test]
    fn what_is_busy_and_what_is_newest_stays() {
        let mut shelf = Shelf::new(10, Vec::new(), 0);
        shelf.put_fetched(blob(1), 10);
        shelf.put_fetched(blob(2), 10);
        shelf.put_part(blob(3), 100);
        assert_eq!(shelf.evict(|it| *it == blob(1)), [blob(2)]);
        assert_eq!(shelf.evict(|_| false), [blob(1)]);
        assert_eq!(shelf.evict(|_| false), []);
    }

    #[test]
    fn what_the_user_sent_stays_also_if_it_was_fetched_before() {
        let mut shelf = Shelf::new(0, Vec::new(), 0);
        shelf.put_fetched(blob(1), 10);
        shelf.put_own(blob(1), 10);
        shelf.put_fetched(blob(1), 10);
        shelf.put_fetched(blob(2), 0);
        assert_eq!(shelf.evict(|_| false), []);
        assert!(shelf.has(&blob(1)));
    }

    #[test]
    fn parts_of_files_are_let_go_after_two_weeks() {
        let part = |number, days| stored(number, 1, StoredState::Part, days * DAY);
        let mut shelf = Shelf::new(100, vec![part(1, 5), part(2, 7)], 20 * DAY);
        assert_eq!(shelf.evict(|_| false), [blob(1)]);
        assert_eq!(shelf.evict(|_| false), []);
    }

    proptest! {
        #[test]
        fn the_quota_holds_but_for_the_newest(
            quota in 0..200_u64,
            files in prop::collection::vec((0..12_u8, 0..100_u64, 0..3_u8), 0..60),
        ) {
            let mut shelf = Shelf::new(quota, Vec::new(), 0);
            let mut own = std::collections::BTreeSet::new();
            for (number, bytes, kind) in files {
                match kind {
                    0 => {
                        shelf.put_own(blob(number), bytes);
                        own.insert(blob(number));
                    }
                    1 => shelf.put_fetched(blob(number), bytes),
                    _ => shelf.put_part(blob(number), bytes),
                }
                for evicted in shelf.evict(|_| false) {
                    prop_assert!(!own.contains(&evicted));
                }
                let kept = shelf.files.values().filter(|kept| kept.rank.is_some());
                prop_assert_eq!(kept.map(|kept| kept.bytes).sum::<u64>(), shelf.bytes);
                prop_assert!(shelf.bytes <= quota || shelf.fetched.len() == 1);
                prop_assert!(own.iter().all(|blob| shelf.has(blob)));
            }
        }
    }
}
