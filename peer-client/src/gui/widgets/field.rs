//! Text fields.

use egui::{
    CornerRadius, CursorIcon, Frame, Margin, Rect, Response, Role, Sense, Stroke, TextEdit, Ui,
    Vec2, WidgetInfo,
};
use lucide_icons::Icon;

use super::centred;
use crate::gui::{
    fonts,
    theme::{self, radius, size, space},
};

/// Side of the button that empties a field, in points.
const CLEAR: f32 = 24.0;

/// A field with a name above it and perhaps a fault below it.
pub(crate) fn labelled(
    ui: &mut Ui,
    name: &str,
    hint: &str,
    text: &mut String,
    error: Option<&str>,
) -> Response {
    entry(ui, (name, hint), (TextEdit::singleline(text).align(egui::Align2::LEFT_CENTER), 3), error)
}

/// The same for a secret, which is not seen.
pub(crate) fn secret(ui: &mut Ui, name: &str, text: &mut String, error: Option<&str>) -> Response {
    entry(
        ui,
        (name, ""),
        (TextEdit::singleline(text).password(true).align(egui::Align2::LEFT_CENTER), 3),
        error,
    )
}

/// The same for several lines.
pub(crate) fn paragraph(
    ui: &mut Ui,
    name: &str,
    hint: &str,
    text: &mut String,
    error: Option<&str>,
) -> Response {
    entry(ui, (name, hint), (TextEdit::multiline(text).desired_rows(4), 10), error)
}

fn entry(
    ui: &mut Ui,
    (name, hint): (&str, &str),
    (edit, margin): (TextEdit<'_>, i8),
    error: Option<&str>,
) -> Response {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.y = 6.0;
    let label = egui::RichText::new(name).font(fonts::medium(size::SMALL)).color(palette.text_weak);
    let label = ui.label(label);
    let stroke = if error.is_some() {
        Stroke::new(1.5, palette.danger)
    } else {
        Stroke::new(1.0, palette.hairline)
    };
    let edit = edit
        .hint_text(egui::RichText::new(hint).color(palette.text_faint))
        .font(fonts::regular(size::BODY))
        .desired_width(f32::INFINITY)
        .frame(
            Frame::new()
                .fill(palette.field)
                .inner_margin(Margin::symmetric(12, margin))
                .stroke(stroke)
                .corner_radius(CornerRadius::same(radius::CONTROL)),
        );
    let response = ui.add(edit).labelled_by(label.id);
    if response.has_focus() && error.is_none() {
        let focus = Stroke::new(1.5, palette.accent);
        let corner = CornerRadius::same(radius::CONTROL);
        ui.painter().rect_stroke(response.rect, corner, focus, egui::StrokeKind::Inside);
    }
    if let Some(error) = error {
        fault(ui, error);
    }
    response
}

/// Why something is not right, in one line with a mark.
pub(crate) fn fault(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let icon = egui::RichText::new(fonts::glyph(Icon::CircleAlert)).font(fonts::icons(14.0));
        ui.label(icon.color(palette.danger));
        let text =
            egui::RichText::new(text).font(fonts::regular(size::SMALL)).color(palette.danger);
        ui.add(egui::Label::new(text).wrap());
    });
}

/// The button that empties a field, and tells whether it does.
fn clear_ui(ui: &Ui, rect: Rect, response: Response, text: &mut String) -> bool {
    if text.is_empty() {
        return false;
    }
    let palette = theme::palette(ui);
    let ink = if response.hovered() { palette.text } else { palette.text_faint };
    centred(ui.painter(), rect, &fonts::glyph(Icon::X), fonts::icons(16.0), ink);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Clear"));
    let clicked = response.on_hover_cursor(CursorIcon::PointingHand).clicked();
    if clicked {
        text.clear();
    }
    clicked
}

/// A round field to search in.
pub(crate) fn search(ui: &mut Ui, id: egui::Id, text: &mut String, hint: &str) -> Response {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.field)
        .corner_radius(CornerRadius::same(radius::PILL))
        .inner_margin(Margin::symmetric(space::M as i8, 0));
    let inner = frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.set_height(36.0);
            ui.spacing_mut().item_spacing.x = space::S;
            let icon = egui::RichText::new(fonts::glyph(Icon::Search)).font(fonts::icons(16.0));
            ui.label(icon.color(palette.text_faint));
            let edit = TextEdit::singleline(text)
                .id(id)
                .hint_text(egui::RichText::new(hint).color(palette.text_faint))
                .font(fonts::regular(size::BODY))
                .desired_width(ui.available_width() - CLEAR - space::XS)
                .align(egui::Align2::LEFT_CENTER)
                .frame(Frame::NONE);
            let response = ui.add(edit).accessible_name(hint);
            ui.spacing_mut().item_spacing.x = space::XS;
            let (rect, clear) = ui.allocate_exact_size(Vec2::splat(CLEAR), Sense::click());
            if clear_ui(ui, rect, clear, text) {
                response.request_focus();
            }
            response
        })
        .inner
    });
    inner.inner
}
