//! The list of conversations.

use std::sync::Arc;

use egui::{
    Align2, Color32, CornerRadius, CursorIcon, Frame, Id, Margin, Popup, Rect, Response, Role,
    ScrollArea, Sense, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;
use wire::name::ConversationName;

use crate::{
    core::model::{ConversationView, ServerTie},
    gui::{
        fonts, format,
        settings::Look,
        state::{Dialog, Entry, Scene, UiState, Wish},
        text,
        theme::{self, Palette, radius, size, space},
        views::consent,
        widgets::{avatar, badge, button, centred, field, meta},
    },
};

/// Height of a row, in points.
const ROW: f32 = 68.0;
/// Side of a picture, in points.
const AVATAR: f32 = 48.0;

/// Draws the list. A look is given when the user chose one.
pub(crate) fn sidebar_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) -> Option<Look> {
    ui.spacing_mut().item_spacing.y = 0.0;
    let look = Frame::new()
        .inner_margin(Margin::symmetric(space::M as i8, 0))
        .show(ui, |ui| {
            let look = me_ui(ui, scene, state);
            field::search(ui, Id::unique("filter"), &mut state.filter, "Search conversations");
            look
        })
        .inner;
    ui.add_space(space::S);
    tie_ui(ui, &scene.model.server);
    let needle = state.filter.trim().to_lowercase();
    let shown: Vec<&ConversationView> = scene
        .model
        .conversations
        .iter()
        .filter(|conversation| conversation.name.to_string().to_lowercase().contains(&needle))
        .collect();
    if shown.is_empty() {
        nothing_ui(ui, !scene.model.conversations.is_empty());
        return look;
    }
    let mut chosen = None;
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW, shown.len(), |ui, range| {
        for conversation in &shown[range] {
            let selected = state.current.as_ref() == Some(&conversation.name);
            let response = row_ui(ui, scene, conversation, selected);
            response.context_menu(|ui| consent::items_ui(ui, conversation, out));
            if response.clicked() {
                chosen = Some(conversation.name.clone());
            }
        }
    });
    if chosen.is_some() {
        state.show(chosen, out);
    }
    look
}

fn me_ui(ui: &mut Ui, scene: &Scene<'_>, state: &mut UiState) -> Option<Look> {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), theme::BAR), Sense::hover());
    let picture = Rect::from_center_size(rect.left_center() + vec2(18.0, 0.0), Vec2::splat(36.0));
    let name = scene.model.me.as_ref().map_or("…", |me| me.username.as_str());
    avatar::paint(ui.painter(), picture, name);
    let left = picture.right() + space::M;
    let room = rect.right() - left - 2.0 * button::SIDE;
    let title = text::one_line(ui, name, room, fonts::semibold(size::TITLE), palette.text);
    ui.painter().galley(pos2(left, rect.center().y - 19.0), title, palette.text);
    let (words, colour) = match &scene.model.server {
        ServerTie::Registered => ("Connected", palette.online),
        ServerTie::Connecting => ("Connecting…", palette.text_weak),
        ServerTie::Lost { .. } => ("No server", palette.warning),
        ServerTie::Refused { .. } => ("Refused by the server", palette.danger),
    };
    let tie = text::one_line(ui, words, room, fonts::regular(size::SMALL), palette.text_weak);
    let below = pos2(left, rect.center().y + 2.0);
    ui.painter().circle_filled(below + vec2(4.0, 8.5), 3.5, colour);
    ui.painter().galley(below + vec2(13.0, 0.0), tie, palette.text);
    let buttons = Rect::from_min_max(pos2(rect.right() - 2.0 * button::SIDE, rect.top()), rect.max);
    let mut child = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(buttons)
            .layout(egui::Layout::right_to_left(egui::Align::Center)),
    );
    child.spacing_mut().item_spacing.x = 0.0;
    let look = main_menu(&mut child, state);
    new_menu(&mut child, state);
    look
}

fn main_menu(ui: &mut Ui, state: &mut UiState) -> Option<Look> {
    let response = button::icon(ui, Icon::EllipsisVertical, "Menu");
    let mut look = None;
    Popup::menu(&response).show(|ui| {
        for (icon, name, choice) in [
            (Icon::Sun, "Light", Look::Light),
            (Icon::Moon, "Dark", Look::Dark),
            (Icon::Monitor, "As the system", Look::System),
        ] {
            if button::menu(ui, icon, name) {
                look = Some(choice);
            }
        }
        if button::menu(ui, Icon::Info, "About Natterjack") {
            state.dialog = Some(Dialog::Program);
        }
    });
    look
}

fn new_menu(ui: &mut Ui, state: &mut UiState) {
    let response = button::icon(ui, Icon::SquarePen, "New conversation");
    Popup::menu(&response).show(|ui| {
        if button::menu(ui, Icon::User, "New chat…") {
            state.dialog = Some(Dialog::NewChat(Entry::default()));
        }
        if button::menu(ui, Icon::Users, "Join group…") {
            state.dialog = Some(Dialog::JoinGroup(Entry::default()));
        }
    });
}

