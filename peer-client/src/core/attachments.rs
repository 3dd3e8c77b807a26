//! Attachments: which are wanted, from whom, and who may have the ones that are here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, Instant},
};

use wire::{
    blob::{BlobReply, BlobRequest},
    bounded::Bounded,
    event::{Attachment, Payload},
    id::{BlobHash, ConversationId, DeviceId, EventId},
};

use super::{
    command::{Answer, Failure},
    effect::Effect,
    input::{AttachmentInput, BlobStreamId, CallId, PreparedFile, Ticket},
    machine::Machine,
    model::Transfer,
    notice::Notice,
    pending::Pending,
    storage::{MessageRow, StoreOp},
};

/// Images up to this many bytes are fetched without being asked for.
const SMALL_IMAGE: u64 = 2 * 1024 * 1024;
/// Transfers to this device at one time.
const RUNNING_MAX: usize = 4;
/// Attachments that may be wanted at one time.
const WANTED_MAX: usize = 1024;
/// Pause before another source is tried.
const RETRY: Duration = Duration::from_millis(500);
/// How long a command waits while nobody who has the file can be reached.
const GIVE_UP: Duration = Duration::from_mins(1);
/// Progress is told after so many bytes.
const PROGRESS_STEP: u64 = 512 * 1024;

/// What is here and what is wanted.
#[derive(Debug)]
pub(crate) struct Attachments {
    dir: PathBuf,
    here: BTreeSet<BlobHash>,
    wanted: BTreeMap<BlobHash, Wanted>,
    failed: BTreeMap<BlobHash, String>,
}

#[derive(Debug)]
struct Wanted {
    conversation: ConversationId,
    message: EventId,
    author: DeviceId,
    size: u64,
    done: u64,
    told: u64,
    source: Option<DeviceId>,
    attempts: u32,
    retry_at: Instant,
    /// Commands that wait, and where they want the file.
    calls: Vec<(CallId, Option<PathBuf>)>,
    give_up_at: Option<Instant>,
}

impl Attachments {
    pub(crate) fn new(dir: PathBuf, here: BTreeSet<BlobHash>) -> Self {
        Self { dir, here, wanted: BTreeMap::new(), failed: BTreeMap::new() }
    }

    /// The file of an attachment that is here whole.
    pub(crate) fn file(&self, blob: &BlobHash) -> Option<PathBuf> {
        self.here.contains(blob).then(|| self.dir.join(blob.to_string()))
    }

    /// An attachment is not wanted any more. Commands that wait for it give up in time.
    pub(crate) fn forget(&mut self, blob: &BlobHash) {
        self.here.remove(blob);
        self.failed.remove(blob);
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.wanted.values().filter(|wanted| wanted.source.is_none());
        let retries = waiting.map(|wanted| wanted.retry_at).min();
        let limits = self.wanted.values().filter_map(|wanted| wanted.give_up_at).min();
        retries.into_iter().chain(limits).min()
    }

