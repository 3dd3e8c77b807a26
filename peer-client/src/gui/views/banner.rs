//! What stands above a text being written: the message that it answers, or the one that it changes.

use egui::{CornerRadius, Key, Rect, Sense, Ui, UiBuilder, Vec2, pos2, vec2};
use lucide_icons::Icon;
use wire::name::ConversationName;

use crate::gui::{
    composer, editing, fonts,
    state::UiState,
    text,
    theme::{self, size, space},
    widgets::{button, centred},
};

/// Draws the message that is answered or changed, if there is one.
pub(crate) fn banner_ui(ui: &mut Ui, name: &ConversationName, state: &mut UiState) {
    let palette = theme::palette(ui);
    // Escape closes what lies over the window first.
    let covered =
        state.dialog.is_some() || state.lightbox.is_some() || state.chat.reacting.is_some();
    let escape = !covered && ui.input(|input| input.key_pressed(Key::Escape));
    let writing = state.writing(name);
    if let Some(edit) = &writing.edit {
        let title = if edit.caption { "Edit caption" } else { "Edit message" };
        let lines = (title, edit.before.as_str(), palette.accent);
        if line_ui(ui, Icon::Pencil, lines, "Do not edit") || escape {
            writing.leave_editing();
            editing::end(ui, composer::text_id(), &writing.text);
            state.focus_composer = true;
        }
    } else if let Some(reply) = &writing.reply {
        let title = format!("Reply to {}", reply.author);
        let colour = palette.names[theme::colour_of(&reply.author)];
        let lines = (title.as_str(), reply.excerpt.as_str(), colour);
        if line_ui(ui, Icon::Reply, lines, "Do not reply") || escape {
            writing.reply = None;
        }
    }
}

/// Draws two lines with a sign before them, and tells whether they are taken away.
fn line_ui(
    ui: &mut Ui,
    icon: Icon,
    (title, excerpt, colour): (&str, &str, egui::Color32),
    leave: &str,
) -> bool {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 44.0), Sense::hover());
    let sign = Rect::from_center_size(rect.left_center() + vec2(19.0, 0.0), Vec2::splat(20.0));
    centred(ui.painter(), sign, &fonts::glyph(icon), fonts::icons(18.0), palette.accent);
    let bar = Rect::from_min_size(pos2(rect.left() + 42.0, rect.top() + 5.0), vec2(3.0, 34.0));
    ui.painter().rect_filled(bar, CornerRadius::same(2), colour);
    let left = bar.right() + space::S;
    let room = rect.right() - left - button::SIDE - space::S;
    let title = text::one_line(ui, title, room, fonts::semibold(size::SMALL), colour);
    ui.painter().galley(pos2(left, rect.top() + 4.0), title, colour);
    let excerpt = text::one_line(ui, excerpt, room, fonts::regular(size::SMALL), palette.text_weak);
    ui.painter().galley(pos2(left, rect.top() + 22.0), excerpt, colour);
    let close = Rect::from_center_size(
        pos2(rect.right() - 20.0, rect.center().y),
        Vec2::splat(button::SIDE),
    );
    let mut child = ui.new_child(UiBuilder::new().max_rect(close));
    button::icon(&mut child, Icon::X, leave).clicked()
}
