//! Attachments that are wanted: by whom, until when, and no longer.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use wire::{
    event::{Attachment, Payload},
    id::{BlobHash, ConversationId, DeviceId, EventId},
};

use super::sources::{Tries, sources_max};
use crate::core::{
    command::{Answer, Failure},
    effect::Effect,
    input::{CallId, Ticket},
    machine::Machine,
    model::Transfer,
    storage::MessageRow,
};

/// Images up to this many bytes are fetched without being asked for.
const SMALL_IMAGE: u64 = 2 * 1024 * 1024;
/// Attachments that may be wanted at one time.
const WANTED_MAX: usize = 1024;
/// How long a command waits while nobody who has the file can be reached.
pub(super) const GIVE_UP: Duration = Duration::from_mins(1);

/// An attachment that is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) conversation: ConversationId,
    pub(super) message: EventId,
    pub(super) author: DeviceId,
    pub(super) size: u64,
    pub(super) done: u64,
    /// As much as was told.
    pub(super) told: u64,
    /// Devices from which it is coming.
    pub(super) running: BTreeMap<DeviceId, Ticket>,
    /// Devices that failed.
    pub(super) failed: BTreeMap<DeviceId, Tries>,
    /// When to look for sources again.
    pub(super) look_at: Instant,
    pub(super) calls: Vec<Waiting>,
    pub(super) give_up_at: Option<Instant>,
}

/// A command that waits for an attachment.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) call: CallId,
    message: EventId,
    /// Where it wants the file.
    pub(super) save_to: Option<PathBuf>,
}

impl Wanted {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let look = (self.running.len() < sources_max(self.size)).then_some(self.look_at);
        let limit = self.give_up_at.filter(|_| self.running.is_empty());
        look.into_iter().chain(limit).min()
    }

    pub(super) fn shown(&self) -> Transfer {
        Transfer::Running { done: self.done, total: self.size }
    }
}

impl Machine {
    /// A message arrived: small images are fetched at once, unless a stranger sent them.
    pub(in crate::core) fn want_small_image(&mut self, row: &MessageRow) {
        let Payload::Attachment(attachment) = &row.payload else { return };
        let request = self.conversations.get(&row.conversation).is_none_or(|c| c.row.request);
        if attachment.media_type.starts_with("image/") && attachment.size <= SMALL_IMAGE && !request
        {
            self.want(row, attachment, None);
        }
    }

    /// A message that a command wants the file of.
    pub(in crate::core) fn on_wanted(
        &mut self,
        call: CallId,
        save_to: Option<PathBuf>,
        row: Option<&MessageRow>,
    ) {
        match row.map(|row| (row, &row.payload)) {
            Some((row, Payload::Attachment(attachment))) => {
                self.want(row, attachment, Some((call, save_to)));
            }
            Some(_) => self.answer(call, Err(Failure::new("no_file", "This message has no file"))),
            None => {
                self.answer(call, Err(Failure::new("not_found", "There is no such message here")));
            }
        }
    }

    fn want(
        &mut self,
        row: &MessageRow,
        attachment: &Attachment,
        call: Option<(CallId, Option<PathBuf>)>,
    ) {
        let blob = attachment.blob;
        if self.attachments.shelf.has(&blob) {
            if let Some((call, save_to)) = call {
                self.deliver(call, blob, attachment.size, save_to);
            }
            return;
        }
        let is_full = self.attachments.wanted.len() >= WANTED_MAX;
        if is_full && !self.attachments.wanted.contains_key(&blob) {
            if let Some((call, _)) = call {
                self.answer(
                    call,
                    Err(Failure::new("busy", "Too many files at once; try again later")),
                );
            }
            return;
        }
        self.attachments.failed.remove(&blob);
        let now = self.now.instant;
        let wanted = self.attachments.wanted.entry(blob).or_insert_with(|| Wanted {
            conversation: row.conversation,
            message: row.id,
            author: row.author,
            size: attachment.size,
            done: 0,
            told: 0,
            running: BTreeMap::new(),
            failed: BTreeMap::new(),
            look_at: now,
            calls: Vec::new(),
            give_up_at: None,
        });
        if let Some((call, save_to)) = call {
            wanted.calls.push(Waiting { call, message: row.id, save_to });
            wanted.give_up_at = Some(now + GIVE_UP);
        }
        self.dirty.transfers = true;
    }

    /// The user does not want a message's file any more. What came of it stays for another time.
    pub(in crate::core) fn on_cancel_fetch(&mut self, call: CallId, message: EventId) {
        let is_for = |wanted: &Wanted| {
            wanted.message == message || wanted.calls.iter().any(|it| it.message == message)
        };
        let found = self.attachments.wanted.iter().find(|(_, wanted)| is_for(wanted));
        let Some(blob) = found.map(|(blob, _)| *blob) else {
            let text = "The file of this message is not being fetched";
            self.answer(call, Err(Failure::new("not_fetching", text)));
            return;
        };
        if let Some(wanted) = self.attachments.wanted.get_mut(&blob) {
            let (given_up, others) =
                std::mem::take(&mut wanted.calls).into_iter().partition(|it| it.message == message);
            wanted.calls = others;
            let is_wanted = !wanted.calls.is_empty();
            self.answer_all(given_up, &Failure::new("cancelled", "It was cancelled"));
            if !is_wanted {
                self.stop(blob);
            }
        }
        self.answer(call, Ok(Answer::Done));
        self.make_room();
    }

    /// Nobody needs an attachment any more, for it was erased.
    pub(super) fn unwant(&mut self, blob: BlobHash) {
        let calls = self.stop(blob);
        self.answer_all(calls, &Failure::new("not_found", "Its author took the message back"));
    }

    /// Gives up for a reason that a person can do something about.
    pub(super) fn give_up(&mut self, blob: BlobHash, failure: &Failure) {
        let calls = self.stop(blob);
        self.answer_all(calls, failure);
        self.attachments.failed.insert(blob, failure.text.clone());
        self.make_room();
    }

    /// Ends all transfers of an attachment. Gives the commands that still wait for it.
    fn stop(&mut self, blob: BlobHash) -> Vec<Waiting> {
        let Some(wanted) = self.attachments.wanted.remove(&blob) else { return Vec::new() };
        for ticket in wanted.running.into_values() {
            self.pending.remove(&ticket);
            self.effects.push(Effect::StopFetch { ticket });
        }
        self.dirty.transfers = true;
        wanted.calls
    }

    fn answer_all(&mut self, calls: Vec<Waiting>, failure: &Failure) {
        for waiting in calls {
            self.answer(waiting.call, Err(failure.clone()));
        }
    }
}
