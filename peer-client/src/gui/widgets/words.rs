//! The text of a message: it can be selected, its links clicked, and what was sought is marked.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, Label, Pos2, Rect, Response, Ui, UiBuilder, pos2, text::CCursor,
};

use crate::gui::{
    direction, search,
    text::{Target, Text},
    theme::{self, radius},
};

/// Text that can be selected. Gives what was clicked in it.
pub(crate) fn words_ui(ui: &mut Ui, rect: Rect, text: &Text) -> (Response, Option<Target>) {
    paint_blocks(ui, rect, text);
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt("text"));
    let response = child.add(Label::new(Arc::clone(&text.galley)).selectable(true));
    let target = response.hover_pos().and_then(|pointer| {
        let cursor = text.galley.cursor_from_pos(pointer - rect.min);
        let index: usize = cursor.index.into();
        text.targets.iter().find(|(range, _)| range.contains(&index)).map(|(_, target)| target)
    });
    if target.is_some() {
        ui.ctx().set_cursor_icon(egui::CursorIcon::PointingHand);
    }
    let clicked = target.filter(|_| response.clicked()).cloned();
    (response, clicked)
}

/// Paints the ground of blocks of code, behind a text that is drawn afterwards.
fn paint_blocks(ui: &Ui, rect: Rect, text: &Text) {
    let palette = theme::palette(ui);
    for block in &text.blocks {
        let start = CCursor { prefer_next_row: true, ..CCursor::new(block.start) };
        let start = text.galley.pos_from_cursor(start);
        let end = text.galley.pos_from_cursor(CCursor::new(block.end));
        let (top, bottom) = (rect.top() + start.top(), rect.top() + end.bottom());
        let ground = Rect::from_min_max(pos2(rect.left(), top), pos2(rect.right(), bottom));
        let corner = CornerRadius::same(radius::SMALL);
        ui.painter().rect_filled(ground.expand2(egui::vec2(5.0, 2.0)), corner, palette.inset);
    }
}

/// Marks words that were sought, behind a text that is drawn afterwards.
pub(crate) fn paint_found(ui: &Ui, at: Pos2, text: &Text, (sought, colour): (&str, Color32)) {
    let galley = &text.galley;
    let words = galley.text();
    if direction::has_right_to_left(words) {
        // Its words are in the order in which they are seen, not in which they are sought.
        return;
    }
    for mark in search::marks(words, sought) {
        let from = words[..mark.start].chars().count();
        let to = from + words[mark].chars().count();
        let start = galley.pos_from_cursor(CCursor { prefer_next_row: true, ..CCursor::new(from) });
        let end = galley.pos_from_cursor(CCursor::new(to));
        // A word broken at the end of a line is marked as far as the line goes.
        let same_line = (end.top() - start.top()).abs() < 1.0;
        let right = if same_line { end.left() } else { galley.rect.right() };
        let rect = Rect::from_min_max(start.min, pos2(right, start.bottom()));
        let rect = rect.translate(at.to_vec2()).expand2(egui::vec2(1.5, 0.0));
        ui.painter().rect_filled(rect, CornerRadius::same(radius::SMALL - 2), colour);
    }
}
