//! A conversation in the list.

use std::sync::Arc;

use egui::{
    Align2, CornerRadius, CursorIcon, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;
use wire::name::ConversationName;

use super::sidebar;
use crate::{
    core::model::ConversationView,
    gui::{
        fonts, format,
        state::Scene,
        text,
        theme::{self, Palette, radius, size, space},
        widgets::{avatar, badge, button, centred, galley_centred, meta},
    },
};

/// Height of a conversation, in points.
pub(crate) const ROW: f32 = 68.0;
/// Side of a picture, in points.
const AVATAR: f32 = 48.0;

/// What the window itself knows of a conversation.
pub(crate) struct Marks<'a> {
    /// It is in view.
    pub(crate) selected: bool,
    /// It stays at the top.
    pub(crate) pinned: bool,
    /// The user is named in what was not read.
    pub(crate) mentioned: bool,
    /// What is being written in it.
    pub(crate) draft: Option<&'a str>,
}

/// Draws a conversation.
pub(crate) fn row_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    conversation: &ConversationView,
    marks: &Marks<'_>,
) -> Response {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let ground = rect.shrink2(vec2(space::S, 1.0));
    let fill = if marks.selected {
        palette.selected
    } else if response.hovered() {
        palette.hover
    } else {
        palette.panel
    };
    ui.painter().rect_filled(ground, CornerRadius::same(radius::CONTROL + 2), fill);
    button::focus_ring(ui, ground.shrink(2.0), &response, radius::CONTROL);
    let name = conversation.name.to_string();
    let picture = Rect::from_center_size(
        pos2(ground.left() + space::S + AVATAR / 2.0, rect.center().y),
        Vec2::splat(AVATAR),
    );
    avatar::paint(ui.painter(), picture, &name);
    if conversation.online && matches!(conversation.name, ConversationName::Direct(_)) {
        avatar::paint_online(ui.painter(), picture, palette.online, fill);
    }
    let inner = Rect::from_min_max(
        pos2(picture.right() + space::M, ground.top() + 10.0),
        pos2(ground.right() - space::M, ground.bottom() - 10.0),
    );
    paint_lines(ui, scene, (conversation, marks), inner, palette);
    response.widget_info(|| {
        WidgetInfo::selected(Role::Button, true, marks.selected, description(conversation, marks))
    });
    response.on_hover_cursor(CursorIcon::PointingHand)
}

