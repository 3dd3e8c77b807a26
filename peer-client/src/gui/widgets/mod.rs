//! Parts that views are made of.

pub(crate) mod attachment;
pub(crate) mod avatar;
pub(crate) mod badge;
pub(crate) mod bubble;
pub(crate) mod button;
pub(crate) mod field;
pub(crate) mod meta;
pub(crate) mod qr;
mod quote;
pub(crate) mod reactions;
pub(crate) mod words;

use std::sync::Arc;

use egui::{Align2, Color32, FontId, Galley, Painter, Pos2, Rect};

/// Draws a galley so that it stands in the middle of a height, and gives where it lies.
pub(crate) fn galley_centred(painter: &Painter, left_centre: Pos2, galley: Arc<Galley>) -> Rect {
    let at = Align2::LEFT_CENTER.anchor_size(left_centre, galley.size());
    painter.galley(at.min, galley, Color32::PLACEHOLDER);
    at
}

/// Draws a text in the middle of a rectangle.
pub(crate) fn centred(painter: &Painter, rect: Rect, text: &str, font: FontId, colour: Color32) {
    painter.text(rect.center(), Align2::CENTER_CENTER, text, font, colour);
}
