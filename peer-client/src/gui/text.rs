//! Text of messages, laid out: markup, links and people's names.

use std::{ops::Range, sync::Arc};

use egui::{
    Color32, FontId, Galley, Stroke, Ui,
    text::{LayoutJob, TextFormat},
};
use wire::name::Username;

use super::{
    direction::{self, has_right_to_left},
    fonts,
    links::find_links,
    markup::{self, Code, Part, Style},
    mentions::Mention,
};

/// Height of a line, relative to the size of type.
const LEADING: f32 = 1.36;

/// Text laid out.
pub(crate) struct Text {
    /// The lines.
    pub(crate) galley: Arc<Galley>,
    /// What can be clicked, by characters of the galley.
    pub(crate) targets: Vec<(Range<usize>, Target)>,
    /// Blocks of code, by characters of the galley.
    pub(crate) blocks: Vec<Range<usize>>,
}

/// Where a click on a part of a text leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// To an address.
    Web(String),
    /// To a person.
    Person(Username),
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
    /// Colour behind code within a line.
    pub(crate) code: Color32,
    /// Slanted.
    pub(crate) italics: bool,
    /// Marks as `*` are taken for what they mean.
    pub(crate) marked_up: bool,
}

impl Look {
    fn format(&self) -> TextFormat {
        TextFormat {
            line_height: Some((self.font.size * LEADING).round()),
            italics: self.italics,
            ..TextFormat::simple(self.font.clone(), self.colour)
        }
    }

    fn styled(&self, style: Style) -> TextFormat {
        let mut format = self.format();
        if style.strong {
            format.font_id = fonts::semibold(self.font.size);
        }
        format.italics |= style.slanted;
        if style.struck {
            format.strikethrough = Stroke::new(1.0, self.colour);
        }
        if let Some(code) = style.code {
            format.font_id = FontId::monospace(self.font.size - 1.5);
            format.background = if code == Code::Span { self.code } else { Color32::TRANSPARENT };
        }
        format
    }

    /// Of what can be clicked; the user's own name lies on a ground.
    fn target(&self, target: &Target, me: bool, plain: &TextFormat) -> TextFormat {
        match target {
            Target::Web(_) => TextFormat {
                color: self.link,
                underline: Stroke::new(1.0, self.link),
                ..plain.clone()
            },
            Target::Person(_) => TextFormat {
                font_id: fonts::semibold(self.font.size),
                color: self.mention,
                background: if me { self.mention.gamma_multiply(0.18) } else { plain.background },
                ..plain.clone()
            },
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
        let job = direction::right_to_left(ui, text, width, (&look.font, &look.format()));
        let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
        return Text { galley, targets: Vec::new(), blocks: Vec::new() };
    }
    let mut setting = Setting::new(text, width, look);
    let clickable = clickable(text, mentions);
    let whole: Vec<Range<usize>> = clickable.iter().map(|(range, ..)| range.clone()).collect();
    let parts = if look.marked_up {
        markup::parse(text, &whole)
    } else {
        vec![Part { range: 0..text.len(), style: Style::default() }]
    };
    let mut clickable = clickable.into_iter().peekable();
    for part in parts {
        let format = look.styled(part.style);
        let (begun, mut end) = (setting.characters, part.range.start);
        while let Some((range, ..)) = clickable.peek()
            && range.end <= part.range.end
        {
            let Some((range, target, me)) = clickable.next() else { break };
            if range.start < end || part.style.code.is_some() {
                continue;
            }
            setting.append(end..range.start, format.clone());
            let start = setting.characters;
            setting.append(range.clone(), look.target(&target, me, &format));
            setting.targets.push((start..setting.characters, target));
            end = range.end;
        }
        setting.append(end..part.range.end, format);
        if part.style.code == Some(Code::Block) {
            setting.blocks.push(begun..setting.characters);
        }
    }
    let Setting { job, targets, blocks, .. } = setting;
    Text { galley: ui.fonts_mut(|fonts| fonts.layout_job(job)), targets, blocks }
}

/// A text being set, part by part.
struct Setting<'a> {
    text: &'a str,
    job: LayoutJob,
    characters: usize,
    targets: Vec<(Range<usize>, Target)>,
    blocks: Vec<Range<usize>>,
}

impl<'a> Setting<'a> {
    fn new(text: &'a str, width: f32, look: &Look) -> Self {
        let mut job = LayoutJob::default();
        job.wrap.max_width = width;
        if text.is_empty() {
            job.append("", 0.0, look.format());
        }
        Self { text, job, characters: 0, targets: Vec::new(), blocks: Vec::new() }
    }

    fn append(&mut self, range: Range<usize>, format: TextFormat) {
        let text = &self.text[range];
        if !text.is_empty() {
            self.job.append(text, 0.0, format);
            self.characters += text.chars().count();
        }
    }
}

/// What can be clicked in a text, by bytes, with whether it is the user's own name.
fn clickable(text: &str, mentions: &[Mention]) -> Vec<(Range<usize>, Target, bool)> {
    let addresses = find_links(text);
    let outside = |it: &&Mention| {
        !addresses.iter().any(|link| link.start < it.range.end && it.range.start < link.end)
    };
    let people = mentions
        .iter()
        .filter(outside)
        .map(|it| (it.range.clone(), Target::Person(it.name.clone()), it.me));
    let mut all: Vec<_> = people.collect();
    all.extend(addresses.into_iter().map(|range| {
        let url = text[range.clone()].to_owned();
        (range, Target::Web(url), false)
    }));
    all.sort_by_key(|(range, ..)| range.start);
    all
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
        let format = TextFormat::simple(font.clone(), colour);
        direction::right_to_left(ui, &flat, f32::INFINITY, (&font, &format)).text
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
