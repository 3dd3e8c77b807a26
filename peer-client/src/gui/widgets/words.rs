//! The text of a message: it can be selected, its links clicked, and what was sought is marked.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, Label, OpenUrl, Pos2, Rect, Response, Ui, UiBuilder, pos2, text::CCursor,
};

use crate::gui::{
    search,
    text::{self, Text},
    theme::radius,
};

/// Text that can be selected, with links that can be clicked.
pub(crate) fn words_ui(ui: &mut Ui, rect: Rect, text: &Text) -> Response {
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt("text"));
    let response = child.add(Label::new(Arc::clone(&text.galley)).selectable(true));
    if text.links.is_empty() {
        return response;
    }
    let link = response.hover_pos().and_then(|pointer| {
        let cursor = text.galley.cursor_from_pos(pointer - rect.min);
        let index: usize = cursor.index.into();
        text.links.iter().find(|(range, _)| range.contains(&index)).map(|(_, url)| url)
    });
    if let Some(url) = link {
        ui.ctx().set_cursor_icon(egui::CursorIcon::PointingHand);
        if response.clicked() {
            ui.ctx().open_url(OpenUrl::new_tab(url));
        }
    }
    response
}

/// Marks words that were sought, behind a text that is drawn afterwards.
pub(crate) fn paint_found(ui: &Ui, at: Pos2, text: &Text, (sought, colour): (&str, Color32)) {
    let galley = &text.galley;
    let words = galley.text();
    if text::has_right_to_left(words) {
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
