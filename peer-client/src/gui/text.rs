//! Text of messages: links, and lines in both directions of writing.

use std::{ops::Range, sync::Arc};

use egui::{
    Align, Color32, FontId, Galley, Stroke, Ui,
    text::{ByteIndex, LayoutJob, LayoutSection, TextFormat},
};
use unicode_bidi::BidiInfo;

use super::{fonts, mentions::Mention};

/// Height of a line, relative to the size of type.
const LEADING: f32 = 1.36;

/// Text laid out.
pub(crate) struct Text {
    /// The lines.
    pub(crate) galley: Arc<Galley>,
    /// Links, by characters of the galley.
    pub(crate) links: Vec<(Range<usize>, String)>,
}

/// How text looks.
#[derive(Clone)]
pub(crate) struct Look {
    /// Font and size.
    pub(crate) font: FontId,
    /// Colour.
    pub(crate) colour: Color32,
    /// Colour of links.
    pub(crate) link: Color32,
    /// Colour of people's names.
    pub(crate) mention: Color32,
    /// Slanted.
    pub(crate) italics: bool,
}

impl Look {
    fn format(&self) -> TextFormat {
        TextFormat {
            line_height: Some((self.font.size * LEADING).round()),
            italics: self.italics,
            ..TextFormat::simple(self.font.clone(), self.colour)
        }
    }

    /// Of a person's name; the user's own lies on a ground.
    fn mention(&self, me: bool) -> TextFormat {
        let background = if me { self.mention.gamma_multiply(0.18) } else { Color32::TRANSPARENT };
        TextFormat {
            font_id: fonts::semibold(self.font.size),
            color: self.mention,
            background,
            ..self.format()
        }
    }
}

/// Lays text out in lines of at most `width` points.
pub(crate) fn layout(
    ui: &Ui,
    text: &str,
    width: f32,
    (look, mentions): (&Look, &[Mention]),
) -> Text {
    if has_right_to_left(text) {
        // Made first, since it measures words: the fonts cannot be taken twice at once.
        let job = right_to_left(ui, text, width, look);
        let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
        return Text { galley, links: Vec::new() };
    }
    let plain = look.format();
    let link =
        TextFormat { color: look.link, underline: Stroke::new(1.0, look.link), ..plain.clone() };
    let mut job = LayoutJob::default();
    job.wrap.max_width = width;
    let addresses = find_links(text);
    let outside = |it: &&Mention| {
        !addresses.iter().any(|link| link.start < it.range.end && it.range.start < link.end)
    };
    let mut parts: Vec<(Range<usize>, TextFormat)> =
        addresses.iter().map(|range| (range.clone(), link.clone())).collect();
    parts.extend(mentions.iter().filter(outside).map(|it| (it.range.clone(), look.mention(it.me))));
    parts.sort_by_key(|(range, _)| range.start);
    let mut end = 0;
    for (range, format) in parts {
        job.append(&text[end..range.start], 0.0, plain.clone());
        job.append(&text[range.clone()], 0.0, format);
        end = range.end;
    }
    job.append(&text[end..], 0.0, plain);
    let by_characters = |range: Range<usize>| {
        let start = text[..range.start].chars().count();
        let length = text[range.clone()].chars().count();
        (start..start + length, text[range].to_owned())
    };
    let links = addresses.into_iter().map(by_characters).collect();
    Text { galley: ui.fonts_mut(|fonts| fonts.layout_job(job)), links }
}

