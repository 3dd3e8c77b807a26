//! Looking for messages: when to ask, what was found, and which words of it to emphasise.

use std::{ops::Range, sync::Arc};

use egui::Ui;
use wire::name::ConversationName;

use super::state::{Purpose, Wish};
use crate::core::{
    command::Command,
    model::{Body, MessageView},
};

/// Messages that are asked for at most.
pub(crate) const LIMIT: u32 = 100;
/// Shortest text that is looked for, in characters.
const SHORTEST: usize = 2;
/// Seconds without typing before the node is asked.
const PAUSE: f64 = 0.15;
/// Words before the first found one, in characters at most.
const BEFORE: usize = 24;
/// A message in a few words, in characters at most.
const SNIPPET: usize = 180;

/// Latin letters and the same ones with marks.
const MARKED: [(char, &str); 20] = [
    ('a', "àáâãäåāăąǎả"),
    ('c', "çćĉċč"),
    ('d', "ďđ"),
    ('e', "èéêëēĕėęěẽ"),
    ('g', "ĝğġģ"),
    ('h', "ĥħ"),
    ('i', "ìíîïĩīĭįı"),
    ('j', "ĵ"),
    ('k', "ķ"),
    ('l', "ĺļľł"),
    ('n', "ñńņň"),
    ('o', "òóôõöøōŏőơ"),
    ('r', "ŕŗř"),
    ('s', "śŝşšș"),
    ('t', "ţťŧț"),
    ('u', "ùúûüũūŭůűųư"),
    ('w', "ŵ"),
    ('y', "ýÿŷ"),
    ('z', "źżž"),
    ('æ', "ǽ"),
];

/// A search as the user types it.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// What is typed.
    pub(crate) text: String,
    sought: String,
    due: Option<f64>,
    found: Option<Found>,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// What was typed.
    pub(crate) text: String,
    /// The newest first.
    pub(crate) messages: Vec<Arc<MessageView>>,
}

impl Search {
    /// What was found for the text of the last answer; none before the first one.
    pub(crate) fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// Whether the text is long enough to be looked for.
    pub(crate) fn is_on(&self) -> bool {
        self.text.trim().chars().nth(SHORTEST - 1).is_some()
    }

    /// Whether the newest text was answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.text == self.text.trim())
    }

    /// Asks the node once the user paused typing.
    pub(crate) fn poll(&mut self, ui: &Ui, within: Option<&ConversationName>) -> Option<Wish> {
        let now = ui.input(|input| input.time);
        let text = self.text.trim();
        if text != self.sought {
            self.sought = text.to_owned();
            self.due = Some(now + PAUSE);
        }
        if !self.is_on() {
            self.due = None;
            self.found = None;
        }
        let due = self.due?;
        if now < due {
            ui.ctx().request_repaint_after_secs((due - now) as f32);
            return None;
        }
        self.due = None;
        let (text, within) = (self.sought.clone(), within.cloned());
        let command = Command::Search { text: text.clone(), within: within.clone(), limit: LIMIT };
        Some(Wish { command, purpose: Purpose::Search(within, text) })
    }

    /// Asks again for the same text, since messages have changed.
    pub(crate) fn repeat(&mut self) {
        if self.is_on() && self.due.is_none() {
            self.due = Some(f64::NEG_INFINITY);
        }
    }

    /// Takes what was found for a text, oldest first, unless another text is sought by now.
    pub(crate) fn take(&mut self, text: String, messages: &[MessageView]) {
        if text == self.sought && self.is_on() {
            let messages = messages.iter().rev().cloned().map(Arc::new).collect();
            self.found = Some(Found { text, messages });
        }
    }
}

/// A message in a few words, with those that were looked for.
pub(crate) struct Snippet {
    /// One line of text.
    pub(crate) text: String,
    /// What to emphasise, by bytes.
    pub(crate) marks: Vec<Range<usize>>,
}

/// A message that was found for a text, in a few words.
pub(crate) fn snippet(message: &MessageView, sought: &str) -> Snippet {
    let text = match &message.body {
        Body::Text(text) => text,
        Body::Attachment(file) => file.caption.as_ref().unwrap_or(&file.name),
        Body::Erased | Body::Unsupported => "",
    };
    cut(text, sought)
}

