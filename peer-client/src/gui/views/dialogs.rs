//! Dialogs over the window.

use egui::{
    Frame, Id, Key, Label, Margin, Modal, Rect, RichText, ScrollArea, Sense, Ui, Vec2, pos2, vec2,
};
use lucide_icons::Icon;
use wire::{
    id::EventId,
    invite::{Invitation, Invite},
    name::{ConversationName, GroupName, Username},
};

use crate::{
    core::{
        command::Command,
        model::{ConversationView, MemberView},
    },
    gui::{
        fonts, format,
        state::{Dialog, Entry, Purpose, Scene, UiState, Wish},
        text,
        theme::{self, radius, size, space},
        views::{invitations, sidebar},
        widgets::{avatar, button, centred, field},
    },
};

/// Width of a dialog, in points.
const WIDTH: f32 = 380.0;
/// Height of a member's line, in points.
const MEMBER: f32 = 48.0;

/// Draws the dialog, if one is open.
pub(crate) fn dialog_ui(
    context: &egui::Context,
    scene: &Scene<'_>,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) {
    let Some(mut dialog) = state.dialog.take() else { return };
    let style = context.global_style();
    let frame = Frame::window(&style)
        .corner_radius(egui::CornerRadius::same(radius::CARD))
        .inner_margin(Margin::same(space::XL as i8));
    let scrim = if style.visuals.dark_mode { 150 } else { 90 };
    let modal = Modal::new(Id::unique("dialog"))
        .frame(frame)
        .backdrop_color(egui::Color32::from_black_alpha(scrim));
    let shown = modal.show(context, |ui| {
        ui.set_width(WIDTH.min(context.content_rect().width() - 96.0));
        ui.spacing_mut().item_spacing.y = space::S;
        match &mut dialog {
            Dialog::NewChat(entry) => new_chat_ui(ui, entry, out),
            Dialog::JoinGroup(entry) => join_ui(ui, entry, out),
            Dialog::CreateGroup(entry) => invitations::create_ui(ui, entry, out),
            Dialog::Invitation(group, link) => invitations::invitation_ui(ui, (group, link), state),
            Dialog::About => about_ui(ui, scene, state),
            Dialog::Program => program_ui(ui),
            Dialog::Leave(group) => leave_ui(ui, group, state, out),
            Dialog::Erase(message) => erase_ui(ui, *message, out),
        }
    });
    let next = state.dialog.take();
    if next.is_some() {
        state.dialog = next;
    } else if !shown.inner && !shown.should_close() {
        state.dialog = Some(dialog);
    }
}

pub(super) fn heading(ui: &mut Ui, title: &str, words: &str) {
    let palette = theme::palette(ui);
    ui.label(RichText::new(title).font(fonts::semibold(size::HEADING)).color(palette.text));
    let words = RichText::new(words).font(fonts::regular(size::BODY)).color(palette.text_weak);
    ui.add(Label::new(words).wrap());
    ui.add_space(space::S);
}

/// The buttons at the end: whether the user goes on, and whether the user leaves.
pub(super) fn buttons(ui: &mut Ui, label: &str, kind: button::Kind) -> (bool, bool) {
    both_ui(ui, "Cancel", label, kind)
}

/// Two buttons: whether the user goes on by the second, and whether the user leaves by the first.
pub(super) fn both_ui(ui: &mut Ui, leave: &str, label: &str, kind: button::Kind) -> (bool, bool) {
    ui.add_space(space::S);
    let width = (ui.available_width() - space::S) / 2.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let leave = button::text(ui, leave, button::Kind::Plain, Some(width)).clicked();
        let on = button::text(ui, label, kind, Some(width)).clicked();
        (on, leave)
    })
    .inner
}

fn new_chat_ui(ui: &mut Ui, entry: &mut Entry, out: &mut Vec<Wish>) -> bool {
    heading(ui, "New chat", "Enter the name under which the person is registered at your server");
    let fresh = entry.name.is_empty() && entry.error.is_none();
    let name = field::labelled(ui, "Name", "@bob", &mut entry.name, entry.error.as_deref());
    let enter = name.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if fresh && !name.has_focus() && !enter {
        name.request_focus();
    }
    let label = if entry.busy { "Looking up…" } else { "Start chat" };
    let (on, leave) = buttons(ui, label, button::Kind::Primary);
    if (on || enter) && !entry.busy {
        match Username::new(entry.name.trim().trim_start_matches('@')) {
            Ok(username) => {
                entry.error = None;
                entry.busy = true;
                let conversation = ConversationName::Direct(username);
                let command = Command::Open { conversation: conversation.clone() };
                out.push(Wish { command, purpose: Purpose::Start(conversation) });
            }
            Err(error) => entry.error = Some(error.to_string()),
        }
    }
    leave
}

