//! What several dialogs and pages are made of.

use std::sync::Arc;

use egui::{
    Align, CornerRadius, CursorIcon, Layout, Rect, Response, RichText, Role, Sense, Ui, UiBuilder,
    Vec2, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;

use crate::gui::{
    fonts, text,
    theme::{self, radius, size, space},
    widgets::{button, centred, field, galley_centred},
};

/// Height of a row that leads on, in points.
const ROW: f32 = 56.0;
/// Side of a box to be ticked, in points.
const BOX: f32 = 20.0;
/// Height of a fact, in points.
const FACT: f32 = 46.0;

/// The title of a page with a way back before it. Tells whether the user goes back.
pub(crate) fn page_heading(ui: &mut Ui, title: &str) -> bool {
    let palette = theme::palette(ui);
    let size = vec2(ui.available_width(), button::SIDE);
    let (row, response) = ui.allocate_exact_size(size, Sense::hover());
    // The arrow itself begins where the words below do.
    let at = row.left_center() + vec2(size::ICON / 2.0, 0.0);
    let place = Rect::from_center_size(at, Vec2::splat(button::SIDE));
    let mut child = ui.new_child(UiBuilder::new().max_rect(place).id_salt("back"));
    let back = button::icon(&mut child, Icon::ArrowLeft, "Back").clicked();
    let left = place.right() + space::XS;
    let font = fonts::semibold(size::HEADING);
    let line = text::one_line(ui, title, row.right() - left, font, palette.text);
    galley_centred(ui.painter(), pos2(left, row.center().y), line);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, title));
    back
}

/// Words below a title.
pub(crate) fn words(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    let words = RichText::new(words).font(fonts::regular(size::BODY)).color(palette.text_weak);
    ui.add(egui::Label::new(words).wrap());
}

/// A title of a part.
pub(crate) fn part(ui: &mut Ui, title: &str) {
    let palette = theme::palette(ui);
    ui.add_space(space::S);
    let title = RichText::new(title).font(fonts::semibold(size::SMALL));
    ui.label(title.color(palette.text_weak));
}

/// A row with a sign, a title and words below it that leads on when clicked.
pub(crate) fn way_row(ui: &mut Ui, icon: Icon, title: &str, words: &str) -> bool {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    if response.hovered() {
        let corner = CornerRadius::same(radius::CONTROL);
        ui.painter().rect_filled(rect.expand2(vec2(space::S, 0.0)), corner, palette.hover);
    }
    button::focus_ring(ui, rect.expand2(vec2(space::S, 0.0)), &response, radius::CONTROL);
    let sign = Rect::from_center_size(rect.left_center() + vec2(18.0, 0.0), Vec2::splat(36.0));
    ui.painter().circle_filled(sign.center(), 18.0, palette.field);
    centred(ui.painter(), sign, &fonts::glyph(icon), fonts::icons(18.0), palette.accent);
    let arrow = Rect::from_center_size(rect.right_center() - vec2(9.0, 0.0), Vec2::splat(18.0));
    let on = fonts::glyph(Icon::ChevronRight);
    centred(ui.painter(), arrow, &on, fonts::icons(17.0), palette.text_faint);
    let left = sign.right() + space::M;
    let lines = [(title, fonts::medium(size::BODY)), (words, fonts::regular(size::SMALL))];
    two_lines(ui, rect, (left, arrow.left() - space::S), lines);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, title));
    response.on_hover_cursor(CursorIcon::PointingHand).clicked()
}

/// Draws two lines between two edges, in the middle of a row.
pub(crate) fn two_lines(
    ui: &Ui,
    row: Rect,
    (left, right): (f32, f32),
    [(upper, upper_font), (lower, lower_font)]: [(&str, egui::FontId); 2],
) {
    let palette = theme::palette(ui);
    let upper = text::one_line(ui, upper, right - left, upper_font, palette.text);
    let lower = text::one_line(ui, lower, right - left, lower_font, palette.text_weak);
    let centre = row.center().y;
    galley_centred(ui.painter(), pos2(left, centre - 9.5), upper);
    galley_centred(ui.painter(), pos2(left, centre + 10.0), lower);
}

