//! The order in which hashes and chunk groups of ranges follow each other in the bao encoding, and
//! the check of each against the attachment's hash. Sender and receiver walk alike.

use bao_tree::{
    BaoTree, BlockSize, ChunkNum, ChunkRanges,
    iter::{BaoChunk, ResponseIter},
};
use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};
use thiserror::Error;
use wire::{blob::CHUNK_GROUP_LOG, id::BlobHash};

use super::groups::GROUP;

/// The chunk group in the terms of the tree.
pub(super) const BLOCK: BlockSize = BlockSize::from_chunk_log(CHUNK_GROUP_LOG);

/// Bytes of a pair of hashes.
pub(super) const PAIR: usize = 2 * blake3::OUT_LEN;

/// Bytes that do not belong to the attachment.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the bytes do not belong to the file")]
pub(super) struct Mismatch;

/// What comes next in the encoding: a pair of hashes or a chunk group.
pub(super) type Step = BaoChunk;

/// A walk through the encoding of some ranges of an attachment.
pub(super) struct Walk {
    steps: ResponseIter,
    /// Hashes of the parts that are still to come, the next one last.
    expected: Vec<blake3::Hash>,
}

impl Walk {
    /// Begins before the first step. The ranges are of bytes; every chunk group that they touch
    /// comes as a whole, and what lies beyond `size` is left out.
    pub(super) fn new(hash: &BlobHash, size: u64, ranges: &[(u64, u64)]) -> Self {
        Self {
            steps: ResponseIter::new(BaoTree::new(size, BLOCK), chunk_ranges(size, ranges)),
            expected: vec![blake3::Hash::from_bytes(*hash.as_bytes())],
        }
    }

    /// The next step. Each must be followed by [`Walk::check`] of its bytes.
    pub(super) fn next(&mut self) -> Option<Step> {
        self.steps.next()
    }

    /// Checks the bytes of a step, of which there must be [`Step::size`].
    pub(super) fn check(&mut self, step: &Step, bytes: &[u8]) -> Result<(), Mismatch> {
        let expected = self.expected.pop().ok_or(Mismatch)?;
        match *step {
            BaoChunk::Parent { is_root, left, right, .. } => {
                let pair: &[u8; PAIR] = bytes.try_into().map_err(|_error| Mismatch)?;
                let (left_hash, right_hash) = split(pair);
                let actual = if is_root {
                    merge_subtrees_root(&left_hash, &right_hash, Mode::Hash)
                } else {
                    merge_subtrees_non_root(&left_hash, &right_hash, Mode::Hash).into()
                };
                let is_right = actual == expected;
                // Nothing below a wrong pair can be proven: no bytes have such a hash.
                let below = |hash: [u8; blake3::OUT_LEN]| {
                    if is_right { hash } else { [0; blake3::OUT_LEN] }.into()
                };
                if right {
                    self.expected.push(below(right_hash));
                }
                if left {
                    self.expected.push(below(left_hash));
                }
                if is_right { Ok(()) } else { Err(Mismatch) }
            }
            BaoChunk::Leaf { is_root, start_chunk, size, .. } => {
                let actual = if is_root {
                    blake3::hash(bytes)
                } else {
                    let mut hasher = blake3::Hasher::new();
                    hasher.set_input_offset(start_chunk.to_bytes()).update(bytes);
                    hasher.finalize_non_root().into()
                };
                if bytes.len() == size && actual == expected { Ok(()) } else { Err(Mismatch) }
            }
        }
    }
}

fn split(pair: &[u8; PAIR]) -> ([u8; blake3::OUT_LEN], [u8; blake3::OUT_LEN]) {
    let mut left = [0; blake3::OUT_LEN];
    let mut right = [0; blake3::OUT_LEN];
    left.copy_from_slice(&pair[..blake3::OUT_LEN]);
    right.copy_from_slice(&pair[blake3::OUT_LEN..]);
    (left, right)
}

