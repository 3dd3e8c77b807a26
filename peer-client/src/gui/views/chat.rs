//! The messages of a conversation.

use std::sync::Arc;

use egui::{
    CentralPanel, Color32, CornerRadius, CursorIcon, Frame, Margin, Panel, Pos2, Rect, Response,
    Role, Sense, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;
use wire::{id::EventId, name::ConversationName};

use super::{header, lightbox::Lightbox, marks};
use crate::{
    core::{
        command::Command,
        model::{Body, MessageView},
    },
    gui::{
        composer, fonts, format,
        grouping::{self, Place, Row, RowKey},
        images::Images,
        list::Rows,
        state::{Errand, Reply, Scene, UiState, Wish},
        theme::{self, space},
        widgets::{
            attachment::Use,
            avatar,
            bubble::{self, Wanted},
            button, centred,
        },
    },
};

/// Widest column of messages, in points.
pub(crate) const COLUMN: f32 = 880.0;
/// Side of a picture beside a message, in points.
const AVATAR: f32 = 34.0;
/// Above a message that begins a group, in points.
const GAP_FIRST: f32 = 10.0;
/// Above a message of the same group, in points.
const GAP_NEXT: f32 = 3.0;
/// Height of a day and of the unread line, in points.
const DIVIDER: f32 = 44.0;
/// So near to the beginning older messages are asked for, in points.
const NEAR_START: f64 = 900.0;
/// Seconds that a message which was jumped to is marked.
const MARK_SECONDS: f64 = 1.6;

/// Draws the conversation in view.
pub(crate) fn chat_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    name: &ConversationName,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) {
    let palette = theme::palette(ui);
    refresh(scene, name, state);
    let bar = Frame::new().fill(palette.panel).inner_margin(Margin::symmetric(space::L as i8, 0));
    let top = Panel::top("header").frame(bar).exact_size(theme::BAR).show_separator_line(false);
    let top = top.show(ui, |ui| header::header_ui(ui, scene, name, state, out)).response;
    header::underline(ui, top.rect);
    let frame = Frame::new().fill(palette.canvas).inner_margin(Margin {
        left: 12,
        right: 12,
        top: 0,
        bottom: 12,
    });
    Panel::bottom("composer").frame(frame).show_separator_line(false).show(ui, |ui| {
        composer::composer_ui(ui, scene, name, state, out);
    });
    let frame = Frame::new().fill(palette.canvas);
    CentralPanel::default().frame(frame).show(ui, |ui| {
        messages_ui(ui, scene, name, state, out);
    });
}

/// Makes the rows anew if the timeline changed.
fn refresh(scene: &Scene<'_>, name: &ConversationName, state: &mut UiState) {
    let chat = &mut state.chat;
    let timeline = scene.model.timelines.get(name);
    let unchanged = match (&chat.timeline, timeline) {
        (Some(old), Some(new)) => Arc::ptr_eq(old, new),
        (None, None) => true,
        _ => false,
    };
    if unchanged && !chat.stale {
        return;
    }
    let messages = timeline.map_or(&[][..], |timeline| &timeline.messages);
    let unread = scene.conversation(name).map_or(0, |conversation| conversation.unread);
    let opening = chat.list.rows().is_empty();
    let seen = scene.focused && chat.list.at_end && !opening;
    if chat.unread_from.is_none() && unread > 0 && !seen {
        chat.unread_from = grouping::first_unread(messages, unread);
    }
    chat.list.replace(grouping::rows(messages, chat.unread_from, scene.zone));
    if opening && chat.unread_from.is_some() {
        chat.list.go_to_row(RowKey::Unread, 96.0);
    }
    chat.timeline = timeline.cloned();
    chat.stale = false;
}

fn messages_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    name: &ConversationName,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) {
    let view = ui.max_rect();
    if state.chat.list.rows().is_empty() {
        marks::empty_ui(ui, scene, name, view);
        return;
    }
    let now = ui.input(|input| input.time);
    let marked = state.chat.marked.filter(|(_, until)| *until > now);
    if let Some((_, until)) = marked {
        ui.ctx().request_repaint_after_secs((until - now) as f32);
    }
    let mut rows = ChatRows {
        scene,
        images: &mut state.images,
        marked: marked.map(|(id, _)| id),
        grouped: matches!(name, ConversationName::Group(_)),
        actions: Vec::new(),
    };
    state.chat.list.show(ui, &mut rows);
    let actions = rows.actions;
    for action in actions {
        apply(ui, action, name, state, out);
    }
    if !state.chat.list.at_end {
        let unread = scene.conversation(name).map_or(0, |conversation| conversation.unread);
        if marks::jump_ui(ui, view, unread) {
            state.chat.list.go_to_end();
            ui.ctx().request_repaint();
        }
    }
    tell_position(scene, name, state, out);
}

