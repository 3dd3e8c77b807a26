//! The bar above a conversation: with whom, whether they are there, by which road.

use egui::{
    Align, CursorIcon, Layout, Popup, Pos2, Rect, Role, Sense, Ui, UiBuilder, Vec2, WidgetInfo,
    pos2,
};
use lucide_icons::Icon;
use wire::name::ConversationName;

use crate::{
    core::{
        command::Command,
        model::{Completeness, ConversationView},
    },
    gui::{
        fonts, format,
        pages::Dialog,
        preferences::Trust,
        state::{Purpose, Scene, UiState, Wish},
        text,
        theme::{self, size, space},
        views::{beside, consent, find, sidebar, verify},
        widgets::{avatar, button, centred},
    },
};

/// Side of the picture, in points.
const AVATAR: f32 = 40.0;

/// Draws the bar.
pub(crate) fn header_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    name: &ConversationName,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) {
    let palette = theme::palette(ui);
    let rect = ui.max_rect();
    let mut left = rect.left();
    if scene.narrow {
        let back =
            Rect::from_center_size(pos2(left + 18.0, rect.center().y), Vec2::splat(button::SIDE));
        let mut child = ui.new_child(UiBuilder::new().max_rect(back));
        if button::icon(&mut child, Icon::ArrowLeft, "Back").clicked() {
            state.show(None, out);
        }
        left = back.right() + space::XS;
    }
    let menu = Rect::from_min_max(pos2(rect.right() - 2.0 * button::SIDE, rect.top()), rect.max);
    let about = Rect::from_min_max(pos2(left, rect.top()), pos2(menu.left(), rect.bottom()));
    let response = ui.interact(about, ui.scope_id().with("about"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("About {name}")));
    if response.on_hover_cursor(CursorIcon::PointingHand).clicked() {
        if beside::fits(ui) {
            state.preferences.beside = !state.preferences.beside;
        } else {
            state.dialog = Some(Dialog::About);
        }
    }
    let picture =
        Rect::from_center_size(pos2(left + AVATAR / 2.0, rect.center().y), Vec2::splat(AVATAR));
    avatar::paint(ui.painter(), picture, &name.to_string());
    let conversation = scene.conversation(name);
    let present = conversation.is_some_and(|conversation| conversation.online);
    if present && matches!(name, ConversationName::Direct(_)) {
        avatar::paint_online(ui.painter(), picture, palette.online, palette.panel);
    }
    let left = picture.right() + space::M;
    let room = about.right() - left;
    let title = sidebar::title(name);
    let font = fonts::semibold(size::TITLE);
    let title = text::one_line(ui, &title, room - 24.0, font, palette.text);
    let mark = pos2(left + title.size().x + 14.0, rect.center().y - 10.0);
    ui.painter().galley(pos2(left, rect.center().y - 20.0), title, palette.text);
    if verify::trust(scene, name, &state.preferences) == Trust::Verified {
        verified_ui(ui, mark);
    }
    let (words, lit) = conversation.map_or(("Looking up…".to_owned(), false), presence);
    let colour = if lit { palette.accent } else { palette.text_weak };
    let words = text::one_line(ui, &words, room, fonts::regular(size::SMALL), colour);
    let below = pos2(left, rect.center().y + 1.5);
    let label = words.text().to_owned();
    let line = Rect::from_min_size(below, words.size());
    ui.painter().galley(below, words, colour);
    let spoken = ui.interact(line, ui.scope_id().with("presence"), Sense::hover());
    spoken.widget_info(|| WidgetInfo::labeled(Role::Label, true, &label));
    let layout = Layout::right_to_left(Align::Center);
    let mut child = ui.new_child(UiBuilder::new().max_rect(menu).layout(layout));
    child.spacing_mut().item_spacing.x = 0.0;
    menu_ui(&mut child, scene, name, (state, out));
    if button::icon(&mut child, Icon::Search, "Search in this conversation (Ctrl+F)").clicked() {
        find::begin(state);
    }
}

