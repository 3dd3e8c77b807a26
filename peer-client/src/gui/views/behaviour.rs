//! What the user prefers: how large things are, what moves, what is told of new messages.

use egui::Ui;
use lucide_icons::Icon;

use super::parts;
use crate::gui::{pages::Dialog, preferences::Notify, state::UiState, theme::space};

/// Sizes that are offered, in percent; by keys there are more.
const SIZES: [(Icon, &str, u16); 5] = [
    (Icon::AArrowDown, "75", 75),
    (Icon::ALargeSmall, "100", 100),
    (Icon::AArrowUp, "125", 125),
    (Icon::AArrowUp, "150", 150),
    (Icon::AArrowUp, "200", 200),
];

/// Draws the choices, and tells whether the user leaves.
pub(crate) fn behaviour_ui(ui: &mut Ui, state: &mut UiState) -> bool {
    if parts::page_heading(ui, "Behaviour") {
        state.dialog = Some(Dialog::Settings);
    }
    let preferences = &mut state.preferences;
    parts::part(ui, "Notifications");
    let all = [
        (Icon::MessageSquareText, "With text", Notify::Text),
        (Icon::User, "Name only", Notify::Name),
        (Icon::BellOff, "None", Notify::Off),
    ];
    if let Some(chosen) = parts::segments(ui, preferences.notify, &all) {
        preferences.notify = chosen;
    }
    parts::part(ui, "Size of everything, in percent");
    if let Some(chosen) = parts::segments(ui, preferences.scale, &SIZES) {
        preferences.scale = chosen;
    }
    parts::part(ui, "Motion");
    parts::choice(ui, &mut preferences.still, "Nothing moves or fades");
    ui.add_space(space::M);
    false
}
