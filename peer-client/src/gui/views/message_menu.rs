//! What can be done about a message: its menu, the buttons beside it, and the choice of an emoji
//! to react with.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, CursorIcon, Id, InputState, Key, LayerId, Popup, PopupCloseBehavior,
    Rect, RectAlign, Response, Role, Sense, SetOpenCommand, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;
use wire::id::EventId;

use super::{
    chat::Action,
    picker::{self, Picker},
};
use crate::{
    core::model::{Body, MessageView},
    gui::{
        fonts,
        theme::{self, radius, space},
        widgets::{button, centred},
    },
};

/// Emoji that are offered at once.
const QUICK: [(&str, &str); 6] = [
    ("👍", "thumbs up"),
    ("❤️", "red heart"),
    ("😂", "face with tears of joy"),
    ("😮", "face with open mouth"),
    ("😢", "crying face"),
    ("🙏", "folded hands"),
];
/// Side of a button beside a message, in points.
const BESIDE: f32 = 30.0;

/// Where an emoji is being chosen to react with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reacting {
    /// The message.
    pub(crate) message: EventId,
    /// Beside this.
    pub(crate) at: Rect,
    /// Among all emoji, not only the few that are offered at once.
    pub(crate) all: bool,
}

/// The text of a message that can be copied and edited.
pub(crate) fn text_of(message: &MessageView) -> Option<&str> {
    match &message.body {
        Body::Text(text) => Some(text),
        Body::Attachment(file) => file.caption.as_deref(),
        Body::Erased | Body::Unsupported => None,
    }
}

/// Whether the user can give a message another text.
pub(crate) fn is_editable(message: &MessageView) -> bool {
    message.own && matches!(message.body, Body::Text(_) | Body::Attachment(_))
}

/// The menu of a message.
pub(crate) fn menu_ui(
    response: &Response,
    message: &Arc<MessageView>,
    writable: bool,
    actions: &mut Vec<Action>,
) {
    let bare = matches!(message.body, Body::Unsupported) && !writable;
    if message.body == Body::Erased || bare {
        return;
    }
    popup(response).show(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        if writable {
            actions.extend(quick_ui(ui, button::MENU, message));
            rule_ui(ui);
            if button::menu(ui, Icon::Reply, "Reply") {
                actions.push(Action::Reply(Arc::clone(message)));
            }
        }
        if let Some(text) = text_of(message)
            && button::menu(ui, Icon::Copy, "Copy text")
        {
            ui.copy_text(text.to_owned());
        }
        if matches!(message.body, Body::Attachment(_))
            && button::menu(ui, Icon::Download, "Save file as…")
        {
            actions.push(Action::Save(Arc::clone(message)));
        }
        if button::menu(ui, Icon::Info, "Details") {
            actions.push(Action::Details(message.id));
        }
        if !writable || !message.own {
            return;
        }
        let edit = if text_of(message).is_some() { "Edit" } else { "Add a caption" };
        if is_editable(message) && button::menu(ui, Icon::Pencil, edit) {
            actions.push(Action::Edit(Arc::clone(message)));
        }
        if button::menu_danger(ui, Icon::Trash2, "Erase…") {
            actions.push(Action::Erase(message.id));
        }
    });
}

/// Opens by the second button at the pointer, or by the keyboard beside the message.
fn popup(response: &Response) -> Popup<'_> {
    let context = &response.ctx;
    let id = response.id.with("by keys");
    let keys = |input: &InputState| input.key_pressed(Key::Enter) || input.key_pressed(Key::Space);
    let pressed = response.has_focus() && context.input(keys);
    // Also on its image and its quote, which have first clicks of their own.
    let opens = pressed || response.container_secondary_clicked();
    if opens {
        context.data_mut(|data| data.insert_temp(id, pressed));
    }
    let command = if opens {
        Some(SetOpenCommand::Bool(true))
    } else {
        response.clicked().then_some(SetOpenCommand::Bool(false))
    };
    let menu = Popup::menu(response).open_memory(command);
    let by_keys = context.data(|data| data.get_temp(id)).unwrap_or(false);
    if by_keys { menu } else { menu.at_pointer_fixed() }
}