/// Draws the mark of somebody whose number was compared.
fn verified_ui(ui: &Ui, at: Pos2) {
    let rect = Rect::from_center_size(at, Vec2::splat(16.0));
    let glyph = fonts::glyph(Icon::ShieldCheck);
    centred(ui.painter(), rect, &glyph, fonts::icons(15.0), theme::palette(ui).accent);
    let spoken = ui.interact(rect, ui.scope_id().with("verified"), Sense::hover());
    spoken.widget_info(|| WidgetInfo::labeled(Role::Label, true, "Verified"));
}

fn menu_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    name: &ConversationName,
    (state, out): (&mut UiState, &mut Vec<Wish>),
) {
    let response = button::icon(ui, Icon::EllipsisVertical, "Conversation menu");
    Popup::menu(&response).show(|ui| {
        let about = match name {
            ConversationName::Direct(_) => "About this person",
            ConversationName::Group(_) => "About this group",
        };
        if button::menu(ui, Icon::Info, about) {
            state.dialog = Some(Dialog::About);
        }
        if button::menu(ui, Icon::Copy, "Copy name") {
            ui.copy_text(name.to_string());
        }
        if let ConversationName::Group(group) = name
            && button::menu(ui, Icon::UserPlus, "Invite…")
        {
            let command = Command::Invite { group: group.clone() };
            out.push(Wish { command, purpose: Purpose::Invite(group.clone()) });
        }
        if let Some(conversation) = scene.conversation(name) {
            consent::items_ui(ui, conversation, (state, out));
        }
        if let ConversationName::Group(group) = name
            && button::menu_danger(ui, Icon::LogOut, "Leave group…")
        {
            state.dialog = Some(Dialog::Leave(group.clone()));
        }
    });
}

/// Who is there, in one line, and whether it is worth a colour.
fn presence(conversation: &ConversationView) -> (String, bool) {
    if let Some(words) = sidebar::typing(conversation) {
        return (words, true);
    }
    let mut words = match &conversation.name {
        ConversationName::Direct(_) => match (conversation.road, conversation.online) {
            (Some(road), _) => format!("online · {}", format::road(road)),
            (None, true) => "online".to_owned(),
            (None, false) => "offline".to_owned(),
        },
        ConversationName::Group(_) => {
            let online = conversation.members.iter().filter(|member| member.online).count();
            match conversation.members.len() {
                0 => "nobody else known yet".to_owned(),
                1 => format!("1 other member, {online} online"),
                many => format!("{many} other members, {online} online"),
            }
        }
    };
    if conversation.waiting > 0 && !conversation.online {
        words.push_str(" · ");
        words.push_str(&count(u64::from(conversation.waiting), "message"));
        words.push_str(" waiting");
    }
    let group = matches!(conversation.name, ConversationName::Group(_));
    match conversation.complete.missing {
        0 if group && !conversation.members.is_empty() => words.push_str(" · complete"),
        0 => {}
        missing => {
            words.push_str(" · ");
            words.push_str(&count(missing, "message"));
            words.push_str(" missing");
        }
    }
    (words, false)
}

fn count(number: u64, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// The line that the bar ends with, drawn by the window.
pub(crate) fn underline(ui: &Ui, rect: Rect) {
    let stroke = egui::Stroke::new(1.0, theme::palette(ui).hairline);
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, stroke);
}

/// The same line as far as the history is here, while some of it is missing.
pub(crate) fn progress_ui(ui: &Ui, rect: Rect, complete: Completeness) {
    let Completeness { have, missing } = complete;
    if missing == 0 {
        return;
    }
    let palette = theme::palette(ui);
    let part = have as f32 / (have + missing) as f32;
    let whole = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 2.5), rect.max);
    let here = whole.with_max_x(rect.left() + rect.width() * part);
    ui.painter().rect_filled(whole, 0.0, palette.hairline);
    ui.painter().rect_filled(here, 0.0, palette.accent);
    let response = ui.interact(whole, ui.scope_id().with("catching up"), Sense::hover());
    let words = format!("Catching up: {have} of {} entries are here", have + missing);
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &words));
}
