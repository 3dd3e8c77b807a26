//! Private groups: making one, and the link that lets others in.

use egui::{Key, Ui};
use wire::name::GroupName;

use super::{
    devices,
    dialogs::{both_ui, buttons, heading},
};
use crate::{
    core::command::Command,
    gui::{
        format::sentence,
        pages::{Entry, Link},
        state::{Purpose, UiState, Wish},
        widgets::{button, field},
    },
};

/// Asks for the name of a new private group, and tells whether the user leaves.
pub(crate) fn create_ui(ui: &mut Ui, entry: &mut Entry, out: &mut Vec<Wish>) -> bool {
    let words = "Only people who have its invitation link can join and read it";
    heading(ui, "New private group", words);
    let fresh = entry.name.is_empty() && entry.error.is_none();
    let name = field::labelled(ui, "Name", "#book club", &mut entry.name, entry.error.as_deref());
    let enter = name.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if fresh && !name.has_focus() && !enter {
        name.request_focus();
    }
    let label = if entry.busy { "Creating…" } else { "Create" };
    let (on, leave) = buttons(ui, label, button::Kind::Primary);
    if (on || enter) && !entry.busy {
        match GroupName::new(entry.name.trim().trim_start_matches('#')) {
            Ok(group) => {
                entry.error = None;
                entry.busy = true;
                let command = Command::Create { group: group.clone() };
                out.push(Wish { command, purpose: Purpose::Create(group) });
            }
            Err(error) => entry.error = Some(sentence(&error.to_string())),
        }
    }
    leave
}

/// Shows a link, also as a picture, and tells whether the user leaves.
pub(crate) fn invitation_ui(ui: &mut Ui, link: &Link, state: &mut UiState) -> bool {
    heading(ui, &link.title, link.words);
    if let Some(picture) = &link.picture {
        devices::picture_ui(ui, picture, "The link as a picture");
    }
    devices::text_ui(ui, &link.text);
    let (copy, leave) = both_ui(ui, "Close", "Copy link", button::Kind::Primary);
    if copy {
        ui.copy_text(link.text.clone());
        let now = ui.input(|input| input.time);
        state.tell("The link is on the clipboard", false, now);
    }
    copy || leave
}
