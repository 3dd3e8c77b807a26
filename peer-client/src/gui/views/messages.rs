//! The rows of a conversation: its messages with what can be done about them.

use std::sync::Arc;

use egui::{CornerRadius, Pos2, Rect, Ui, UiBuilder, Vec2, pos2, vec2};
use wire::id::EventId;

use super::{
    chat::{Action, COLUMN},
    marks, message_menu,
};
use crate::{
    core::model::MessageView,
    gui::{
        format,
        grouping::{Place, Row},
        images::Images,
        list::Rows,
        state::Scene,
        theme::{self, space},
        widgets::{
            attachment::Use,
            avatar,
            bubble::{self, Wanted},
            reactions,
        },
    },
};

/// Side of a picture beside a message, in points.
const AVATAR: f32 = 34.0;
/// Above a message that begins a group, in points.
const GAP_FIRST: f32 = 10.0;
/// Above a message of the same group, in points.
const GAP_NEXT: f32 = 3.0;
/// Height of a day and of the unread line, in points.
const DIVIDER: f32 = 44.0;

/// Measures and draws the rows of a conversation.
pub(crate) struct ChatRows<'a> {
    /// What is seen.
    pub(crate) scene: &'a Scene<'a>,
    /// Decoded images.
    pub(crate) images: &'a mut Images,
    /// A message that was jumped to.
    pub(crate) marked: Option<EventId>,
    /// Words that were sought within the conversation.
    pub(crate) sought: Option<Arc<str>>,
    /// A message for which an emoji is being chosen.
    pub(crate) reacting: Option<EventId>,
    /// It is a group, where others have their pictures beside their messages.
    pub(crate) grouped: bool,
    /// Messages can be answered and changed.
    pub(crate) writable: bool,
    /// What the user wants.
    pub(crate) actions: Vec<Action>,
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
        let breadth = self.bubble_width(right - left);
        let mut laid = bubble::layout(ui, self.scene, message, place, breadth);
        laid.sought = self.sought.clone();
        let chips = reactions::layout(ui, &message.reactions, breadth);
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
            Some(Wanted::Follow(target)) => self.actions.push(Action::Follow(target)),
            Some(Wanted::File(Use::Fetch)) => self.actions.push(Action::Fetch(message.id)),
            Some(Wanted::File(Use::Cancel)) => self.actions.push(Action::Cancel(message.id)),
            Some(Wanted::File(Use::Enlarge)) => {
                self.actions.push(Action::Enlarge(Arc::clone(message)));
            }
            Some(Wanted::File(Use::Save)) => self.actions.push(Action::Save(Arc::clone(message))),
            None => {}
        }
        let me = self.scene.model.me.as_ref().map(|me| &me.username);
        let clicked = chips.show(ui, rect, (message.own, me), &message.reactions);
        if let Some(reaction) = clicked.filter(|_| self.writable) {
            self.actions.push(Action::React(Arc::clone(message), reaction.emoji.clone()));
        }
        message_menu::menu_ui(&response, message, self.writable, &mut self.actions);
        let pointed = ui.rect_contains_pointer(row) || self.reacting == Some(message.id);
        if pointed && self.writable {
            message_menu::buttons_ui(ui, rect, message, &mut self.actions);
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
                let chips = reactions::layout(ui, &message.reactions, width);
                laid.size.y + chips.below + if place.first { GAP_FIRST } else { GAP_NEXT }
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
