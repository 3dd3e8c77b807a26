//! Light markup of messages: `` `code` ``, blocks of code, `**strong**`, `*slanted*` and `~~struck~~`.
//! Pure.

use std::ops::Range;

/// Marks within marks are followed so deep.
const DEPTH: usize = 3;
/// Begins and ends a block of code, at the beginning of a line.
const FENCE: &str = "```";
/// Marks and what they mean, the longer before the shorter.
const MARKS: [(&str, Mark); 5] = [
    ("**", Mark::Strong),
    ("__", Mark::Strong),
    ("~~", Mark::Struck),
    ("*", Mark::Slanted),
    ("_", Mark::Slanted),
];

/// How a part of a text is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Heavier.
    pub(crate) strong: bool,
    /// Slanted.
    pub(crate) slanted: bool,
    /// With a line through it.
    pub(crate) struck: bool,
    /// Code.
    pub(crate) code: Option<Code>,
}

/// Code in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Within a line.
    Span,
    /// Lines of its own.
    Block,
}

/// A part of a text, without the marks around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// By bytes.
    pub(crate) range: Range<usize>,
    /// How it is shown.
    pub(crate) style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Strong,
    Slanted,
    Struck,
}

/// The parts of a text in their order. In `whole` ranges, as addresses, nothing is a mark.
pub(crate) fn parse(text: &str, whole: &[Range<usize>]) -> Vec<Part> {
    let mut parser = Parser { text, whole, parts: Vec::new() };
    let mut from = 0;
    while let Some(block) = next_block(text, from) {
        parser.lines(from..block.outer.start);
        parser.push(block.inner, Style { code: Some(Code::Block), ..Style::default() });
        from = block.outer.end;
    }
    parser.lines(from..text.len());
    parser.parts
}

struct Block {
    /// With its fences.
    outer: Range<usize>,
    inner: Range<usize>,
}

/// The next block of code that is closed and not empty.
fn next_block(text: &str, from: usize) -> Option<Block> {
    let mut at = from;
    loop {
        let start = at + text[at..].find(FENCE)?;
        let after = start + FENCE.len();
        let begins = start == from || text[..start].ends_with('\n');
        let rest = &text[after..];
        let end = after + rest.find(FENCE)?;
        // The word after the fence names a language.
        let first = after + text[after..end].find('\n').map_or(0, |line| line + 1);
        let inner = first..first + text[first..end].trim_end().len();
        if begins && !inner.is_empty() {
            let outer_end = end + FENCE.len();
            let outer_end = outer_end + usize::from(text[outer_end..].starts_with("\n\n"));
            return Some(Block { outer: start..outer_end, inner });
        }
        at = after;
    }
}

struct Parser<'a> {
    text: &'a str,
    whole: &'a [Range<usize>],
    parts: Vec<Part>,
}

impl Parser<'_> {
    fn push(&mut self, range: Range<usize>, style: Style) {
        if range.is_empty() {
            return;
        }
        match self.parts.last_mut() {
            Some(last) if last.style == style && last.range.end == range.start => {
                last.range.end = range.end;
            }
            _ => self.parts.push(Part { range, style }),
        }
    }

    fn lines(&mut self, range: Range<usize>) {
        let mut at = range.start;
        for line in self.text[range].split_inclusive('\n') {
            self.inline(at..at + line.len(), (Style::default(), DEPTH));
            at += line.len();
        }
    }

    fn whole_at(&self, at: usize) -> Option<&Range<usize>> {
        let index = self.whole.partition_point(|whole| whole.end <= at);
        self.whole.get(index).filter(|whole| whole.start <= at)
    }

    /// Parts within a line.
    fn inline(&mut self, range: Range<usize>, (style, depth): (Style, usize)) {
        let (mut plain, mut at) = (range.start, range.start);
        // Marks that nothing closes any more in this line.
        let mut lone = [false; MARKS.len() + 1];
        while at < range.end {
            if let Some(whole) = self.whole_at(at) {
                at = whole.end.min(range.end);
                continue;
            }
            let found = self.span_at(at, range.end, (depth, &mut lone));
            if let Some((inner, end, marked)) = found {
                self.push(plain..at, style);
                match marked {
                    None => self.push(inner, Style { code: Some(Code::Span), ..style }),
                    Some(mark) => self.inline(inner, (style.with(mark), depth - 1)),
                }
                (plain, at) = (end, end);
            } else {
                at += self.text[at..].chars().next().map_or(1, char::len_utf8);
            }
        }
        self.push(plain..range.end, style);
    }

    /// What is marked from a place on: within the marks, where they end, and what they mean.
    fn span_at(
        &self,
        at: usize,
        limit: usize,
        (depth, lone): (usize, &mut [bool; MARKS.len() + 1]),
    ) -> Option<(Range<usize>, usize, Option<Mark>)> {
        let rest = &self.text[at..limit];
        if let Some(code) = rest.strip_prefix('`') {
            let unknown = &mut lone[MARKS.len()];
            let length = if *unknown { None } else { code.find('`') };
            *unknown = length.is_none();
            let inner = at + 1..at + 1 + length?;
            if self.text[inner.clone()].trim().is_empty() {
                return None;
            }
            return Some((inner.clone(), inner.end + 1, None));
        }
        let index = MARKS.iter().position(|(mark, _)| rest.starts_with(mark))?;
        let (mark, meaning) = MARKS[index];
        let before = self.text[..at].chars().next_back();
        let opens = !before.is_some_and(|it| it.is_alphanumeric() || mark.starts_with(it));
        if !opens || lone[index] || depth == 0 {
            return None;
        }
        let start = at + mark.len();
        let begins = self.text[start..limit].chars().next().is_some_and(|it| !it.is_whitespace());
        if !begins {
            return None;
        }
        let Some(end) = self.closing(start, limit, mark) else {
            lone[index] = true;
            return None;
        };
        Some((start..end, end + mark.len(), Some(meaning)))
    }

    /// Where a mark closes what it opened.
    fn closing(&self, start: usize, limit: usize, mark: &str) -> Option<usize> {
        let within = &self.text[start..limit];
        within.match_indices(mark).map(|(at, _)| start + at).find(|at| {
            let before = self.text[..*at].chars().next_back();
            let after = self.text[at + mark.len()..].chars().next();
            let spaced = before.is_none_or(char::is_whitespace) || *at == start;
            let goes_on = after.is_some_and(|it| it.is_alphanumeric() || mark.starts_with(it));
            let inside = self.whole_at(*at).is_some();
            !spaced && !goes_on && !inside
        })
    }
}

