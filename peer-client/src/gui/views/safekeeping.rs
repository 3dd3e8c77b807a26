//! What keeps an account and its messages from being lost: the recovery phrase, the backup, and
//! conversations to read elsewhere.

use egui::{CornerRadius, Frame, Margin, RichText, Ui};
use lucide_icons::Icon;
use wire::name::ConversationName;

use super::{
    dialogs::both_ui,
    parts,
    safety::{self, Written},
};
use crate::gui::{
    Secret,
    choosing::Choice,
    fonts,
    pages::{Backup, Dialog, Phrase, Place},
    state::{Errand, UiState},
    theme::{self, radius, size, space},
    widgets::{button, field},
};

/// Shortest passphrase of a backup, in characters.
const PASSPHRASE_MIN: usize = 8;

/// Draws the recovery phrase once it is wanted, and tells whether the user leaves.
pub(crate) fn phrase_ui(ui: &mut Ui, phrase: &mut Phrase, state: &mut UiState) -> bool {
    if parts::page_heading(ui, "Recovery phrase") {
        state.dialog = Some(Dialog::Settings);
    }
    if let (Some(Ok(words)), Some(written)) = (&phrase.words, &mut phrase.written) {
        return safety::written_ui(ui, words.reveal(), written, state);
    }
    match &phrase.words {
        None => {
            parts::words(
                ui,
                "24 words bring your account back when all your devices are lost. They hold no \
                 messages: those come from others, or from a backup",
            );
            warning_ui(
                ui,
                "Whoever has these words has your account. Look whether anybody sees \
                            your screen",
            );
            let label = if phrase.busy { "Reading…" } else { "Show the words" };
            ui.add_space(space::S);
            let width = ui.available_width();
            let show = button::text(ui, label, button::Kind::Primary, Some(width)).clicked();
            if show && !phrase.busy {
                phrase.busy = true;
                state.errands.push(Errand::Phrase);
            }
            false
        }
        Some(Err(error)) => {
            field::fault(ui, error);
            false
        }
        Some(Ok(words)) => {
            parts::words(ui, "Write them on paper in this order, and keep the paper safe");
            words_ui(ui, words.reveal());
            let (done, copy) = both_ui(ui, "Copy", "I wrote them down", button::Kind::Primary);
            if copy {
                ui.copy_text(words.reveal().to_owned());
                let now = ui.input(|input| input.time);
                state.tell("The words are on the clipboard: empty it soon", false, now);
            }
            if done {
                phrase.written = Some(Written::default());
            }
            false
        }
    }
}

fn warning_ui(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.warning_back)
        .corner_radius(CornerRadius::same(radius::CONTROL))
        .inner_margin(Margin::same(space::M as i8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            let icon = RichText::new(fonts::glyph(Icon::TriangleAlert)).font(fonts::icons(17.0));
            ui.label(icon.color(palette.warning));
            let words = RichText::new(words).font(fonts::regular(size::BODY));
            ui.add(egui::Label::new(words.color(palette.warning)).wrap());
        });
    });
}

/// Draws numbered words in columns, to be read downwards.
fn words_ui(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    let words: Vec<&str> = words.split(' ').collect();
    let columns = if ui.available_width() > 320.0 { 3 } else { 2 };
    let rows = words.len().div_ceil(columns);
    let line = size::BODY + 11.0;
    let frame = Frame::new()
        .fill(palette.field)
        .corner_radius(CornerRadius::same(radius::CONTROL))
        .inner_margin(Margin::same(space::M as i8));
    frame.show(ui, |ui| {
        let size = egui::vec2(ui.available_width(), rows as f32 * line);
        let (rect, response) = ui.allocate_exact_size(size, egui::Sense::hover());
        let width = rect.width() / columns as f32;
        for (index, word) in words.iter().enumerate() {
            let column = (index / rows) as f32;
            let at = rect.min + egui::vec2(column * width, ((index % rows) as f32 + 0.5) * line);
            let (number, left) = (format!("{}", index + 1), egui::Align2::LEFT_CENTER);
            let right = at + egui::vec2(18.0, 0.0);
            let font = fonts::regular(size::META);
            let align = egui::Align2::RIGHT_CENTER;
            ui.painter().text(right, align, number, font, palette.text_faint);
            let font = fonts::medium(size::BODY);
            ui.painter().text(at + egui::vec2(26.0, 0.0), left, word, font, palette.text);
        }
        response
            .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, words.join(" ")));
    });
}