/// The chunks of the groups that ranges of bytes touch. A range that reaches the end is left open,
/// as the tree wants it.
fn chunk_ranges(size: u64, ranges: &[(u64, u64)]) -> ChunkRanges {
    let chunk = |group: u64| ChunkNum(group << CHUNK_GROUP_LOG);
    let mut chunks = ChunkRanges::empty();
    for &(start, end) in ranges.iter().filter(|(start, end)| start < end && *start < size) {
        let first = chunk(start / GROUP);
        let after = end.div_ceil(GROUP);
        if after >= size.div_ceil(GROUP) {
            chunks |= ChunkRanges::from(first..);
        } else {
            chunks |= ChunkRanges::from(first..chunk(after));
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use bao_tree::io::{
        outboard::PreOrderMemOutboard, round_up_to_chunks, round_up_to_chunks_groups, sync,
    };
    use proptest::prelude::*;

    use super::*;

    fn bytes(size: u64) -> Vec<u8> {
        (0..size).map(|at| (at / 7) as u8 ^ (at / 1024) as u8).collect()
    }

    fn encoded(data: &[u8], ranges: &[(u64, u64)]) -> (BlobHash, Vec<u8>) {
        let outboard = PreOrderMemOutboard::create(data, BLOCK);
        let chunks = chunk_ranges(data.len() as u64, ranges);
        let mut encoded = Vec::new();
        sync::encode_ranges_validated(data, &outboard, &chunks, &mut encoded).unwrap();
        (BlobHash::new(*outboard.root.as_bytes()), encoded)
    }

    /// Feeds an encoding to a walk and returns the chunk groups that came out.
    fn walked(
        hash: &BlobHash,
        size: u64,
        ranges: &[(u64, u64)],
        mut encoded: &[u8],
    ) -> Result<Vec<(u64, Vec<u8>)>, Mismatch> {
        let mut walk = Walk::new(hash, size, ranges);
        let mut leaves = Vec::new();
        while let Some(step) = walk.next() {
            let (bytes, rest) = encoded.split_at_checked(step.size()).ok_or(Mismatch)?;
            walk.check(&step, bytes)?;
            if let BaoChunk::Leaf { start_chunk, .. } = step {
                leaves.push((start_chunk.to_bytes(), bytes.to_vec()));
            }
            encoded = rest;
        }
        if encoded.is_empty() { Ok(leaves) } else { Err(Mismatch) }
    }

    fn ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
        prop::collection::vec((0..12 * GROUP, 1..4 * GROUP), 0..4)
            .prop_map(|ranges| ranges.into_iter().map(|(at, len)| (at, at + len)).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn follows_the_library_encoding(size in 0..10 * GROUP, ranges in ranges()) {
            let data = bytes(size);
            let (hash, encoded) = encoded(&data, &ranges);
            prop_assert_eq!(hash, BlobHash::new(*blake3::hash(&data).as_bytes()));
            let leaves = walked(&hash, size, &ranges, &encoded).unwrap();
            for group in 0..size.div_ceil(GROUP) {
                let (start, end) = (group * GROUP, size.min((group + 1) * GROUP));
                let is_wanted = ranges.iter().any(|range| range.0 < end && start < range.1);
                let found = leaves.iter().find(|leaf| leaf.0 == start);
                prop_assert_eq!(found.is_some(), is_wanted, "group {}", group);
                if let Some((_, bytes)) = found {
                    prop_assert_eq!(bytes, &data[start as usize..end as usize]);
                }
            }
        }

        #[test]
        fn groups_are_those_of_the_library(size in 1..10 * GROUP, ranges in ranges()) {
            let mut expected = bao_tree::ByteRanges::empty();
            for (start, end) in ranges.iter().filter(|range| range.0 < size) {
                expected |= bao_tree::ByteRanges::from(*start..size.min(*end));
            }
            let expected = round_up_to_chunks_groups(round_up_to_chunks(&expected), BLOCK);
            let actual = chunk_ranges(size, &ranges);
            prop_assert_eq!(sync::truncate_ranges(&expected, size), &*actual);
        }

        #[test]
        fn any_flipped_bit_is_a_mismatch(
            size in 1..6 * GROUP,
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let (hash, mut encoded) = encoded(&bytes(size), &[(0, size)]);
            let at = at.index(encoded.len());
            encoded[at] ^= 1 << bit;
            prop_assert_eq!(walked(&hash, size, &[(0, size)], &encoded), Err(Mismatch));
        }

        #[test]
        fn another_size_is_a_mismatch(size in 1..6 * GROUP, other in 1..6 * GROUP) {
            prop_assume!(size != other);
            let data = bytes(size.max(other));
            let (_, encoded) = encoded(&data[..other as usize], &[(0, other)]);
            let hash = BlobHash::new(*blake3::hash(&data[..size as usize]).as_bytes());
            prop_assert_eq!(walked(&hash, other, &[(0, other)], &encoded), Err(Mismatch));
        }
    }
}
