//! Where people are named in a text, as `@name`.

use std::ops::Range;

use wire::name::Username;

/// A place where somebody is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// By bytes.
    pub(crate) range: Range<usize>,
    /// Who.
    pub(crate) name: Username,
    /// It is the user.
    pub(crate) me: bool,
}

/// Finds who is named. `known` tells whether somebody is meant by a name, and whether it is the user.
pub(crate) fn find(text: &str, known: impl Fn(&Username) -> Option<bool>) -> Vec<Mention> {
    let mut mentions = Vec::new();
    for (start, _) in text.match_indices('@') {
        let before = text[..start].chars().next_back();
        if before.is_some_and(|it| it.is_alphanumeric() || is_of_name(it) || it == '/') {
            continue;
        }
        let rest = &text[start + 1..];
        let end = rest.find(|it: char| !is_of_name(it)).unwrap_or(rest.len());
        // Marks at the end are more likely of the sentence.
        let name = rest[..end].trim_end_matches(['.', '-', '_']);
        let range = start..start + 1 + name.len();
        let Ok(name) = Username::new(name) else { continue };
        mentions.extend(known(&name).map(|me| Mention { range, name, me }));
    }
    mentions
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, bool)> {
        let known = |name: &Username| match name.as_str() {
            "ada" | "bob.b" => Some(false),
            "me" => Some(true),
            _ => None,
        };
        find(text, known).into_iter().map(|it| (&text[it.range.clone()], it.me)).collect()
    }

    #[test]
    fn people_are_found_among_other_words() {
        assert_eq!(found("@ada and @Me, hi"), [("@ada", false), ("@Me", true)]);
        assert_eq!(found("ask @bob.b."), [("@bob.b", false)]);
        assert_eq!(found("(@ada)"), [("@ada", false)]);
        assert!(found("@nobody, ada@me.example, https://a.example/@ada, @, @@").is_empty());
    }
}