/// The buttons beside a message that is pointed at.
pub(crate) fn buttons_ui(
    ui: &Ui,
    bubble: Rect,
    message: &Arc<MessageView>,
    actions: &mut Vec<Action>,
) {
    if message.body == Body::Erased {
        return;
    }
    let outwards = if message.own { -1.0 } else { 1.0 };
    let edge = if message.own { bubble.left() } else { bubble.right() };
    let at = |step: f32| {
        let x = edge + outwards * (space::S + BESIDE / 2.0 + step * (BESIDE + 2.0));
        Rect::from_center_size(pos2(x, bubble.center().y), Vec2::splat(BESIDE))
    };
    if beside(ui, at(0.0), Icon::SmilePlus, "React to this message") {
        let reacting = Reacting { message: message.id, at: at(0.0), all: false };
        actions.push(Action::Choose(reacting));
    }
    if beside(ui, at(1.0), Icon::Reply, "Reply to this message") {
        actions.push(Action::Reply(Arc::clone(message)));
    }
}

fn beside(ui: &Ui, rect: Rect, icon: Icon, label: &str) -> bool {
    let palette = theme::palette(ui);
    let response = ui.interact(rect, ui.scope_id().with(label), Sense::click());
    let ink = if response.hovered() { palette.text } else { palette.text_weak };
    let fill = if response.hovered() { palette.pill } else { Color32::TRANSPARENT };
    ui.painter().circle_filled(rect.center(), BESIDE / 2.0, fill);
    centred(ui.painter(), rect, &fonts::glyph(icon), fonts::icons(17.0), ink);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label));
    response.on_hover_cursor(CursorIcon::PointingHand).clicked()
}

/// Lets the user choose an emoji for a message.
pub(crate) fn choice_ui(
    ui: &Ui,
    reacting: Reacting,
    message: &Arc<MessageView>,
    picker: &mut Picker,
) -> (bool, Option<Action>) {
    let mut open = true;
    // One of the two has other sizes than the other, which pop-ups remember.
    let id = Id::unique(("reacting", reacting.all));
    let layer = LayerId::background();
    let popup = Popup::new(id, ui.ctx().clone(), reacting.at, layer)
        .align(RectAlign::TOP)
        .gap(space::XS)
        .open_bool(&mut open)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let chosen = if reacting.all {
        popup.width(picker::WIDTH).show(|ui| {
            let emoji = picker::content_ui(ui, picker)?;
            Some(Action::React(Arc::clone(message), emoji.to_owned()))
        })
    } else {
        popup.show(|ui| quick_ui(ui, 7.0 * 40.0, message))
    };
    let chosen = chosen.and_then(|shown| shown.inner);
    (open && !matches!(chosen, Some(Action::React(..))), chosen)
}

/// A row of a few emoji, and the way to all others.
fn quick_ui(ui: &mut Ui, width: f32, message: &Arc<MessageView>) -> Option<Action> {
    let cell = width / 7.0;
    let (rect, _) = ui.allocate_exact_size(vec2(width, cell.max(34.0)), Sense::hover());
    let place = |index: usize| {
        let min = pos2(rect.left() + index as f32 * cell, rect.top());
        Rect::from_min_size(min, vec2(cell, rect.height()))
    };
    let mut chosen = None;
    for (index, (emoji, name)) in QUICK.into_iter().enumerate() {
        let on = message.reactions.iter().any(|reaction| reaction.own && reaction.emoji == emoji);
        if cell_ui(ui, place(index), (emoji, name), on) {
            chosen = Some(Action::React(Arc::clone(message), emoji.to_owned()));
        }
    }
    if cell_ui(ui, place(QUICK.len()), ("", "More emoji"), false) {
        let reacting = Reacting { message: message.id, at: rect, all: true };
        chosen = Some(Action::Choose(reacting));
    }
    if chosen.is_some() {
        ui.close();
    }
    chosen
}

/// A place of the row; without an emoji it has a plus.
fn cell_ui(ui: &Ui, rect: Rect, (emoji, name): (&str, &str), on: bool) -> bool {
    let palette = theme::palette(ui);
    let response = ui.interact(rect, ui.scope_id().with(("quick", name)), Sense::click());
    let side = rect.width().min(rect.height());
    let ground = Rect::from_center_size(rect.center(), Vec2::splat(side - 2.0));
    let fill = match (response.hovered(), on) {
        (true, _) => palette.pressed,
        (false, true) => palette.selected,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(ground, CornerRadius::same(radius::CONTROL), fill);
    button::focus_ring(ui, ground, &response, radius::CONTROL);
    if emoji.is_empty() {
        let plus = fonts::glyph(Icon::Plus);
        centred(ui.painter(), rect, &plus, fonts::icons(19.0), palette.text_weak);
    } else {
        centred(ui.painter(), rect, emoji, fonts::regular(side * 0.6), palette.text);
    }
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, on, name));
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(name).clicked()
}

fn rule_ui(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(button::MENU, 9.0), Sense::hover());
    let stroke = egui::Stroke::new(1.0, theme::palette(ui).hairline);
    ui.painter().hline(rect.x_range(), rect.center().y, stroke);
}