/// A box that is ticked or not, with what it means beside it.
pub(crate) fn choice(ui: &mut Ui, on: &mut bool, label: &str) {
    let palette = theme::palette(ui);
    let room = ui.available_width() - BOX - space::S;
    let galley = ui.painter().layout(
        label.to_owned(),
        fonts::regular(size::SMALL + 0.5),
        palette.text,
        room,
    );
    let height = galley.size().y.max(BOX) + space::S;
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    if response.clicked() {
        *on = !*on;
    }
    let square = Rect::from_min_size(
        rect.min + vec2(0.0, (height - galley.size().y.max(BOX)) / 2.0),
        Vec2::splat(BOX),
    );
    let corner = CornerRadius::same(radius::SMALL);
    if *on {
        ui.painter().rect_filled(square, corner, palette.accent);
        let tick = fonts::glyph(Icon::Check);
        centred(ui.painter(), square, &tick, fonts::icons(15.0), palette.on_accent);
    } else {
        let stroke = egui::Stroke::new(1.5, palette.text_faint);
        ui.painter().rect_stroke(square, corner, stroke, egui::StrokeKind::Inside);
    }
    button::focus_ring(ui, square, &response, radius::SMALL);
    let at = pos2(square.right() + space::S, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, palette.text);
    let ticked = *on;
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, ticked, label));
    response.on_hover_cursor(CursorIcon::PointingHand);
}

/// A path that is typed or chosen in a dialog of the system. Tells whether the latter is wanted.
pub(crate) fn place_ui(
    ui: &mut Ui,
    name: &str,
    path: &mut String,
    error: Option<&str>,
) -> (Response, bool) {
    let response = field::labelled(ui, name, "/home/me/…", path, error);
    let row = vec2(ui.available_width(), 34.0);
    let layout = Layout::right_to_left(Align::Center);
    let choose = |ui: &mut Ui| button::small(ui, "Choose…", button::Kind::Plain).clicked();
    let choosing = ui.allocate_ui_with_layout(row, layout, choose).inner;
    (response, choosing)
}

/// Something that is so, with a sign before it and its name below.
pub(crate) fn fact(ui: &mut Ui, icon: Icon, name: &str, words: &str) {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), FACT), Sense::hover());
    let left = Rect::from_center_size(rect.left_center() + vec2(14.0, 0.0), Vec2::splat(20.0));
    centred(ui.painter(), left, &fonts::glyph(icon), fonts::icons(19.0), palette.text_weak);
    let lines = [(words, fonts::regular(size::BODY)), (name, fonts::regular(size::META + 0.5))];
    two_lines(ui, rect, (rect.left() + 44.0, rect.right()), lines);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name}: {words}")));
}

/// One of several that exclude each other; gives the one that was chosen now.
pub(crate) fn segments<T: Copy + PartialEq>(
    ui: &mut Ui,
    current: T,
    all: &[(Icon, &str, T)],
) -> Option<T> {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 42.0), Sense::hover());
    ui.painter().rect_filled(rect, CornerRadius::same(radius::CONTROL), palette.field);
    let width = (rect.width() - 6.0) / all.len() as f32;
    let mut chosen = None;
    for (index, (icon, label, value)) in all.iter().enumerate() {
        let at = pos2(rect.left() + 3.0 + index as f32 * width, rect.top() + 3.0);
        let place = Rect::from_min_size(at, vec2(width, rect.height() - 6.0));
        let response = ui.interact(place, ui.scope_id().with(*label), Sense::click());
        let on = current == *value;
        let ink = if on { palette.text } else { palette.text_weak };
        if on {
            let fill = if palette.dark { palette.pressed } else { palette.card };
            ui.painter().rect_filled(place, CornerRadius::same(radius::SMALL + 2), fill);
        }
        button::focus_ring(ui, place, &response, radius::SMALL + 2);
        let words = text::one_line(ui, label, width - 34.0, fonts::medium(size::SMALL), ink);
        let left = place.center().x - f32::midpoint(words.size().x, 24.0);
        let sign = Rect::from_center_size(pos2(left + 8.0, place.center().y), Vec2::splat(16.0));
        centred(ui.painter(), sign, &fonts::glyph(*icon), fonts::icons(16.0), ink);
        galley_centred(ui.painter(), pos2(left + 24.0, place.center().y), Arc::clone(&words));
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, *label));
        if response.on_hover_cursor(CursorIcon::PointingHand).clicked() && !on {
            chosen = Some(*value);
        }
    }
    chosen
}

/// Good news, in one line with a mark.
pub(crate) fn done(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let icon = RichText::new(fonts::glyph(Icon::CircleCheck)).font(fonts::icons(16.0));
        ui.label(icon.color(palette.online));
        let words = RichText::new(words).font(fonts::regular(size::BODY)).color(palette.text);
        ui.add(egui::Label::new(words).wrap());
    });
}