fn cut(text: &str, sought: &str) -> Snippet {
    let words: Vec<&str> = text.split_whitespace().collect();
    let flat = words.join(" ");
    let first = marks(&flat, sought).first().map_or(0, |mark| mark.start);
    let before = flat[..first].chars().count();
    let start = if before > BEFORE {
        let early =
            first - flat[..first].chars().rev().take(BEFORE).map(char::len_utf8).sum::<usize>();
        flat[early..first].find(' ').map_or(early, |space| early + space + 1)
    } else {
        0
    };
    let rest: String = flat[start..].chars().take(SNIPPET).collect();
    let text = if start > 0 { format!("…{rest}") } else { rest };
    let marks = marks(&text, sought);
    Snippet { text, marks }
}

/// Where the words of `sought` are in a text, by bytes. The last one may be only begun.
pub(crate) fn marks(text: &str, sought: &str) -> Vec<Range<usize>> {
    let sought: Vec<&str> = sought.split(|it: char| !it.is_alphanumeric()).collect();
    let sought: Vec<&str> = sought.into_iter().filter(|word| !word.is_empty()).collect();
    let Some((last, whole)) = sought.split_last() else { return Vec::new() };
    let mut marks = Vec::new();
    let mut at = 0;
    for word in text.split(|it: char| !it.is_alphanumeric()) {
        let matched = whole
            .iter()
            .filter_map(|sought| begun(word, sought).filter(|length| *length == word.len()))
            .chain(begun(word, last))
            .max();
        marks.extend(matched.map(|length| at..at + length));
        at += word.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    marks
}

/// How many bytes of a word are what is sought, if it begins so.
fn begun(word: &str, sought: &str) -> Option<usize> {
    let mut characters = word.chars();
    let mut length = 0;
    for wanted in sought.chars() {
        let found = characters.next()?;
        if !plain(found).eq(plain(wanted)) {
            return None;
        }
        length += found.len_utf8();
    }
    Some(length)
}

/// A letter in lower case and without its mark, as the index takes it.
fn plain(letter: char) -> impl Iterator<Item = char> {
    letter.to_lowercase().map(|letter| {
        let marked = |(_, marked): &&(char, &str)| marked.contains(letter);
        MARKED.iter().find(marked).map_or(letter, |(plain, _)| *plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked<'a>(text: &'a str, sought: &str) -> Vec<&'a str> {
        marks(text, sought).into_iter().map(|mark| &text[mark]).collect()
    }

    #[test]
    fn found_words_are_marked_the_last_one_from_its_beginning() {
        assert_eq!(marked("Hello world, hello", "hello wor"), ["Hello", "wor", "hello"]);
        assert_eq!(marked("Hello helloween", "hello x"), ["Hello"]);
        assert_eq!(marked("the linker's link", "lin"), ["lin", "lin"]);
        assert_eq!(marked("Żółw i żaba", "zolw"), ["Żółw"]);
        assert_eq!(marked("zolw", "żół"), ["zol"]);
        assert_eq!(marked("Привет, мир", "МИ"), ["ми"]);
        assert!(marked("Żółw", "we").is_empty());
        assert!(marked("anything", "  - ").is_empty());
        assert!(marked("", "a").is_empty());
    }

    #[test]
    fn a_snippet_begins_shortly_before_the_first_found_word() {
        let text = format!("{} needle\nand more", "many words before it ".repeat(20));
        let Snippet { text, marks } = cut(&text, "needle");
        assert!(text.starts_with('…') && text.ends_with("needle and more"), "{text}");
        assert!(marks[0].start <= BEFORE + '…'.len_utf8(), "{text}");
        assert_eq!(&text[marks[0].clone()], "needle");
        assert_eq!(cut("a needle", "needle").text, "a needle");
        assert_eq!(cut(&"🐸".repeat(400), "needle").text.chars().count(), SNIPPET);
        let narrow = format!("{}needle", "ж".repeat(40));
        assert_eq!(cut(&format!("{narrow} needle"), "needle").marks.len(), 1);
    }
}
