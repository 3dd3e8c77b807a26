//! Attachments: which are wanted, from whom, which stay here, and who may have them.

mod serving;
mod shelf;
mod sources;
mod wanted;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use wire::{
    event::{Attachment, Payload},
    id::{BlobHash, ConversationId, EventId},
};

pub(crate) use self::shelf::Shelf;
use self::wanted::Wanted;
use super::{
    command::Answer,
    effect::Effect,
    input::{AttachmentInput, CallId, PreparedFile},
    machine::Machine,
    model::Transfer,
    pending::Pending,
};

/// Files on their way to this device at one time.
const RUNNING_MAX: usize = 4;
/// Pause before sources are looked for again, and after one that failed; that one doubles.
const RETRY: Duration = Duration::from_millis(500);

/// What is here and what is wanted.
#[derive(Debug)]
pub(crate) struct Attachments {
    dir: PathBuf,
    shelf: Shelf,
    wanted: BTreeMap<BlobHash, Wanted>,
    failed: BTreeMap<BlobHash, String>,
}

impl Attachments {
    pub(crate) fn new(dir: PathBuf, shelf: Shelf) -> Self {
        Self { dir, shelf, wanted: BTreeMap::new(), failed: BTreeMap::new() }
    }

    /// The file of an attachment that is here whole.
    pub(crate) fn file(&self, blob: &BlobHash) -> Option<PathBuf> {
        self.shelf.has(blob).then(|| self.dir.join(blob.to_string()))
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.wanted.values().filter_map(Wanted::next_deadline).min()
    }

    /// What the model shows of transfers.
    pub(crate) fn transfers(&self) -> BTreeMap<BlobHash, Transfer> {
        let running = self.wanted.iter().map(|(blob, wanted)| (*blob, wanted.shown()));
        let failed =
            self.failed.iter().map(|(blob, text)| (*blob, Transfer::Failed { text: text.clone() }));
        failed.chain(running).collect()
    }
}

impl Machine {
    pub(super) fn on_attachment(&mut self, input: AttachmentInput) {
        match input {
            AttachmentInput::Prepared { ticket, file } => {
                if let Some(Pending::Prepare { call, conversation, text, reply_to }) =
                    self.pending.remove(&ticket)
                {
                    self.on_prepared(call, conversation, *file, (text, reply_to));
                }
            }
            AttachmentInput::Failed { ticket, failure } => match self.pending.remove(&ticket) {
                Some(Pending::Prepare { call, .. } | Pending::Save { call, .. }) => {
                    self.answer(call, Err(failure));
                }
                Some(Pending::Fetch { blob, device }) => {
                    self.on_fetch_failed(blob, device, &failure);
                }
                _ => {}
            },
            AttachmentInput::Saved { ticket, bytes } => {
                if let Some(Pending::Save { call, .. }) = self.pending.remove(&ticket) {
                    self.answer(call, Ok(Answer::Fetched { bytes }));
                }
            }
            AttachmentInput::Progress { ticket, done } => {
                if let Some(Pending::Fetch { blob, .. }) = self.pending.get(&ticket) {
                    self.on_progress(*blob, done);
                }
            }
            AttachmentInput::Complete { ticket } => {
                if let Some(Pending::Fetch { blob, device }) = self.pending.remove(&ticket) {
                    self.on_fetched(blob, device, ticket);
                }
            }
            AttachmentInput::Asked { stream, device, request } => {
                self.on_asked(stream, device, request);
            }
        }
    }

    fn on_prepared(
        &mut self,
        call: CallId,
        conversation: ConversationId,
        file: PreparedFile,
        (text, reply_to): (String, Option<EventId>),
    ) {
        self.attachments.shelf.put_own(file.blob, file.size);
        let payload = Payload::Attachment(Attachment {
            blob: file.blob,
            size: file.size,
            media_type: file.media_type,
            name: file.name,
            caption: (!text.is_empty()).then_some(text),
            preview: file.preview.map(Into::into),
            dimensions: file.dimensions,
            reply_to,
        });
        self.accept_request(conversation);
        self.append_own(conversation, &payload, Some(call));
    }

    fn deliver(&mut self, call: CallId, blob: BlobHash, size: u64, save_to: Option<PathBuf>) {
        match save_to {
            Some(to) => {
                let ticket = self.ticket_for(Pending::Save { call, blob });
                self.effects.push(Effect::Save { ticket, blob, to });
            }
            None => self.answer(call, Ok(Answer::Fetched { bytes: size })),
        }
    }

    /// No message names these files any more.
    pub(super) fn forget_files(&mut self, blobs: Vec<BlobHash>) {
        for blob in blobs {
            self.unwant(blob);
            self.attachments.shelf.remove(&blob);
            self.attachments.failed.remove(&blob);
            self.effects.push(Effect::Forget { blob });
            self.dirty.transfers = true;
        }
    }

    /// Lets go of what nobody needs here and of the oldest beyond the quota.
    pub(super) fn make_room(&mut self) {
        let saving: Vec<BlobHash> = self
            .pending
            .values()
            .filter_map(|pending| match pending {
                Pending::Save { blob, .. } => Some(*blob),
                _ => None,
            })
            .collect();
        let wanted = &self.attachments.wanted;
        let is_busy = |blob: &BlobHash| wanted.contains_key(blob) || saving.contains(blob);
        let evicted = self.attachments.shelf.evict(is_busy);
        if evicted.is_empty() {
            return;
        }
        for blob in evicted {
            self.effects.push(Effect::Evict { blob });
        }
        let shown = self.conversations.values().filter(|it| it.window.is_some());
        self.dirty.timelines.extend(shown.map(|it| it.row.id));
    }
}
