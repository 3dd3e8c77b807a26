//! Reactions, edits and erasures: own ones, and telling of everybody's once they are durable.

use wire::{
    event::Payload,
    id::{DeviceId, EventId},
    limits::{CAPTION_MAX, EMOJI_MAX, TEXT_MAX},
};

use super::{
    command::{Command, Failure},
    conversation::order,
    input::CallId,
    log::Batch,
    machine::Machine,
    notice::{Change, Notice},
    pending::Pending,
    storage::{MessageRow, Revision, StoreOp},
};

impl Machine {
    /// A command that changes a message: the message is looked at first.
    pub(super) fn on_change_command(&mut self, call: CallId, change: Command) {
        let (Command::React { message, .. }
        | Command::Edit { message, .. }
        | Command::Erase { message }) = change
        else {
            return;
        };
        let ticket = self.ticket_for(Pending::Change { call, change });
        self.store(StoreOp::Message { ticket, id: message });
    }

    /// The message that a command wants to change was looked up.
    pub(super) fn on_change_found(
        &mut self,
        call: CallId,
        change: Command,
        row: Option<&MessageRow>,
    ) {
        match row.map_or_else(|| Err(not_found()), |row| self.change_payload(change, row)) {
            Ok((row, payload)) => self.append_own(row.conversation, &payload, Some(call)),
            Err(failure) => self.answer(call, Err(failure)),
        }
    }

    fn change_payload<'row>(
        &self,
        change: Command,
        row: &'row MessageRow,
    ) -> Result<(&'row MessageRow, Payload), Failure> {
        if self.conversations.get(&row.conversation).is_none_or(|it| it.row.left) {
            return Err(Failure::new(
                "not_joined",
                "You have left this group; join it again first",
            ));
        }
        let event = row.id;
        let payload = match change {
            Command::React { emoji, on, .. } => {
                if !is_emoji(&emoji) {
                    return Err(Failure::new("bad_emoji", "A reaction is one emoji"));
                }
                Payload::Reaction { event, emoji, on }
            }
            _ if !self.is_own(&row.author) => {
                return Err(Failure::new("not_yours", "Only its author can change this message"));
            }
            _ if row.revision == Revision::Erased => {
                return Err(Failure::new("erased", "This message was erased"));
            }
            Command::Edit { text, .. } => {
                check_text(&row.payload, &text)?;
                Payload::Edit { event, body: text }
            }
            _ => Payload::Erase { event },
        };
        Ok((row, payload))
    }

    /// Entries that changed messages are durable: look at those messages as they are now.
    pub(super) fn ask_changed(&mut self, batch: &Batch, changed: &[(EventId, EventId)]) {
        for (entry, message) in changed {
            let Some(event) = batch.events.iter().find(|event| event.id == *entry) else {
                continue;
            };
            let change = match &event.payload {
                Some(Payload::Reaction { .. }) => Change::Reaction,
                Some(Payload::Edit { .. }) => Change::Edit,
                _ => Change::Erasure,
            };
            let pending = Pending::Changed { author: event.header.author, change };
            let ticket = self.ticket_for(pending);
            self.store(StoreOp::Message { ticket, id: *message });
        }
    }

    /// A message is as it is after a change.
    pub(super) fn on_changed(&mut self, author: DeviceId, change: Change, row: &MessageRow) {
        let Some(conversation) = self.conversations.get_mut(&row.conversation) else { return };
        if conversation.last.as_ref().is_some_and(|last| order(last) == order(row)) {
            conversation.last = Some(row.clone());
            self.dirty.conversations = true;
        }
        if let Some(window) = &mut conversation.window {
            window.replace(row);
            self.dirty.timelines.insert(row.conversation);
        }
        let message = Box::new(self.message_view(row));
        // Somebody tried to change what is not theirs.
        let happened = match change {
            Change::Reaction => true,
            Change::Edit => message.edited,
            Change::Erasure => row.revision == Revision::Erased,
        };
        if happened {
            let by = self.people.name_of_device(&author);
            self.notice(Notice::Changed { message, by, change });
        }
    }
}

fn not_found() -> Failure {
    Failure::new("not_found", "There is no such message here")
}

fn check_text(payload: &Payload, text: &str) -> Result<(), Failure> {
    let is_file = matches!(payload, Payload::Attachment(_));
    let limit = if is_file { CAPTION_MAX } else { TEXT_MAX };
    if text.is_empty() && !is_file {
        return Err(Failure::new("empty", "A message cannot be emptied; erase it instead"));
    }
    if text.len() > limit {
        let text = format!("The text has {} bytes, {limit} are allowed", text.len());
        return Err(Failure::new("too_long", text));
    }
    Ok(())
}

/// Whether a text may be a reaction: a short one that is neither words nor numbers.
fn is_emoji(text: &str) -> bool {
    let breaks = |character: char| character.is_whitespace() || character.is_control();
    !text.is_ascii() && text.len() <= EMOJI_MAX && !text.chars().any(breaks)
}
