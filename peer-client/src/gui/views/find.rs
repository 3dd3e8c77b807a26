//! Looking for messages within the conversation in view.

use egui::{Align, Frame, Id, Key, Layout, Margin, Modifiers, Panel, RichText, Ui, vec2};
use lucide_icons::Icon;
use wire::{id::EventId, name::ConversationName};

use super::header;
use crate::gui::{
    fonts,
    search::{self, Search},
    state::{UiState, Wish},
    theme::{self, size, space},
    widgets::{button, field},
};

/// A search within a conversation.
#[derive(Debug, Default)]
pub(crate) struct Find {
    /// What is sought.
    pub(crate) search: Search,
    /// Which of the found messages is shown, and for which text.
    at: usize,
    shown: String,
    focus: bool,
}

impl Find {
    /// A search that takes the keyboard.
    pub(crate) fn new() -> Self {
        Self { focus: true, ..Self::default() }
    }

    /// The message that is shown.
    pub(crate) fn current(&self) -> Option<EventId> {
        let message = self.search.found()?.messages.get(self.at)?;
        Some(message.id)
    }
}

/// Begins a search when its keys are pressed.
pub(crate) fn take_keys(ui: &Ui, state: &mut UiState) {
    let covered = state.dialog.is_some() || state.lightbox.is_some();
    if !covered && ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::F)) {
        begin(state);
    }
}

/// Begins a search, or takes the keyboard back to it.
pub(crate) fn begin(state: &mut UiState) {
    state.chat.find.get_or_insert_with(|| Box::new(Find::new())).focus = true;
}

/// Draws the bar of the search, if there is one.
pub(crate) fn find_ui(
    ui: &mut Ui,
    name: &ConversationName,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) {
    let Some(mut find) = state.chat.find.take() else { return };
    let palette = theme::palette(ui);
    let frame = Frame::new().fill(palette.panel).inner_margin(Margin {
        left: 12,
        right: 12,
        top: 0,
        bottom: 8,
    });
    let panel = Panel::top("find").frame(frame).show_separator_line(false);
    let shown = panel.show(ui, |ui| {
        let room = vec2(ui.available_width(), button::SIDE);
        ui.allocate_ui_with_layout(room, Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            bar_ui(ui, &mut find)
        })
        .inner
    });
    header::underline(ui, shown.response.rect);
    out.extend(find.search.poll(ui, Some(name)));
    let answered = find.search.found().map(|found| found.text.clone()).unwrap_or_default();
    let fresh = answered != find.shown;
    if fresh {
        find.shown = answered;
        find.at = 0;
    }
    let count = find.search.found().map_or(0, |found| found.messages.len());
    find.at = find.at.min(count.saturating_sub(1));
    let (moved, closed) = shown.inner;
    if let Some(message) = find.current().filter(|_| fresh || moved) {
        state.chat.seek(message);
        ui.ctx().request_repaint();
    }
    if closed {
        state.focus_composer = true;
    } else {
        state.chat.find = Some(find);
    }
}

/// Draws the field and its buttons, from the right. Tells whether another message is to be shown,
/// and whether the search is over.
fn bar_ui(ui: &mut Ui, find: &mut Find) -> (bool, bool) {
    let closed = button::icon(ui, Icon::X, "Close the search").clicked();
    let newer = button::icon(ui, Icon::ChevronDown, "Next newer").clicked();
    let older = button::icon(ui, Icon::ChevronUp, "Next older").clicked();
    count_ui(ui, find);
    ui.add_space(space::XS);
    let id = Id::unique("find");
    let hint = "Search in this conversation";
    let field = ui
        .with_layout(Layout::left_to_right(Align::Center), |ui| {
            field::search(ui, id, &mut find.search.text, hint)
        })
        .inner;
    if std::mem::take(&mut find.focus) {
        field.request_focus();
    }
    let pressed = |key| field.lost_focus() && ui.input(|input| input.key_pressed(key));
    let enter = pressed(Key::Enter);
    if enter {
        field.request_focus();
    }
    let shift = ui.input(|input| input.modifiers.shift);
    let count = find.search.found().map_or(0, |found| found.messages.len());
    let before = find.at;
    if older || enter && !shift {
        find.at = (find.at + 1).min(count.saturating_sub(1));
    } else if newer || enter {
        find.at = find.at.saturating_sub(1);
    }
    let moved = find.at != before || older || newer || enter;
    (moved, closed || pressed(Key::Escape))
}

fn count_ui(ui: &mut Ui, find: &Find) {
    let palette = theme::palette(ui);
    let Some(found) = find.search.found() else { return };
    let count = found.messages.len();
    let words = match count {
        0 => "Nothing found".to_owned(),
        _ if count >= search::LIMIT as usize => format!("{} of {count}+", find.at + 1),
        _ => format!("{} of {count}", find.at + 1),
    };
    let words = RichText::new(words).font(fonts::regular(size::SMALL));
    ui.label(words.color(palette.text_weak));
}
