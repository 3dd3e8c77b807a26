//! Dialogs over the window.

use egui::{Frame, Id, Key, Label, Margin, Modal, RichText, ScrollArea, Ui};
use wire::{
    id::EventId,
    invite::{Invitation, Invite, InviteError},
    name::{ConversationName, GroupName, Username},
};

use super::{
    about, behaviour, details, devices, diagnostics, invitations, keys, palette, safekeeping,
    settings, verify,
};
use crate::{
    core::command::Command,
    gui::{
        fonts,
        format::sentence,
        pages::{Dialog, Entry},
        settings::Look,
        state::{Purpose, Scene, UiState, Wish},
        theme::{self, radius, size, space},
        widgets::{button, field},
    },
};

/// Width of a dialog, in points.
const WIDTH: f32 = 380.0;
/// Room for the scroll bar beside a dialog's content, in points.
const BAR: f32 = 16.0;
/// Between a dialog and the window's edge at least, in points.
const MARGIN: f32 = 20.0;

/// Draws the dialog, if one is open. `look` is the look that is on, and becomes one that is chosen.
pub(crate) fn dialog_ui(
    context: &egui::Context,
    scene: &Scene<'_>,
    look: &mut Look,
    (state, out): (&mut UiState, &mut Vec<Wish>),
) {
    let Some(mut dialog) = state.dialog.take() else { return };
    let style = context.global_style();
    let frame = Frame::window(&style)
        .corner_radius(egui::CornerRadius::same(radius::CARD))
        .inner_margin(Margin { right: (space::XL - BAR) as i8, ..Margin::same(space::XL as i8) });
    let scrim = if style.visuals.dark_mode { 150 } else { 90 };
    let modal = Modal::new(Id::unique("dialog"))
        .frame(frame)
        .backdrop_color(egui::Color32::from_black_alpha(scrim));
    let mut contents = |ui: &mut Ui| match &mut dialog {
        Dialog::NewChat(entry) => new_chat_ui(ui, entry, out),
        Dialog::JoinGroup(entry) => join_ui(ui, entry, out),
        Dialog::CreateGroup(entry) => invitations::create_ui(ui, entry, out),
        Dialog::Invitation(link) => invitations::invitation_ui(ui, link, state),
        Dialog::About => about::about_ui(ui, scene, (state, out)),
        Dialog::Leave(group) => leave_ui(ui, group, state, out),
        Dialog::Erase(message) => erase_ui(ui, *message, out),
        Dialog::Details(details) => details::details_ui(ui, scene, details, (state, out)),
        Dialog::Export(of, place) => safekeeping::export_ui(ui, of, place, state),
        Dialog::Settings => settings::settings_ui(ui, scene, look, state),
        Dialog::Devices(devices) => devices::devices_ui(ui, devices, state, out),
        Dialog::NewDevice(new) => devices::new_device_ui(ui, new, state, out),
        Dialog::Revoke(revocation) => devices::revoke_ui(ui, revocation, state, out),
        Dialog::Phrase(phrase) => safekeeping::phrase_ui(ui, phrase, state),
        Dialog::Backup(backup) => safekeeping::backup_ui(ui, backup, state),
        Dialog::Blocked => settings::blocked_ui(ui, scene, state, out),
        Dialog::Diagnostics(page) => diagnostics::diagnostics_ui(ui, page, state, out),
        Dialog::Program => settings::program_ui(ui, state),
        Dialog::Address(address) => keys::address_ui(ui, address),
        Dialog::Verify(verify) => verify::verify_ui(ui, verify, state),
        Dialog::Behaviour => behaviour::behaviour_ui(ui, state),
        Dialog::Keys => keys::keys_ui(ui),
        Dialog::Palette(palette) => palette::palette_ui(ui, scene, (palette, look), (state, out)),
    };
    let shown = modal.show(context, |ui| {
        let screen = context.content_rect();
        let width = WIDTH.min(screen.width() - 2.0 * MARGIN - 2.0 * space::XL);
        ui.set_width(width + BAR);
        ui.spacing_mut().item_spacing.y = space::S;
        let height = screen.height() - 2.0 * MARGIN - 2.0 * space::XL;
        // What grows gets its room at once, not what the dialog had before.
        ui.set_max_height(height);
        let area = ScrollArea::vertical().auto_shrink([false, true]).max_height(height);
        area.show(ui, |ui| {
            ui.set_max_width(width);
            contents(ui)
        })
        .inner
    });
    let next = state.dialog.take();
    if next.is_some() {
        state.dialog = next;
    } else if !shown.inner && !shown.should_close() {
        state.dialog = Some(dialog);
    } else {
        state.focus_composer = true;
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
    heading(
        ui,
        "New chat",
        "Enter the name that the person has at your server, or paste their contact link",
    );
    let fresh = entry.name.is_empty() && entry.error.is_none();
    let name = field::labelled(ui, "Name", "@bob", &mut entry.name, entry.error.as_deref());
    let enter = name.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if fresh && !name.has_focus() && !enter {
        name.request_focus();
    }
    let label = if entry.busy { "Looking up…" } else { "Start chat" };
    let (on, leave) = buttons(ui, label, button::Kind::Primary);
    if (on || enter) && !entry.busy {
        match person(entry.name.trim()) {
            Ok(username) => {
                entry.error = None;
                entry.busy = true;
                let conversation = ConversationName::Direct(username);
                let command = Command::Open { conversation: conversation.clone() };
                out.push(Wish { command, purpose: Purpose::Start(conversation) });
            }
            Err(error) => entry.error = Some(error),
        }
    }
    leave
}

/// The person whose name or contact link was entered.
fn person(text: &str) -> Result<Username, String> {
    match Invite::from_link(text) {
        Ok(Invite { to: Invitation::Person(username), .. }) => Ok(username),
        Ok(_) => Err("This link is not to a person".to_owned()),
        Err(InviteError::Damaged(_)) => Err("This link is damaged; copy all of it".to_owned()),
        Err(InviteError::Scheme) => Username::new(text.trim_start_matches('@'))
            .map_err(|error| sentence(&error.to_string())),
    }
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
            Err(error) => entry.error = Some(sentence(&error.to_string())),
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
