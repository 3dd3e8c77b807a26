//! Messages that were found, below the conversations.

use std::sync::Arc;

use egui::{
    Align2, CornerRadius, CursorIcon, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use wire::name::ConversationName;

use super::sidebar;
use crate::{
    core::model::MessageView,
    gui::{
        fonts, format,
        search::{self, Found, Search, Snippet},
        state::Scene,
        text,
        theme::{self, radius, size, space},
        widgets::{avatar, button, galley_centred},
    },
};

/// Height of a message, in points.
const ROW: f32 = 60.0;
/// Height of the heading, in points.
const HEADING: f32 = 36.0;
/// Side of a picture, in points.
const AVATAR: f32 = 38.0;

/// Draws what was found, and gives the message that was chosen.
pub(crate) fn found_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    search: &Search,
) -> Option<Arc<MessageView>> {
    let found = search.found().filter(|found| !found.messages.is_empty())?;
    heading_ui(ui, found);
    let mut chosen = None;
    for message in &found.messages {
        let size = vec2(ui.available_width(), ROW);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        if !ui.is_rect_visible(rect) {
            continue;
        }
        if row_ui(ui, scene, rect, response, (message, &found.text)).clicked() {
            chosen = Some(Arc::clone(message));
        }
    }
    chosen
}

fn heading_ui(ui: &mut Ui, found: &Found) {
    let palette = theme::palette(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), HEADING), Sense::hover());
    let more = if found.messages.len() >= search::LIMIT as usize { "+" } else { "" };
    let words = format!("Messages ({}{more})", found.messages.len());
    let at = pos2(rect.left() + space::L, rect.center().y + 2.0);
    let font = fonts::semibold(size::SMALL);
    ui.painter().text(at, Align2::LEFT_CENTER, &words, font, palette.text_weak);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &words));
}

fn row_ui(
    ui: &Ui,
    scene: &Scene<'_>,
    rect: Rect,
    response: Response,
    (message, sought): (&MessageView, &str),
) -> Response {
    let palette = theme::palette(ui);
    let ground = rect.shrink2(vec2(space::S, 1.0));
    if response.hovered() {
        let corner = CornerRadius::same(radius::CONTROL + 2);
        ui.painter().rect_filled(ground, corner, palette.hover);
    }
    button::focus_ring(ui, ground.shrink(2.0), &response, radius::CONTROL);
    let name = message.conversation.to_string();
    let middle = pos2(ground.left() + space::S + 24.0, rect.center().y);
    let picture = Rect::from_center_size(middle, Vec2::splat(AVATAR));
    avatar::paint(ui.painter(), picture, &name);
    let left = middle.x + 24.0 + space::M;
    let right = ground.right() - space::M;
    let (upper, lower) = (rect.center().y - 11.0, rect.center().y + 11.0);
    let when = format::moment(scene.zone.local(message.at_ms), scene.local_now());
    let font = fonts::regular(size::META);
    let at =
        ui.painter().text(pos2(right, upper), Align2::RIGHT_CENTER, when, font, palette.text_faint);
    let title = sidebar::title(&message.conversation);
    let room = at.left() - left - space::S;
    let title = text::one_line(ui, &title, room, fonts::semibold(size::BODY), palette.text);
    galley_centred(ui.painter(), pos2(left, upper), title);

    let snippet = search::snippet(message, sought);
    let said = format!("{}: {}", author(message), snippet.text);
    let line = line(message, snippet);
    let fonts = (fonts::regular(size::SMALL), fonts::semibold(size::SMALL));
    let colours = (palette.text_weak, palette.accent);
    let line = text::emphasised(ui, &line.text, &line.marks, (right - left, fonts, colours));
    galley_centred(ui.painter(), pos2(left, lower), line);
    response.widget_info(|| {
        WidgetInfo::labeled(Role::Button, true, format!("Found in {name}, {said}"))
    });
    response.on_hover_cursor(CursorIcon::PointingHand)
}

fn author(message: &MessageView) -> &str {
    if message.own { "You" } else { message.from.as_str() }
}

/// A snippet with its author before it, where that is not told by the conversation's name.
fn line(message: &MessageView, snippet: Snippet) -> Snippet {
    if !message.own && matches!(message.conversation, ConversationName::Direct(_)) {
        return snippet;
    }
    let before = format!("{}: ", author(message));
    let by = before.len();
    let marks = snippet.marks.into_iter().map(|mark| mark.start + by..mark.end + by).collect();
    Snippet { text: before + &snippet.text, marks }
}
