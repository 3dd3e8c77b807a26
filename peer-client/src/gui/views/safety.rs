//! Whether the recovery phrase is written down: asked for until it is.

use egui::{CornerRadius, Frame, Margin, RichText, Ui};
use lucide_icons::Icon;

use crate::gui::{
    fonts,
    pages::{Dialog, Phrase},
    state::UiState,
    theme::{self, radius, size, space},
    widgets::{
        button::{self, Kind},
        field,
    },
};

/// Which words are asked for.
const ASKED: [usize; 2] = [5, 18];

/// Words as the user has written them down.
#[derive(Debug, Default)]
pub(crate) struct Written {
    entries: [String; 2],
    wrong: bool,
}

/// Reminds of the recovery phrase above the list, until it is written down or put off.
pub(crate) fn reminder_ui(ui: &mut Ui, state: &mut UiState) {
    let preferences = &state.preferences;
    if !state.around.keeps_keys || preferences.phrase_kept || state.phrase_put_off {
        return;
    }
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.field)
        .corner_radius(CornerRadius::same(radius::CONTROL))
        .outer_margin(Margin { left: 12, right: 12, top: 0, bottom: 8 })
        .inner_margin(Margin::same(space::M as i8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::S;
        ui.horizontal_top(|ui| {
            let icon = RichText::new(fonts::glyph(Icon::KeyRound)).font(fonts::icons(17.0));
            ui.label(icon.color(palette.accent));
            let words =
                "Write down your recovery phrase, so that your account outlives this device";
            let words = RichText::new(words).font(fonts::regular(size::SMALL)).color(palette.text);
            ui.add(egui::Label::new(words).wrap());
        });
        ui.horizontal(|ui| {
            if button::small(ui, "Show the phrase…", Kind::Primary).clicked() {
                state.dialog = Some(Dialog::Phrase(Phrase::default()));
            }
            if button::small(ui, "Later", Kind::Plain).clicked() {
                state.phrase_put_off = true;
            }
        });
    });
}

/// Asks for some of the words, and tells whether all of it is done.
pub(crate) fn written_ui(
    ui: &mut Ui,
    words: &str,
    written: &mut Written,
    state: &mut UiState,
) -> bool {
    let all: Vec<&str> = words.split(' ').collect();
    super::parts::words(ui, "Take the paper and enter two of its words");
    for (entry, index) in written.entries.iter_mut().zip(ASKED) {
        let name = format!("Word {}", index + 1);
        let wrong = written.wrong && !is_word(entry, &all, index);
        let error = wrong.then_some("The paper should say another word here");
        field::labelled(ui, &name, "", entry, error);
    }
    ui.add_space(space::S);
    let width = ui.available_width();
    if !button::text(ui, "Check", Kind::Primary, Some(width)).clicked() {
        return false;
    }
    let right = written.entries.iter().zip(ASKED).all(|(entry, index)| is_word(entry, &all, index));
    written.wrong = !right;
    if right {
        state.preferences.phrase_kept = true;
        let now = ui.input(|input| input.time);
        state.tell("Your account can be brought back with these words", false, now);
    }
    right
}

fn is_word(entry: &str, all: &[&str], index: usize) -> bool {
    all.get(index).is_some_and(|word| entry.trim().eq_ignore_ascii_case(word))
}