/// Draws what a backup needs, and tells whether the user leaves.
pub(crate) fn backup_ui(ui: &mut Ui, backup: &mut Backup, state: &mut UiState) -> bool {
    if parts::page_heading(ui, "Backup") {
        state.dialog = Some(Dialog::Settings);
    }
    if let Some(done) = &backup.place.done {
        return done_ui(ui, done);
    }
    parts::words(
        ui,
        "Your account, all messages and files in one file. Without its passphrase nobody can \
         open it, not even you",
    );
    ui.add_space(space::S);
    let entered = ui.add_enabled_ui(!backup.place.busy, |ui| {
        place_ui(
            ui,
            "File",
            &mut backup.place,
            Choice::NewFile("natterjack.age".to_owned()),
            state,
        );
        ui.add_space(space::XS);
        let first = field::secret(ui, "Passphrase", &mut backup.passphrase, None);
        ui.add_space(space::XS);
        let error = backup.passphrase_error.as_deref();
        let again = field::secret(ui, "The same again", &mut backup.again, error);
        let enter = ui.input(|input| input.key_pressed(egui::Key::Enter));
        (first.lost_focus() || again.lost_focus()) && enter
    });
    let label = if backup.place.busy { "Writing…" } else { "Write the backup" };
    if (go_ui(ui, label, &backup.place) || entered.inner) && !backup.place.busy {
        backup.passphrase_error = if backup.passphrase.chars().count() < PASSPHRASE_MIN {
            Some(format!("Take at least {PASSPHRASE_MIN} characters, better several words"))
        } else if backup.passphrase != backup.again {
            Some("These are two different ones".to_owned())
        } else {
            None
        };
        if backup.passphrase_error.is_none()
            && let Some(path) = begin(&mut backup.place)
        {
            state.errands.push(Errand::Backup(path, Secret::new(backup.passphrase.clone())));
        }
    }
    false
}

/// Draws where a conversation is to be written, and tells whether the user leaves.
pub(crate) fn export_ui(
    ui: &mut Ui,
    of: &ConversationName,
    place: &mut Place,
    state: &mut UiState,
) -> bool {
    if parts::page_heading(ui, "Export conversation") {
        state.dialog = Some(Dialog::About);
    }
    if let Some(done) = &place.done {
        return done_ui(ui, done);
    }
    parts::words(
        ui,
        "The messages that are on this device and their files, readable for you and for other \
         programs. They are not encrypted",
    );
    ui.add_space(space::S);
    ui.add_enabled_ui(!place.busy, |ui| place_ui(ui, "Folder", place, Choice::Folder, state));
    let label = if place.busy { "Writing…" } else { "Export" };
    if go_ui(ui, label, place)
        && !place.busy
        && let Some(path) = begin(place)
    {
        state.errands.push(Errand::Export(of.clone(), path));
    }
    false
}

fn place_ui(ui: &mut Ui, name: &str, place: &mut Place, choice: Choice, state: &mut UiState) {
    let (_, choosing) = parts::place_ui(ui, name, &mut place.path, place.error.as_deref());
    if choosing {
        state.errands.push(Errand::Choose(choice));
    }
}

/// The button that begins, with the word on it.
fn go_ui(ui: &mut Ui, label: &str, place: &Place) -> bool {
    ui.add_space(space::S);
    let width = ui.available_width();
    let enabled = !place.busy;
    ui.add_enabled_ui(enabled, |ui| {
        button::text(ui, label, button::Kind::Primary, Some(width)).clicked()
    })
    .inner
}

/// Where to write, if that is said.
fn begin(place: &mut Place) -> Option<std::path::PathBuf> {
    let path = std::path::PathBuf::from(place.path.trim());
    place.error = path.as_os_str().is_empty().then(|| "Say where to write".to_owned());
    place.busy = place.error.is_none();
    place.busy.then_some(path)
}

fn done_ui(ui: &mut Ui, done: &str) -> bool {
    parts::done(ui, done);
    ui.add_space(space::S);
    let width = ui.available_width();
    button::text(ui, "Done", button::Kind::Primary, Some(width)).clicked()
}
