//! A conversation as files: `messages.jsonl`, as the headless front end lists messages, and
//! `attachments/`.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::Context as _;
use serde_json::json;
use tokio::sync::mpsc;
use wire::{id::EventId, name::ConversationName};

use crate::{
    blob::store::BlobStore,
    core::{
        command::{Answer, Command},
        effect::Effect,
        input::{CallId, Input},
        machine::{Machine, Setup},
        model::{AttachmentView, Body, MessageView},
        storage::{StoreOp, StoreReply},
    },
    headless::told,
    node::{
        self,
        files::{Files, private_file, private_folder},
    },
    store::{self, Store},
};

/// Digits of an attachment's hash that keep names apart.
const MARK: usize = 8;

/// Writes a conversation of a folder that no node uses into another folder. Gives how many messages
/// there are.
pub(super) fn stored(files: &Files, of: &ConversationName, to: &Path) -> anyhow::Result<usize> {
    let mut reader = Reader::open(files)?;
    if !reader.machine.model().conversations.iter().any(|known| known.name == *of) {
        anyhow::bail!("there is no conversation {of} in this folder");
    }
    let mut export = Export::default();
    while !export.is_whole() {
        export.take(reader.page(of, export.oldest())?);
    }
    export.write(to)
}

/// A conversation that is read page by page, from its end to its beginning.
#[derive(Debug, Default)]
pub struct Export {
    /// The newest first.
    pages: Vec<Vec<MessageView>>,
    whole: bool,
}

impl Export {
    /// Messages that a page should have at most.
    pub const PAGE: u32 = 500;

    /// All pages are here.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// The message before which the next page ends.
    pub fn oldest(&self) -> Option<EventId> {
        Some(self.pages.last()?.first()?.id)
    }

    /// Takes the next page in.
    pub fn take(&mut self, page: Vec<MessageView>) {
        self.whole = page.is_empty();
        self.pages.push(page);
    }

    /// Writes everything into a folder. Gives how many messages there are.
    pub fn write(&self, to: &Path) -> anyhow::Result<usize> {
        write(to, self.pages.iter().rev().flatten())
    }
}

/// Writes messages into a folder, oldest first.
fn write<'a>(to: &Path, messages: impl Iterator<Item = &'a MessageView>) -> anyhow::Result<usize> {
    let attachments = to.join("attachments");
    private_folder(&attachments)
        .with_context(|| format!("cannot make the folder {}", attachments.display()))?;
    let path = to.join("messages.jsonl");
    let wrap = || format!("cannot write {}", path.display());
    let file = private_file(&path).with_context(wrap)?;
    file.set_len(0).with_context(wrap)?;
    let mut lines = BufWriter::new(file);
    let mut count = 0;
    for message in messages {
        let mut line = told::message(message);
        if let Body::Attachment(attachment) = &message.body
            && let Some(name) = copy(attachment, &attachments)?
        {
            line["attachment"]["file"] = json!(format!("attachments/{name}"));
        }
        writeln!(lines, "{line}").with_context(wrap)?;
        count += 1;
    }
    lines.into_inner()?.sync_all().with_context(wrap)?;
    Ok(count)
}

/// Copies an attachment that is here whole. Gives the name it has there.
fn copy(attachment: &AttachmentView, to: &Path) -> anyhow::Result<Option<String>> {
    let Some(from) = &attachment.file else { return Ok(None) };
    let hash = attachment.blob.to_string();
    let name = format!("{}-{}", &hash[..MARK], attachment.name);
    fs::copy(from, to.join(&name)).with_context(|| format!("cannot copy {name}"))?;
    Ok(Some(name))
}

/// The core over the stored messages, without a network.
struct Reader {
    machine: Machine,
    store: Store,
    replies: mpsc::Receiver<StoreReply>,
    calls: u64,
}

impl Reader {
    fn open(files: &Files) -> anyhow::Result<Self> {
        let authority = files.authority()?;
        let (sender, replies) = mpsc::channel(store::REPLIES);
        let (store, mut snapshot) = Store::open(&files.database(), authority.account(), sender)?;
        let record = snapshot.record.as_ref().context("this folder has no conversations yet")?;
        let username = record.open()?.username;
        if files.blobs().is_dir() {
            snapshot.blobs = BlobStore::open(&files.blobs())?.list()?;
        }
        let device_key = files.device_key()?;
        let setup = Setup {
            server: device_key.id(),
            server_addresses: Vec::new(),
            token: None,
            device_key,
            authority,
            username,
            relay_only: true,
            blob_dir: files.blobs(),
            attachment_quota: u64::MAX,
            seed: rand::random(),
        };
        let machine = Machine::new(setup, snapshot, node::now());
        Ok(Self { machine, store, replies, calls: 0 })
    }

    /// A page of messages, oldest first.
    fn page(
        &mut self,
        of: &ConversationName,
        before: Option<EventId>,
    ) -> anyhow::Result<Vec<MessageView>> {
        self.calls += 1;
        let id = CallId(self.calls);
        let command = Command::History { of: of.clone(), limit: Export::PAGE, before };
        let mut input = Input::Call { id, command };
        loop {
            let mut asked = false;
            for effect in self.machine.handle(node::now(), input) {
                match effect {
                    Effect::Answer { call, result } if call == id => match result? {
                        Answer::Messages(messages) => return Ok(messages),
                        _ => anyhow::bail!("the messages cannot be read"),
                    },
                    Effect::Store(op @ StoreOp::History { .. }) => {
                        asked |= self.store.try_submit(op).is_ok();
                    }
                    // Nothing else is to be done here: the core only reads.
                    _ => {}
                }
            }
            if !asked {
                anyhow::bail!("the messages cannot be read");
            }
            input = Input::Store(self.replies.blocking_recv().context("the store has ended")?);
        }
    }
}
