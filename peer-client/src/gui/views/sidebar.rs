//! The list of conversations.

use egui::{
    Color32, CornerRadius, Frame, Id, Key, Margin, Popup, Rect, ScrollArea, Sense, Ui, Vec2, pos2,
    vec2,
};
use lucide_icons::Icon;
use wire::name::ConversationName;

use crate::{
    core::model::{ConversationView, ServerTie},
    gui::{
        fonts,
        pages::{Dialog, Entry},
        preferences::Preferences,
        state::{Scene, UiState, Wish},
        text,
        theme::{self, radius, size, space},
        views::{
            consent,
            conversation_row::{Marks, ROW, row_ui},
            found, safety, status,
        },
        widgets::{avatar, button, field},
    },
};

/// What the field at the top is for.
const SEARCH: &str = "Search chats and messages";

/// Draws the list.
pub(crate) fn sidebar_ui(ui: &mut Ui, scene: &Scene<'_>, state: &mut UiState, out: &mut Vec<Wish>) {
    status::status_ui(ui, scene.model);
    ui.spacing_mut().item_spacing.y = 0.0;
    Frame::new().inner_margin(Margin::symmetric(space::M as i8, 0)).show(ui, |ui| {
        me_ui(ui, scene, state);
        let field = field::search(ui, Id::unique("filter"), &mut state.search.text, SEARCH);
        if field.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
            state.search.text.clear();
        }
    });
    ui.add_space(space::S);
    tie_ui(ui, &scene.model.server);
    safety::reminder_ui(ui, state);
    out.extend(state.search.poll(ui, None));
    let needle = state.search.text.trim().to_lowercase();
    let mut shown = ordered(scene, &state.preferences);
    shown.retain(|conversation| conversation.name.to_string().to_lowercase().contains(&needle));
    if needle.is_empty() {
        list_ui(ui, scene, &shown, (state, out));
    } else {
        results_ui(ui, scene, &shown, (state, out));
    }
}

/// All conversations in the order in which they are listed.
pub(crate) fn ordered<'a>(
    scene: &Scene<'a>,
    preferences: &Preferences,
) -> Vec<&'a ConversationView> {
    let mut all: Vec<&ConversationView> = scene.model.conversations.iter().collect();
    all.sort_by_key(|conversation| !preferences.is_pinned(&conversation.name));
    all
}

/// Draws all conversations; those out of view cost nothing.
fn list_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    shown: &[&ConversationView],
    (state, out): (&mut UiState, &mut Vec<Wish>),
) {
    if shown.is_empty() {
        return nothing_ui(ui, false);
    }
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW, shown.len(), |ui, range| {
        for conversation in &shown[range] {
            conversation_ui(ui, scene, conversation, (state, out));
        }
    });
}

/// Draws the conversations and messages that were found.
fn results_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    shown: &[&ConversationView],
    (state, out): (&mut UiState, &mut Vec<Wish>),
) {
    let none = state.search.found().is_none_or(|found| found.messages.is_empty());
    if shown.is_empty() && none {
        if !state.search.is_on() || state.search.is_answered() {
            nothing_ui(ui, true);
        }
        return;
    }
    let area = ScrollArea::vertical().id_salt("results").auto_shrink(false);
    let chosen = area.show(ui, |ui| {
        for conversation in shown {
            conversation_ui(ui, scene, conversation, (state, out));
        }
        found::found_ui(ui, scene, &state.search)
    });
    if let Some(message) = chosen.inner {
        state.show(Some(message.conversation.clone()), out);
        state.chat.seek(message.id);
        ui.ctx().request_repaint();
    }
}

fn conversation_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    conversation: &ConversationView,
    (state, out): (&mut UiState, &mut Vec<Wish>),
) {
    let name = &conversation.name;
    let selected = state.current.as_ref() == Some(name);
    let draft = state.writings.get(name).filter(|_| !selected).and_then(|it| it.draft());
    let pinned = state.preferences.is_pinned(name);
    let mentioned = state.mentions.is_mentioned(conversation);
    let response = row_ui(ui, scene, conversation, &Marks { selected, pinned, mentioned, draft });
    response.context_menu(|ui| consent::items_ui(ui, conversation, (state, out)));
    if response.clicked() {
        state.show(Some(conversation.name.clone()), out);
    }
}

fn me_ui(ui: &mut Ui, scene: &Scene<'_>, state: &mut UiState) {
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
    if button::icon(&mut child, Icon::Settings, "Settings").clicked() {
        state.dialog = Some(Dialog::Settings);
    }
    new_menu(&mut child, state);
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
        if button::menu(ui, Icon::Lock, "New private group…") {
            state.dialog = Some(Dialog::CreateGroup(Entry::default()));
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
            "Nothing found"
        } else {
            "No conversations yet. Start one with the button above"
        };
        let words = egui::RichText::new(words).font(fonts::regular(size::BODY));
        ui.add(egui::Label::new(words.color(palette.text_weak)).wrap());
    });
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

/// The colour behind the list.
pub(crate) fn fill(ui: &Ui) -> Color32 {
    theme::palette(ui).panel
}
