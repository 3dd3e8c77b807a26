//! Which chunk groups of an attachment are here.

use wire::blob::CHUNK_GROUP_LOG;

/// Bytes of a chunk group, the unit of verification; the last one of an attachment may be shorter.
pub(super) const GROUP: u64 = 1024 << CHUNK_GROUP_LOG;

/// A bit for each chunk group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Groups {
    size: u64,
    bits: Vec<u8>,
    /// How many bytes the groups have whose bits are set.
    bytes: u64,
}

impl Groups {
    /// None of an attachment of `size` bytes.
    pub(super) fn none(size: u64) -> Self {
        Self { size, bits: vec![0; Self::bit_bytes(size)], bytes: 0 }
    }

    /// Those whose bits are set; none if there are too few or too many bits for `size` bytes.
    pub(super) fn from_bits(size: u64, bits: Vec<u8>) -> Option<Self> {
        if bits.len() != Self::bit_bytes(size) {
            return None;
        }
        let mut groups = Self { size, bits, bytes: size };
        groups.bytes -= groups.missing().iter().map(|(start, end)| end - start).sum::<u64>();
        Some(groups)
    }

    /// The bits, from the first group's in the lowest place of the first byte.
    pub(super) fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// Bytes of the bits for an attachment of `size` bytes.
    pub(super) fn bit_bytes(size: u64) -> usize {
        size.div_ceil(GROUP).div_ceil(8) as usize
    }

    /// Adds the groups that lie completely within these bytes.
    pub(super) fn insert(&mut self, start: u64, end: u64) {
        let end = if end >= self.size { self.count() } else { end / GROUP };
        for group in start.div_ceil(GROUP)..end {
            if !self.contains(group) {
                let (first, after) = self.bytes_of(group);
                self.bits[(group / 8) as usize] |= 1 << (group % 8);
                self.bytes += after - first;
            }
        }
    }

    /// The bytes that are not here, as half-open ranges in order that do not touch.
    pub(super) fn missing(&self) -> Vec<(u64, u64)> {
        let mut missing: Vec<(u64, u64)> = Vec::new();
        for group in (0..self.count()).filter(|group| !self.contains(*group)) {
            let (start, end) = self.bytes_of(group);
            match missing.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => missing.push((start, end)),
            }
        }
        missing
    }

    /// The bytes that are here, alike.
    pub(super) fn here(&self) -> Vec<(u64, u64)> {
        let missing = self.missing();
        let starts = [0].into_iter().chain(missing.iter().map(|range| range.1));
        let ends = missing.iter().map(|range| range.0).chain([self.size]);
        starts.zip(ends).filter(|(start, end)| start < end).collect()
    }

    /// How many bytes are here.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn count(&self) -> u64 {
        self.size.div_ceil(GROUP)
    }

    fn contains(&self, group: u64) -> bool {
        self.bits[(group / 8) as usize] >> (group % 8) & 1 == 1
    }

    fn bytes_of(&self, group: u64) -> (u64, u64) {
        (group * GROUP, self.size.min((group + 1) * GROUP))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_missing_of_an_empty_attachment() {
        assert_eq!(Groups::none(0).missing(), []);
        assert_eq!(Groups::none(0).bytes(), 0);
    }

    #[test]
    fn group_counts_only_as_a_whole() {
        let mut groups = Groups::none(3 * GROUP);
        groups.insert(1, 2 * GROUP - 1);
        assert_eq!(groups.missing(), [(0, 3 * GROUP)]);
        groups.insert(1, 2 * GROUP);
        assert_eq!(groups.missing(), [(0, GROUP), (2 * GROUP, 3 * GROUP)]);
    }

    #[test]
    fn last_group_may_be_short() {
        let mut groups = Groups::none(GROUP + 1);
        groups.insert(GROUP, GROUP + 1);
        assert_eq!((groups.missing(), groups.bytes()), (vec![(0, GROUP)], 1));
    }

    #[test]
    fn bits_of_another_size_are_refused() {
        assert!(Groups::from_bits(8 * GROUP + 1, vec![0]).is_none());
        assert!(Groups::from_bits(8 * GROUP, vec![0]).is_some());
    }

    proptest! {
        #[test]
        fn agrees_with_a_list_of_bytes(
            size in 0..20 * GROUP,
            inserted in prop::collection::vec((0..20 * GROUP, 0..20 * GROUP), 0..6),
        ) {
            let mut groups = Groups::none(size);
            let mut here = vec![false; size.div_ceil(GROUP) as usize];
            for (start, end) in inserted {
                groups.insert(start, end);
                for (group, here) in here.iter_mut().enumerate() {
                    let first = group as u64 * GROUP;
                    let last = size.min(first + GROUP) - 1;
                    *here |= start <= first && last < end;
                }
            }
            let missing: Vec<bool> = (0..here.len() as u64)
                .map(|group| {
                    groups.missing().iter().any(|(start, end)| (*start..*end).contains(&(group * GROUP)))
                })
                .collect();
            prop_assert!(here.iter().zip(&missing).all(|(here, missing)| here != missing));
            let here: u64 = groups.here().iter().map(|(start, end)| end - start).sum();
            prop_assert_eq!(here, groups.bytes());
            prop_assert!(groups.here().iter().all(|range| !groups.missing().contains(range)));
            prop_assert!(groups.missing().windows(2).all(|pair| pair[0].1 < pair[1].0));
            prop_assert_eq!(
                Groups::from_bits(size, groups.bits().to_vec()), Some(groups)
            );
        }
    }
}
