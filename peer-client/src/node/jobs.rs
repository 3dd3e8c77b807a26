//! Slow work beside the loop: reading files to be sent, copying and transferring attachments.

use std::{fs, io, path::PathBuf, sync::Arc};

use futures::StreamExt as _;
use libp2p::{Stream, StreamProtocol};
use libp2p_stream::Control;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::{JoinSet, spawn_blocking},
};
use wire::{
    admission,
    blob::{self, BlobReply, BlobRequest},
    id::{Challenge, DeviceId},
};

use super::{
    run::Event,
    traffic::{Counted, Counters},
};
use crate::{
    blob::{
        store::{BlobStore, StoreError},
        transfer::{self, Next, TransferError, Wanted},
    },
    core::{
        command::{Failure, FileSource},
        input::{AttachmentInput, Input, PreparedFile, ServerInput, Ticket},
    },
    media,
};

/// Attachments that are sent at one time; others are asked to try later.
const SERVING_MAX: usize = 32;
/// Inbound attachment streams that may be open, those that wait for a decision among them.
const INBOUND_MAX: usize = 256;
/// Progress of a transfer is told after so many bytes.
const PROGRESS_STEP: u64 = 128 * 1024;

/// What the core decided about an inbound attachment stream.
pub(super) enum Decision {
    /// Send it.
    Grant(BlobRequest),
    /// Do not.
    Refuse(BlobReply),
}

/// Works for a new name.
pub(super) async fn solve(challenge: Challenge, difficulty: u8) -> Input {
    let solving = spawn_blocking(move || admission::solve(&challenge, difficulty));
    Input::Server(ServerInput::Solved { answer: solving.await.ok().flatten() })
}

/// Reads a file to be sent and puts it into the store of attachments.
pub(super) async fn prepare(ticket: Ticket, source: FileSource, store: BlobStore) -> Input {
    let job = spawn_blocking(move || prepare_now(source, &store));
    let result = job.await.unwrap_or_else(|error| {
        Err(Failure::new("file", format!("Reading the file failed: {error}")))
    });
    Input::Attachment(match result {
        Ok(file) => AttachmentInput::Prepared { ticket, file: Box::new(file) },
        Err(failure) => AttachmentInput::Failed { ticket, failure },
    })
}

fn prepare_now(source: FileSource, store: &BlobStore) -> Result<PreparedFile, Failure> {
    let failure = |error: &dyn std::fmt::Display| {
        Failure::new("file", format!("Cannot send this file: {error}"))
    };
    let (name, imported) = match source {
        FileSource::Path(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            (name.unwrap_or_default(), store.import_file(&path))
        }
        FileSource::Bytes { name, bytes } => (name, store.import(&bytes[..])),
    };
    let imported = imported.map_err(|error| failure(&error))?;
    let file = store.path(&imported.hash).ok_or_else(|| failure(&"it vanished"))?;
    let prepared = media::prepare_file(&name, &file).map_err(|error| failure(&error))?;
    Ok(PreparedFile {
        blob: imported.hash,
        size: imported.size,
        name: prepared.name,
        media_type: prepared.media_type.to_owned(),
        dimensions: prepared.dimensions,
        preview: prepared.preview,
    })
}

/// Copies an attachment that is here whole. An existing file is replaced only once all is copied.
/// The copy need not be durable: the attachment itself is.
pub(super) async fn save(ticket: Ticket, from: Option<PathBuf>, to: PathBuf) -> Input {
    let result = spawn_blocking(move || {
        let from = from.ok_or(io::ErrorKind::NotFound)?;
        let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut draft =
            tempfile::NamedTempFile::new_in(folder.unwrap_or(std::path::Path::new(".")))?;
        // From file to file, so that the system may copy, or share where that is safe.
        let bytes = io::copy(&mut fs::File::open(from)?, draft.as_file_mut())?;
        draft.persist(&to).map_err(|error| error.error)?;
        Ok::<_, io::Error>(bytes)
    });
    Input::Attachment(match result.await {
        Ok(Ok(bytes)) => AttachmentInput::Saved { ticket, bytes },
        Ok(Err(error)) => {
            let failure = Failure::new("file", format!("Cannot save the file there: {error}"));
            AttachmentInput::Failed { ticket, failure }
        }
        Err(error) => {
            AttachmentInput::Failed { ticket, failure: Failure::new("file", error.to_string()) }
        }
    })
}

