//! Private groups: making one, and the link that lets others in.

use egui::{CornerRadius, Frame, Key, Label, Margin, RichText, ScrollArea, Ui};
use wire::name::GroupName;

use super::dialogs::{both_ui, buttons, heading};
use crate::{
    core::command::Command,
    gui::{
        fonts,
        state::{Entry, Purpose, UiState, Wish},
        theme::{self, radius, size, space},
        widgets::{button, field},
    },
};

/// Height of a link before it scrolls, in points.
const LINK: f32 = 118.0;

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
            Err(error) => entry.error = Some(error.to_string()),
        }
    }
    leave
}

/// Shows the link that lets others into a group, and tells whether the user leaves.
pub(crate) fn invitation_ui(
    ui: &mut Ui,
    (group, link): (&GroupName, &str),
    state: &mut UiState,
) -> bool {
    let palette = theme::palette(ui);
    let words = "Whoever has this link can join and read everything. Give it only to those who may";
    heading(ui, &format!("Invite to #{group}"), words);
    let frame = Frame::new()
        .fill(palette.field)
        .corner_radius(CornerRadius::same(radius::CONTROL))
        .inner_margin(Margin::same(space::M as i8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ScrollArea::vertical().max_height(LINK).show(ui, |ui| {
            let text = RichText::new(link).font(fonts::regular(size::SMALL)).color(palette.text);
            ui.add(Label::new(text).wrap().selectable(true));
        });
    });
    let (copy, leave) = both_ui(ui, "Close", "Copy link", button::Kind::Primary);
    if copy {
        ui.copy_text(link.to_owned());
        let now = ui.input(|input| input.time);
        state.tell("The link is on the clipboard", false, now);
    }
    copy || leave
}
