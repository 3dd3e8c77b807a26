//! Names of files that come from others or go to them.

use wire::limits::FILE_NAME_MAX;

/// The name of a file whose given name has nothing usable.
const NAMELESS: &str = "file";

/// Longest extension that is kept when a name is cut, in bytes.
const EXTENSION_MAX: usize = 16;

/// Names that mean devices on Windows, with whatever extension.
const DEVICES: [&str; 6] = ["AUX", "CON", "CONIN$", "CONOUT$", "NUL", "PRN"];

/// Makes a name that is safe as the name of a file on any system and honest to the eye: the last
/// part of a path only, not hidden, without control, invisible and direction-changing characters,
/// no device of Windows, never empty, at most `wire::limits::FILE_NAME_MAX` bytes with the
/// extension kept. A name made here stays the same if it is given again.
pub fn safe_file_name(name: &str) -> String {
    let last = name.split(['/', '\\']).rfind(|part| !part.trim().is_empty()).unwrap_or_default();
    let mut clean = String::with_capacity(last.len());
    for character in last.chars().filter(|character| !is_deceptive(*character)) {
        match character {
            '<' | '>' | ':' | '"' | '|' | '?' | '*' => clean.push('_'),
            // Long runs of spaces push the extension out of sight.
            space if space.is_whitespace() => {
                if !clean.ends_with(' ') {
                    clean.push(' ');
                }
            }
            other => clean.push(other),
        }
    }
    let clean = clean.trim_start_matches(is_edge).trim_end_matches(is_edge);
    let name = if clean.is_empty() {
        NAMELESS.to_owned()
    } else if is_device(clean) {
        format!("_{clean}")
    } else {
        clean.to_owned()
    };
    cut(name)
}

/// Leading dots hide a file on Unix; Windows drops trailing dots and spaces.
fn is_edge(character: char) -> bool {
    character == '.' || character == ' '
}

/// Control characters, and what is invisible or changes the direction of the text. The joiners
/// U+200C and U+200D stay: emoji and some scripts need them.
fn is_deceptive(character: char) -> bool {
    let is_line_control = character.is_control() && !character.is_whitespace();
    is_line_control
        || matches!(
            character,
            '\u{AD}'
                | '\u{61C}'
                | '\u{180E}'
                | '\u{200B}'
                | '\u{200E}'..='\u{200F}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
        )
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let is_port = port.is_some_and(|number| {
        let mut digits = number.chars();
        matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    });
    is_port || DEVICES.contains(&stem.as_str())
}

fn cut(name: String) -> String {
    if name.len() <= FILE_NAME_MAX {
        return name;
    }
    match name.rsplit_once('.') {
        Some((stem, extension)) if (1..=EXTENSION_MAX).contains(&extension.len()) => {
            let room = FILE_NAME_MAX - 1 - extension.len();
            let stem = stem[..stem.floor_char_boundary(room)].trim_end_matches(is_edge);
            format!("{stem}.{extension}")
        }
        _ => name[..name.floor_char_boundary(FILE_NAME_MAX)].trim_end_matches(is_edge).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(given: &str, safe: &str) {
        assert_eq!(safe_file_name(given), safe, "given {given:?}");
    }

    #[test]
    fn plain_names_stay() {
        for name in
            ["photo.jpg", "Zoë – 東京.tar.gz", "👩‍👩‍👧.png", "a b.txt", "_x", "COM10", "console.log"]
        {
            check(name, name);
        }
    }

    #[test]
    fn paths_lose_their_folders() {
        check("../../etc/passwd", "passwd");
        check("/abs/olute", "olute");
        check(r"C:\Windows\evil.exe", "evil.exe");
        check("folder/", "folder");
        check("a/..", "file");
        check("C:evil", "C_evil");
    }

    #[test]
    fn hidden_and_empty_names_become_visible() {
        check(".bashrc", "bashrc");
        check("...", "file");
        check("", "file");
        check(" . / . ", "file");
        check("\u{200B}\u{FEFF}", "file");
    }

    #[test]
    fn deceptive_characters_are_dropped() {
        check("photo\u{202E}gnp.exe", "photognp.exe");
        check("a\0b\u{7}c\u{1b}[31m.txt", "abc[31m.txt");
        check("letter.pdf                \u{3000}  .exe", "letter.pdf .exe");
        check("two\nlines\r\n.txt", "two lines .txt");
        check("in\u{2066}\u{2069}visible\u{AD}.txt", "invisible.txt");
    }

    #[test]
    fn windows_gets_no_device_and_no_lost_ending() {
        check("con", "_con");
        check("NUL.txt", "_NUL.txt");
        check("Lpt1 .tar.gz", "_Lpt1 .tar.gz");
        check("com².x", "_com².x");
        check("what?.txt. ", "what_.txt");
    }

    #[test]
    fn long_names_keep_their_extension() {
        let long = safe_file_name(&format!("{}.jpeg", "ä".repeat(300)));
        assert!(long.ends_with("ä.jpeg"), "{long}");
        assert!((FILE_NAME_MAX - 1..=FILE_NAME_MAX).contains(&long.len()), "{}", long.len());
        let endless = safe_file_name(&format!("x.{}", "y".repeat(300)));
        assert_eq!(endless.len(), FILE_NAME_MAX);
    }

    proptest! {
        #[test]
        fn any_name_becomes_one_safe_part(given in prop_oneof![
            any::<String>(),
            "[./\\\\ :a-cCONnul1-3\u{202E}\u{200B}ä東😀]{0,300}",
            "(con|NUL|lpt1)[. a]{0,280}(\\.txt)?",
        ]) {
            let safe = safe_file_name(&given);
            prop_assert!(!safe.is_empty() && safe.len() <= FILE_NAME_MAX);
            prop_assert!(!safe.contains(['/', '\\', ':']) && !safe.starts_with('.'));
            prop_assert!(!safe.ends_with(is_edge) && !safe.chars().any(char::is_control));
            prop_assert!(!safe.chars().any(is_deceptive) && !is_device(&safe));
            prop_assert_eq!(safe_file_name(&safe), safe);
        }
    }
}
