//! Keys that work everywhere, and the sheet that tells of all.

use egui::{Event, Id, Key, Modifiers, RichText, Ui};
use wire::name::ConversationName;

use super::{dialogs, parts, sidebar};
use crate::gui::{
    fonts,
    pages::{Address, Dialog, Entry},
    state::{Scene, UiState, Wish},
    theme::{self, size, space},
    views::palette::Palette,
    widgets::button,
};

/// All keys, in groups.
const KEYS: [(&str, &[(&str, &str)]); 4] = [
    (
        "Everywhere",
        &[
            ("Ctrl+K", "Go to anything by its name"),
            ("Ctrl+N", "New chat"),
            ("Ctrl+,", "Settings"),
            ("Ctrl++  Ctrl+-  Ctrl+0", "Larger, smaller, as usual"),
            ("F1  ?", "This sheet"),
            ("Tab", "To the next control"),
            ("Esc", "Close what is open"),
        ],
    ),
    (
        "Conversations",
        &[
            ("Alt+↑  Alt+↓", "The one above, the one below"),
            ("Alt+Shift+↓", "The next with unread messages"),
            ("Ctrl+F", "Search in the conversation"),
        ],
    ),
    (
        "Writing",
        &[
            ("Enter", "Send"),
            ("Shift+Enter", "Another line"),
            ("↑", "Edit your last message"),
            (":name  @name", "Emoji and people by their names"),
            ("Ctrl+Z", "Undo"),
            ("Ctrl+V", "Paste text, an image or files"),
        ],
    ),
    ("Images", &[("←  →", "The one before, the next"), ("+  -  0", "Larger, smaller, whole")]),
];

/// Takes the keys that work everywhere, unless something lies over the window.
pub(crate) fn take_keys(ui: &Ui, scene: &Scene<'_>, state: &mut UiState, out: &mut Vec<Wish>) {
    take_scale(ui, state);
    if state.dialog.is_some() || state.lightbox.is_some() {
        return;
    }
    let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
    if pressed(Modifiers::COMMAND, Key::K) {
        state.dialog = Some(Dialog::Palette(Palette::default()));
    } else if pressed(Modifiers::COMMAND, Key::N) {
        state.dialog = Some(Dialog::NewChat(Entry::default()));
    } else if pressed(Modifiers::COMMAND, Key::Comma) {
        state.dialog = Some(Dialog::Settings);
    } else if pressed(Modifiers::NONE, Key::F1) || is_asked_for(ui) {
        state.dialog = Some(Dialog::Keys);
    } else if pressed(Modifiers::ALT | Modifiers::SHIFT, Key::ArrowDown) {
        go(scene, state, out, (1, true));
    } else if pressed(Modifiers::ALT, Key::ArrowDown) {
        go(scene, state, out, (1, false));
    } else if pressed(Modifiers::ALT, Key::ArrowUp) {
        go(scene, state, out, (-1, false));
    }
}

/// Whether a question mark was typed where no text is written.
fn is_asked_for(ui: &Ui) -> bool {
    let is_mark = |event: &Event| matches!(event, Event::Text(text) if text == "?");
    ui.memory(|memory| memory.focused().is_none())
        && ui.input_mut(|input| {
            let before = input.events.len();
            input.events.retain(|event| !is_mark(event));
            input.events.len() < before
        })
}

fn take_scale(ui: &Ui, state: &mut UiState) {
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, key));
    if pressed(Key::Plus) || pressed(Key::Equals) {
        state.preferences.enlarge(1);
    } else if pressed(Key::Minus) {
        state.preferences.enlarge(-1);
    } else if pressed(Key::Num0) {
        state.preferences.scale = 100;
    }
}

/// Goes to the next conversation in a direction, perhaps only to one with unread messages.
fn go(scene: &Scene<'_>, state: &mut UiState, out: &mut Vec<Wish>, (by, unread): (isize, bool)) {
    let all = sidebar::ordered(scene, &state.preferences);
    let names: Vec<(&ConversationName, bool)> =
        all.iter().map(|it| (&it.name, it.unread > 0)).collect();
    let count = names.len() as isize;
    let here = names.iter().position(|(name, _)| Some(*name) == state.current.as_ref());
    let start = here.map_or(if by > 0 { -1 } else { count }, |index| index as isize);
    let ahead = (1..=count).map(|step| (start + by * step).rem_euclid(count.max(1)) as usize);
    let mut fitting = ahead.filter(|index| !unread || names[*index].1);
    if let Some(index) = fitting.next() {
        state.show(Some(names[index].0.clone()), out);
    }
}

/// Draws what all keys do.
pub(crate) fn keys_ui(ui: &mut Ui) -> bool {
    dialogs::heading(ui, "Keyboard shortcuts", "Everything can be done without a mouse");
    let palette = theme::palette(ui);
    for (title, keys) in KEYS {
        parts::part(ui, title);
        egui::Grid::new(Id::unique(("keys", title)))
            .num_columns(2)
            .spacing([space::L, space::XS])
            .min_col_width(140.0)
            .min_row_height(size::BODY + space::XS)
            .show(ui, |ui| {
                for (keys, words) in keys {
                    ui.label(
                        RichText::new(*keys).font(fonts::medium(size::SMALL)).color(palette.text),
                    );
                    let words = RichText::new(*words).font(fonts::regular(size::SMALL));
                    ui.label(words.color(palette.text_weak));
                    ui.end_row();
                }
            });
    }
    ui.add_space(space::M);
    let width = ui.available_width();
    button::text(ui, "Close", button::Kind::Plain, Some(width)).clicked()
}

/// Asks whether an odd address is to be opened.
pub(crate) fn address_ui(ui: &mut Ui, address: &Address) -> bool {
    dialogs::heading(ui, "Open this address?", address.why);
    let palette = theme::palette(ui);
    let shown: String = address.url.chars().flat_map(seen).collect();
    let shown = RichText::new(shown).font(fonts::medium(size::BODY)).color(palette.text);
    ui.add(egui::Label::new(shown).wrap());
    ui.add_space(space::S);
    let (on, leave) = dialogs::buttons(ui, "Open", button::Kind::Danger);
    if on {
        ui.ctx().open_url(egui::OpenUrl::new_tab(&address.url));
    }
    on || leave
}

/// A character so that it is seen, and seen as what it is.
fn seen(it: char) -> Vec<char> {
    if it.is_ascii_graphic() || it.is_alphabetic() {
        vec![it]
    } else {
        it.escape_unicode().collect()
    }
}