/// Tells the core what was seen and what more is wanted.
fn tell_position(
    scene: &Scene<'_>,
    name: &ConversationName,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) {
    let chat = &mut state.chat;
    let Some(timeline) = &chat.timeline else { return };
    let newest = timeline.messages.last().map(|message| message.id);
    let unread = scene.conversation(name).is_some_and(|conversation| conversation.unread > 0);
    if scene.focused && chat.list.at_end && unread && chat.read_told != newest {
        chat.read_told = newest;
        out.push(Wish::quiet(Command::Read { of: name.clone() }));
    }
    let oldest = timeline.messages.first().map(|message| message.id);
    if timeline.more_before && chat.list.from_start < NEAR_START && chat.older_asked != oldest {
        chat.older_asked = oldest;
        out.push(Wish::quiet(Command::Older { conversation: name.clone() }));
    }
}

/// What the user wants of a message.
enum Action {
    Reply(Arc<MessageView>),
    Jump(EventId),
    Fetch(EventId),
    Enlarge(Arc<MessageView>),
    Save(Arc<MessageView>),
}

fn apply(
    ui: &Ui,
    action: Action,
    name: &ConversationName,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) {
    match action {
        Action::Reply(message) => {
            state.writing(name).reply = Some(reply_to(&message));
            state.focus_composer = true;
        }
        Action::Jump(id) => {
            let now = ui.input(|input| input.time);
            if state.chat.list.go_to_row(RowKey::Message(id), 120.0) {
                state.chat.marked = Some((id, now + MARK_SECONDS));
            } else {
                state.tell("The quoted message is further back", false, now);
            }
            ui.ctx().request_repaint();
        }
        Action::Fetch(message) => {
            out.push(Wish::tell(Command::Fetch { message, save_to: None }));
        }
        Action::Enlarge(message) => state.lightbox = Lightbox::of(&message),
        Action::Save(message) => {
            if let Body::Attachment(file) = &message.body {
                let name = crate::media::safe_file_name(&file.name);
                state.errands.push(Errand::SaveAs(message.id, name));
            }
        }
    }
}

fn reply_to(message: &MessageView) -> Reply {
    let excerpt = match &message.body {
        Body::Text(text) => text.clone(),
        Body::Attachment(file) => file.caption.clone().unwrap_or_else(|| file.name.clone()),
        Body::Erased | Body::Unsupported => "Message".to_owned(),
    };
    let excerpt = excerpt.chars().take(200).collect();
    Reply { id: message.id, author: message.from.to_string(), excerpt }
}

/// Measures and draws the rows of a conversation.
struct ChatRows<'a> {
    scene: &'a Scene<'a>,
    images: &'a mut Images,
    marked: Option<EventId>,
    grouped: bool,
    actions: Vec<Action>,
}

