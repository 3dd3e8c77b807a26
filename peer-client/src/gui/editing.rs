//! Editing by what people see as one character. egui's text fields edit by code point, which
//! takes a family of emoji apart.

use egui::{
    Id, Key, Modifiers, Ui,
    text::{CCursor, CCursorRange},
    text_edit::TextEditState,
};
use unicode_segmentation::UnicodeSegmentation as _;

/// What a key does at a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    DeleteBack,
    DeleteForward,
    Left,
    Right,
}

const KEYS: [(Key, Edit); 4] = [
    (Key::Backspace, Edit::DeleteBack),
    (Key::Delete, Edit::DeleteForward),
    (Key::ArrowLeft, Edit::Left),
    (Key::ArrowRight, Edit::Right),
];

/// Takes keys before the text field with this id does, where a character has several code points.
pub(crate) fn take_keys(ui: &Ui, id: Id, text: &mut String) {
    if text.is_ascii() || !ui.memory(|memory| memory.has_focus(id)) {
        return;
    }
    let Some(mut state) = TextEditState::load(ui.ctx(), id) else { return };
    let Some(range) = state.cursor.char_range().filter(CCursorRange::is_empty) else { return };
    let cursor: usize = range.primary.index.into();
    for (key, edit) in KEYS {
        let Some(target) = target(text, cursor, edit).filter(|to| to.abs_diff(cursor) > 1) else {
            continue;
        };
        if !ui.input_mut(|input| input.consume_key(Modifiers::NONE, key)) {
            continue;
        }
        let cursor = apply(text, cursor, target, edit);
        state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(cursor))));
        state.store(ui.ctx(), id);
        return;
    }
}

/// Puts text where the cursor of a text field is, in place of what is selected.
pub(crate) fn insert(ui: &Ui, id: Id, text: &mut String, insertion: &str) {
    let end = text.chars().count();
    let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let selected = state.cursor.char_range().map_or(end..end, |range| {
        let range = range.as_sorted_char_range();
        usize::from(range.start).min(end)..usize::from(range.end).min(end)
    });
    let bytes = byte_at(text, selected.start)..byte_at(text, selected.end);
    text.replace_range(bytes, insertion);
    let cursor = CCursor::new(selected.start + insertion.chars().count());
    state.cursor.set_char_range(Some(CCursorRange::one(cursor)));
    state.store(ui.ctx(), id);
}

/// Where the cursor of a text field is, in bytes; none while something is selected, or while the
/// keyboard is elsewhere.
pub(crate) fn cursor(ui: &Ui, id: Id, text: &str) -> Option<usize> {
    if !ui.memory(|memory| memory.has_focus(id)) {
        return None;
    }
    let range = TextEditState::load(ui.ctx(), id)?.cursor.char_range()?;
    range.is_empty().then(|| byte_at(text, range.primary.index.into()))
}

/// Puts other text in place of a part of a text field, which is given by bytes.
pub(crate) fn replace(
    ui: &Ui,
    id: Id,
    text: &mut String,
    (range, insertion): (std::ops::Range<usize>, &str),
) {
    let start = text[..range.start].chars().count();
    text.replace_range(range, insertion);
    let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let cursor = CCursor::new(start + insertion.chars().count());
    state.cursor.set_char_range(Some(CCursorRange::one(cursor)));
    state.store(ui.ctx(), id);
}

/// Puts the cursor of a text field at the end of its text.
pub(crate) fn end(ui: &Ui, id: Id, text: &str) {
    let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let cursor = CCursor::new(text.chars().count());
    state.cursor.set_char_range(Some(CCursorRange::one(cursor)));
    state.store(ui.ctx(), id);
}

/// Where an edit at a cursor leads to: the next border of a grapheme. In code points.
fn target(text: &str, cursor: usize, edit: Edit) -> Option<usize> {
    let mut border = 0;
    let mut previous = None;
    for grapheme in text.graphemes(true) {
        if border < cursor {
            previous = Some(border);
        }
        border += grapheme.chars().count();
        if border > cursor {
            break;
        }
    }
    match edit {
        Edit::DeleteBack | Edit::Left => previous,
        Edit::DeleteForward | Edit::Right => (border > cursor).then_some(border),
    }
}

/// Edits the text, and tells where the cursor is then.
fn apply(text: &mut String, cursor: usize, target: usize, edit: Edit) -> usize {
    match edit {
        Edit::Left | Edit::Right => target,
        Edit::DeleteBack | Edit::DeleteForward => {
            let (start, end) = (cursor.min(target), cursor.max(target));
            text.replace_range(byte_at(text, start)..byte_at(text, end), "");
            start
        }
    }
}

fn byte_at(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: &str = "👨‍👩‍👧‍👦";

    #[test]
    fn keys_move_over_whole_characters() {
        let text = format!("a{FAMILY}b");
        assert_eq!(target(&text, 1, Edit::Right), Some(8));
        assert_eq!(target(&text, 8, Edit::Left), Some(1));
        assert_eq!(target(&text, 0, Edit::Left), None);
        assert_eq!(target(&text, 9, Edit::Right), None);
        assert_eq!(target(&text, 9, Edit::Left), Some(8));
        assert_eq!(target(&text, 0, Edit::Right), Some(1));
    }

    #[test]
    fn deleting_takes_a_whole_character() {
        let mut text = format!("a{FAMILY}b");
        assert_eq!(apply(&mut text, 8, 1, Edit::DeleteBack), 1);
        assert_eq!(text, "ab");
        let mut text = format!("a{FAMILY}b");
        assert_eq!(apply(&mut text, 1, 8, Edit::DeleteForward), 1);
        assert_eq!(text, "ab");
    }
}
