//! Usernames, group names and their text forms `@username` and `#group`.

use std::{borrow::Cow, fmt, str::FromStr};

use precis_core::{
    FreeformClass, StringClass as _,
    profile::{Rules as _, stabilize},
};
use precis_profiles::Nickname;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use thiserror::Error;

use crate::limits::{GROUP_NAME_MAX, USERNAME_MAX, USERNAME_MIN};

/// Why a name is none.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// A username has 2 to 32 characters.
    #[error("a username has {USERNAME_MIN} to {USERNAME_MAX} characters")]
    UsernameLength,
    /// A username begins with a letter or digit.
    #[error("a username begins with a letter or a digit")]
    UsernameStart,
    /// A username consists of few characters.
    #[error("a username consists of a-z, 0-9, dot, hyphen and underscore")]
    UsernameCharacter,
    /// A group name has 1 to 64 bytes.
    #[error("a group name has 1 to {GROUP_NAME_MAX} bytes")]
    GroupLength,
    /// A group name has no control characters and does not begin with `#` or `@`.
    #[error("a group name has no control or invisible characters, and no '#' or '@' at its start")]
    GroupCharacter,
    /// The text is neither `@username` nor `#group`.
    #[error("a conversation is @username or #group")]
    Conversation,
}

/// A registered name: ASCII `[a-z0-9][a-z0-9._-]{1,31}`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Username(String);

impl Username {
    /// Folds the case and checks the characters. An `@` in front is not part of a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let name = text.to_ascii_lowercase();
        if !(USERNAME_MIN..=USERNAME_MAX).contains(&name.chars().count()) {
            return Err(NameError::UsernameLength);
        }
        if !name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return Err(NameError::UsernameStart);
        }
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        if name.chars().all(allowed) { Ok(Self(name)) } else { Err(NameError::UsernameCharacter) }
    }

    /// The name without `@`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the name looks like: equal for names that a reader may confuse (`paul`, `pau1`).
    ///
    /// Compare skeletons with skeletons only, <https://www.unicode.org/reports/tr39/#Confusable_Detection>.
    pub fn skeleton(&self) -> String {
        let skeleton: String = unicode_security::skeleton(&self.0).collect();
        skeleton.to_ascii_lowercase()
    }
}

impl fmt::Display for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = Self::new(&text).map_err(D::Error::custom)?;
        if name.0 == text { Ok(name) } else { Err(D::Error::custom("name is not in lower case")) }
    }
}

/// A group's name: 1 to 64 bytes after preparation as a nickname (RFC 8266), in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct GroupName(String);

impl GroupName {
    /// Prepares and checks the name, given without `#`.
    pub fn new(text: &str) -> Result<Self, NameError> {
        // Bounded before the preparation, which allocates.
        if text.is_empty() || text.len() > 4 * GROUP_NAME_MAX {
            return Err(NameError::GroupLength);
        }
        let name = stabilize(text, |name| prepare(name).map(Cow::Owned))
            .map_err(|_error| NameError::GroupCharacter)?;
        if name.is_empty() || name.len() > GROUP_NAME_MAX {
            return Err(NameError::GroupLength);
        }
        if name.starts_with(['#', '@']) {
            return Err(NameError::GroupCharacter);
        }
        Ok(Self(name.into_owned()))
    }

    /// The name without `#`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One round of preparation: the rules of a nickname with its case folded for comparison.
///
/// PRECIS knows the characters of 2013 (Unicode 6.3), so younger emoji are checked here: their
/// blocks hold nothing but pictures. Variation selectors only choose between two pictures of one
/// emoji; names that differ in them alone would look the same.
fn prepare(text: &str) -> Result<String, precis_core::Error> {
    let text: String = text.chars().filter(|c| !matches!(c, '\u{fe0e}' | '\u{fe0f}')).collect();
    let known: String = text
        .chars()
        .map(|c| if matches!(c, '\u{1f300}'..='\u{1faff}') { '\u{263a}' } else { c })
        .collect();
    FreeformClass::default().allows(known)?;
    let nickname = Nickname::new();
    let spaced = nickname.additional_mapping_rule(text)?;
    let normal = nickname.normalization_rule(spaced)?;
    Ok(normal.to_lowercase())
}

impl fmt::Display for GroupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for GroupName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = Self::new(&text).map_err(D::Error::custom)?;
        if name.0 == text { Ok(name) } else { Err(D::Error::custom("name is not prepared")) }
    }
}

/// What people call a conversation: `@username` or `#group`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConversationName {
    /// Messages between two people.
    Direct(Username),
    /// A group.
    Group(GroupName),
}

impl fmt::Display for ConversationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(name) => write!(formatter, "@{name}"),
            Self::Group(name) => write!(formatter, "#{name}"),
        }
    }
}

impl FromStr for ConversationName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Some(name) = text.strip_prefix('@') {
            Username::new(name).map(Self::Direct)
        } else if let Some(name) = text.strip_prefix('#') {
            GroupName::new(name).map(Self::Group)
        } else {
            Err(NameError::Conversation)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_folded_and_checked() {
        assert_eq!(Username::new("Alice_7").unwrap().as_str(), "alice_7");
        assert_eq!(Username::new("a"), Err(NameError::UsernameLength));
        assert_eq!(Username::new(&"a".repeat(33)), Err(NameError::UsernameLength));
        assert_eq!(Username::new(".ab"), Err(NameError::UsernameStart));
        assert_eq!(Username::new("a b"), Err(NameError::UsernameCharacter));
        assert_eq!(Username::new("раypal"), Err(NameError::UsernameStart));
    }

    #[test]
    fn names_that_look_alike_share_a_skeleton() {
        let skeleton = |name: &str| Username::new(name).unwrap().skeleton();
        assert_eq!(skeleton("paul"), skeleton("pau1"));
        assert_eq!(skeleton("modern"), skeleton("modem"));
        assert_eq!(skeleton("bob"), skeleton("b0b"));
        assert_ne!(skeleton("bob"), skeleton("rob"));
    }

    #[test]
    fn group_names_are_prepared() {
        assert_eq!(GroupName::new("  Rust  Chat ").unwrap().as_str(), "rust chat");
        assert_eq!(GroupName::new(""), Err(NameError::GroupLength));
        assert_eq!(GroupName::new("a\u{202e}b"), Err(NameError::GroupCharacter));
        assert_eq!(GroupName::new("#x"), Err(NameError::GroupCharacter));
        assert_eq!(GroupName::new(&"ü".repeat(33)), Err(NameError::GroupLength));
    }

    #[test]
    fn conversations_have_a_text_form() {
        for text in ["@bob", "#rust", "#größe 🦀"] {
            assert_eq!(text.parse::<ConversationName>().unwrap().to_string(), text);
        }
        assert_eq!("bob".parse::<ConversationName>(), Err(NameError::Conversation));
    }
}
