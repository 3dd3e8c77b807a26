//! Where messages are written.

use std::sync::Arc;

use egui::{
    Align, CornerRadius, Event, Frame, Id, Key, Layout, Margin, Rect, ScrollArea, Sense, Stroke,
    TextEdit, Ui, UiBuilder, Vec2, pos2, vec2,
};
use lucide_icons::Icon;
use wire::name::ConversationName;

use super::{
    editing, fonts, format,
    images::{ImageKey, ImageSource, Picture},
    state::{Errand, Purpose, Scene, UiState, Wish},
    text,
    theme::{self, radius, size, space},
    views::{banner, chat::COLUMN, completing, message_menu, picker, sidebar},
    widgets::{attachment, button, centred},
    writing::{PendingFile, Writing},
};
use crate::core::{
    command::{Command, FileSource},
    model::{Body, MessageView},
};

/// Tallest text before it scrolls, in points.
const TEXT_MAX: f32 = 168.0;
/// Seconds between tellings that the user writes.
const TYPING_SECONDS: f64 = 4.0;
/// Height of the line above the field, in points.
const TYPING_LINE: f32 = 26.0;

/// The text field's id.
pub(crate) fn text_id() -> Id {
    Id::unique("composer-text")
}

/// Draws the field with what goes with the text.
pub(crate) fn composer_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    name: &ConversationName,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) {
    let palette = theme::palette(ui);
    typing_ui(ui, scene, name);
    if state.dialog.is_none() && state.lightbox.is_none() {
        completing::take_keys(ui, scene, name, state);
    }
    take_paste(ui, name, state);
    let stroke = Stroke::new(1.0, palette.hairline);
    let frame = Frame::new()
        .fill(palette.panel)
        .stroke(stroke)
        .corner_radius(CornerRadius::same(24))
        .inner_margin(Margin::symmetric(5, 4));
    ui.vertical_centered(|ui| {
        ui.set_max_width(ui.available_width().min(COLUMN - 2.0 * space::M));
        frame.show(ui, |ui| {
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = space::XS;
                banner::banner_ui(ui, name, state);
                files_ui(ui, name, state);
                line_ui(ui, name, state, out);
            });
        });
    });
}

fn typing_ui(ui: &mut Ui, scene: &Scene<'_>, name: &ConversationName) {
    let palette = theme::palette(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), TYPING_LINE), Sense::hover());
    let Some(mut words) = scene.conversation(name).and_then(sidebar::typing) else { return };
    if let ConversationName::Direct(name) = name {
        words = format!("{name} is {words}");
    }
    let left = rect.center().x - rect.width().min(COLUMN) / 2.0 + space::L;
    let galley =
        text::one_line(ui, &words, rect.width(), fonts::medium(size::META + 0.5), palette.accent);
    ui.painter().galley(pos2(left, rect.top() + 5.0), galley, palette.accent);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &words));
}

fn files_ui(ui: &mut Ui, name: &ConversationName, state: &mut UiState) {
    let files = state.writing(name).files.clone();
    if files.is_empty() {
        return;
    }
    let mut removed = None;
    ScrollArea::horizontal().id_salt("files").show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.add_space(space::S);
            for (index, file) in files.iter().enumerate() {
                if file_ui(ui, index, file, state) {
                    removed = Some(index);
                }
            }
        });
    });
    if let Some(index) = removed {
        state.writing(name).files.remove(index);
    }
}

/// Draws a file that waits to be sent, and tells whether it is taken back.
fn file_ui(ui: &mut Ui, index: usize, file: &PendingFile, state: &mut UiState) -> bool {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(208.0, 56.0), Sense::hover());
    let corner = CornerRadius::same(radius::CONTROL + 2);
    ui.painter().rect_filled(rect, corner, palette.field);
    let tile = Rect::from_min_size(rect.min + vec2(7.0, 7.0), Vec2::splat(42.0));
    let corner = CornerRadius::same(radius::CONTROL - 2);
    ui.painter().rect_filled(tile, corner, palette.pressed);
    match thumbnail(file, state) {
        Some(texture) => attachment::paint_cover(ui.painter(), tile, &texture, corner),
        None => centred(
            ui.painter(),
            tile,
            &fonts::glyph(Icon::FileText),
            fonts::icons(20.0),
            palette.text_weak,
        ),
    }
    let left = tile.right() + 10.0;
    let room = rect.right() - left - 32.0;
    let name = text::one_line(ui, &file.name, room, fonts::medium(size::SMALL), palette.text);
    ui.painter().galley(pos2(left, rect.top() + 11.0), name, palette.text);
    let bytes = text::one_line(
        ui,
        &format::bytes(file.size),
        room,
        fonts::regular(size::META),
        palette.text_weak,
    );
    ui.painter().galley(pos2(left, rect.top() + 30.0), bytes, palette.text);
    let close =
        Rect::from_center_size(pos2(rect.right() - 18.0, rect.center().y), Vec2::splat(26.0));
    let response = ui.interact(close, ui.scope_id().with(("remove", index)), Sense::click());
    button::icon_in(ui, close, &response, (Icon::X, palette.text_weak));
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Remove {}", file.name))
    });
    response.clicked()
}

