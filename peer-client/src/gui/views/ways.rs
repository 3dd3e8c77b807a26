//! How an account that exists comes to this device.

use egui::{Response, RichText, Ui};
use lucide_icons::Icon;

use super::{parts, start::note_ui};
use crate::gui::{
    Secret, fonts,
    start_form::{StartForm, Way},
    theme::{self, size, space},
    widgets::field,
};

/// What the button says.
pub(super) fn verb(way: Way) -> &'static str {
    match way {
        Way::Here | Way::Choosing => "Connect",
        Way::Phrase => "Recover",
        Way::Code => "Link this device",
        Way::Backup => "Restore",
    }
}

/// What the button says while it is being done.
pub(crate) fn progress(way: Way) -> &'static str {
    match way {
        Way::Here | Way::Choosing => "Connecting…",
        Way::Phrase => "Recovering your account…",
        Way::Code => "Asking the other device…",
        Way::Backup => "Restoring the backup…",
    }
}

/// Draws the ways, of which one is chosen.
pub(super) fn choose_ui(ui: &mut Ui, form: &mut StartForm) {
    if parts::page_heading(ui, "Bring your account here") {
        form.go(Way::Here);
    }
    ui.add_space(space::S);
    for (icon, title, words, way) in [
        (Icon::Smartphone, "From another device", "With the code that it shows", Way::Code),
        (Icon::KeyRound, "With the recovery phrase", "The 24 words on your paper", Way::Phrase),
        (Icon::Archive, "From a backup", "With the file and its passphrase", Way::Backup),
    ] {
        if parts::way_row(ui, icon, title, words) {
            form.go(way);
        }
    }
}

/// Draws the title of the way that was chosen.
pub(super) fn heading_ui(ui: &mut Ui, form: &mut StartForm) {
    let (title, words) = match form.way {
        Way::Here | Way::Choosing => return,
        Way::Phrase => (
            "Recover your account",
            "Your name and contacts come back. Messages come from people and devices that still \
             have them.",
        ),
        Way::Code => (
            "From another device",
            "On the other device open Settings, Devices, and choose “Add a device”.",
        ),
        Way::Backup => ("From a backup", "Everything that was in the backup comes back."),
    };
    if parts::page_heading(ui, title) && form.progress.is_none() {
        form.go(Way::Choosing);
    }
    let palette = theme::palette(ui);
    let words = RichText::new(words).font(fonts::regular(size::BODY)).color(palette.text_weak);
    ui.add(egui::Label::new(words).wrap());
    ui.add_space(space::S);
}

/// Draws what only the chosen way needs. Gives the field to begin with, and whether one was left.
pub(super) fn fields_ui(ui: &mut Ui, form: &mut StartForm) -> (Option<Response>, bool) {
    let error = form.way_error.clone();
    match form.way {
        Way::Here | Way::Choosing => (None, false),
        Way::Phrase => {
            ui.add_space(space::M);
            let hint = "24 words, parted by spaces";
            let words =
                field::paragraph(ui, "Recovery phrase", hint, &mut form.words.0, error.as_deref());
            ui.add_space(space::S);
            let label = "Remove all other devices, as after a theft";
            parts::choice(ui, &mut form.revoke_others, label);
            (Some(words), false)
        }
        Way::Code => {
            ui.add_space(space::M);
            let hint = "natterjack-device:…";
            let code = field::paragraph(
                ui,
                "Code of the other device",
                hint,
                &mut form.words.0,
                error.as_deref(),
            );
            (Some(code), false)
        }
        Way::Backup => backup_ui(ui, form, error.as_deref()),
    }
}

fn backup_ui(ui: &mut Ui, form: &mut StartForm, error: Option<&str>) -> (Option<Response>, bool) {
    ui.add_space(space::M);
    let (file, choosing) = parts::place_ui(ui, "Backup file", &mut form.file, error);
    form.choosing |= choosing;
    ui.add_space(space::M);
    let Secret(passphrase) = &mut form.passphrase;
    let secret = field::secret(ui, "Passphrase of the backup", passphrase, None);
    ui.add_space(space::S);
    let label = "The device of this backup is gone for good: be that device again";
    parts::choice(ui, &mut form.same_device, label);
    if form.same_device {
        note_ui(ui, "If that device writes once more, the two contradict each other.");
    }
    let left = file.lost_focus() || secret.lost_focus();
    (Some(file), left)
}