/// What is wrong with the tie to the server, if anything.
fn tie_ui(ui: &mut Ui, tie: &ServerTie) {
    let palette = theme::palette(ui);
    let (icon, words, ink, fill) = match tie {
        ServerTie::Registered | ServerTie::Connecting => return,
        ServerTie::Lost { text } => (Icon::WifiOff, text, palette.warning, palette.warning_back),
        ServerTie::Refused { text, .. } => {
            (Icon::CircleAlert, text, palette.danger, palette.danger_back)
        }
    };
    let frame = Frame::new()
        .fill(fill)
        .corner_radius(CornerRadius::same(radius::CONTROL))
        .outer_margin(Margin { left: 12, right: 12, top: 0, bottom: 8 })
        .inner_margin(Margin::symmetric(space::M as i8, space::S as i8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            let icon = egui::RichText::new(fonts::glyph(icon)).font(fonts::icons(16.0));
            ui.label(icon.color(ink));
            let words = egui::RichText::new(words).font(fonts::regular(size::SMALL)).color(ink);
            ui.add(egui::Label::new(words).wrap());
        });
    });
}

fn nothing_ui(ui: &mut Ui, filtered: bool) {
    let palette = theme::palette(ui);
    ui.add_space(space::XL * 2.0);
    ui.vertical_centered(|ui| {
        ui.set_max_width(220.0);
        ui.spacing_mut().item_spacing.y = space::S;
        let icon = if filtered { Icon::SearchX } else { Icon::MessagesSquare };
        let icon = egui::RichText::new(fonts::glyph(icon)).font(fonts::icons(36.0));
        ui.label(icon.color(palette.text_faint));
        let words = if filtered {
            "No conversation has this name"
        } else {
            "No conversations yet. Start one with the button above"
        };
        let words = egui::RichText::new(words).font(fonts::regular(size::BODY));
        ui.add(egui::Label::new(words.color(palette.text_weak)).wrap());
    });
}

fn row_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    conversation: &ConversationView,
    selected: bool,
) -> Response {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let ground = rect.shrink2(vec2(space::S, 1.0));
    let fill = if selected {
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
    paint_lines(ui, scene, conversation, inner, palette);
    response.widget_info(|| {
        WidgetInfo::selected(Role::Button, true, selected, description(conversation))
    });
    response.on_hover_cursor(CursorIcon::PointingHand)
}

fn paint_lines(
    ui: &Ui,
    scene: &Scene<'_>,
    conversation: &ConversationView,
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
    let name = title(&conversation.name);
    let name = text::one_line(ui, &name, room, fonts::semibold(size::BODY), palette.text);
    let at = crate::gui::widgets::galley_centred(ui.painter(), pos2(left, upper), name);
    if let Some(sign) = sign {
        let sign = (fonts::glyph(sign), fonts::icons(13.0));
        let icon = Rect::from_center_size(pos2(at.right() + 12.0, upper), Vec2::splat(14.0));
        centred(ui.painter(), icon, &sign.0, sign.1, palette.text_faint);
    }
    paint_lower(ui, conversation, rect, palette);
}

/// Draws the second line: the newest message, with the marks at its end.
fn paint_lower(ui: &Ui, conversation: &ConversationView, rect: Rect, palette: &Palette) {
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
    if conversation.request {
        let colours = (palette.warning_back, palette.warning);
        let at = badge::paint(ui.painter(), pos2(right, lower), "New", colours);
        right = at.left() - 8.0;
    }
    paint_last(ui, conversation, pos2(rect.left(), lower), right - rect.left(), palette);
}

fn paint_last(
    ui: &Ui,
    conversation: &ConversationView,
    at: egui::Pos2,
    width: f32,
    palette: &Palette,
) {
    let font = fonts::regular(size::SMALL + 0.5);
    if let Some(words) = typing(conversation) {
        let galley = text::one_line(ui, &words, width, font, palette.accent);
        crate::gui::widgets::galley_centred(ui.painter(), at, galley);
        return;
    }
    let Some(last) = &conversation.last else { return };
    let mut left = at.x;
    let group = matches!(conversation.name, ConversationName::Group(_));
    if last.own || group {
        let who = if last.own { "You: ".to_owned() } else { format!("{}: ", last.from) };
        let who = text::one_line(ui, &who, width * 0.5, font.clone(), palette.text);
        let rect = crate::gui::widgets::galley_centred(ui.painter(), at, Arc::clone(&who));
        left = rect.right();
    }
    let words = text::one_line(ui, &last.text, width - (left - at.x), font, palette.text_weak);
    crate::gui::widgets::galley_centred(ui.painter(), pos2(left, at.y), words);
}

/// Who writes in a conversation now.
pub(crate) fn typing(conversation: &ConversationView) -> Option<String> {
    match (conversation.typing.as_slice(), &conversation.name) {
        ([], _) => None,
        (_, ConversationName::Direct(_)) => Some("typing…".to_owned()),
        ([one], ConversationName::Group(_)) => Some(format!("{one} is typing…")),
        ([one, two], ConversationName::Group(_)) => Some(format!("{one} and {two} are typing…")),
        (many, ConversationName::Group(_)) => Some(format!("{} people are typing…", many.len())),
    }
}

/// The name of a conversation as a title.
pub(crate) fn title(name: &ConversationName) -> String {
    match name {
        ConversationName::Direct(name) => name.to_string(),
        ConversationName::Group(name) => name.to_string(),
    }
}

fn description(conversation: &ConversationView) -> String {
    let mut words = vec![conversation.name.to_string()];
    if conversation.unread > 0 {
        words.push(format!("{} unread", conversation.unread));
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
    words.extend(conversation.last.as_ref().map(|last| last.text.clone()));
    words.join(", ")
}

/// The colour behind the list.
pub(crate) fn fill(ui: &Ui) -> Color32 {
    theme::palette(ui).panel
}