fn thumbnail(file: &PendingFile, state: &mut UiState) -> Option<egui::TextureHandle> {
    let extension = file.name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    if !["png", "jpg", "jpeg", "webp", "gif"].contains(&extension.as_str()) {
        return None;
    }
    let (key, source) = match &file.source {
        FileSource::Path(path) => (Id::unique(("pending", path)), ImageSource::File(path.clone())),
        FileSource::Bytes { bytes, .. } => {
            (Id::unique(("pending", bytes.as_ptr().addr())), ImageSource::Bytes(Arc::clone(bytes)))
        }
    };
    match state.images.get(ImageKey::Pending(key.value()), || source) {
        Picture::Ready(texture) => Some(texture),
        Picture::Coming | Picture::Broken => None,
    }
}

/// The text with its buttons.
fn line_ui(ui: &mut Ui, name: &ConversationName, state: &mut UiState, out: &mut Vec<Wish>) {
    let width = ui.available_width();
    let text_width = width - 3.0 * button::SIDE - 2.0 * space::S;
    let font = fonts::regular(size::BODY + 0.5);
    let text = state.writing(name).text.clone();
    let measured = ui.fonts_mut(|fonts| {
        fonts.layout(text, font.clone(), egui::Color32::PLACEHOLDER, text_width - 4.0).size().y
    });
    let height = (measured.min(TEXT_MAX) + 18.0).max(button::SIDE);
    let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    take_up(ui, name, state);
    let send = take_enter(ui, name, state);
    let bottom = rect.bottom() - button::SIDE;
    let mut left = ui.new_child(
        UiBuilder::new()
            .max_rect(Rect::from_min_size(pos2(rect.left(), bottom), Vec2::splat(button::SIDE))),
    );
    let editing = state.writing(name).edit.is_some();
    if !editing && button::icon(&mut left, Icon::Paperclip, "Attach files").clicked() {
        state.errands.push(Errand::ChooseFiles(name.clone()));
    }
    let field = Rect::from_min_size(
        pos2(rect.left() + button::SIDE + space::XS, rect.top()),
        vec2(text_width, height),
    );
    text_ui(ui, field, font, (name, state), out);
    let buttons = Rect::from_min_max(pos2(field.right() + space::XS, bottom), rect.max);
    let layout = Layout::left_to_right(Align::Center);
    let mut right = ui.new_child(UiBuilder::new().max_rect(buttons).layout(layout));
    right.spacing_mut().item_spacing.x = space::XS;
    let smile = button::icon(&mut right, Icon::Smile, "Emoji");
    if let Some(emoji) = picker::picker_ui(&smile, &mut state.picker) {
        editing::insert(ui, text_id(), &mut state.writing(name).text, emoji);
    }
    let sendable = state.writing(name).is_sendable();
    let (icon, label) =
        if editing { (Icon::Check, "Save") } else { (Icon::SendHorizontal, "Send") };
    let clicked = button::round(&mut right, icon, label, sendable).clicked();
    if !(clicked || send) || !sendable {
        return;
    }
    if editing {
        save(ui, name, state, out);
    } else {
        send_all(name, state, out);
    }
}

fn text_ui(
    ui: &mut Ui,
    rect: Rect,
    font: egui::FontId,
    (name, state): (&ConversationName, &mut UiState),
    out: &mut Vec<Wish>,
) {
    let palette = theme::palette(ui);
    let now = ui.input(|input| input.time);
    let focus = std::mem::take(&mut state.focus_composer);
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt("text"));
    let choosing = completing::is_open(state);
    let text = &mut state.writings.entry(name.clone()).or_default().text;
    editing::take_keys(&child, text_id(), text);
    let hint = format!("Message {name}");
    let response = ScrollArea::vertical()
        .max_height(rect.height())
        .show(&mut child, |ui| {
            let edit = TextEdit::multiline(text)
                .id(text_id())
                .font(font)
                .hint_text(egui::RichText::new(&hint).color(palette.text_faint))
                .desired_rows(1)
                .desired_width(rect.width())
                .frame(Frame::new().inner_margin(Margin { left: 2, right: 2, top: 9, bottom: 9 }))
                .lock_focus(choosing)
                .return_key(egui::KeyboardShortcut::new(egui::Modifiers::SHIFT, Key::Enter));
            ui.add(edit).accessible_name("Message")
        })
        .inner;
    if focus {
        response.request_focus();
    }
    if choosing {
        completing::hold_keys(ui);
    }
    if response.changed() {
        completing::take_finished(ui, text);
    }
    completing::offer_ui(ui, rect.left_top() - vec2(space::XS, space::S), name, state);
    let editing = state.writing(name).edit.is_some();
    let text = &state.writing(name).text;
    if response.changed()
        && !editing
        && !text.is_empty()
        && now - state.chat.typing_told > TYPING_SECONDS
    {
        state.chat.typing_told = now;
        out.push(Wish::quiet(Command::Typing { within: name.clone() }));
    }
}

