//! Making sure that a person is who they seem to be, by a number that both see.

use egui::{Align, Frame, Label, Layout, Margin, Panel, RichText, Role, Sense, Ui, WidgetInfo};
use lucide_icons::Icon;
use wire::{
    id::AccountId,
    name::{ConversationName, Username},
};

use super::{dialogs, header};
use crate::{
    core::verification,
    gui::{
        fonts,
        pages::Dialog,
        preferences::{Preferences, Trust},
        state::{Scene, UiState},
        theme::{self, size, space},
        widgets::{
            button::{self, Kind},
            centred,
            qr::Qr,
        },
    },
};

/// Groups of digits in a row.
const COLUMNS: usize = 4;
/// Height of a row of digits, in points.
const ROW: f32 = 30.0;
/// Side of the picture, in points.
const PICTURE: f32 = 190.0;

/// The number of the user and a person.
#[derive(Debug)]
pub(crate) struct Verify {
    name: Username,
    account: AccountId,
    groups: [String; 12],
    picture: Option<Qr>,
}

impl Verify {
    /// For a person with whom there is a conversation.
    pub(crate) fn of(scene: &Scene<'_>, name: &Username) -> Option<Box<Self>> {
        let me = scene.model.me.as_ref()?;
        let conversation = scene.conversation(&ConversationName::Direct(name.clone()))?;
        let account = conversation.account?;
        let groups = verification::number(&me.account, &account);
        let picture = Qr::new(&groups.concat());
        Some(Box::new(Self { name: name.clone(), account, groups, picture }))
    }
}

/// How far the user trusts that a conversation is with whom it seems to be.
pub(crate) fn trust(
    scene: &Scene<'_>,
    name: &ConversationName,
    preferences: &Preferences,
) -> Trust {
    let ConversationName::Direct(person) = name else { return Trust::Unknown };
    let account = scene.conversation(name).and_then(|conversation| conversation.account);
    account.map_or(Trust::Unknown, |account| preferences.trust(person, &account))
}

/// Draws the number, and tells whether the user leaves.
pub(crate) fn verify_ui(ui: &mut Ui, verify: &Verify, state: &mut UiState) -> bool {
    let Verify { name, account, groups, picture } = verify;
    let words = format!(
        "Compare this number with the one that {name} sees, side by side or in a call. If it is the \
         same, nobody is between you"
    );
    dialogs::heading(ui, &format!("Verify {name}"), &words);
    number_ui(ui, groups);
    ui.add_space(space::S);
    if let Some(picture) = picture {
        ui.vertical_centered(|ui| picture.show(ui, PICTURE, "The number as a picture"));
    }
    if state.preferences.trust(name, account) == Trust::Verified {
        if button::text(ui, "No longer verified", Kind::Danger, Some(ui.available_width()))
            .clicked()
        {
            state.preferences.unverify(name);
            return true;
        }
        return button::text(ui, "Close", Kind::Plain, Some(ui.available_width())).clicked();
    }
    let (same, leave) = dialogs::both_ui(ui, "Not now", "It is the same", Kind::Primary);
    if same {
        state.preferences.verify(name, account);
        let now = ui.input(|input| input.time);
        state.tell(format!("{name} is verified"), false, now);
    }
    same || leave
}

fn number_ui(ui: &mut Ui, groups: &[String]) {
    let palette = theme::palette(ui);
    let rows = groups.len().div_ceil(COLUMNS);
    let room = egui::vec2(ui.available_width(), rows as f32 * ROW);
    let (rect, response) = ui.allocate_exact_size(room, Sense::hover());
    let width = rect.width() / COLUMNS as f32;
    for (index, group) in groups.iter().enumerate() {
        let (row, column) = (index / COLUMNS, index % COLUMNS);
        let at = rect.min + egui::vec2(column as f32 * width, row as f32 * ROW);
        let cell = egui::Rect::from_min_size(at, egui::vec2(width, ROW));
        let font = egui::FontId::monospace(size::TITLE + 1.0);
        centred(ui.painter(), cell, group, font, palette.text);
    }
    let spoken = groups.join(" ");
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("Number {spoken}")));
}

/// Warns if somebody else bears the name of a person whom the user verified.
pub(crate) fn warning_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    name: &ConversationName,
    state: &mut UiState,
) {
    let ConversationName::Direct(person) = name else { return };
    if trust(scene, name, &state.preferences) != Trust::Changed {
        return;
    }
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.danger_back)
        .inner_margin(Margin::symmetric(space::L as i8, space::S as i8));
    let panel = Panel::top("changed").frame(frame).show_separator_line(false);
    let shown = panel.show(ui, |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if button::small(ui, "Compare…", Kind::Danger).clicked() {
                state.dialog = Verify::of(scene, person).map(Dialog::Verify);
            }
            let words = format!(
                "This is not the {person} whom you verified: the key is another one. Ask by another \
                 way before you write"
            );
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let icon = RichText::new(fonts::glyph(Icon::ShieldAlert)).font(fonts::icons(18.0));
                ui.label(icon.color(palette.danger));
                let words = RichText::new(words).font(fonts::medium(size::SMALL));
                ui.add(Label::new(words.color(palette.danger)).wrap());
            });
        });
    });
    header::underline(ui, shown.response.rect);
}
