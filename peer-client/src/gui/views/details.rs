//! How far a message came: its stages, and who has it on which device.

use std::sync::Arc;

use egui::{Rect, RichText, Sense, Ui, Vec2, pos2, vec2};
use lucide_icons::Icon;

use super::{devices, parts};
use crate::{
    core::{
        command::Command,
        model::{Body, Delivery, MessageView, PersonDelivery, Stage},
    },
    gui::{
        fonts, format,
        pages::Details,
        state::{Purpose, Scene, UiState, Wish},
        text,
        theme::{self, size, space},
        widgets::{avatar, button, centred, galley_centred, meta},
    },
};

/// Height of a person, in points.
const PERSON: f32 = 48.0;
/// Height of a device below a person, in points.
const DEVICE: f32 = 24.0;
/// Height of a stage, in points.
const STAGE: f32 = 26.0;

/// Draws the details, and tells whether the user leaves.
pub(crate) fn details_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    details: &mut Details,
    (state, out): (&UiState, &mut Vec<Wish>),
) -> bool {
    let Some(message) = state.chat.message(&details.message).map(Arc::clone) else { return true };
    let palette = theme::palette(ui);
    let title = RichText::new("Message details").font(fonts::semibold(size::HEADING));
    ui.label(title.color(palette.text));
    parts::words(ui, &excerpt(&message));
    ui.add_space(space::S);
    facts_ui(ui, scene, &message);
    if let Some(delivery) = message.delivery {
        if details.asked != Some(delivery) {
            details.asked = Some(delivery);
            let message = details.message;
            let purpose = Purpose::Delivery(message);
            out.push(Wish { command: Command::Delivery { message }, purpose });
        }
        stages_ui(ui, delivery);
        match &details.people {
            None => {}
            Some(Err(error)) => parts::words(ui, error),
            Some(Ok(people)) => people_ui(ui, people),
        }
    } else if message.own {
        parts::words(ui, "Another device of yours wrote it, and knows who has it");
    }
    ui.add_space(space::S);
    let width = ui.available_width();
    button::text(ui, "Close", button::Kind::Plain, Some(width)).clicked()
}

fn excerpt(message: &MessageView) -> String {
    let text = match &message.body {
        Body::Text(text) => text.as_str(),
        Body::Attachment(file) => file.caption.as_deref().unwrap_or(&file.name),
        Body::Erased => "This message was erased",
        Body::Unsupported => "A message of a newer version of Natterjack",
    };
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = flat.chars().take(140).collect();
    if short.len() < flat.len() { format!("{short}…") } else { short }
}

fn facts_ui(ui: &mut Ui, scene: &Scene<'_>, message: &MessageView) {
    let when = format::full(scene.zone.local(message.at_ms));
    parts::fact(ui, Icon::CalendarClock, "Written", &when);
    if !message.own {
        parts::fact(ui, Icon::User, "By", message.from.as_str());
    }
    if let Some(path) = message.path {
        let name = if message.own { "Went" } else { "Came" };
        let words = format::sentence(format::path(path));
        parts::fact(ui, meta::road_icon(path), name, &words);
        if let Some(carrier) = path.carrier() {
            parts::fact(ui, Icon::Cable, "Over", &format::carrier(carrier));
        }
    }
}

/// Draws all stages, those that were reached with their sign.
fn stages_ui(ui: &mut Ui, delivery: Delivery) {
    parts::part(ui, "State");
    let Delivery { stage, stored_by, read_by, of } = delivery;
    let among = |count: u32, word: &str| match of {
        0 | 1 => word.to_owned(),
        _ => format!("{word}, by {count} of {of}"),
    };
    for (reached, icon, words) in [
        (true, Icon::HardDrive, "Kept on this device".to_owned()),
        (stage >= Stage::Sent, Icon::Check, "Sent".to_owned()),
        (stage >= Stage::Stored, Icon::CheckCheck, among(stored_by, "Stored")),
        (stage >= Stage::Read, Icon::CheckCheck, among(read_by, "Read")),
    ] {
        stage_ui(ui, icon, &words, reached);
    }
    if stage == Stage::Waiting {
        parts::words(ui, "It goes on as soon as somebody who should have it is there");
    }
}

fn stage_ui(ui: &mut Ui, icon: Icon, words: &str, reached: bool) {
    let palette = theme::palette(ui);
    let (row, response) = ui.allocate_exact_size(vec2(ui.available_width(), STAGE), Sense::hover());
    let sign = Rect::from_center_size(row.left_center() + vec2(14.0, 0.0), Vec2::splat(22.0));
    let (glyph, ink, colour) = if reached {
        (fonts::glyph(icon), palette.accent, palette.text)
    } else {
        (fonts::glyph(Icon::Circle), palette.text_faint, palette.text_faint)
    };
    let side = if reached { 18.0 } else { 13.0 };
    centred(ui.painter(), sign, &glyph, fonts::icons(side), ink);
    let room = row.width() - 44.0;
    let line = text::one_line(ui, words, room, fonts::regular(size::BODY), colour);
    galley_centred(ui.painter(), pos2(row.left() + 44.0, row.center().y), line);
    let label = if reached { words.to_owned() } else { format!("{words}: not yet") };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &label));
}

fn people_ui(ui: &mut Ui, people: &[PersonDelivery]) {
    if people.is_empty() {
        return;
    }
    parts::part(ui, "People and their devices");
    for person in people {
        let title = if person.own { "You, elsewhere" } else { person.username.as_str() };
        let (row, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), PERSON), Sense::hover());
        let at = row.left_center() + vec2(18.0, 0.0);
        let picture = Rect::from_center_size(at, Vec2::splat(34.0));
        avatar::paint(ui.painter(), picture, person.username.as_str());
        let words = stage_words(person.stage);
        let sign = Rect::from_center_size(row.right_center() - vec2(12.0, 0.0), Vec2::splat(20.0));
        paint_stage(ui, sign, person.stage);
        let lines = [(title, fonts::medium(size::BODY)), (words, fonts::regular(size::SMALL))];
        parts::two_lines(ui, row, (picture.right() + space::M, sign.left() - space::S), lines);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{title}: {words}"))
        });
        if person.devices.len() < 2 {
            continue;
        }
        for device in &person.devices {
            device_ui(ui, &devices::short(&device.device), device.stage);
        }
    }
}

fn device_ui(ui: &mut Ui, id: &str, stage: Stage) {
    let palette = theme::palette(ui);
    let (row, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), DEVICE), Sense::hover());
    let left = row.left() + 35.0 + space::M;
    let words = format!("Device {id}: {}", stage_words(stage).to_lowercase());
    let sign = Rect::from_center_size(row.right_center() - vec2(12.0, 0.0), Vec2::splat(16.0));
    let room = sign.left() - left - space::S;
    let line = text::one_line(ui, &words, room, fonts::regular(size::SMALL), palette.text_weak);
    galley_centred(ui.painter(), pos2(left, row.center().y), line);
    paint_stage(ui, sign, stage);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &words));
}

fn paint_stage(ui: &Ui, rect: Rect, stage: Stage) {
    let palette = theme::palette(ui);
    let glyph = fonts::glyph(meta::stage_icon(stage));
    let colour = meta::stage_colour(stage, palette);
    centred(ui.painter(), rect, &glyph, fonts::icons(rect.height() - 3.0), colour);
}

fn stage_words(stage: Stage) -> &'static str {
    match stage {
        Stage::Waiting => "Not confirmed yet",
        Stage::Sent => "Sent",
        Stage::Stored => "Stored",
        Stage::Read => "Read",
    }
}