fn join_ui(ui: &mut Ui, entry: &mut Entry, out: &mut Vec<Wish>) -> bool {
    heading(ui, "Join group", "A group that nobody has joined yet begins with you");
    let fresh = entry.name.is_empty() && entry.error.is_none() && entry.invite.is_empty();
    let name = field::labelled(ui, "Group", "#rust", &mut entry.name, entry.error.as_deref());
    if fresh && ui.memory(|memory| memory.focused().is_none()) {
        name.request_focus();
    }
    ui.add_space(space::XS);
    let hint = "Only for private groups";
    let invite = field::labelled(ui, "Invitation link", hint, &mut entry.invite, None);
    if invite.changed()
        && entry.name.is_empty()
        && let Ok(Invite { to: Invitation::Group { name, .. }, .. }) =
            Invite::from_link(&entry.invite)
    {
        entry.name = name.to_string();
    }
    let enter = (name.lost_focus() || invite.lost_focus())
        && ui.input(|input| input.key_pressed(Key::Enter));
    let label = if entry.busy { "Joining…" } else { "Join" };
    let (on, leave) = buttons(ui, label, button::Kind::Primary);
    if (on || enter) && !entry.busy {
        match GroupName::new(entry.name.trim().trim_start_matches('#')) {
            Ok(group) => {
                entry.error = None;
                entry.busy = true;
                let invite = Some(entry.invite.trim().to_owned()).filter(|link| !link.is_empty());
                let command = Command::Join { group: group.clone(), invite };
                out.push(Wish { command, purpose: Purpose::Join(group) });
            }
            Err(error) => entry.error = Some(error.to_string()),
        }
    }
    leave
}

fn leave_ui(ui: &mut Ui, group: &GroupName, state: &mut UiState, out: &mut Vec<Wish>) -> bool {
    let title = format!("Leave #{group}?");
    heading(ui, &title, "New messages no longer reach you. What you have stays on this device");
    let (on, leave) = buttons(ui, "Leave", button::Kind::Danger);
    if on {
        out.push(Wish::tell(Command::Leave { group: group.clone() }));
        if state.current == Some(ConversationName::Group(group.clone())) {
            state.show(None, out);
        }
    }
    on || leave
}

fn erase_ui(ui: &mut Ui, message: EventId, out: &mut Vec<Wish>) -> bool {
    let words = "It disappears from every device that has it, as soon as each hears of this. \
                 Others may have read or saved it already";
    heading(ui, "Erase this message?", words);
    let (on, leave) = buttons(ui, "Erase", button::Kind::Danger);
    if on {
        out.push(Wish::tell(Command::Erase { message }));
    }
    on || leave
}

fn program_ui(ui: &mut Ui) -> bool {
    let version = concat!("Version ", env!("CARGO_PKG_VERSION"));
    heading(ui, "Natterjack", version);
    fact(ui, Icon::Smile, "CC-BY 4.0, by Twitter and other contributors", "Emoji: Twemoji");
    fact(ui, Icon::Type, "SIL Open Font License, by The Inter Project Authors", "Text: Inter");
    fact(ui, Icon::Shapes, "ISC, by Lucide Contributors", "Icons: Lucide");
    let width = ui.available_width();
    button::text(ui, "Close", button::Kind::Plain, Some(width)).clicked()
}

fn about_ui(ui: &mut Ui, scene: &Scene<'_>, state: &mut UiState) -> bool {
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
    if matches!(conversation.name, ConversationName::Group(_)) {
        let title = RichText::new(format!("Members ({})", conversation.members.len() + 1));
        ui.label(title.font(fonts::semibold(size::SMALL)).color(palette.text_weak));
        members_ui(ui, scene, &conversation.members);
    }
    if let ConversationName::Group(group) = &conversation.name {
        ui.add_space(space::S);
        let width = ui.available_width();
        if button::text(ui, "Leave group", button::Kind::Danger, Some(width)).clicked() {
            state.dialog = Some(Dialog::Leave(group.clone()));
        }
    }
    let width = ui.available_width();
    button::text(ui, "Close", button::Kind::Plain, Some(width)).clicked()
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
        fact(ui, Icon::Waypoints, "Connection", &road);
    }
    let complete = conversation.complete;
    let history = if complete.missing == 0 {
        format!("Complete, {} entries", complete.have)
    } else {
        format!("{} entries here, {} still missing", complete.have, complete.missing)
    };
    fact(ui, Icon::History, "History", &history);
    if conversation.waiting > 0 {
        fact(ui, Icon::Clock, "Waiting", &format!("{} of your messages", conversation.waiting));
    }
}

fn fact(ui: &mut Ui, icon: Icon, name: &str, words: &str) {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 46.0), Sense::hover());
    let left = Rect::from_center_size(rect.left_center() + vec2(14.0, 0.0), Vec2::splat(20.0));
    centred(ui.painter(), left, &fonts::glyph(icon), fonts::icons(19.0), palette.text_weak);
    let room = rect.width() - 44.0;
    let line = text::one_line(ui, words, room, fonts::regular(size::BODY), palette.text);
    ui.painter().galley(pos2(rect.left() + 44.0, rect.top() + 4.0), line, palette.text);
    let below = text::one_line(ui, name, room, fonts::regular(size::META + 0.5), palette.text_weak);
    ui.painter().galley(pos2(rect.left() + 44.0, rect.top() + 25.0), below, palette.text);
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{name}: {words}"))
    });
}

fn members_ui(ui: &mut Ui, scene: &Scene<'_>, members: &[MemberView]) {
    let palette = theme::palette(ui);
    ScrollArea::vertical().max_height(4.5 * MEMBER).show_rows(
        ui,
        MEMBER,
        members.len(),
        |ui, range| {
            ui.spacing_mut().item_spacing.y = 0.0;
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
