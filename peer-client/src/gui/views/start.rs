//! The first page: which server, which name.

use egui::{Align, CentralPanel, Frame, Layout, Margin, RichText, ScrollArea, Ui, vec2};
use libp2p::{Multiaddr, multiaddr::Protocol};
use wire::name::Username;

use crate::gui::{
    Login, fonts,
    theme::{self, radius, size, space},
    widgets::{button, field},
};

/// Width of the form, in points.
const WIDTH: f32 = 420.0;

/// What is entered and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartForm {
    /// Addresses, parted by spaces or commas.
    pub(crate) server: String,
    /// The name.
    pub(crate) name: String,
    /// What is wrong with the addresses.
    pub(crate) server_error: Option<String>,
    /// What is wrong with the name.
    pub(crate) name_error: Option<String>,
    /// Why the start failed.
    pub(crate) error: Option<String>,
    /// What is going on, while there is nothing to enter.
    pub(crate) progress: Option<String>,
    /// The first field to be filled in has got the keyboard once.
    pub(crate) focused: bool,
    /// The user no longer wants to wait for it.
    pub(crate) cancelled: bool,
}

impl StartForm {
    /// Checks what is entered.
    pub(crate) fn check(&mut self) -> Option<Login> {
        self.error = None;
        let rendezvous = addresses(&self.server);
        let username = Username::new(self.name.trim().trim_start_matches('@'));
        self.server_error = rendezvous.as_ref().err().cloned();
        self.name_error = match &username {
            Ok(_) => None,
            Err(_) if self.name.trim().is_empty() => Some("Choose a name".to_owned()),
            Err(error) => Some(sentence(&error.to_string())),
        };
        Some(Login { rendezvous: rendezvous.ok()?, username: username.ok()? })
    }
}

/// Draws the page, and gives what was entered when the user goes on.
pub(crate) fn start_ui(ui: &mut Ui, form: &mut StartForm) -> Option<Login> {
    let palette = theme::palette(ui);
    let frame = Frame::new().fill(palette.canvas).inner_margin(Margin::same(space::L as i8));
    CentralPanel::default()
        .frame(frame)
        .show(ui, |ui| {
            let height = ui.available_height();
            ScrollArea::vertical()
                .show(ui, |ui| {
                    ui.vertical_centered(|ui| {
                        ui.add_space(((height - 520.0) / 2.0).max(space::S));
                        ui.set_max_width(WIDTH.min(ui.available_width()));
                        title_ui(ui);
                        ui.add_space(space::XL);
                        card_ui(ui, form)
                    })
                    .inner
                })
                .inner
        })
        .inner
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
    let palette = theme::palette(ui);
    let busy = form.progress.is_some();
    let entered = ui
        .add_enabled_ui(!busy, |ui| {
            let hint = "/ip4/203.0.113.5/udp/4001/quic-v1/p2p/12D3…";
            let error = form.server_error.as_deref();
            let server = field::labelled(ui, "Server address", hint, &mut form.server, error);
            ui.add_space(space::M);
            let error = form.name_error.as_deref();
            let name = field::labelled(ui, "Your name", "alice", &mut form.name, error);
            if !std::mem::replace(&mut form.focused, true) {
                let first = if form.server.is_empty() { &server } else { &name };
                first.request_focus();
            }
            let enter = ui.input(|input| input.key_pressed(egui::Key::Enter));
            (server.lost_focus() || name.lost_focus()) && enter
        })
        .inner;
    ui.add_space(space::L);
    if let Some(error) = &form.error {
        let frame = Frame::new()
            .fill(palette.danger_back)
            .corner_radius(egui::CornerRadius::same(radius::CONTROL))
            .inner_margin(Margin::same(space::M as i8));
        frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            field::fault(ui, error);
        });
        ui.add_space(space::M);
    }
    let label = form.progress.as_deref().unwrap_or("Connect").to_owned();
    let clicked = ui
        .add_enabled_ui(!busy, |ui| {
            let width = ui.available_width();
            button::text(ui, &label, button::Kind::Primary, Some(width)).clicked()
        })
        .inner;
    if busy {
        let width = ui.available_width();
        form.cancelled |= button::text(ui, "Cancel", button::Kind::Plain, Some(width)).clicked();
    }
    ui.add_space(space::S);
    let note = "The server knows your name and who is online. It keeps no messages.";
    let note = RichText::new(note).font(fonts::regular(size::SMALL)).color(palette.text_faint);
    ui.add(egui::Label::new(note).wrap());
    if (clicked || entered) && !busy { form.check() } else { None }
}

fn addresses(text: &str) -> Result<Vec<Multiaddr>, String> {
    let parts: Vec<&str> = text
        .split(|part: char| part.is_whitespace() || part == ',')
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() {
        return Err("Enter the address that your server shows after “ready”".to_owned());
    }
    parts.into_iter().map(address).collect()
}

fn address(part: &str) -> Result<Multiaddr, String> {
    let Ok(address) = part.parse::<Multiaddr>() else {
        return Err(format!("“{part}” is not an address like /ip4/203.0.113.5/tcp/4001/p2p/12D3…"));
    };
    if address.iter().any(|protocol| matches!(protocol, Protocol::P2p(_))) {
        Ok(address)
    } else {
        Err("The address has to end with /p2p/ and the server's id".to_owned())
    }
}

/// A text with a capital letter at its start.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    fn check(server: &str, name: &str) -> (Option<Login>, StartForm) {
        let mut form =
            StartForm { server: server.to_owned(), name: name.to_owned(), ..StartForm::default() };
        (form.check(), form)
    }

    #[test]
    fn several_addresses_are_taken() {
        let (login, form) = check(
            &format!("/ip4/127.0.0.1/tcp/1/p2p/{ID}, /ip6/::1/udp/1/quic-v1/p2p/{ID}"),
            "@Alice",
        );
        let login = login.unwrap();
        assert_eq!(login.rendezvous.len(), 2);
        assert_eq!(login.username.as_str(), "alice");
        assert_eq!((form.server_error, form.name_error), (None, None));
    }

    #[test]
    fn each_fault_is_told_at_its_field() {
        let (login, form) = check("", "");
        assert_eq!(login, None);
        assert!(form.server_error.unwrap().contains("ready"));
        assert_eq!(form.name_error.unwrap(), "Choose a name");
        let (_, form) = check("example.org", "a");
        assert!(form.server_error.unwrap().contains("example.org"));
        assert_eq!(form.name_error.unwrap(), "A username has 2 to 32 characters");
        let (_, form) = check("/ip4/127.0.0.1/tcp/1", "alice");
        assert!(form.server_error.unwrap().contains("/p2p/"));
        assert_eq!(form.name_error, None);
    }
}
