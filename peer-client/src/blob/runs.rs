//! Checked parts of an encoding that wait to be written, those beside each other as one.

use bao_tree::{BaoTree, iter::BaoChunk};

use super::walk::{PAIR, Step};

/// Bytes with their places.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<(u64, Vec<u8>)>);

impl Runs {
    /// Adds bytes from `start` on.
    pub(super) fn push(&mut self, start: u64, bytes: &[u8]) {
        match self.0.last_mut() {
            Some((first, last)) if *first + last.len() as u64 == start => last.extend(bytes),
            _ => self.0.push((start, bytes.to_vec())),
        }
    }

    /// The bytes, each run with the place of its first one.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.0.iter().map(|(start, bytes)| (*start, bytes.as_slice()))
    }
}

/// Chunk groups, and the pairs of hashes that prove them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// By their place in the attachment.
    pub(super) groups: Runs,
    /// By their place in the order of all pairs.
    pub(super) pairs: Runs,
    /// Bytes of the groups.
    pub(super) length: usize,
}

impl Batch {
    /// Adds the checked bytes of a step.
    pub(super) fn push(&mut self, tree: &BaoTree, step: &Step, bytes: &[u8]) {
        match *step {
            BaoChunk::Leaf { start_chunk, .. } => {
                self.groups.push(start_chunk.to_bytes(), bytes);
                self.length += bytes.len();
            }
            BaoChunk::Parent { node, .. } => {
                if let Some(pair) = tree.pre_order_offset(node) {
                    self.pairs.push(pair * PAIR as u64, bytes);
                }
            }
        }
    }
}
