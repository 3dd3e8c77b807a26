//! Decisions made of bytes.

use wire::limits::NUMBER_MAX;

/// Choices made of bytes; all the same once they have run out.
pub(super) struct Choices<'bytes>(pub(super) &'bytes [u8]);

impl Choices<'_> {
    pub(super) fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or_default()
    }

    pub(super) fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    pub(super) fn coin(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Small, or as large as numbers get, or larger than is allowed.
    pub(super) fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => NUMBER_MAX,
            2 => NUMBER_MAX + 1,
            3 => u64::MAX,
            _ => u64::from(self.below(8)),
        }
    }

    pub(super) fn array(&mut self) -> [u8; 32] {
        [self.byte(); 32]
    }

    /// Up to 255 bytes as they are.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte()).min(self.0.len());
        self.0.split_off(..length).unwrap_or_default().to_vec()
    }
}
