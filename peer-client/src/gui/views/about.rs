//! With whom a conversation is, by which road, and how complete it is.

use egui::{Rect, RichText, ScrollArea, Sense, Ui, Vec2, pos2, vec2};
use lucide_icons::Icon;
use wire::name::ConversationName;

use super::{
    parts, roads, sidebar,
    verify::{self, Verify},
};
use crate::{
    core::{
        command::Command,
        model::{ConversationView, MemberView},
    },
    gui::{
        fonts, format,
        pages::{Dialog, Place},
        preferences::Trust,
        state::{Purpose, Scene, UiState, Wish},
        text,
        theme::{self, size, space},
        widgets::{avatar, button},
    },
};

/// Height of a member's line, in points.
const MEMBER: f32 = 48.0;

/// Draws with whom a conversation is and how complete it is, and tells whether the user leaves.
pub(crate) fn about_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    (state, out): (&mut UiState, &mut Vec<Wish>),
) -> bool {
    let Some(conversation) = state.current.as_ref().and_then(|name| scene.conversation(name))
    else {
        return true;
    };
    let palette = theme::palette(ui);
    let name = conversation.name.to_string();
    ui.vertical_centered(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(84.0), Sense::hover());
        avatar::paint(ui.painter(), rect, &name);
        ui.add_space(space::XS);
        let title = RichText::new(sidebar::title(&conversation.name));
        ui.label(title.font(fonts::semibold(size::HEADING)).color(palette.text));
        ui.label(RichText::new(name).font(fonts::regular(size::SMALL)).color(palette.text_weak));
    });
    ui.add_space(space::S);
    facts_ui(ui, conversation);
    roads::traffic_ui(ui, scene, conversation);
    roads::address_ui(ui, conversation, out);
    if matches!(conversation.name, ConversationName::Group(_)) {
        let title = RichText::new(format!("Members ({})", conversation.members.len() + 1));
        ui.label(title.font(fonts::semibold(size::SMALL)).color(palette.text_weak));
        let me = scene.model.me.as_ref();
        let me = me.map(|me| MemberView { username: me.username.clone(), online: true });
        let all: Vec<_> = me.iter().chain(conversation.members.iter()).collect();
        ui.scope(|ui| members_ui(ui, scene, &all));
    }
    ui.add_space(space::S);
    let leaves = actions_ui(ui, scene, &conversation.name, (state, out));
    ui.add_space(space::S);
    let width = ui.available_width();
    button::text(ui, "Close", button::Kind::Plain, Some(width)).clicked() || leaves
}

/// Draws what can be done with a conversation, and tells whether the user leaves.
fn actions_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    name: &ConversationName,
    (state, out): (&mut UiState, &mut Vec<Wish>),
) -> bool {
    let mut leaves = false;
    if let ConversationName::Direct(person) = name {
        let (icon, words) = match verify::trust(scene, name, &state.preferences) {
            Trust::Verified => (Icon::ShieldCheck, "Verified: the number was the same"),
            Trust::Changed => (Icon::ShieldAlert, "The key is not the one that you verified"),
            Trust::Unknown => (Icon::ShieldQuestionMark, "Compare a number with them"),
        };
        if parts::way_row(ui, icon, "Verify", words) {
            state.dialog = Verify::of(scene, person).map(Dialog::Verify);
        }
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    if let ConversationName::Group(group) = name
        && parts::way_row(ui, Icon::QrCode, "Invitation link", "Lets others join and read")
    {
        let command = Command::Invite { group: group.clone() };
        out.push(Wish { command, purpose: Purpose::Invite(group.clone()) });
        // The link comes in place of this dialog.
        leaves = true;
    }
    let words = "Messages and files into a folder, readable";
    if parts::way_row(ui, Icon::FolderDown, "Export conversation", words) {
        let folder = sidebar::title(name).replace(['/', '\\', ':'], "-");
        let folder = format!("natterjack {folder}");
        let place = Place::suggested(state.around.documents.as_ref(), &folder);
        state.dialog = Some(Dialog::Export(name.clone(), place));
    }
    if let ConversationName::Group(group) = name
        && parts::way_row(ui, Icon::LogOut, "Leave group", "What you have stays here")
    {
        state.dialog = Some(Dialog::Leave(group.clone()));
    }
    ui.spacing_mut().item_spacing.y = space::S;
    leaves
}

fn facts_ui(ui: &mut Ui, conversation: &ConversationView) {
    if let ConversationName::Direct(_) = conversation.name {
        let road = match (conversation.road, conversation.online) {
            (Some(road), _) => {
                let punched = if road.punched { ", through a punched hole" } else { "" };
                format!("{}{punched}", format::road(road))
            }
            (None, true) => "Online, not connected yet".to_owned(),
            (None, false) => "Offline: messages wait on this device".to_owned(),
        };
        parts::fact(ui, Icon::Waypoints, "Connection", &road);
    }
    let complete = conversation.complete;
    let history = if complete.missing == 0 {
        format!("Complete, {} entries", complete.have)
    } else {
        format!("{} entries here, {} still missing", complete.have, complete.missing)
    };
    parts::fact(ui, Icon::History, "History", &history);
    if conversation.waiting > 0 {
        parts::fact(
            ui,
            Icon::Clock,
            "Waiting",
            &format!("{} of your messages", conversation.waiting),
        );
    }
}

fn members_ui(ui: &mut Ui, scene: &Scene<'_>, members: &[&MemberView]) {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().max_height(4.5 * MEMBER).show_rows(
        ui,
        MEMBER,
        members.len(),
        |ui, range| {
            for member in &members[range] {
                let (rect, response) =
                    ui.allocate_exact_size(vec2(ui.available_width(), MEMBER), Sense::hover());
                let name = member.username.as_str();
                let at = rect.left_center() + vec2(18.0, 0.0);
                let picture = Rect::from_center_size(at, Vec2::splat(34.0));
                avatar::paint(ui.painter(), picture, name);
                if member.online {
                    avatar::paint_online(ui.painter(), picture, palette.online, palette.card);
                }
                let left = picture.right() + space::M;
                let room = rect.right() - left;
                let title = text::one_line(ui, name, room, fonts::medium(size::BODY), palette.text);
                ui.painter().galley(pos2(left, rect.top() + 5.0), title, palette.text);
                let words = presence(scene, member);
                let words = text::one_line(
                    ui,
                    &words,
                    room,
                    fonts::regular(size::META + 0.5),
                    palette.text_weak,
                );
                ui.painter().galley(pos2(left, rect.top() + 26.0), words, palette.text);
                response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, name));
            }
        },
    );
}

/// Whether a member is there, and by which road.
fn presence(scene: &Scene<'_>, member: &MemberView) -> String {
    if scene.model.me.as_ref().is_some_and(|me| me.username == member.username) {
        return "you".to_owned();
    }
    let road = scene
        .model
        .peers
        .iter()
        .filter(|peer| peer.username == member.username)
        .find_map(|peer| peer.road);
    match (road, member.online) {
        (Some(road), _) => format!("online, {}", format::road(road)),
        (None, true) => "online".to_owned(),
        (None, false) => "offline".to_owned(),
    }
}
