//! Names: what is allowed, that preparation settles, and that only prepared names are read.

use proptest::prelude::*;
use wire::{
    codec,
    limits::{GROUP_NAME_MAX, USERNAME_MAX, USERNAME_MIN},
    name::{ConversationName, GroupName, NameError, Username},
};

use crate::strategies::{group_name, username};

#[test]
fn usernames_have_few_characters() {
    for name in ["ab", "a1", "1a", "a.b_c-d", "a--", "0.."] {
        assert_eq!(Username::new(name).map(|name| name.to_string()), Ok(name.to_owned()));
    }
    let refused = [
        ("", NameError::UsernameLength),
        ("a", NameError::UsernameLength),
        ("_ab", NameError::UsernameStart),
        ("-ab", NameError::UsernameStart),
        ("@ab", NameError::UsernameStart),
        (" ab", NameError::UsernameStart),
        ("ab ", NameError::UsernameCharacter),
        ("a\0", NameError::UsernameCharacter),
        ("a\u{301}b", NameError::UsernameCharacter),
        ("aｂ", NameError::UsernameCharacter),
        // A Cyrillic letter, a Kelvin sign that folds to k elsewhere, a long s.
        ("pаul", NameError::UsernameCharacter),
        ("\u{212a}arl", NameError::UsernameStart),
        ("ro\u{17f}e", NameError::UsernameCharacter),
    ];
    for (name, error) in refused {
        assert_eq!(Username::new(name), Err(error), "{name:?}");
    }
}

#[test]
fn group_names_are_prepared_for_comparison() {
    let prepared = [
        ("Rust", "rust"),
        (" \u{a0}a \u{3000} b ", "a b"),
        ("ﬁsh", "fish"),
        ("ＲＵＳＴ", "rust"),
        ("e\u{301}", "é"),
        ("ＡＢ\u{308}", "ab\u{308}"),
        ("❤\u{fe0f}", "❤"),
        ("🦀 🫶🏽", "🦀 🫶🏽"),
        ("🇩🇪", "🇩🇪"),
        ("日本語", "日本語"),
        ("a#b", "a#b"),
    ];
    for (text, name) in prepared {
        assert_eq!(
            GroupName::new(text).map(|name| name.to_string()),
            Ok(name.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn group_names_without_a_form_are_refused() {
    let character = NameError::GroupCharacter;
    let refused = [
        ("", NameError::GroupLength),
        ("  ", NameError::GroupLength),
        ("\u{fe0f}", NameError::GroupLength),
        ("@a", character),
        (" #a", character),
        ("＃a", character),
        ("a\nb", character),
        ("a\0", character),
        ("a\u{200b}b", character),
        ("a\u{200d}b", character),
        ("🦀\u{200d}🦀", character),
        ("a\u{202e}b", character),
        ("a\u{ad}b", character),
        ("a\u{feff}", character),
        ("\u{e000}", character),
        ("\u{fdd0}", character),
        ("\u{10ffff}", character),
        ("\u{e0041}", character),
    ];
    for (text, error) in refused {
        assert_eq!(GroupName::new(text), Err(error), "{text:?}");
    }
}

#[test]
fn group_names_are_measured_after_preparation() {
    let refused = Err(NameError::GroupLength);
    assert!(GroupName::new(&"a".repeat(GROUP_NAME_MAX)).is_ok());
    assert_eq!(GroupName::new(&"a".repeat(GROUP_NAME_MAX + 1)), refused);
    assert!(GroupName::new(&format!("a{}", " ".repeat(100))).is_ok());
    // Refused for what came, before any work on it.
    assert_eq!(GroupName::new(&format!("a{}", " ".repeat(10_000))), refused);
    // One character that becomes 18.
    assert_eq!(GroupName::new("\u{fdfa}\u{fdfa}"), refused);
}

#[test]
fn only_prepared_names_are_read() {
    let read = |text: &str| {
        let bytes = codec::encode(&text);
        let username = codec::decode::<Username>(&bytes, 300).is_ok();
        (username, codec::decode::<GroupName>(&bytes, 300).is_ok())
    };
    assert_eq!(read("rust"), (true, true));
    assert_eq!(read("Rust"), (false, false));
    assert_eq!(read("rust "), (false, false));
    assert_eq!(read("rust fish"), (false, true));
    assert_eq!(read("ﬁsh"), (false, false));
    assert_eq!(read("a\u{fe0f}"), (false, false));
    assert_eq!(read(""), (false, false));
    assert_eq!(read(&"a".repeat(USERNAME_MAX + 1)), (false, true));
    assert_eq!(read(&"a".repeat(GROUP_NAME_MAX + 1)), (false, false));
}

proptest! {
    #[test]
    fn preparing_a_username_twice_changes_nothing(text in "\\PC{0,40}|[A-Za-z0-9._-]{0,34}") {
        if let Ok(name) = Username::new(&text) {
            prop_assert_eq!(Username::new(name.as_str()), Ok(name.clone()));
            let length = name.as_str().len();
            prop_assert!((USERNAME_MIN..=USERNAME_MAX).contains(&length));
            prop_assert!(!name.skeleton().is_empty());
        }
    }

    #[test]
    fn preparing_a_group_name_twice_changes_nothing(text in "\\PC{0,20}|[\\p{L}\\p{M} ]{0,20}") {
        if let Ok(name) = GroupName::new(&text) {
            prop_assert_eq!(GroupName::new(name.as_str()), Ok(name.clone()));
            prop_assert!((1..=GROUP_NAME_MAX).contains(&name.as_str().len()));
            prop_assert!(!name.as_str().contains(char::is_control));
        }
    }

    #[test]
    fn arbitrary_text_is_a_name_or_an_error(text: String) {
        let conversation = text.parse::<ConversationName>();
        if let Ok(name) = conversation {
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }
    }

    #[test]
    fn conversation_names_survive_their_text(username in username(), group in group_name()) {
        for name in [ConversationName::Direct(username), ConversationName::Group(group)] {
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }
    }
}
