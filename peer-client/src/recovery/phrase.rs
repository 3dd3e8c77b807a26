//! The recovery phrase: the account key's seed as 24 words of BIP-39 in English.

use bip39::{Error, Language, Mnemonic};
use thiserror::Error;
use wire::key::AccountKey;

/// Words of a phrase.
const WORDS: usize = 24;

/// Why words are no recovery phrase. The texts never repeat a word.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum PhraseError {
    /// Some are missing, or there are too many.
    #[error("a recovery phrase has {WORDS} words; these are {0}")]
    Count(usize),
    /// A word is not in the list.
    #[error("word {0} is not in the list of words; check its spelling")]
    Word(usize),
    /// All words are in the list, but they do not belong together.
    #[error("these words do not belong together; check their order and that none is another's")]
    Checksum,
}

/// The words of a key.
pub(crate) fn words(key: &AccountKey) -> String {
    #[expect(clippy::expect_used, reason = "32 bytes make 24 words")]
    let mnemonic = Mnemonic::from_entropy(&key.seed()).expect("32 bytes");
    mnemonic.words().collect::<Vec<_>>().join(" ")
}

/// The key of words. Upper case and white space do not matter.
pub(crate) fn key(text: &str) -> Result<AccountKey, PhraseError> {
    let text = text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    if text.len() != WORDS {
        return Err(PhraseError::Count(text.len()));
    }
    let mnemonic = Mnemonic::parse_in_normalized(Language::English, &text.join(" "));
    let mnemonic = mnemonic.map_err(|error| match error {
        Error::UnknownWord(index) => PhraseError::Word(index + 1),
        _ => PhraseError::Checksum,
    })?;
    let (entropy, length) = mnemonic.to_entropy_array();
    let seed = entropy[..length].try_into().map_err(|_length| PhraseError::Checksum)?;
    Ok(AccountKey::from_seed(seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vectors of BIP-39.
    #[test]
    fn words_are_those_of_the_standard() {
        let zero = AccountKey::from_seed([0; 32]);
        assert_eq!(words(&zero), format!("{}art", "abandon ".repeat(23)));
        let full = AccountKey::from_seed([0xff; 32]);
        assert_eq!(words(&full), format!("{}vote", "zoo ".repeat(23)));
    }

    #[test]
    fn words_bring_the_key_back() {
        for seed in 0..50 {
            let made = AccountKey::from_seed([seed; 32]);
            assert_eq!(key(&words(&made)).unwrap().id(), made.id());
        }
        let typed = format!("  {}\n Art ", "ABANDON ".repeat(23));
        assert_eq!(key(&typed).unwrap().seed(), [0; 32]);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_without_the_word() {
        let good = words(&AccountKey::from_seed([7; 32]));
        let mut list: Vec<_> = good.split(' ').collect();
        assert_eq!(key("").unwrap_err(), PhraseError::Count(0));
        assert_eq!(key(&list[1..].join(" ")).unwrap_err(), PhraseError::Count(23));
        let right = std::mem::replace(&mut list[4], "natterjack");
        let error = key(&list.join(" ")).unwrap_err();
        assert_eq!(error, PhraseError::Word(5));
        assert!(!error.to_string().contains("natterjack"));
        list[4] = if right == "zoo" { "abandon" } else { "zoo" };
        assert_eq!(key(&list.join(" ")).unwrap_err(), PhraseError::Checksum);
    }
}
