//! A small seeded mutator for bytes that are nearly CBOR.

/// First bytes that begin, end or break something in CBOR.
const HEADS: [u8; 20] = [
    0x00, 0x18, 0x1b, 0x20, 0x3b, 0x40, 0x58, 0x5b, 0x5f, 0x60, 0x7f, 0x80, 0x9f, 0xa0, 0xa1, 0xbf,
    0xc1, 0xf6, 0xf7, 0xff,
];

/// Makes inputs out of others. One seed gives one sequence of them.
pub(crate) struct Mutator(u64);

impl Mutator {
    /// A mutator whose sequence depends on the seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `bound`, which is not 0 (`SplitMix64`).
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    /// One of the inputs, changed in one to four places.
    pub(crate) fn next(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = inputs[self.below(inputs.len())].clone();
        for _ in 0..=self.below(4) {
            let other = self.below(inputs.len());
            self.change(&mut bytes, &inputs[other]);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        let to = at + self.below((bytes.len() - at).min(40) + 1);
        match self.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => bytes.insert(at, HEADS[self.below(HEADS.len())]),
            3 => {
                let again = bytes[at..to].to_vec();
                drop(bytes.splice(at..at, again));
            }
            4 if !other.is_empty() => {
                let from = self.below(other.len());
                let until = from + self.below((other.len() - from).min(60) + 1);
                drop(bytes.splice(at..to, other[from..until].iter().copied()));
            }
            kind => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = match kind {
                        5 => HEADS[self.below(HEADS.len())],
                        6 => *byte ^ 1 << self.below(8),
                        _ => byte.wrapping_add(1),
                    };
                }
            }
        }
    }
}
