//! An attachment that is coming: `<hash>.part` has its full length and those bytes that are here;
//! `<hash>.have` records them, as the size (8 bytes, most significant first) and a bit for each
//! chunk group. What the record names was made durable before the record.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _},
    path::PathBuf,
};

use bao_tree::io::sync::WriteAt as _;
use wire::id::BlobHash;

use super::{
    files,
    groups::Groups,
    store::{BlobStore, Claim, StoreError, at, hash_whole},
};

/// Bytes that may come before they are recorded: what an abrupt end of the program costs.
const UNRECORDED_MAX: u64 = 4 * 1024 * 1024;

/// Bytes of the size at the head of a record.
const SIZE: usize = 8;

/// The writing side of an attachment that is coming. Only one exists for an attachment.
pub(super) struct Partial {
    claim: Claim,
    size: u64,
    groups: Groups,
    /// The `.part` file, once something has come.
    data: Option<File>,
    /// Bytes written since the last record.
    unrecorded: u64,
}

impl Partial {
    /// Goes on from the record, or begins anew when there is none for this size.
    pub(super) fn open(claim: Claim, size: u64) -> Result<Self, StoreError> {
        let groups = read_record(claim.store(), claim.hash(), size)?;
        let data = if groups.bytes() > 0 {
            let path = claim.store().part(claim.hash());
            Some(files::open_or_create(&path).map_err(at(&path))?)
        } else {
            None
        };
        Ok(Self { claim, size, groups, data, unrecorded: 0 })
    }

    /// What is not here, as half-open ranges of bytes in order.
    pub(super) fn missing_ranges(&self) -> Vec<(u64, u64)> {
        self.groups.missing()
    }

    /// How many bytes are here.
    pub(super) fn bytes(&self) -> u64 {
        self.groups.bytes()
    }

    /// Writes verified bytes: whole chunk groups from `start` on.
    pub(super) fn write(&mut self, start: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let mut data = self.take_data()?;
        let written = data.write_all_at(start, bytes);
        self.data = Some(data);
        written.map_err(at(&self.claim.store().part(self.claim.hash())))?;
        let length = bytes.len() as u64;
        self.groups.insert(start, start + length);
        self.unrecorded += length;
        if self.unrecorded >= UNRECORDED_MAX { self.record() } else { Ok(()) }
    }

    /// Records what is here, so that another attempt goes on from there.
    pub(super) fn record(&mut self) -> Result<(), StoreError> {
        let (store, hash) = (self.claim.store(), self.claim.hash());
        let Some(data) = &self.data else { return Ok(()) };
        data.sync_data().map_err(at(&store.part(hash)))?;
        let path = store.record(hash);
        let write = || {
            let mut record = files::open_or_create(&path)?;
            // In place: a bit is only ever set, so a torn write leaves old or new bits.
            record.write_all_at(0, &self.size.to_be_bytes())?;
            record.write_all_at(SIZE as u64, self.groups.bits())?;
            record.sync_data()
        };
        write().map_err(at(&path))?;
        self.unrecorded = 0;
        Ok(())
    }

    /// Makes it a whole attachment, after hashing all of it: whatever happened to the disk or the
    /// record since, a file under the name of a hash has that hash.
    pub(super) fn finish(mut self) -> Result<PathBuf, StoreError> {
        if !self.groups.missing().is_empty() {
            return Err(StoreError::Incomplete);
        }
        let mut data = self.take_data()?;
        let (store, hash) = (self.claim.store(), self.claim.hash());
        let path = store.part(hash);
        data.rewind().map_err(at(&path))?;
        let (actual, outboard) = hash_whole(&data, self.size).map_err(at(&path))?;
        if actual != *hash {
            self.discard()?;
            return Err(StoreError::Damaged);
        }
        data.sync_all().map_err(at(&path))?;
        let whole = store.complete(hash, &path, &outboard)?;
        self.discard()?;
        Ok(whole)
    }

    /// The `.part` file; a new one without what an attempt for another size left.
    fn take_data(&mut self) -> Result<File, StoreError> {
        if let Some(data) = self.data.take() {
            return Ok(data);
        }
        self.discard()?;
        let path = self.claim.store().part(self.claim.hash());
        let make = || {
            let data = files::open_or_create(&path)?;
            data.set_len(self.size)?;
            Ok(data)
        };
        make().map_err(at(&path))
    }

    fn discard(&self) -> Result<(), StoreError> {
        let (store, hash) = (self.claim.store(), self.claim.hash());
        for path in [store.record(hash), store.part(hash)] {
            files::remove_if_present(&path).map_err(at(&path))?;
        }
        Ok(())
    }
}

/// What is here of an attachment of `size` bytes: nothing if the record is of another size, or
/// does not fit the bytes.
pub(super) fn read_record(
    store: &BlobStore,
    hash: &BlobHash,
    size: u64,
) -> Result<Groups, StoreError> {
    let part = store.part(hash);
    match fs::metadata(&part) {
        Ok(data) if data.len() == size => {}
        Ok(_) => return Ok(Groups::none(size)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Groups::none(size)),
        Err(error) => return Err(at(&part)(error)),
    }
    let path = store.record(hash);
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
