//! Buttons.

use egui::{
    Color32, CornerRadius, CursorIcon, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo, vec2,
};
use lucide_icons::Icon;

use super::centred;
use crate::gui::{
    fonts,
    theme::{self, radius, size, space},
};

/// Side of a button with an icon, in points.
pub(crate) const SIDE: f32 = 38.0;

/// Width of a menu, in points.
pub(crate) const MENU: f32 = 224.0;

/// A round button with an icon, and what it does as its name.
pub(crate) fn icon(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(SIDE), Sense::click());
    icon_in(ui, rect, &response, (icon, palette.text_weak));
    named(ui, response, name)
}

/// A round button in the accent's colour.
pub(crate) fn round(ui: &mut Ui, icon: Icon, name: &str, enabled: bool) -> Response {
    let palette = theme::palette(ui);
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(SIDE), sense);
    let fill = match (enabled, response.hovered()) {
        (false, _) => palette.pressed,
        (true, false) => palette.accent,
        (true, true) => palette.accent_hover,
    };
    let ink = if enabled { palette.on_accent } else { palette.text_faint };
    ui.painter().circle_filled(rect.center(), SIDE / 2.0, fill);
    focus_ring(ui, rect, &response, radius::PILL);
    centred(ui.painter(), rect, &fonts::glyph(icon), fonts::icons(size::ICON - 1.0), ink);
    named(ui, response, name)
}

/// Draws the look of a button with an icon into a rectangle that was sensed already.
pub(crate) fn icon_in(ui: &Ui, rect: Rect, response: &Response, (icon, colour): (Icon, Color32)) {
    let palette = theme::palette(ui);
    let fill = if response.is_pointer_button_down_on() {
        palette.pressed
    } else if response.hovered() {
        palette.hover
    } else {
        Color32::TRANSPARENT
    };
    ui.painter().circle_filled(rect.center(), rect.width() / 2.0, fill);
    focus_ring(ui, rect, response, radius::PILL);
    let ink = if response.hovered() { palette.text } else { colour };
    centred(ui.painter(), rect, &fonts::glyph(icon), fonts::icons(size::ICON), ink);
}

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What one most likely wants.
    Primary,
    /// Another way on.
    Plain,
    /// What cannot be taken back.
    Danger,
}

/// A button with a word on it, as wide as given or as the word.
pub(crate) fn text(ui: &mut Ui, text: &str, kind: Kind, width: Option<f32>) -> Response {
    let palette = theme::palette(ui);
    let font = fonts::semibold(size::BODY);
    let measured = ui.painter().layout_no_wrap(text.to_owned(), font.clone(), palette.text).size();
    let width = width.unwrap_or(measured.x + 2.0 * space::L);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 42.0), Sense::click());
    text_in(ui, rect, response, (text, font, kind))
}

/// A lower button with a word on it.
pub(crate) fn small(ui: &mut Ui, text: &str, kind: Kind) -> Response {
    let palette = theme::palette(ui);
    let font = fonts::semibold(size::SMALL + 0.5);
    let measured = ui.painter().layout_no_wrap(text.to_owned(), font.clone(), palette.text).size();
    let size = vec2(measured.x + 28.0, 34.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    text_in(ui, rect, response, (text, font, kind))
}

fn text_in(
    ui: &Ui,
    rect: Rect,
    response: Response,
    (text, font, kind): (&str, egui::FontId, Kind),
) -> Response {
    let palette = theme::palette(ui);
    let lit = response.hovered() || response.is_pointer_button_down_on();
    let (fill, ink) = match kind {
        Kind::Primary if lit => (palette.accent_hover, palette.on_accent),
        Kind::Primary => (palette.accent, palette.on_accent),
        Kind::Plain if lit => (palette.pressed, palette.text),
        Kind::Plain => (palette.field, palette.text),
        Kind::Danger => (palette.danger_back, palette.danger),
    };
    let faded = if ui.is_enabled() { fill } else { fill.gamma_multiply(0.5) };
    ui.painter().rect_filled(rect, CornerRadius::same(radius::CONTROL), faded);
    focus_ring(ui, rect, &response, radius::CONTROL);
    centred(ui.painter(), rect, text, font, ink);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), text));
    response.on_hover_cursor(CursorIcon::PointingHand)
}

/// A line of a menu. Closes the menu when clicked.
pub(crate) fn menu(ui: &mut Ui, icon: Icon, text: &str) -> bool {
    let palette = theme::palette(ui);
    menu_line(ui, icon, text, (palette.text_weak, palette.text))
}

/// A line of a menu for what cannot be taken back.
pub(crate) fn menu_danger(ui: &mut Ui, icon: Icon, text: &str) -> bool {
    let danger = theme::palette(ui).danger;
    menu_line(ui, icon, text, (danger, danger))
}

fn menu_line(ui: &mut Ui, icon: Icon, text: &str, (sign, ink): (Color32, Color32)) -> bool {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.y = 1.0;
    let (rect, response) = ui.allocate_exact_size(vec2(MENU, 36.0), Sense::click());
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, CornerRadius::same(radius::SMALL + 2), palette.hover);
    }
    let left = Rect::from_min_size(rect.min, vec2(36.0, rect.height()));
    centred(ui.painter(), left, &fonts::glyph(icon), fonts::icons(17.0), sign);
    ui.painter().text(
        rect.left_center() + vec2(38.0, 0.0),
        egui::Align2::LEFT_CENTER,
        text,
        fonts::regular(size::BODY),
        ink,
    );
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, text));
    if response.clicked() {
        ui.close();
    }
    response.clicked()
}

/// Shows which control has the keyboard.
pub(crate) fn focus_ring(ui: &Ui, rect: Rect, response: &Response, rounding: u8) {
    if response.has_focus() {
        let stroke = egui::Stroke::new(2.0, theme::palette(ui).accent);
        let corner = CornerRadius::same(rounding);
        ui.painter().rect_stroke(rect, corner, stroke, egui::StrokeKind::Outside);
    }
}

fn named(ui: &Ui, response: Response, name: &str) -> Response {
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(name)
}