/// One line that ends with `…` where it is too long.
pub(crate) fn one_line(
    ui: &Ui,
    text: &str,
    width: f32,
    font: FontId,
    colour: Color32,
) -> Arc<Galley> {
    let flat: String = text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    let flat = if has_right_to_left(&flat) {
        let look =
            Look { font: font.clone(), colour, link: colour, mention: colour, italics: false };
        right_to_left(ui, &flat, f32::INFINITY, &look).text
    } else {
        flat
    };
    let mut job = LayoutJob::simple_singleline(flat, font, colour);
    job.wrap.max_width = width.max(0.0);
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// One line with some parts of it emphasised, which are given by bytes.
pub(crate) fn emphasised(
    ui: &Ui,
    text: &str,
    parts: &[Range<usize>],
    (width, fonts, colours): (f32, (FontId, FontId), (Color32, Color32)),
) -> Arc<Galley> {
    if has_right_to_left(text) {
        return one_line(ui, text, width, fonts.0, colours.0);
    }
    let plain = TextFormat::simple(fonts.0, colours.0);
    let strong = TextFormat::simple(fonts.1, colours.1);
    let mut job = LayoutJob::default();
    job.wrap.max_width = width.max(0.0);
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    job.break_on_newline = false;
    let mut end = 0;
    for part in parts {
        job.append(&text[end..part.start], 0.0, plain.clone());
        job.append(&text[part.clone()], 0.0, strong.clone());
        end = part.end;
    }
    job.append(&text[end..], 0.0, plain);
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// Where web addresses are in a text, by bytes.
fn find_links(text: &str) -> Vec<Range<usize>> {
    let mut links = Vec::new();
    let mut from = 0;
    while let Some(found) = next_link(text, from) {
        from = found.end;
        links.push(found);
    }
    links
}

fn next_link(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = &text[from..];
    let scheme = ["https://", "http://"]
        .into_iter()
        .filter_map(|scheme| rest.find(scheme).map(|start| (start, scheme.len())))
        .min()?;
    let (start, length) = scheme;
    let address = rest[start..].split(char::is_whitespace).next().unwrap_or_default();
    let opened = address.contains('(');
    let address = address.trim_end_matches(|character: char| {
        matches!(character, '.' | ',' | ';' | ':' | '!' | '?' | '"' | '\'' | '>' | ']' | '*' | '_')
            || (character == ')' && !opened)
    });
    let end = from + start + address.len().max(length);
    if address.len() <= length {
        return next_link(text, end);
    }
    Some(from + start..end)
}

/// Whether a text has letters of Hebrew, Arabic or the like, or marks of that direction.
pub(crate) fn has_right_to_left(text: &str) -> bool {
    text.chars().any(|character| {
        matches!(
            character,
            '\u{590}'..='\u{8ff}'
                | '\u{fb1d}'..='\u{fdff}'
                | '\u{fe70}'..='\u{feff}'
                | '\u{200f}'
                | '\u{202b}'
                | '\u{202e}'
                | '\u{2067}'
        )
    })
}

/// egui shapes each run in its own direction but leaves runs in the order of the text. So lines
/// are broken here, and words of right-to-left runs are put in the order in which they are seen.
fn right_to_left(ui: &Ui, text: &str, width: f32, look: &Look) -> LayoutJob {
    let format = look.format();
    let info = BidiInfo::new(text, None);
    let mut job = LayoutJob::default();
    job.wrap.max_width = f32::INFINITY;
    let mut first = true;
    for paragraph in &info.paragraphs {
        for line in break_lines(ui, text, paragraph.range.clone(), (width, &look.font)) {
            if !first {
                push(&mut job, "\n", &format);
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
                        push(&mut job, &word.chars().map(mirrored).collect::<String>(), &format);
                    }
                } else {
                    push(&mut job, words, &format);
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
    for word in text[paragraph].split_inclusive(' ') {
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

    fn links(text: &str) -> Vec<&str> {
        find_links(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn links_end_before_punctuation() {
        assert_eq!(
            links("see https://a.example/x?y=1, and http://b.example."),
            ["https://a.example/x?y=1", "http://b.example"]
        );
        assert_eq!(links("(https://a.example/b)"), ["https://a.example/b"]);
        assert_eq!(links("https://a.example/b_(c)"), ["https://a.example/b_(c)"]);
        assert_eq!(links("grüße https://ä.example/ü 👋"), ["https://ä.example/ü"]);
        assert!(links("https:// and http://").is_empty());
    }

    #[test]
    fn directions_are_told_apart() {
        assert!(has_right_to_left("שלום"));
        assert!(has_right_to_left("London غدا"));
        assert!(!has_right_to_left("Grüße 日本語 👋🏽"));
        assert_eq!(words_of("ab, cd"), ["ab", ",", " ", "cd"]);
    }
}