fn paint_lines(
    ui: &Ui,
    scene: &Scene<'_>,
    (conversation, marks): (&ConversationView, &Marks<'_>),
    rect: Rect,
    palette: &Palette,
) {
    let mut right = rect.right();
    let upper = rect.top() + 9.0;
    if let Some(last) = &conversation.last {
        let when = format::moment(scene.zone.local(last.at_ms), scene.local_now());
        let font = fonts::regular(size::META);
        let lit = conversation.unread > 0 && !conversation.muted;
        let colour = if lit { palette.accent } else { palette.text_faint };
        let at = ui.painter().text(pos2(right, upper), Align2::RIGHT_CENTER, when, font, colour);
        right = at.left() - 6.0;
        if let Some(delivery) = last.delivery {
            let icon = Rect::from_center_size(pos2(right - 7.0, upper), Vec2::splat(14.0));
            let colour = meta::stage_colour(delivery.stage, palette);
            let glyph = fonts::glyph(meta::stage_icon(delivery.stage));
            centred(ui.painter(), icon, &glyph, fonts::icons(14.0), colour);
            right = icon.left() - 4.0;
        }
    }
    let mut left = rect.left();
    if matches!(conversation.name, ConversationName::Group(_)) {
        let icon = Rect::from_center_size(pos2(left + 7.0, upper), Vec2::splat(14.0));
        centred(
            ui.painter(),
            icon,
            &fonts::glyph(Icon::Users),
            fonts::icons(14.0),
            palette.text_weak,
        );
        left = icon.right() + 5.0;
    }
    let sign = match (conversation.blocked, conversation.muted) {
        (true, _) => Some(Icon::Ban),
        (false, true) => Some(Icon::BellOff),
        (false, false) => None,
    };
    let room = right - left - if sign.is_some() { 22.0 } else { 0.0 };
    let name = sidebar::title(&conversation.name);
    let name = text::one_line(ui, &name, room, fonts::semibold(size::BODY), palette.text);
    let at = galley_centred(ui.painter(), pos2(left, upper), name);
    if let Some(sign) = sign {
        let sign = (fonts::glyph(sign), fonts::icons(13.0));
        let icon = Rect::from_center_size(pos2(at.right() + 12.0, upper), Vec2::splat(14.0));
        centred(ui.painter(), icon, &sign.0, sign.1, palette.text_faint);
    }
    paint_lower(ui, (conversation, marks), rect, palette);
}

/// Draws the second line: the newest message, with the marks at its end.
fn paint_lower(
    ui: &Ui,
    (conversation, marks): (&ConversationView, &Marks<'_>),
    rect: Rect,
    palette: &Palette,
) {
    let lower = rect.bottom() - 9.0;
    let mut right = rect.right();
    if conversation.unread > 0 {
        let colours = if conversation.muted {
            (palette.pressed, palette.text_weak)
        } else {
            (palette.accent, palette.on_accent)
        };
        let at = badge::paint(
            ui.painter(),
            pos2(right, lower),
            &badge::count(conversation.unread),
            colours,
        );
        right = at.left() - 8.0;
    }
    if marks.mentioned {
        let colours = (palette.accent, palette.on_accent);
        let at = badge::paint(ui.painter(), pos2(right, lower), "@", colours);
        right = at.left() - 6.0;
    }
    if conversation.request {
        let colours = (palette.warning_back, palette.warning);
        let at = badge::paint(ui.painter(), pos2(right, lower), "New", colours);
        right = at.left() - 8.0;
    }
    if marks.pinned && conversation.unread == 0 {
        let sign = Rect::from_center_size(pos2(right - 7.0, lower), Vec2::splat(14.0));
        let glyph = fonts::glyph(Icon::Pin);
        centred(ui.painter(), sign, &glyph, fonts::icons(13.0), palette.text_faint);
        right = sign.left() - 6.0;
    }
    paint_last(ui, (conversation, marks), pos2(rect.left(), lower), right - rect.left(), palette);
}

fn paint_last(
    ui: &Ui,
    (conversation, marks): (&ConversationView, &Marks<'_>),
    at: egui::Pos2,
    width: f32,
    palette: &Palette,
) {
    let font = fonts::regular(size::SMALL + 0.5);
    if let Some(words) = sidebar::typing(conversation) {
        let galley = text::one_line(ui, &words, width, font, palette.accent);
        galley_centred(ui.painter(), at, galley);
        return;
    }
    if let Some(draft) = marks.draft {
        let sign = text::one_line(ui, "Draft: ", width, font.clone(), palette.danger);
        let left = galley_centred(ui.painter(), at, sign).right();
        let words = text::one_line(ui, draft, width - (left - at.x), font, palette.text_weak);
        galley_centred(ui.painter(), pos2(left, at.y), words);
        return;
    }
    let Some(last) = &conversation.last else { return };
    let mut left = at.x;
    let group = matches!(conversation.name, ConversationName::Group(_));
    if last.own || group {
        let who = if last.own { "You: ".to_owned() } else { format!("{}: ", last.from) };
        let who = text::one_line(ui, &who, width * 0.5, font.clone(), palette.text);
        let rect = galley_centred(ui.painter(), at, Arc::clone(&who));
        left = rect.right();
    }
    let words = text::one_line(ui, &last.text, width - (left - at.x), font, palette.text_weak);
    galley_centred(ui.painter(), pos2(left, at.y), words);
}

fn description(conversation: &ConversationView, marks: &Marks<'_>) -> String {
    let mut words = vec![conversation.name.to_string()];
    if conversation.unread > 0 {
        words.push(format!("{} unread", conversation.unread));
    }
    if marks.mentioned {
        words.push("you are mentioned".to_owned());
    }
    if conversation.online {
        words.push("online".to_owned());
    }
    if conversation.muted {
        words.push("muted".to_owned());
    }
    if conversation.blocked {
        words.push("blocked".to_owned());
    }
    if marks.pinned {
        words.push("pinned".to_owned());
    }
    if let Some(draft) = marks.draft {
        words.push(format!("draft: {draft}"));
    }
    words.extend(conversation.last.as_ref().map(|last| last.text.clone()));
    words.join(", ")
}
