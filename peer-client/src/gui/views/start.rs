//! The first page: which server, whose account.

use egui::{Align, CentralPanel, Frame, Layout, Margin, RichText, ScrollArea, Ui, vec2};

use super::ways;
use crate::gui::{
    Login, fonts,
    start_form::{StartForm, Way},
    theme::{self, radius, size, space},
    widgets::{button, field},
};

/// Width of the form, in points.
const WIDTH: f32 = 420.0;
/// Height of what is above it, in points.
const TITLE: f32 = 200.0;

/// Draws the page, and gives what was entered when the user goes on.
pub(crate) fn start_ui(ui: &mut Ui, form: &mut StartForm) -> Option<Login> {
    let frame = Frame::new().fill(theme::palette(ui).canvas);
    CentralPanel::default().frame(frame).show(ui, |ui| page_ui(ui, form)).inner
}

fn page_ui(ui: &mut Ui, form: &mut StartForm) -> Option<Login> {
    let height = ui.available_height();
    // Where there is little room, the fields come first.
    let titled =
        matches!(form.way, Way::Here | Way::Choosing) || height > 2.0 * TITLE + tall(form.way);
    let whole = tall(form.way) + if titled { TITLE } else { 0.0 };
    let area = ScrollArea::vertical().auto_shrink(false);
    let page = |ui: &mut Ui| {
        ui.vertical_centered(|ui| {
            ui.add_space(((height - whole) / 2.0).max(space::L));
            ui.set_max_width(WIDTH.min(ui.available_width() - 2.0 * space::L));
            if titled {
                title_ui(ui);
                ui.add_space(space::XL);
            }
            let login = card_ui(ui, form);
            ui.add_space(space::L);
            login
        })
        .inner
    };
    area.show(ui, page).inner
}

/// About how tall the card is, in points.
fn tall(way: Way) -> f32 {
    match way {
        Way::Here => 350.0,
        Way::Choosing => 290.0,
        Way::Phrase => 560.0,
        Way::Code => 410.0,
        Way::Backup => 530.0,
    }
}

fn title_ui(ui: &mut Ui) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(84.0, 84.0), egui::Sense::hover());
    ui.painter().rect_filled(rect, egui::CornerRadius::same(24), palette.accent);
    crate::gui::widgets::centred(ui.painter(), rect, "🐸", fonts::regular(44.0), palette.text);
    ui.add_space(space::M);
    ui.label(RichText::new("Natterjack").font(fonts::semibold(size::DISPLAY)).color(palette.text));
    let motto = "Chat that stays between you and the people you write to";
    ui.label(RichText::new(motto).font(fonts::regular(size::BODY)).color(palette.text_weak));
}

fn card_ui(ui: &mut Ui, form: &mut StartForm) -> Option<Login> {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.card)
        .stroke(egui::Stroke::new(1.0, palette.hairline))
        .corner_radius(egui::CornerRadius::same(radius::CARD))
        .inner_margin(Margin::same(space::XL as i8));
    frame
        .show(ui, |ui| ui.with_layout(Layout::top_down(Align::Min), |ui| fields_ui(ui, form)).inner)
        .inner
}

fn fields_ui(ui: &mut Ui, form: &mut StartForm) -> Option<Login> {
    let busy = form.progress.is_some();
    if form.way == Way::Choosing {
        ways::choose_ui(ui, form);
        return None;
    }
    if form.way != Way::Here {
        ways::heading_ui(ui, form);
    }
    let entered = ui.add_enabled_ui(!busy, |ui| entry_ui(ui, form)).inner;
    ui.add_space(space::L);
    error_ui(ui, form);
    let label = form.progress.clone().unwrap_or_else(|| ways::verb(form.way).to_owned());
    let clicked = ui
        .add_enabled_ui(!busy, |ui| {
            let width = ui.available_width();
            button::text(ui, &label, button::Kind::Primary, Some(width)).clicked()
        })
        .inner;
    let width = ui.available_width();
    if busy {
        form.cancelled |= button::text(ui, "Cancel", button::Kind::Plain, Some(width)).clicked();
    } else if form.way == Way::Here
        && button::text(ui, "I have an account already", button::Kind::Plain, Some(width)).clicked()
    {
        form.go(Way::Choosing);
    }
    if form.way == Way::Here {
        ui.add_space(space::S);
        note_ui(ui, "The server knows your name and who is online. It keeps no messages.");
    }
    if (clicked || entered) && !busy { form.check() } else { None }
}

/// Draws the fields, and tells whether the user went on from one of them.
fn entry_ui(ui: &mut Ui, form: &mut StartForm) -> bool {
    let hint = "/ip4/…/p2p/12D3… or an invitation link";
    let error = form.server_error.as_deref();
    let server = field::labelled(ui, "Server address", hint, &mut form.server, error);
    let mut left = server.lost_focus();
    let mut first = form.server.is_empty().then(|| server.clone());
    if matches!(form.way, Way::Here | Way::Phrase) {
        ui.add_space(space::M);
        let error = form.name_error.as_deref();
        let name = field::labelled(ui, "Your name", "alice", &mut form.name, error);
        left |= name.lost_focus();
        first = first.or_else(|| form.name.is_empty().then(|| name.clone()));
    }
    let (rest, more) = ways::fields_ui(ui, form);
    left |= more;
    if !std::mem::replace(&mut form.focused, true) {
        first.or(rest).unwrap_or(server).request_focus();
    }
    left && ui.input(|input| input.key_pressed(egui::Key::Enter))
}

fn error_ui(ui: &mut Ui, form: &StartForm) {
    let Some(error) = &form.error else { return };
    let frame = Frame::new()
        .fill(theme::palette(ui).danger_back)
        .corner_radius(egui::CornerRadius::same(radius::CONTROL))
        .inner_margin(Margin::same(space::M as i8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        field::fault(ui, error);
    });
    ui.add_space(space::M);
}

/// A line of what is good to know.
pub(super) fn note_ui(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    let words = RichText::new(words).font(fonts::regular(size::SMALL)).color(palette.text_faint);
    ui.add(egui::Label::new(words).wrap());
}
