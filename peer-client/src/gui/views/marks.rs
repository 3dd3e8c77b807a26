//! What is between and over the messages.

use egui::{
    Align2, CornerRadius, CursorIcon, Rect, Role, Sense, Shadow, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;
use wire::name::ConversationName;

use super::{chat::COLUMN, sidebar};
use crate::gui::{
    fonts,
    state::Scene,
    theme::{self, radius, size},
    widgets::{badge, centred},
};

/// Draws what stands in place of messages.
pub(crate) fn empty_ui(ui: &Ui, scene: &Scene<'_>, name: &ConversationName, view: Rect) {
    let palette = theme::palette(ui);
    let (big, words) = match scene.conversation(name) {
        None => ("🔎", format!("Looking up {name}…")),
        Some(_) => ("👋", format!("No messages yet. Say hello to {}", sidebar::title(name))),
    };
    let centre = view.center();
    ui.painter().text(
        centre - vec2(0.0, 28.0),
        Align2::CENTER_CENTER,
        big,
        fonts::regular(44.0),
        palette.text,
    );
    ui.painter().text(
        centre + vec2(0.0, 22.0),
        Align2::CENTER_CENTER,
        words,
        fonts::regular(size::BODY),
        palette.text_weak,
    );
}

/// The button that leads to the newest message.
pub(crate) fn jump_ui(ui: &Ui, view: Rect, unread: u32) -> bool {
    let palette = theme::palette(ui);
    let right = view.center().x + (view.width().min(COLUMN) / 2.0) - 36.0;
    let centre = pos2(right, view.bottom() - 34.0);
    let rect = Rect::from_center_size(centre, Vec2::splat(42.0));
    let response = ui.interact(rect, ui.scope_id().with("jump"), Sense::click());
    let shadow = Shadow { offset: [0, 2], blur: 10, spread: 0, color: palette.shadow };
    ui.painter().add(shadow.as_shape(rect, CornerRadius::same(radius::PILL)));
    let fill = if response.hovered() { palette.hover } else { palette.card };
    ui.painter().circle(centre, 21.0, fill, egui::Stroke::new(1.0, palette.hairline));
    centred(
        ui.painter(),
        rect,
        &fonts::glyph(Icon::ChevronDown),
        fonts::icons(22.0),
        palette.text_weak,
    );
    if unread > 0 {
        let at = pos2(rect.right() + 4.0, rect.top() + 2.0);
        badge::paint(ui.painter(), at, &badge::count(unread), (palette.accent, palette.on_accent));
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Jump to the newest message"));
    response.on_hover_cursor(CursorIcon::PointingHand).clicked()
}

/// Draws the day that begins.
pub(crate) fn day_ui(ui: &Ui, words: &str) {
    let palette = theme::palette(ui);
    let rect = ui.max_rect();
    let galley = ui.painter().layout_no_wrap(
        words.to_owned(),
        fonts::medium(size::META + 0.5),
        palette.text_weak,
    );
    let pill =
        Rect::from_center_size(rect.center() + vec2(0.0, 3.0), galley.size() + vec2(22.0, 9.0));
    ui.painter().rect_filled(pill, CornerRadius::same(radius::PILL), palette.pill);
    ui.painter().galley(pill.center() - galley.size() / 2.0, galley, palette.text_weak);
    let response = ui.interact(pill, ui.scope_id().with("day"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
}

/// Draws the line above what was not read, from one side to the other.
pub(crate) fn unread_ui(ui: &Ui, (left, right): (f32, f32)) {
    let palette = theme::palette(ui);
    let rect = ui.max_rect();
    let y = rect.center().y + 3.0;
    let galley = ui.painter().layout_no_wrap(
        "Unread messages".to_owned(),
        fonts::semibold(size::META + 0.5),
        palette.accent,
    );
    let half = galley.size().x / 2.0 + 14.0;
    let stroke = egui::Stroke::new(1.0, palette.accent.gamma_multiply(0.45));
    ui.painter().hline(left..=rect.center().x - half, y, stroke);
    ui.painter().hline(rect.center().x + half..=right, y, stroke);
    let at = pos2(rect.center().x - galley.size().x / 2.0, y - galley.size().y / 2.0);
    let spoken = Rect::from_min_size(at, galley.size());
    ui.painter().galley(at, galley, palette.accent);
    let response = ui.interact(spoken, ui.scope_id().with("unread"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, "Unread messages"));
}