/// Fetches from a device what is missing of an attachment and nobody else brings, until it is whole.
pub(super) async fn fetch(
    ticket: Ticket,
    mut control: Control,
    device: DeviceId,
    wanted: Wanted,
    (store, inbox, counters): (BlobStore, mpsc::Sender<Event>, Counters),
) -> Input {
    let mut told = 0;
    let mut progress = |done: u64| {
        if done >= told + PROGRESS_STEP || done == wanted.size {
            told = done;
            // Only the newest matters: one that finds no room is superseded by the next.
            let input = Input::Attachment(AttachmentInput::Progress { ticket, done });
            drop(inbox.try_send(Event::Input(input)));
        }
    };
    let fetching = async {
        while let Next::Bring(share) = transfer::next(&store, &wanted).await? {
            let opening =
                control.open_stream(device.peer_id(), StreamProtocol::new(blob::PROTOCOL));
            let stream = opening.await.map_err(|error| io::Error::other(error.to_string()))?;
            let stream = counters.count(device, stream);
            transfer::fetch(stream, share, &wanted, &mut progress).await?;
        }
        Ok(())
    };
    Input::Attachment(match fetching.await {
        Ok(()) => AttachmentInput::Complete { ticket },
        Err(error) => {
            let error: TransferError = error;
            tracing::debug!(?device, %error, "a transfer failed");
            AttachmentInput::Failed { ticket, failure: failure_of(&error) }
        }
    })
}

/// What the core should know of a transfer that failed.
fn failure_of(error: &TransferError) -> Failure {
    let code = match error {
        // The device lies, or the message does.
        TransferError::Corrupt | TransferError::WrongSize { .. } | TransferError::Malformed(_) => {
            "corrupt"
        }
        TransferError::Store(StoreError::Fetching | StoreError::ShuttingDown) => "transfer",
        TransferError::Store(_) => "disk",
        _ => "transfer",
    };
    Failure::new(code, error.to_string())
}

/// Takes in attachment streams of others until the node ends.
pub(super) async fn serve(
    mut incoming: libp2p_stream::IncomingStreams,
    store: BlobStore,
    inbox: mpsc::Sender<Event>,
    counters: Counters,
) {
    let serving = Arc::new(Semaphore::new(SERVING_MAX));
    let mut tasks = JoinSet::new();
    while let Some((peer, stream)) = incoming.next().await {
        while tasks.try_join_next().is_some() {}
        let Ok(device) = DeviceId::try_from(peer) else { continue };
        if tasks.len() < INBOUND_MAX {
            let stream = counters.count(device, stream);
            tasks.spawn(answer(stream, device, store.clone(), Arc::clone(&serving), inbox.clone()));
        }
    }
}

async fn answer(
    mut stream: Counted<Stream>,
    device: DeviceId,
    store: BlobStore,
    serving: Arc<Semaphore>,
    inbox: mpsc::Sender<Event>,
) {
    let result = async {
        let Ok(permit) = serving.try_acquire() else {
            return transfer::refuse(stream, BlobReply::Busy).await;
        };
        let request = transfer::read_request(&mut stream).await?;
        let (decide, decision) = oneshot::channel();
        let asked = Event::BlobAsked { device, request: Box::new(request), decide };
        if inbox.send(asked).await.is_err() {
            return Ok(());
        }
        let result = match decision.await {
            Ok(Decision::Grant(request)) => transfer::grant(stream, &store, &request).await,
            Ok(Decision::Refuse(reply)) => transfer::refuse(stream, reply).await,
            Err(_gone) => Ok(()),
        };
        drop(permit);
        result
    };
    if let Err(error) = result.await {
        tracing::debug!(?device, %error, "serving an attachment failed");
    }
}

/// Removes files that nobody needs any more.
pub(super) async fn remove(removing: impl FnOnce() -> Result<(), StoreError> + Send + 'static) {
    if let Ok(Err(error)) = spawn_blocking(removing).await {
        tracing::warn!(%error, "a file that nobody needs any more could not be deleted");
    }
}
