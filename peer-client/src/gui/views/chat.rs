//! The messages of a conversation.

use std::sync::Arc;

use egui::{CentralPanel, Frame, Margin, OpenUrl, Panel, Ui};
use wire::{id::EventId, name::ConversationName};

use super::{
    beside, consent, find, header,
    lightbox::Lightbox,
    marks,
    message_menu::{self, Reacting},
    messages::ChatRows,
    verify,
};
use crate::{
    core::{
        command::Command,
        model::{Body, MessageView},
    },
    gui::{
        composer,
        grouping::{self, RowKey},
        links,
        pages::{Address, Details, Dialog},
        state::{Errand, Purpose, Scene, Seek, UiState, Wish},
        text::Target,
        theme::{self, space},
        writing::Reply,
    },
};

/// Widest column of messages, in points.
pub(crate) const COLUMN: f32 = 880.0;
/// So near to the beginning older messages are asked for, in points.
const NEAR_START: f64 = 900.0;
/// Seconds that a message which was jumped to is marked.
const MARK_SECONDS: f64 = 2.0;

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
    beside::beside_ui(ui, scene, (state, out));
    find::take_keys(ui, state);
    let bar = Frame::new().fill(palette.panel).inner_margin(Margin::symmetric(space::L as i8, 0));
    let top = Panel::top("header").frame(bar).exact_size(theme::BAR).show_separator_line(false);
    let top = top.show(ui, |ui| header::header_ui(ui, scene, name, state, out)).response;
    header::underline(ui, top.rect);
    if let Some(conversation) = scene.conversation(name) {
        header::progress_ui(ui, top.rect, conversation.complete);
    }
    let frame = Frame::new().fill(palette.canvas).inner_margin(Margin {
        left: 12,
        right: 12,
        top: 0,
        bottom: 12,
    });
    find::find_ui(ui, name, state, out);
    consent::consent_ui(ui, scene, name, out);
    verify::warning_ui(ui, scene, name, state);
    seek(ui, name, state, out);
    Panel::bottom("composer").frame(frame).show_separator_line(false).show(ui, |ui| {
        if scene.is_blocked(name) {
            consent::closed_ui(ui, name);
        } else {
            composer::composer_ui(ui, scene, name, state, out);
        }
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

/// Goes to the message that is to be shown, or loads older ones until it is there.
fn seek(ui: &Ui, name: &ConversationName, state: &mut UiState, out: &mut Vec<Wish>) {
    let now = ui.input(|input| input.time);
    let (Some(seek), Some(timeline)) = (state.chat.seeking, &state.chat.timeline) else { return };
    if state.chat.list.go_to_row(RowKey::Message(seek.message), 120.0) {
        state.chat.marked = Some((seek.message, now + MARK_SECONDS));
        state.chat.seeking = None;
        return;
    }
    let oldest = timeline.messages.first().map(|message| message.id);
    if !timeline.more_before || seek.pages == 0 {
        state.chat.seeking = None;
        state.tell("This message is too far back, or not here any more", false, now);
    } else if state.chat.older_asked != oldest {
        state.chat.older_asked = oldest;
        state.chat.seeking = Some(Seek { pages: seek.pages - 1, ..seek });
        out.push(Wish::quiet(Command::Older { conversation: name.clone() }));
    }
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
    let find = state.chat.find.as_ref();
    let found = find.and_then(|find| find.current());
    let sought = find.and_then(|find| find.search.found()).map(|found| found.text.as_str().into());
    let mut rows = ChatRows {
        scene,
        images: &mut state.images,
        marked: found.or(marked.map(|(id, _)| id)),
        sought,
        reacting: state.chat.reacting.map(|reacting| reacting.message),
        writable: !scene.is_blocked(name),
        grouped: matches!(name, ConversationName::Group(_)),
        actions: Vec::new(),
    };
    state.chat.list.show(ui, &mut rows);
    let mut actions = rows.actions;
    actions.extend(reacting_ui(ui, state));
    for action in actions {
        apply(ui, action, name, state, out);
    }
    if !state.chat.list.at_end {
        let unread = scene.conversation(name).map_or(0, |conversation| conversation.unread);
        if marks::jump_ui(ui, view, unread) {
            state.chat.seeking = None;
            state.chat.list.go_to_end();
            ui.ctx().request_repaint();
        }
    }
    tell_position(scene, name, state, out);
}

/// Lets the user choose an emoji for a message, if that was begun.
fn reacting_ui(ui: &Ui, state: &mut UiState) -> Option<Action> {
    let reacting = state.chat.reacting?;
    let message = state.chat.message(&reacting.message).cloned();
    let message = message.filter(|message| message.body != Body::Erased);
    let (open, action) = message.map_or((false, None), |message| {
        message_menu::choice_ui(ui, reacting, &message, &mut state.picker)
    });
    if !open {
        state.chat.reacting = None;
    }
    action
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
pub(crate) enum Action {
    /// Answer it.
    Reply(Arc<MessageView>),
    /// Go to another message.
    Jump(EventId),
    /// Go where a part of its text leads.
    Follow(Target),
    /// Get its file here.
    Fetch(EventId),
    /// Get its file no more.
    Cancel(EventId),
    /// Show its image large.
    Enlarge(Arc<MessageView>),
    /// Save its file elsewhere.
    Save(Arc<MessageView>),
    /// React with an emoji, or take that back.
    React(Arc<MessageView>, String),
    /// Choose an emoji.
    Choose(Reacting),
    /// Give it another text.
    Edit(Arc<MessageView>),
    /// Take it back.
    Erase(EventId),
    /// Show how far it came.
    Details(EventId),
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
            let writing = state.writing(name);
            writing.leave_editing();
            writing.reply = Some(reply_to(&message));
            state.focus_composer = true;
        }
        Action::Jump(id) => {
            state.chat.seek(id);
            ui.ctx().request_repaint();
        }
        Action::Follow(target) => follow(ui, target, state, out),
        Action::Fetch(message) => {
            out.push(Wish::tell(Command::Fetch { message, save_to: None }));
        }
        Action::Cancel(message) => out.push(Wish::tell(Command::CancelFetch { message })),
        Action::Enlarge(message) => state.lightbox = Lightbox::of(&message),
        Action::Save(message) => {
            if let Body::Attachment(file) = &message.body {
                let name = crate::media::safe_file_name(&file.name);
                state.errands.push(Errand::SaveAs(message.id, name));
            }
        }
        Action::React(message, emoji) => out.push(Wish::tell(toggle(&message, emoji))),
        Action::Choose(reacting) => {
            if reacting.all {
                state.picker.restart();
            }
            state.chat.reacting = Some(reacting);
            ui.ctx().request_repaint();
        }
        Action::Edit(message) => {
            composer::edit(ui, (name, state), &message);
        }
        Action::Erase(message) => state.dialog = Some(Dialog::Erase(message)),
        Action::Details(message) => {
            let details = Details { message, asked: None, people: None };
            state.dialog = Some(Dialog::Details(details));
        }
    }
}

/// Opens an address or a conversation with a person. An address that pretends is asked about first.
fn follow(ui: &Ui, target: Target, state: &mut UiState, out: &mut Vec<Wish>) {
    match target {
        Target::Person(username) => {
            let conversation = ConversationName::Direct(username);
            let command = Command::Open { conversation: conversation.clone() };
            out.push(Wish { command, purpose: Purpose::Start(conversation) });
        }
        Target::Web(url) => match links::oddity(&url) {
            Some(why) => state.dialog = Some(Dialog::Address(Address { url, why })),
            None => ui.ctx().open_url(OpenUrl::new_tab(url)),
        },
    }
}

/// Reacts with an emoji, or takes the reaction back if the user reacted so already.
fn toggle(message: &MessageView, emoji: String) -> Command {
    let own = message.reactions.iter().any(|reaction| reaction.own && reaction.emoji == emoji);
    Command::React { message: message.id, emoji, on: !own }
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
