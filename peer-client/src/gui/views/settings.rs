//! The user, the look, and what else can be set; each part leads to a page of its own.

use egui::{Rect, RichText, Sense, Ui, Vec2};
use lucide_icons::Icon;

use super::{diagnostics::Diagnosis, parts};
use crate::{
    core::command::Command,
    core::model::ServerTie,
    gui::{
        fonts,
        pages::{Backup, Devices, Dialog, Phrase, Place},
        settings::Look,
        state::{Scene, UiState, Wish},
        theme::{self, size, space},
        widgets::{avatar, button},
    },
};

/// Draws the settings, and tells whether the user leaves. `look` is the look that is on, and becomes
/// the one that is chosen.
pub(crate) fn settings_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    look: &mut Look,
    state: &mut UiState,
) -> bool {
    me_ui(ui, scene);
    parts::part(ui, "Look");
    let looks = [
        (Icon::Sun, "Light", Look::Light),
        (Icon::Moon, "Dark", Look::Dark),
        (Icon::Monitor, "System", Look::System),
    ];
    if let Some(chosen) = parts::segments(ui, *look, &looks) {
        *look = chosen;
    }
    ui.add_space(space::S);
    ui.spacing_mut().item_spacing.y = 0.0;
    if let Some(next) = pages_ui(ui, scene, state) {
        state.dialog = Some(next);
    }
    ui.spacing_mut().item_spacing.y = space::S;
    ui.add_space(space::M);
    let width = ui.available_width();
    button::text(ui, "Close", button::Kind::Plain, Some(width)).clicked()
}

fn me_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let palette = theme::palette(ui);
    let name = scene.model.me.as_ref().map_or_else(String::new, |me| me.username.to_string());
    ui.vertical_centered(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(72.0), Sense::hover());
        avatar::paint(ui.painter(), rect, &name);
        ui.add_space(space::XS);
        let title = RichText::new(&name).font(fonts::semibold(size::HEADING));
        ui.label(title.color(palette.text));
        let words = match &scene.model.server {
            ServerTie::Registered => "Connected to the server",
            ServerTie::Connecting => "Connecting…",
            ServerTie::Lost { .. } => "The server cannot be reached",
            ServerTie::Refused { .. } => "Refused by the server",
        };
        let words = RichText::new(words).font(fonts::regular(size::SMALL));
        ui.label(words.color(palette.text_weak));
    });
}

/// Draws the rows that lead on, and gives the page that was chosen.
fn pages_ui(ui: &mut Ui, scene: &Scene<'_>, state: &UiState) -> Option<Dialog> {
    let mut next = None;
    let me = scene.model.me.as_ref();
    if let Some(link) = me.and_then(|me| state.around.contact_link(&me.username))
        && parts::way_row(ui, Icon::Link, "Contact link", "So that others find you")
    {
        next = Some(Dialog::Invitation(link));
    }
    let words = "Notifications, size, motion";
    if parts::way_row(ui, Icon::SlidersHorizontal, "Behaviour", words) {
        next = Some(Dialog::Behaviour);
    }
    if parts::way_row(ui, Icon::MonitorSmartphone, "Devices", "Add or remove devices") {
        next = Some(Dialog::Devices(Devices::default()));
    }
    if state.around.keeps_keys {
        let words = "Brings your account back if all devices are lost";
        if parts::way_row(ui, Icon::KeyRound, "Recovery phrase", words) {
            next = Some(Dialog::Phrase(Phrase::default()));
        }
        if parts::way_row(ui, Icon::Archive, "Backup", "Everything in one encrypted file") {
            let name = me.map_or_else(String::new, |me| format!("-{}", me.username));
            let name = format!("natterjack{name}.age");
            let place = Place::suggested(state.around.documents.as_ref(), &name);
            next = Some(Dialog::Backup(Backup { place, ..Backup::default() }));
        }
    }
    let blocked = blocked(scene).count();
    let words = match blocked {
        0 => "Nobody is blocked".to_owned(),
        1 => "One person".to_owned(),
        many => format!("{many} people"),
    };
    if parts::way_row(ui, Icon::Ban, "Blocked people", &words) {
        next = Some(Dialog::Blocked);
    }
    let words = "What kind it is, and what stands between you and others";
    if parts::way_row(ui, Icon::Network, "Network", words) {
        next = Some(Dialog::Diagnostics(Diagnosis::default()));
    }
    let version = concat!("Version ", env!("CARGO_PKG_VERSION"));
    if parts::way_row(ui, Icon::Info, "About Natterjack", version) {
        next = Some(Dialog::Program);
    }
    next
}

/// Conversations with people of whom the user does not want to hear.
fn blocked<'a>(
    scene: &'a Scene<'_>,
) -> impl Iterator<Item = &'a crate::core::model::ConversationView> {
    scene.model.conversations.iter().filter(|conversation| conversation.blocked)
}

/// Draws who is blocked.
pub(crate) fn blocked_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) -> bool {
    if parts::page_heading(ui, "Blocked people") {
        state.dialog = Some(Dialog::Settings);
    }
    parts::words(ui, "You hear nothing of them, and they are not told");
    ui.add_space(space::S);
    let mut nobody = true;
    for conversation in blocked(scene) {
        let wire::name::ConversationName::Direct(peer) = &conversation.name else { continue };
        nobody = false;
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(Vec2::splat(40.0), Sense::hover());
            let picture = Rect::from_center_size(rect.center(), Vec2::splat(34.0));
            avatar::paint(ui.painter(), picture, peer.as_str());
            let name = RichText::new(peer.as_str()).font(fonts::medium(size::BODY));
            let room = ui.available_width() - 100.0;
            ui.allocate_ui(egui::vec2(room, 40.0), |ui| {
                ui.set_width(room);
                ui.horizontal_centered(|ui| ui.add(egui::Label::new(name).truncate()));
            });
            let layout = egui::Layout::right_to_left(egui::Align::Center);
            ui.with_layout(layout, |ui| {
                if button::small(ui, "Unblock", button::Kind::Plain).clicked() {
                    let (peer, on) = (peer.clone(), false);
                    out.push(Wish::tell(Command::Block { peer, on }));
                }
            });
        });
    }
    if nobody {
        let palette = theme::palette(ui);
        ui.vertical_centered(|ui| {
            ui.add_space(space::L);
            let words = RichText::new("Nobody is blocked").font(fonts::regular(size::BODY));
            ui.label(words.color(palette.text_faint));
            ui.add_space(space::L);
        });
    }
    false
}

/// Draws what the program is and who made its parts.
pub(crate) fn program_ui(ui: &mut Ui, state: &mut UiState) -> bool {
    if parts::page_heading(ui, "Natterjack") {
        state.dialog = Some(Dialog::Settings);
    }
    parts::words(ui, concat!("Version ", env!("CARGO_PKG_VERSION")));
    ui.add_space(space::S);
    let licence = "CC-BY 4.0, by Twitter and other contributors";
    parts::fact(ui, Icon::Smile, "Emoji: Twemoji", licence);
    let licence = "SIL Open Font License, by The Inter Project Authors";
    parts::fact(ui, Icon::Type, "Text: Inter", licence);
    parts::fact(ui, Icon::Shapes, "Icons: Lucide", "ISC, by Lucide Contributors");
    false
}