/// Whether Enter was pressed in the text field, without Shift.
fn take_enter(ui: &Ui, name: &ConversationName, state: &mut UiState) -> bool {
    let focused = ui.memory(|memory| memory.has_focus(text_id()));
    let pressed = focused
        && ui.input_mut(|input| {
            !input.modifiers.shift && input.consume_key(egui::Modifiers::NONE, Key::Enter)
        });
    pressed && state.writing(name).is_sendable()
}

/// Begins to edit the last own message, if the arrow upwards was pressed where nothing is written.
fn take_up(ui: &Ui, name: &ConversationName, state: &mut UiState) {
    if *state.writing(name) != Writing::default() || !ui.memory(|it| it.has_focus(text_id())) {
        return;
    }
    let messages = state.chat.timeline.as_ref().map_or(&[][..], |timeline| &timeline.messages);
    let Some(last) = messages.iter().rev().find(|it| message_menu::is_editable(it)).cloned() else {
        return;
    };
    if ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::ArrowUp)) {
        edit(ui, (name, state), &last);
    }
}

/// Begins to edit a message.
pub(crate) fn edit(
    ui: &Ui,
    (name, state): (&ConversationName, &mut UiState),
    message: &MessageView,
) {
    let text = message_menu::text_of(message).unwrap_or_default().to_owned();
    let caption = matches!(message.body, Body::Attachment(_));
    editing::end(ui, text_id(), &text);
    state.writing(name).begin_editing(message.id, text, caption);
    state.focus_composer = true;
}

fn save(ui: &Ui, name: &ConversationName, state: &mut UiState, out: &mut Vec<Wish>) {
    let writing = state.writing(name);
    if let Some((command, failed)) = writing.finish_editing() {
        let purpose = Purpose::Edit(name.clone(), Box::new(failed));
        out.push(Wish { command, purpose });
    }
    editing::end(ui, text_id(), &state.writing(name).text);
    state.focus_composer = true;
}

fn send_all(name: &ConversationName, state: &mut UiState, out: &mut Vec<Wish>) {
    let writing: Writing = std::mem::take(state.writing(name));
    for (draft, back) in writing.into_messages() {
        out.push(Wish {
            command: Command::Send { to: name.clone(), draft },
            purpose: Purpose::Send(name.clone(), Box::new(back)),
        });
    }
    state.chat.unread_from = None;
    state.chat.stale = true;
    state.chat.typing_told = f64::NEG_INFINITY;
    state.chat.seeking = None;
    state.chat.list.go_to_end();
    state.focus_composer = true;
}

/// Takes pasted images and files out of the input before the text field sees it.
fn take_paste(ui: &Ui, name: &ConversationName, state: &mut UiState) {
    let elsewhere = ui.memory(|memory| memory.focused().is_some_and(|id| id != text_id()));
    if elsewhere || state.dialog.is_some() {
        return;
    }
    let errands = &mut state.errands;
    ui.input_mut(|input| {
        input.events.retain(|event| match event {
            Event::PasteImage(image) => {
                errands.push(Errand::AddImage(name.clone(), Arc::clone(image)));
                false
            }
            Event::Paste(text) if stands_for_files(text) => {
                errands.push(Errand::Paste(name.clone(), text.clone()));
                false
            }
            _ => true,
        });
    });
}

/// Whether each line of a text is the place of a file.
fn stands_for_files(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.is_empty()).peekable();
    lines.peek().is_some()
        && lines.all(|line| line.starts_with("file://") || std::path::Path::new(line).is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_files_are_told_from_text() {
        assert!(stands_for_files("file:///tmp/a.png\nfile:///tmp/b.png\n"));
        assert!(stands_for_files("/tmp/a b.png"));
        assert!(!stands_for_files("see /tmp/a.png"));
        assert!(!stands_for_files("/tmp/a.png\nand more"));
        assert!(!stands_for_files(""));
    }
}
