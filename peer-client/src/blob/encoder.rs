//! Reading the encoding of ranges from a whole attachment on disk.

use std::{fs::File, path::Path};

use bao_tree::{BaoTree, io::sync::ReadAt as _, iter::BaoChunk};
use wire::id::BlobHash;

use super::{
    groups::Groups,
    store::{StoreError, at},
    walk::{BLOCK, PAIR, Step, Walk},
};

/// Bytes after which a piece of the encoding is handed on.
const PIECE: usize = 256 * 1024;

/// The encoding of ranges of an attachment, read piece by piece. Blocks.
pub(super) struct Encoder {
    data: File,
    outboard: File,
    tree: BaoTree,
    walk: Walk,
}

impl Encoder {
    /// Opens the file with the bytes and that with the hashes of their chunk groups.
    pub(super) fn open(
        data: &Path,
        outboard: &Path,
        (hash, size): (&BlobHash, u64),
        ranges: &[(u64, u64)],
    ) -> Result<Self, StoreError> {
        Ok(Self {
            data: File::open(data).map_err(at(data))?,
            outboard: File::open(outboard).map_err(at(outboard))?,
            tree: BaoTree::new(size, BLOCK),
            walk: Walk::new(hash, size, ranges),
        })
    }

    /// Bytes of the whole attachment.
    pub(super) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The next piece, checked; empty after the last one. Holds little more than 256 KiB.
    pub(super) fn next_piece(&mut self) -> Result<Vec<u8>, StoreError> {
        let mut piece = Vec::new();
        while piece.len() < PIECE
            && let Some(step) = self.walk.next()
        {
            let start = piece.len();
            piece.resize(start + step.size(), 0);
            self.read(&step, &mut piece[start..])?;
            self.walk.check(&step, &piece[start..]).map_err(|_mismatch| StoreError::Damaged)?;
        }
        Ok(piece)
    }

    /// Which chunk groups of the ranges are what they should be.
    pub(super) fn checked(&mut self) -> Groups {
        let mut good = Groups::none(self.size());
        let mut bytes = Vec::new();
        while let Some(step) = self.walk.next() {
            bytes.clear();
            bytes.resize(step.size(), 0);
            let is_read = self.read(&step, &mut bytes).is_ok();
            let is_right = self.walk.check(&step, &bytes).is_ok();
            if let BaoChunk::Leaf { start_chunk, size, .. } = step
                && is_read
                && is_right
            {
                good.insert(start_chunk.to_bytes(), start_chunk.to_bytes() + size as u64);
            }
        }
        good
    }

    fn read(&self, step: &Step, bytes: &mut [u8]) -> Result<(), StoreError> {
        let read = match *step {
            BaoChunk::Parent { node, .. } => {
                let pair = self.tree.pre_order_offset(node).ok_or(StoreError::Damaged)?;
                self.outboard.read_exact_at(pair * PAIR as u64, bytes)
            }
            BaoChunk::Leaf { start_chunk, .. } => {
                self.data.read_exact_at(start_chunk.to_bytes(), bytes)
            }
        };
        read.map_err(|_error| StoreError::Damaged)
    }
}