impl ChatRows<'_> {
    /// Left and right end of the column within a view.
    fn column(view: Rect) -> (f32, f32) {
        let width = view.width().min(COLUMN) - 2.0 * space::L;
        (view.center().x - width / 2.0, view.center().x + width / 2.0)
    }

    fn bubble_width(&self, column: f32) -> f32 {
        let avatar = if self.grouped { AVATAR + space::S } else { 0.0 };
        ((column - avatar) * 0.82).min(theme::BUBBLE_MAX)
    }

    fn message_ui(&mut self, ui: &mut Ui, message: &Arc<MessageView>, place: Place) {
        let row = ui.max_rect();
        let (left, right) = Self::column(row);
        let laid = bubble::layout(ui, self.scene, message, place, self.bubble_width(right - left));
        let top = row.top() + if place.first { GAP_FIRST } else { GAP_NEXT };
        let indent = if self.grouped { AVATAR + space::S } else { 0.0 };
        let x = if message.own { right - laid.size.x } else { left + indent };
        let rect = Rect::from_min_size(pos2(x, top), laid.size);
        if self.marked == Some(message.id) {
            let accent = theme::palette(ui).accent.gamma_multiply(0.16);
            let line = Rect::from_x_y_ranges(row.x_range(), row.y_range());
            ui.painter().rect_filled(line, CornerRadius::ZERO, accent);
        }
        if self.grouped && !message.own && place.last {
            let at = pos2(left, rect.bottom() - AVATAR);
            let picture = Rect::from_min_size(at, Vec2::splat(AVATAR));
            avatar::paint(ui.painter(), picture, message.from.as_str());
        }
        let (response, wanted) = laid.show(ui, rect, (message, place), (self.scene, self.images));
        match wanted {
            Some(Wanted::Quoted) => {
                self.actions.extend(message.reply_to.as_ref().map(|quote| Action::Jump(quote.id)));
            }
            Some(Wanted::File(Use::Fetch)) => self.actions.push(Action::Fetch(message.id)),
            Some(Wanted::File(Use::Enlarge)) => {
                self.actions.push(Action::Enlarge(Arc::clone(message)));
            }
            Some(Wanted::File(Use::Save)) => self.actions.push(Action::Save(Arc::clone(message))),
            None => {}
        }
        self.context_menu(&response, message);
        if ui.rect_contains_pointer(row) {
            self.reply_button(ui, rect, message);
        }
    }

    fn context_menu(&mut self, response: &Response, message: &Arc<MessageView>) {
        response.context_menu(|ui| {
            if button::menu(ui, Icon::Reply, "Reply") {
                self.actions.push(Action::Reply(Arc::clone(message)));
            }
            let text = match &message.body {
                Body::Text(text) => Some(text),
                Body::Attachment(file) => file.caption.as_ref(),
                Body::Erased | Body::Unsupported => None,
            };
            if let Some(text) = text
                && button::menu(ui, Icon::Copy, "Copy text")
            {
                ui.copy_text(text.clone());
            }
            if matches!(message.body, Body::Attachment(_))
                && button::menu(ui, Icon::Download, "Save file as…")
            {
                self.actions.push(Action::Save(Arc::clone(message)));
            }
        });
    }

    /// The button beside a message that is pointed at.
    fn reply_button(&mut self, ui: &Ui, bubble: Rect, message: &Arc<MessageView>) {
        let palette = theme::palette(ui);
        let x = if message.own { bubble.left() - 24.0 } else { bubble.right() + 24.0 };
        let rect = Rect::from_center_size(pos2(x, bubble.center().y), Vec2::splat(30.0));
        let response = ui.interact(rect, ui.scope_id().with("reply"), Sense::click());
        let ink = if response.hovered() { palette.text } else { palette.text_weak };
        let fill = if response.hovered() { palette.pill } else { Color32::TRANSPARENT };
        ui.painter().circle_filled(rect.center(), 15.0, fill);
        centred(ui.painter(), rect, &fonts::glyph(Icon::Reply), fonts::icons(17.0), ink);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Reply to this message"));
        if response.on_hover_cursor(CursorIcon::PointingHand).clicked() {
            self.actions.push(Action::Reply(Arc::clone(message)));
        }
    }
}

impl Rows for ChatRows<'_> {
    fn measure(&mut self, ui: &Ui, row: &Row, width: f32) -> f32 {
        match row {
            Row::Day(_) | Row::Unread => DIVIDER,
            Row::Message { message, place } => {
                let view = Rect::from_min_size(Pos2::ZERO, vec2(width, 0.0));
                let (left, right) = Self::column(view);
                let width = self.bubble_width(right - left);
                let laid = bubble::layout(ui, self.scene, message, *place, width);
                laid.size.y + if place.first { GAP_FIRST } else { GAP_NEXT }
            }
        }
    }

    fn show(&mut self, ui: &mut Ui, row: &Row) {
        match row {
            Row::Day(day) => {
                let today = format::day_of(self.scene.local_now());
                marks::day_ui(ui, &format::day(*day, today));
            }
            Row::Unread => marks::unread_ui(ui, Self::column(ui.max_rect())),
            Row::Message { message, place } => {
                let full = ui.max_rect();
                let mut child = ui.new_child(UiBuilder::new().max_rect(full).id_salt("message"));
                self.message_ui(&mut child, message, *place);
            }
        }
    }
}
