//! The number by which two people make sure that nobody is between them. Each compares what the own
//! device shows with what the other's does; it is the same exactly if both mean the same two accounts.

use wire::id::AccountId;

/// Keeps the number apart from all other uses of the hash.
const CONTEXT: &str = "natterjack 2026 verification number of two accounts";
/// Groups of digits.
const GROUPS: usize = 12;
/// Digits of a group.
const DIGITS: usize = 5;
/// Bytes of which a group is made: so many that all groups are about equally likely.
const BYTES: usize = 8;

/// The number of two accounts: twelve groups of five digits, the same from either side.
///
/// An account's id is its public key, so whoever puts another key between the two changes it.
pub fn number(one: &AccountId, other: &AccountId) -> [String; GROUPS] {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(first.as_bytes()).update(second.as_bytes());
    let mut reader = hasher.finalize_xof();
    std::array::from_fn(|_| {
        let mut bytes = [0; BYTES];
        reader.fill(&mut bytes);
        let digits = u64::from_be_bytes(bytes) % 10_u64.pow(DIGITS as u32);
        format!("{digits:0DIGITS$}")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn account(byte: u8) -> AccountId {
        AccountId::new([byte; AccountId::LENGTH])
    }

    #[test]
    fn both_sides_see_the_same_sixty_digits() {
        let number = number(&account(1), &account(2));
        assert_eq!(number, super::number(&account(2), &account(1)));
        let digits: String = number.concat();
        assert_eq!(digits.len(), 60);
        assert!(digits.bytes().all(|it| it.is_ascii_digit()), "{digits}");
    }

    #[test]
    fn any_other_key_gives_another_number() {
        let mut seen = BTreeSet::new();
        for one in 0..20 {
            for other in one..20 {
                assert!(seen.insert(number(&account(one), &account(other)).concat()));
            }
        }
        let mut near = [1; AccountId::LENGTH];
        near[31] = 2;
        assert!(seen.insert(number(&AccountId::new(near), &account(2)).concat()));
    }

    #[test]
    fn the_number_stays_the_same_over_versions() {
        let number = number(&account(1), &account(2)).join(" ");
        assert_eq!(
            number,
            "07710 00342 70725 61048 24358 05884 38967 63163 68466 61868 30840 87744"
        );
    }
}
