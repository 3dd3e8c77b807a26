//! What a word being written may become: an emoji for `:name`, a person for `@name`. Pure.

use std::ops::Range;

use emojis::Emoji;
use wire::name::Username;

use super::views::picker;

/// Offered at most.
pub(crate) const OFFERED: usize = 7;
/// Shortest name of an emoji that is looked for, in characters.
const SHORTEST: usize = 2;

/// What a word may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The word, by bytes.
    pub(crate) range: Range<usize>,
    /// The choices, the best first.
    pub(crate) choices: Vec<Choice>,
}

/// What a word may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// An emoji.
    Emoji(&'static Emoji),
    /// Somebody is named.
    Person(Username),
}

impl Choice {
    /// What comes in place of the word.
    pub(crate) fn insertion(&self) -> String {
        match self {
            Self::Emoji(emoji) => emoji.as_str().to_owned(),
            Self::Person(name) => format!("@{name} "),
        }
    }
}

/// What the word before the cursor may become. `cursor` is in bytes.
pub(crate) fn offer(text: &str, cursor: usize, people: &[Username]) -> Option<Offer> {
    let before = text.get(..cursor)?;
    let start = before
        .rfind(|it: char| !is_of_word(it))
        .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
    let (sign, at) = before[..start].char_indices().next_back().map(|(at, sign)| (sign, at))?;
    let begins = before[..at].chars().next_back().is_none_or(|it| !it.is_alphanumeric());
    if !begins {
        return None;
    }
    let word = before[start..].to_lowercase();
    let choices: Vec<Choice> = match sign {
        ':' if word.chars().count() >= SHORTEST => {
            let found = picker::search_emoji(&word).unwrap_or_default();
            found.into_iter().map(Choice::Emoji).take(OFFERED).collect()
        }
        '@' => {
            let fits = |name: &&Username| name.as_str().starts_with(&word);
            let fitting = people.iter().filter(fits).cloned();
            fitting.map(Choice::Person).take(OFFERED).collect()
        }
        _ => return None,
    };
    let is_done = matches!(&choices[..], [Choice::Person(name)] if name.as_str() == word);
    (!choices.is_empty() && !is_done).then_some(Offer { range: at..cursor, choices })
}

/// The emoji whose whole name, as `:crab:`, ends at the cursor, and where it is. In bytes.
pub(crate) fn finished(text: &str, cursor: usize) -> Option<(Range<usize>, &'static Emoji)> {
    let before = text.get(..cursor)?.strip_suffix(':')?;
    let start = before.rfind(|it: char| !is_of_word(it))?;
    let name = before[start..].strip_prefix(':')?;
    let emoji = emojis::get_by_shortcode(name)?;
    Some((start..cursor, emoji))
}

fn is_of_word(it: char) -> bool {
    it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '+' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> Vec<Username> {
        ["ada", "adam", "bob"].map(|name| Username::new(name).unwrap()).to_vec()
    }

    fn offered(text: &str) -> Vec<String> {
        let offer = offer(text, text.len(), &people());
        offer.into_iter().flat_map(|it| it.choices).map(|it| it.insertion()).collect()
    }

    #[test]
    fn people_are_offered_after_an_at_sign() {
        assert_eq!(offered("hi @ad"), ["@ada ", "@adam "]);
        assert_eq!(offered("@"), ["@ada ", "@adam ", "@bob "]);
        assert_eq!(offered("@ada"), ["@ada ", "@adam "]);
        assert!(offered("@bob").is_empty());
        assert!(offered("mail@ad").is_empty());
        assert!(offered("ad").is_empty());
        assert!(offered("").is_empty());
    }

    #[test]
    fn emoji_are_offered_by_their_names() {
        assert_eq!(offered("oh :crab")[0], "🦀");
        assert!(offered(":c").is_empty());
        assert!(offered("12:30").is_empty());
        let offer = offer("ä :crab x", "ä :crab".len(), &[]).unwrap();
        assert_eq!(offer.range, 3..8);
    }

    #[test]
    fn a_whole_name_becomes_its_emoji() {
        let (range, emoji) = finished("a :crab:", 8).unwrap();
        assert_eq!((range, emoji.as_str()), (2..8, "🦀"));
        assert!(finished("a :nothing_like_this:", 21).is_none());
        assert!(finished("12:30:", 6).is_none());
        assert!(finished(":", 1).is_none());
    }
}
