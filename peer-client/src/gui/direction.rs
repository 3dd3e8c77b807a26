//! Lines in both directions of writing.

use std::ops::Range;

use egui::{
    Align, Color32, FontId, Ui,
    text::{ByteIndex, LayoutJob, LayoutSection, TextFormat},
};
use unicode_bidi::BidiInfo;
use unicode_segmentation::UnicodeSegmentation as _;

/// Whether a text has letters of Hebrew, Arabic or the like, or marks of that direction.
pub(crate) fn has_right_to_left(text: &str) -> bool {
    text.chars().any(|character| {
        matches!(
            character,
            '\u{590}'..='\u{8ff}'
                | '\u{fb1d}'..='\u{fdff}'
                | '\u{fe70}'..='\u{fefc}'
                | '\u{200f}'
                | '\u{202b}'
                | '\u{202e}'
                | '\u{2067}'
        )
    })
}

/// egui shapes each run in its own direction but leaves runs in the order of the text. So lines
/// are broken here, and words of right-to-left runs are put in the order in which they are seen.
pub(crate) fn right_to_left(
    ui: &Ui,
    text: &str,
    width: f32,
    (font, format): (&FontId, &TextFormat),
) -> LayoutJob {
    let info = BidiInfo::new(text, None);
    let mut job = LayoutJob::default();
    job.wrap.max_width = f32::INFINITY;
    let mut first = true;
    for paragraph in &info.paragraphs {
        for line in break_lines(ui, text, paragraph.range.clone(), (width, font)) {
            if !first {
                push(&mut job, "\n", format);
            }
            first = false;
            let end = line.start + text[line.clone()].trim_end().len();
            if line.start == end {
                continue;
            }
            let (levels, runs) = info.visual_runs(paragraph, line.start..end);
            for run in runs {
                let words = &text[run.clone()];
                if levels[run.start].is_rtl() {
                    for word in words_of(words).into_iter().rev() {
                        push(&mut job, &word.chars().map(mirrored).collect::<String>(), format);
                    }
                } else {
                    push(&mut job, words, format);
                }
            }
        }
    }
    if info.paragraphs.iter().any(|paragraph| paragraph.level.is_rtl()) {
        job.halign = Align::RIGHT;
    }
    job
}

/// Lines of a paragraph, broken at spaces where they become too long.
fn break_lines(
    ui: &Ui,
    text: &str,
    paragraph: Range<usize>,
    (limit, font): (f32, &FontId),
) -> Vec<Range<usize>> {
    let measure = |word: &str| {
        let galley = ui
            .fonts_mut(|fonts| fonts.layout_no_wrap(word.to_owned(), font.clone(), Color32::WHITE));
        galley.size().x
    };
    let (mut start, mut at, mut width) = (paragraph.start, paragraph.start, 0.0);
    let mut lines = Vec::new();
    let whole = text[paragraph].split_inclusive(' ');
    for word in whole.flat_map(|word| pieces(word, limit, measure)) {
        if width + measure(word.trim_end()) > limit && at > start {
            lines.push(start..at);
            start = at;
            width = 0.0;
        }
        width += measure(word);
        at += word.len();
    }
    lines.push(start..at);
    lines
}

/// A word whole, or in pieces if it is wider than a line.
fn pieces(word: &str, limit: f32, measure: impl Fn(&str) -> f32) -> Vec<&str> {
    if measure(word.trim_end()) <= limit {
        return vec![word];
    }
    let (mut start, mut width) = (0, 0.0);
    let mut pieces = Vec::new();
    for (at, cluster) in word.grapheme_indices(true) {
        // Joined letters are narrower than apart, so a piece is never too wide.
        let wide = measure(cluster);
        if width + wide > limit && at > start {
            pieces.push(&word[start..at]);
            (start, width) = (at, 0.0);
        }
        width += wide;
    }
    pieces.push(&word[start..]);
    pieces
}

/// Runs of letters with their marks, and each other character alone.
fn words_of(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut in_word = false;
    for (at, character) in text.char_indices() {
        let letter = character.is_alphanumeric()
            || matches!(
                character,
                '\u{300}'..='\u{36f}'
                    | '\u{591}'..='\u{5c7}'
                    | '\u{610}'..='\u{61a}'
                    | '\u{64b}'..='\u{65f}'
                    | '\u{200c}'
                    | '\u{200d}'
            );
        if at > start && !(in_word && letter) {
            words.push(&text[start..at]);
            start = at;
        }
        in_word = letter;
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

/// Adds a section of its own: joined to its neighbour, the shaper would turn both around.
fn push(job: &mut LayoutJob, text: &str, format: &TextFormat) {
    let start = ByteIndex(job.text.len());
    job.text.push_str(text);
    let byte_range = start..ByteIndex(job.text.len());
    job.sections.push(LayoutSection { leading_space: 0.0, byte_range, format: format.clone() });
}

fn mirrored(character: char) -> char {
    match character {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_told_apart() {
        assert!(has_right_to_left("שלום"));
        assert!(has_right_to_left("London غدا"));
        assert!(!has_right_to_left("Grüße 日本語 👋🏽"));
        assert_eq!(words_of("ab, cd"), ["ab", ",", " ", "cd"]);
    }
}
