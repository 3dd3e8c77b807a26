//! Of whom the user wants to hear: requests of strangers, blocked people, muted conversations.

use egui::{Align, Frame, Label, Layout, Margin, Panel, RichText, Sense, Ui, vec2};
use lucide_icons::Icon;
use wire::name::{ConversationName, Username};

use crate::{
    core::{command::Command, model::ConversationView},
    gui::{
        fonts,
        state::{Scene, UiState, Wish},
        theme::{self, size, space},
        views::header,
        widgets::button::{self, Kind},
    },
};

/// Below this width the buttons stand below the words.
const STACKED: f32 = 460.0;

/// Draws what there is to decide about a conversation, if anything.
pub(crate) fn consent_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    name: &ConversationName,
    out: &mut Vec<Wish>,
) {
    let (Some(conversation), ConversationName::Direct(peer)) = (scene.conversation(name), name)
    else {
        return;
    };
    if !conversation.blocked && !conversation.request {
        return;
    }
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.panel)
        .inner_margin(Margin::symmetric(space::L as i8, space::S as i8));
    let panel = Panel::top("consent").frame(frame).show_separator_line(false);
    let shown = panel.show(ui, |ui| {
        let (icon, words) = if conversation.blocked {
            (Icon::Ban, format!("You have blocked {peer}"))
        } else {
            (Icon::UserPlus, format!("{peer} is not in your contacts"))
        };
        if ui.available_width() < STACKED {
            ui.horizontal(|ui| words_ui(ui, icon, &words));
            ui.horizontal(|ui| buttons_ui(ui, peer, conversation.blocked, out));
            return;
        }
        let room = vec2(ui.available_width(), 38.0);
        ui.allocate_ui_with_layout(room, Layout::right_to_left(Align::Center), |ui| {
            buttons_ui(ui, peer, conversation.blocked, out);
            let rest = ui.available_size();
            ui.allocate_ui_with_layout(rest, Layout::left_to_right(Align::Center), |ui| {
                words_ui(ui, icon, &words);
            });
        });
    });
    header::underline(ui, shown.response.rect);
}

fn words_ui(ui: &mut Ui, icon: Icon, words: &str) {
    let palette = theme::palette(ui);
    let icon = RichText::new(fonts::glyph(icon)).font(fonts::icons(18.0));
    ui.label(icon.color(palette.text_weak));
    let words = RichText::new(words).font(fonts::medium(size::BODY)).color(palette.text);
    ui.add(Label::new(words).truncate());
}

/// The buttons in the order of the layout that they are in: what one most likely wants first.
fn buttons_ui(ui: &mut Ui, peer: &Username, blocked: bool, out: &mut Vec<Wish>) {
    let block = |on| Wish::tell(Command::Block { peer: peer.clone(), on });
    if blocked {
        if button::small(ui, "Unblock", Kind::Plain).clicked() {
            out.push(block(false));
        }
        return;
    }
    if button::small(ui, "Accept", Kind::Primary).clicked() {
        out.push(Wish::tell(Command::Accept { peer: peer.clone() }));
    }
    if button::small(ui, "Block", Kind::Danger).clicked() {
        out.push(block(true));
    }
}

/// What stands in place of the field where messages are written, for somebody who is blocked.
pub(crate) fn closed_ui(ui: &mut Ui, name: &ConversationName) {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 48.0), Sense::hover());
    let words = format!("Unblock {name} to write");
    let font = fonts::regular(size::BODY);
    crate::gui::widgets::centred(ui.painter(), rect, &words, font, palette.text_faint);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &words));
}

/// Lines of a conversation's menu.
pub(crate) fn items_ui(
    ui: &mut Ui,
    conversation: &ConversationView,
    (state, out): (&mut UiState, &mut Vec<Wish>),
) {
    let name = &conversation.name;
    let pinned = state.preferences.is_pinned(name);
    let (icon, label) = if pinned { (Icon::PinOff, "Unpin") } else { (Icon::Pin, "Pin") };
    if button::menu(ui, icon, label) {
        state.preferences.pin(name, !pinned);
    }
    let (icon, label) =
        if conversation.muted { (Icon::Bell, "Unmute") } else { (Icon::BellOff, "Mute") };
    if button::menu(ui, icon, label) {
        let command = Command::Mute { conversation: name.clone(), on: !conversation.muted };
        out.push(Wish::tell(command));
    }
    let ConversationName::Direct(peer) = name else { return };
    let block = |on| Wish::tell(Command::Block { peer: peer.clone(), on });
    if conversation.blocked {
        if button::menu(ui, Icon::CircleCheck, "Unblock") {
            out.push(block(false));
        }
    } else if button::menu_danger(ui, Icon::Ban, "Block") {
        out.push(block(true));
    }
}
