//! What a word being written may become, offered above the field.

use egui::{
    Align2, Area, CornerRadius, CursorIcon, EventFilter, Frame, Id, Key, Modifiers, Order, Pos2,
    Rect, Role, Sense, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use wire::name::{ConversationName, Username};

use crate::gui::{
    completion::{self, Choice, Offer},
    composer::text_id,
    editing, fonts,
    state::{Scene, UiState},
    text,
    theme::{self, radius, size, space},
    widgets::{avatar, centred, galley_centred},
};

/// Size of a choice, in points.
const ROW: Vec2 = vec2(280.0, 38.0);

/// What is offered.
#[derive(Debug, Default)]
pub(crate) struct Completing {
    offer: Option<Offer>,
    at: usize,
    /// Where the word begins for which the user wanted nothing.
    refused: Option<usize>,
}

/// Looks what the word at the cursor may become, and takes the keys that choose.
pub(crate) fn take_keys(ui: &Ui, scene: &Scene<'_>, name: &ConversationName, state: &mut UiState) {
    let text = state.writings.get(name).map_or("", |writing| &writing.text);
    let cursor = editing::cursor(ui, text_id(), text);
    let people = || people(scene, name);
    let offer = cursor.and_then(|cursor| completion::offer(text, cursor, &people()));
    let completing = &mut state.completing;
    let Some(offer) = offer else {
        *completing = Completing::default();
        return;
    };
    if completing.refused == Some(offer.range.start) {
        completing.offer = None;
        return;
    }
    if completing.offer.as_ref() != Some(&offer) {
        *completing = Completing { at: 0, refused: None, offer: Some(offer.clone()) };
    }
    let last = offer.choices.len() - 1;
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if pressed(Key::ArrowDown) {
        completing.at = if completing.at < last { completing.at + 1 } else { 0 };
    } else if pressed(Key::ArrowUp) {
        completing.at = completing.at.checked_sub(1).unwrap_or(last);
    } else if pressed(Key::Escape) {
        *completing = Completing { refused: Some(offer.range.start), ..Completing::default() };
        state.focus_composer = true;
    } else if pressed(Key::Tab) || !ui.input(|it| it.modifiers.shift) && pressed(Key::Enter) {
        let at = completing.at;
        choose(ui, name, state, at);
    }
}

/// Everybody who can be named.
fn people(scene: &Scene<'_>, name: &ConversationName) -> Vec<Username> {
    let members = scene.conversation(name).map(|it| it.members.iter());
    let mut people: Vec<_> = members.into_iter().flatten().map(|it| it.username.clone()).collect();
    people.sort_unstable();
    people
}

/// Whether the key that goes to the next control chooses instead.
pub(crate) fn is_open(state: &UiState) -> bool {
    state.completing.offer.is_some()
}

/// Keeps the keys that choose from moving the keyboard elsewhere.
pub(crate) fn hold_keys(ui: &Ui) {
    let filter =
        EventFilter { tab: true, horizontal_arrows: true, vertical_arrows: true, escape: true };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(text_id(), filter));
}

/// Draws what is offered, from a point upwards.
pub(crate) fn offer_ui(ui: &Ui, at: Pos2, name: &ConversationName, state: &mut UiState) {
    let Some(offer) = state.completing.offer.clone() else { return };
    let selected = state.completing.at;
    let area = Area::new(Id::unique("completing")).order(Order::Foreground);
    let shown = area.pivot(Align2::LEFT_BOTTOM).fixed_pos(at).show(ui.ctx(), |ui| {
        let frame = Frame::popup(ui.style()).inner_margin(egui::Margin::same(6));
        frame.show(ui, |ui| choices_ui(ui, &offer, selected)).inner
    });
    if let Some(at) = shown.inner {
        choose(ui, name, state, at);
    }
}

fn choices_ui(ui: &mut Ui, offer: &Offer, selected: usize) -> Option<usize> {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut clicked = None;
    for (index, choice) in offer.choices.iter().enumerate() {
        let (rect, response) = ui.allocate_exact_size(ROW, Sense::click());
        if index == selected || response.hovered() {
            let fill = if index == selected { palette.selected } else { palette.hover };
            ui.painter().rect_filled(rect, CornerRadius::same(radius::SMALL + 2), fill);
        }
        let sign = Rect::from_center_size(rect.left_center() + vec2(20.0, 0.0), Vec2::splat(26.0));
        let words = match choice {
            Choice::Emoji(emoji) => {
                let font = fonts::regular(20.0);
                centred(ui.painter(), sign, emoji.as_str(), font, palette.text);
                format!(":{}:", emoji.shortcode().unwrap_or_else(|| emoji.name()))
            }
            Choice::Person(name) => {
                avatar::paint(ui.painter(), sign, name.as_str());
                name.to_string()
            }
        };
        let left = sign.right() + space::S;
        let room = rect.right() - left - space::S;
        let line = text::one_line(ui, &words, room, fonts::regular(size::BODY), palette.text);
        galley_centred(ui.painter(), pos2(left, rect.center().y), line);
        let on = index == selected;
        response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, on, &words));
        if response.on_hover_cursor(CursorIcon::PointingHand).clicked() {
            clicked = Some(index);
        }
    }
    clicked
}

fn choose(ui: &Ui, name: &ConversationName, state: &mut UiState, at: usize) {
    let Some(offer) = state.completing.offer.take() else { return };
    let Some(choice) = offer.choices.get(at) else { return };
    let text = &mut state.writings.entry(name.clone()).or_default().text;
    editing::replace(ui, text_id(), text, (offer.range, &choice.insertion()));
    state.focus_composer = true;
}

/// Puts an emoji in place of its whole name, once that is written.
pub(crate) fn take_finished(ui: &Ui, text: &mut String) {
    let Some(cursor) = editing::cursor(ui, text_id(), text) else { return };
    if let Some((range, emoji)) = completion::finished(text, cursor) {
        editing::replace(ui, text_id(), text, (range, emoji.as_str()));
    }
}