impl Style {
    fn with(self, mark: Mark) -> Self {
        match mark {
            Mark::Strong => Self { strong: true, ..self },
            Mark::Slanted => Self { slanted: true, ..self },
            Mark::Struck => Self { struck: true, ..self },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each part with a letter for each of its looks.
    fn parts(text: &str) -> Vec<(&str, String)> {
        let look = |style: Style| {
            let marks = [(style.strong, "s"), (style.slanted, "i"), (style.struck, "x")];
            let mut look: String = marks.into_iter().filter(|it| it.0).map(|it| it.1).collect();
            match style.code {
                Some(Code::Span) => look.push('c'),
                Some(Code::Block) => look.push('b'),
                None => {}
            }
            look
        };
        parse(text, &[]).into_iter().map(|it| (&text[it.range], look(it.style))).collect()
    }

    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = parts(text);
        let found: Vec<_> = found.iter().map(|(text, look)| (*text, look.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn marks_around_words_are_taken_away() {
        check("a **b** c", &[("a ", ""), ("b", "s"), (" c", "")]);
        check("*a* _b_ ~~c~~", &[("a", "i"), (" ", ""), ("b", "i"), (" ", ""), ("c", "x")]);
        check("**a *b* c**", &[("a ", "s"), ("b", "si"), (" c", "s")]);
        check("use `a*b*c` here", &[("use ", ""), ("a*b*c", "c"), (" here", "")]);
        check("(**ä**)", &[("(", ""), ("ä", "s"), (")", "")]);
    }

    #[test]
    fn what_only_looks_like_marks_stays() {
        for text in [
            "2 * 3 * 4",
            "snake_case_name",
            "a * b*",
            "**",
            "****",
            "` `` ",
            "*a\nb*",
            "**open",
            "x**2 and y**3",
            "``",
            "_",
        ] {
            let shown: String = parts(text).into_iter().map(|(text, _)| text).collect();
            assert_eq!(shown, text);
            assert!(
                parts(text).iter().all(|(_, look)| look.is_empty() || look == "c"),
                "{text}: {:?}",
                parts(text)
            );
        }
    }

    #[test]
    fn blocks_of_code_are_taken_as_they_are() {
        check("```rust\nlet a = *b;\n```", &[("let a = *b;", "b")]);
        check("see\n```\n  x\n  y\n```\nand", &[("see\n", ""), ("  x\n  y", "b"), ("\nand", "")]);
        check("```one line```", &[("one line", "b")]);
        check("```\nopen", &[("```\nopen", "")]);
        let shown: String = parts("no ``` fence").into_iter().map(|(text, _)| text).collect();
        assert_eq!(shown, "no ``` fence");
    }

    #[test]
    fn addresses_are_no_marks() {
        let text = "_see https://a.example/_b_c_ now_";
        let start = text.find("https").unwrap();
        let whole = start..start + "https://a.example/_b_c_".len();
        let found: Vec<_> = parse(text, std::slice::from_ref(&whole))
            .into_iter()
            .map(|it| &text[it.range])
            .collect();
        assert_eq!(found, ["see https://a.example/_b_c_ now"]);
    }

    #[test]
    fn all_is_kept_of_texts_made_to_be_slow() {
        for unit in ["*a ", "**a", "`", "```", "_*~~a", "*_"] {
            let text = unit.repeat(12_000);
            let parts = parse(&text, &[]);
            assert!(parts.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
            assert!(parts.iter().all(|part| text.get(part.range.clone()).is_some()));
        }
    }
}
