//! Who may take a new name at a server: tokens that the server signed, and puzzles under load.
//!
//! Accounts that the server knows need neither.

use serde::{Deserialize, Serialize};

use crate::{
    codec::{self, DecodeError},
    conversation::derive,
    id::{Challenge, DeviceId, TokenId},
    limits::{NUMBER_MAX, PUZZLE_DIFFICULTY_MAX, TOKEN_BODY_MAX, TOKEN_MAX},
    signed::{Signable, Signed},
};

/// A server's word that so many new names may be taken until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmissionToken {
    /// The server, which signs it.
    pub server: DeviceId,
    /// Tells it from the server's other tokens.
    pub id: TokenId,
    /// New names that may be taken with it, at least one.
    pub uses: u32,
    /// When it ends, in milliseconds since 1970.
    pub expires_at: u64,
}

impl Signable for AdmissionToken {
    const DOMAIN: &'static str = "natterjack/admission/1";
    const MAX: usize = TOKEN_BODY_MAX;

    fn signer(&self) -> &[u8; 32] {
        self.server.as_bytes()
    }

    fn check(&self) -> Result<(), DecodeError> {
        if self.uses == 0 || self.expires_at > NUMBER_MAX {
            return Err(DecodeError::Invalid("token with an impossible number"));
        }
        Ok(())
    }
}

/// Reads a token as `Hello` carries it. Its signature is checked by [`Signed::open`].
pub fn read_token(bytes: &[u8]) -> Result<Signed<AdmissionToken>, DecodeError> {
    codec::decode_canonical(bytes, TOKEN_MAX)
}

/// Whether `answer` solves a puzzle: of its hash with the challenge, the first `difficulty` bits
/// are zero.
pub fn solves(challenge: &Challenge, difficulty: u8, answer: u64) -> bool {
    let hash =
        derive("natterjack registration puzzle 1", &[challenge.as_bytes(), &answer.to_be_bytes()]);
    let [first, second, third, fourth, ..] = hash;
    let zeros = u32::from_be_bytes([first, second, third, fourth]).leading_zeros();
    zeros >= u32::from(difficulty)
}

/// Solves a puzzle, which takes about 2 to the power of `difficulty` tries. None if the puzzle is
/// harder than any server may set.
pub fn solve(challenge: &Challenge, difficulty: u8) -> Option<u64> {
    if difficulty > PUZZLE_DIFFICULTY_MAX {
        return None;
    }
    (0..NUMBER_MAX).find(|answer| solves(challenge, difficulty, *answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_solves_a_puzzle_does_not_solve_another() {
        let challenge = Challenge::new([1; 16]);
        let answer = solve(&challenge, 12).unwrap();
        assert!(solves(&challenge, 12, answer));
        assert!(!solves(&Challenge::new([2; 16]), 12, answer));
        assert!((0..answer).all(|earlier| !solves(&challenge, 12, earlier)));
    }

    #[test]
    fn no_work_is_wanted_at_difficulty_0_and_too_much_is_refused() {
        let challenge = Challenge::new([3; 16]);
        assert_eq!(solve(&challenge, 0), Some(0));
        assert_eq!(solve(&challenge, PUZZLE_DIFFICULTY_MAX + 1), None);
    }
}
