//! With whom a conversation is, beside its messages where there is room for three columns.

use egui::{Frame, Margin, Panel, ScrollArea, Ui};

use super::about;
use crate::gui::{
    state::{Scene, UiState, Wish},
    theme::{self, space},
};

/// Width of the column, in points.
const WIDTH: f32 = 320.0;

/// Draws the column, if the user wants it and there is room.
pub(crate) fn beside_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    (state, out): (&mut UiState, &mut Vec<Wish>),
) {
    if !state.preferences.beside || !fits(ui) {
        return;
    }
    let frame = Frame::new()
        .fill(theme::palette(ui).panel)
        .inner_margin(Margin::symmetric(space::L as i8, space::L as i8));
    let panel = Panel::right("beside").exact_size(WIDTH).resizable(false).frame(frame);
    let closed = panel.show(ui, |ui| {
        let area = ScrollArea::vertical().auto_shrink(false);
        area.show(ui, |ui| about::about_ui(ui, scene, (state, out))).inner
    });
    if closed.inner {
        state.preferences.beside = false;
    }
}

/// Whether the window is wide enough for three columns.
pub(crate) fn fits(ui: &Ui) -> bool {
    ui.ctx().content_rect().width() >= theme::WIDE
}