    /// What the model shows of transfers.
    pub(crate) fn transfers(&self) -> BTreeMap<BlobHash, Transfer> {
        let running = self.wanted.iter().map(|(blob, wanted)| {
            (*blob, Transfer::Running { done: wanted.done, total: wanted.size })
        });
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
                Some(Pending::Prepare { call, .. } | Pending::Save { call }) => {
                    self.answer(call, Err(failure));
                }
                Some(Pending::Fetch { blob }) => self.on_fetch_failed(blob),
                _ => {}
            },
            AttachmentInput::Saved { ticket, bytes } => {
                if let Some(Pending::Save { call }) = self.pending.remove(&ticket) {
                    self.answer(call, Ok(Answer::Fetched { bytes }));
                }
            }
            AttachmentInput::Progress { ticket, done } => {
                if let Some(Pending::Fetch { blob }) = self.pending.get(&ticket) {
                    self.on_progress(*blob, done);
                }
            }
            AttachmentInput::Complete { ticket } => {
                if let Some(Pending::Fetch { blob }) = self.pending.remove(&ticket) {
                    self.on_fetched(blob);
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
        self.attachments.here.insert(file.blob);
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

    /// A message arrived: small images are fetched at once, unless a stranger sent them.
    pub(super) fn want_small_image(&mut self, row: &MessageRow) {
        let Payload::Attachment(attachment) = &row.payload else { return };
        let request = self.conversations.get(&row.conversation).is_none_or(|c| c.row.request);
        if attachment.media_type.starts_with("image/") && attachment.size <= SMALL_IMAGE && !request
        {
            self.want(row, attachment, None);
        }
    }

    /// A message that a command wants the file of.
    pub(super) fn on_wanted(
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
        if self.attachments.here.contains(&blob) {
            if let Some((call, save_to)) = call {
                self.deliver(call, blob, attachment.size, save_to);
            }
            return;
        }
        if self.attachments.wanted.len() >= WANTED_MAX {
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
            source: None,
            attempts: 0,
            retry_at: now,
            calls: Vec::new(),
            give_up_at: None,
        });
        if let Some(call) = call {
            wanted.calls.push(call);
            wanted.give_up_at = Some(now + GIVE_UP);
        }
        self.dirty.transfers = true;
    }

    fn deliver(&mut self, call: CallId, blob: BlobHash, size: u64, save_to: Option<PathBuf>) {
        match save_to {
            Some(to) => {
                let ticket = self.expect(Pending::Save { call });
                self.effects.push(Effect::Save { ticket, blob, to });
            }
            None => self.answer(call, Ok(Answer::Fetched { bytes: size })),
        }
    }

    pub(super) fn tick_attachments(&mut self) {
        let now = self.now.instant;
        let late = |wanted: &Wanted| {
            wanted.give_up_at.is_some_and(|at| at <= now) && wanted.source.is_none()
        };
        let given_up: Vec<_> =
            self.attachments.wanted.iter().filter(|(_, w)| late(w)).map(|(b, _)| *b).collect();
        for blob in given_up {
            self.give_up(blob);
        }
        let running = self.attachments.wanted.values().filter(|w| w.source.is_some()).count();
        let due: Vec<_> = self
            .attachments
            .wanted
            .iter()
            .filter(|(_, wanted)| wanted.source.is_none() && wanted.retry_at <= now)
            .map(|(blob, _)| *blob)
            .collect();
        for (place, blob) in due.into_iter().enumerate() {
            if place + running < RUNNING_MAX {
                self.start_transfer(blob);
            } else if let Some(wanted) = self.attachments.wanted.get_mut(&blob) {
                wanted.retry_at = now + RETRY;
            }
        }
    }

    fn give_up(&mut self, blob: BlobHash) {
        let Some(wanted) = self.attachments.wanted.remove(&blob) else { return };
        let text = "Nobody who has this file can be reached; try again when they are online";
        for (call, _) in wanted.calls {
            self.answer(call, Err(Failure::new("unavailable", text)));
        }
        self.attachments.failed.insert(blob, text.to_owned());
        self.dirty.transfers = true;
    }

    /// Devices that may have an attachment and are connected, the author's first.
    fn sources(&self, conversation: ConversationId, author: DeviceId) -> Vec<DeviceId> {
        let mut sources: Vec<_> = self
            .sessions
            .values()
            .filter(|s| s.conversation == Some(conversation) && s.greeted)
            .map(|s| s.device)
            .collect();
        if self.paths.is_linked(&author) {
            sources.insert(0, author);
        }
        sources.dedup();
        sources
    }

    fn start_transfer(&mut self, blob: BlobHash) {
        let Some(wanted) = self.attachments.wanted.get(&blob) else { return };
        let (id, author, attempts, size) =
            (wanted.conversation, wanted.author, wanted.attempts, wanted.size);
        let sources = self.sources(id, author);
        let now = self.now.instant;
        if sources.is_empty() {
            self.paths.want(author, &[], true, now);
            if let Some(wanted) = self.attachments.wanted.get_mut(&blob) {
                wanted.retry_at = now + RETRY;
            }
            return;
        }
        let device = sources[attempts as usize % sources.len()];
        let Some(conversation) = self.conversations.get(&id) else { return };
        let request = BlobRequest {
            conversation: id,
            proof: self.proof(conversation, &device),
            hash: blob,
            ranges: Bounded::default(),
        };
        if let Some(wanted) = self.attachments.wanted.get_mut(&blob) {
            wanted.source = Some(device);
            wanted.attempts += 1;
        }
        let ticket: Ticket = self.expect(Pending::Fetch { blob });
        self.effects.push(Effect::Fetch { ticket, device, request, size });
    }

    fn on_progress(&mut self, blob: BlobHash, done: u64) {
        let Some(wanted) = self.attachments.wanted.get_mut(&blob) else { return };
        wanted.done = done;
        if done >= wanted.told + PROGRESS_STEP || done == wanted.size {
            wanted.told = done;
            if wanted.give_up_at.is_some() {
                wanted.give_up_at = Some(self.now.instant + GIVE_UP);
            }
            let (message, total) = (wanted.message, wanted.size);
            self.notice(Notice::Progress { message, done, total });
            self.dirty.transfers = true;
        }
    }

    fn on_fetch_failed(&mut self, blob: BlobHash) {
        let now = self.now.instant;
        if let Some(wanted) = self.attachments.wanted.get_mut(&blob) {
            wanted.source = None;
            wanted.retry_at = now + RETRY.saturating_mul(1 << wanted.attempts.min(5));
        }
    }

    fn on_fetched(&mut self, blob: BlobHash) {
        self.attachments.here.insert(blob);
        let Some(wanted) = self.attachments.wanted.remove(&blob) else { return };
        if wanted.told < wanted.size {
            let (message, total) = (wanted.message, wanted.size);
            self.notice(Notice::Progress { message, done: total, total });
        }
        for (call, save_to) in wanted.calls {
            self.deliver(call, blob, wanted.size, save_to);
        }
        self.dirty.transfers = true;
        self.dirty.timelines.insert(wanted.conversation);
    }

    fn on_asked(&mut self, stream: BlobStreamId, device: DeviceId, request: Box<BlobRequest>) {
        let (id, blob) = (request.conversation, request.hash);
        if !self.authorise(device, id, &request.proof) {
            self.effects.push(Effect::Refuse { stream, reply: BlobReply::Unauthorised });
        } else if self.attachments.here.contains(&blob) {
            let ticket = self.expect(Pending::Serve { stream, request });
            self.store(StoreOp::Names { ticket, conversation: id, blob });
        } else {
            self.effects.push(Effect::Refuse { stream, reply: BlobReply::NotFound });
        }
    }

    pub(super) fn on_named(&mut self, stream: BlobStreamId, request: BlobRequest, named: bool) {
        self.effects.push(if named {
            Effect::Serve { stream, request }
        } else {
            Effect::Refuse { stream, reply: BlobReply::NotFound }
        });
    }
}
