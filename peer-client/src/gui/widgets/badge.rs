//! Counts and small words on a coloured ground.

use egui::{Align2, Color32, CornerRadius, Painter, Pos2, Rect, vec2};

use crate::gui::{
    fonts,
    theme::{radius, size},
};

/// Height of a badge, in points.
pub(crate) const HEIGHT: f32 = 20.0;

/// Draws a badge that ends at a point, and gives where it lies.
pub(crate) fn paint(
    painter: &Painter,
    right_centre: Pos2,
    text: &str,
    (fill, ink): (Color32, Color32),
) -> Rect {
    let galley = painter.layout_no_wrap(text.to_owned(), fonts::semibold(size::META), ink);
    let width = (galley.size().x + 12.0).max(HEIGHT);
    let rect = Align2::RIGHT_CENTER.anchor_size(right_centre, vec2(width, HEIGHT));
    painter.rect_filled(rect, CornerRadius::same(radius::PILL), fill);
    painter.galley(rect.center() - galley.size() / 2.0, galley, ink);
    rect
}

/// A count as it is shown.
pub(crate) fn count(number: u32) -> String {
    if number > 999 { "999+".to_owned() } else { number.to_string() }
}
