//! The message that another one answers, within that one's bubble.

use std::sync::Arc;

use egui::{CornerRadius, Galley, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::{
    core::model::{MessageView, Quote},
    gui::{
        fonts, text,
        theme::{self, Palette, radius, size},
    },
};

/// Lays out who wrote a message that is answered, and its first words.
pub(super) fn lines(ui: &Ui, quote: &Quote, palette: &Palette, width: f32) -> [Arc<Galley>; 2] {
    let (author, excerpt, colour) = match &quote.excerpt {
        Some((author, excerpt)) => {
            let colour = palette.names[theme::colour_of(author.as_str())];
            (author.as_str(), excerpt.as_str(), colour)
        }
        None => ("Reply", "A message that is not here yet", palette.text_weak),
    };
    let room = (width - 24.0).min(360.0);
    [
        text::one_line(ui, author, room, fonts::semibold(size::SMALL), colour),
        text::one_line(ui, excerpt, room, fonts::regular(size::SMALL), palette.text_weak),
    ]
}

/// Draws them, and tells whether the user wants to go there.
pub(super) fn quote_ui(
    ui: &Ui,
    rect: Rect,
    message: &MessageView,
    lines: &[Arc<Galley>; 2],
    palette: &Palette,
) -> bool {
    let corner = CornerRadius::same(radius::SMALL);
    let colour = match message.reply_to.as_ref().and_then(|quote| quote.excerpt.as_ref()) {
        Some((author, _)) => palette.names[theme::colour_of(author.as_str())],
        None => palette.text_weak,
    };
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.rect_filled(
        rect,
        corner,
        colour.gamma_multiply(if palette.dark { 0.16 } else { 0.11 }),
    );
    let bar = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
    painter.rect_filled(
        bar,
        CornerRadius { nw: radius::SMALL, sw: radius::SMALL, ne: 0, se: 0 },
        colour,
    );
    let [author, excerpt] = lines;
    painter.galley(rect.min + vec2(12.0, 4.0), Arc::clone(author), palette.text);
    let below = pos2(rect.left() + 12.0, rect.bottom() - excerpt.size().y - 4.0);
    painter.galley(below, Arc::clone(excerpt), palette.text);
    let response = ui.interact(rect, ui.scope_id().with("quote"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Go to the quoted message"));
    response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked()
}
