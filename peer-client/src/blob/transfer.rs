//! Both ends of a transfer over one stream of `/natterjack/blob/1`: [`next`] and [`fetch`] on one side;
//! [`read_request`], then [`grant`] or [`refuse`] on the other.
//!
//! Dropping any of these futures is safe: what was recorded before stays, and nothing goes on but a
//! write to the disk that has begun.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use bao_tree::{BaoTree, iter::BaoChunk};
use futures::{AsyncRead, AsyncWrite};
use thiserror::Error;
use tokio::{sync::mpsc, task, time::Instant};
use wire::{
    blob::{BlobReply, BlobRequest},
    codec::DecodeError,
    id::{BlobHash, ConversationId},
    limits::{BLOB_REPLY_MAX, BLOB_REQUEST_MAX},
    sync::Proof,
};

pub use super::download::Share;
use super::{
    download::Task,
    encoder::Encoder,
    link::Link,
    runs::Batch,
    store::{Beginning, BlobStore, StoreError},
    walk::{BLOCK, Walk},
    window::Window,
};

/// How long the other side may take for a frame or a chunk group of 16 KiB.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Received bytes after which they are written to the disk.
const BATCH: usize = 256 * 1024;
/// Batches that may wait for the disk; beyond that, nothing is read.
const BATCHES: usize = 8;

/// Why a transfer did not happen or end. The text is for a person.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The other side does not have the attachment whole.
    #[error("the other device does not have the file")]
    NotFound,
    /// The other side sees no right to the attachment.
    #[error("the other device refuses the file")]
    Unauthorised,
    /// The other side has too many transfers at once; it is worth trying later.
    #[error("the other device is busy; try again later")]
    Busy,
    /// The message or the other side states a size that is not the attachment's.
    #[error("the file has {actual} bytes, but the message says {expected}")]
    WrongSize {
        /// As the message says.
        expected: u64,
        /// As the other side says, or as the file on this disk has.
        actual: u64,
    },
    /// The other side sent bytes that do not belong to the attachment. They were not kept.
    #[error("the other device sent wrong data")]
    Corrupt,
    /// The other side did not send or take anything for [`STALL_TIMEOUT`].
    #[error("the other device stopped answering")]
    Stalled,
    /// The stream ended before the transfer did.
    #[error("the connection ended too early")]
    Cut,
    /// The stream failed.
    #[error("the connection failed: {0}")]
    Stream(#[from] io::Error),
    /// The other side broke the protocol.
    #[error("the other device broke the protocol: {0}")]
    Malformed(#[from] DecodeError),
    /// This side's disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An attachment to be fetched, as a message names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The conversation of the message.
    pub conversation: ConversationId,
    /// This device's right to the conversation.
    pub proof: Proof,
    /// The attachment.
    pub hash: BlobHash,
    /// Its bytes.
    pub size: u64,
}

/// What is to be done next for an attachment.
#[derive(Debug)]
pub enum Next {
    /// It is here whole.
    Whole(PathBuf),
    /// Bring this share of it, by [`fetch`], and ask again.
    Bring(Share),
}

/// Gives out what is missing of an attachment and nobody else brings, or waits until there is
/// something to do. Several may bring one attachment, each over a stream of its own.
pub async fn next(store: &BlobStore, wanted: &Wanted) -> Result<Next, TransferError> {
    let Wanted { hash, size, .. } = *wanted;
    loop {
        let store = store.clone();
        let download = match blocking(move || store.begin(&hash, size)).await? {
            Beginning::Whole { path, size: actual } if actual == size => {
                return Ok(Next::Whole(path));
            }
            Beginning::Whole { size: actual, .. } => {
                return Err(TransferError::WrongSize { expected: size, actual });
            }
            Beginning::Coming(download) => download,
        };
        let giver = Arc::clone(&download);
        match blocking(move || Ok(giver.task())).await? {
            Task::Bring(share) => return Ok(Next::Bring(share)),
            Task::Wait => download.changed().await,
            Task::Finish => return Ok(Next::Whole(blocking(move || download.finish()).await?)),
        }
    }
}

/// Fetches a share of an attachment, or what is left of it once others took from it.
///
/// `progress` is told how many bytes of the attachment are here and verified, whoever brought them.
/// After an error another attempt, with this or another device, goes on from what came. Memory is
/// bounded, whatever the size.
pub async fn fetch<S>(
    stream: S,
    share: Share,
    wanted: &Wanted,
    progress: impl FnMut(u64) + Send,
) -> Result<(), TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    fetch_over(Link::new(stream, STALL_TIMEOUT), share, wanted, progress).await
}

/// Reads what the other side asks for. Its right to that is to be decided before [`grant`].
pub async fn read_request<S>(stream: S) -> Result<BlobRequest, TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    Link::brief(stream, STALL_TIMEOUT).read_frame(BLOB_REQUEST_MAX, BlobRequest::decode).await
}

/// Sends the ranges that were asked for and ends this side of the stream. If the attachment is not
/// here whole, the other side is told so, and [`TransferError::NotFound`] is returned.
pub async fn grant<S>(
    stream: S,
    store: &BlobStore,
    request: &BlobRequest,
) -> Result<(), TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    grant_over(Link::new(stream, STALL_TIMEOUT), store, request).await
}

/// Answers a request with a refusal and ends this side of the stream.
pub async fn refuse<S>(stream: S, reply: BlobReply) -> Result<(), TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    refuse_over(Link::new(stream, STALL_TIMEOUT), reply).await
}

pub(super) async fn fetch_over<S>(
    mut link: Link<S>,
    share: Share,
    wanted: &Wanted,
    mut progress: impl FnMut(u64) + Send,
) -> Result<(), TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Wanted { conversation, hash, size, .. } = *wanted;
    let walk = Walk::new(&hash, size, share.ranges());
    let (proof, ranges) = (wanted.proof.clone(), share.ranges().clone());
    link.write_frame(&BlobRequest { conversation, proof, hash, ranges }).await?;
    match link.read_frame(BLOB_REPLY_MAX, BlobReply::decode).await? {
        BlobReply::Granted { size: actual } if actual == size => {}
        BlobReply::Granted { size: actual } => {
            return Err(TransferError::WrongSize { expected: size, actual });
        }
        BlobReply::NotFound => return Err(TransferError::NotFound),
        BlobReply::Unauthorised => return Err(TransferError::Unauthorised),
        BlobReply::Busy => return Err(TransferError::Busy),
    }
    progress(share.download().bytes());
    link.keep(share.download().pace());
    receive(&mut link, walk, share, &mut progress).await
}

pub(super) async fn grant_over<S>(
    mut link: Link<S>,
    store: &BlobStore,
    request: &BlobRequest,
) -> Result<(), TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    link.keep(store.pace());
    let (store, hash, ranges) = (store.clone(), request.hash, request.ranges.clone());
    let opened = blocking(move || store.encoder(&hash, &ranges)).await;
    let mut encoder = match opened {
        Ok(Some(encoder)) => encoder,
        Ok(None) => {
            refuse_over(link, BlobReply::NotFound).await?;
            return Err(TransferError::NotFound);
        }
        Err(error) => {
            refuse_over(link, BlobReply::NotFound).await?;
            return Err(error.into());
        }
    };
    link.write_frame(&BlobReply::Granted { size: encoder.size() }).await?;
    let mut window = Window::new(Instant::now().into_std());
    let mut piece;
    (encoder, piece) = read_piece(encoder).await?;
    while !piece.is_empty() {
        // The disk is read while the stream takes what was read before.
        let (written, next) = futures::join!(link.give(&piece, &mut window), read_piece(encoder));
        written?;
        (encoder, piece) = next?;
    }
    link.close().await
}

async fn read_piece(mut encoder: Encoder) -> Result<(Encoder, Vec<u8>), StoreError> {
    blocking(move || {
        let piece = encoder.next_piece()?;
        Ok((encoder, piece))
    })
    .await
}

async fn refuse_over<S>(mut link: Link<S>, reply: BlobReply) -> Result<(), TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    link.write_frame(&reply).await?;
    link.close().await
}

/// Receives what the walk goes through as long as it belongs to the share. What came before an error
/// is recorded.
async fn receive<S>(
    link: &mut Link<S>,
    walk: Walk,
    share: Share,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<(), TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let share = Arc::new(share);
    let (batches, mut arrived) = mpsc::channel(BATCHES);
    // The next bytes come while others are written.
    let reading = async { Ok::<_, StoreError>(read(link, walk, &share, batches).await) };
    let writing = async {
        let mut recording = None;
        while let Some(batch) = arrived.recv().await {
            let writer = Arc::clone(&share);
            blocking(move || writer.write(&batch)).await?;
            record(&share, &mut recording).await?;
            progress(share.download().bytes());
        }
        recorded(recording).await
    };
    let (read, ()) = futures::try_join!(reading, writing)?;
    if read.is_err() {
        let share = Arc::clone(&share);
        blocking(move || share.download().record()).await?;
    }
    read
}

/// A record that is being written.
type Recording = task::JoinHandle<Result<(), StoreError>>;

/// Sees to it that what came is recorded, while more comes.
async fn record(share: &Arc<Share>, recording: &mut Option<Recording>) -> Result<(), StoreError> {
    let (is_due, must_wait) = share.download().is_record_due();
    let is_done = recording.as_ref().is_none_or(task::JoinHandle::is_finished);
    if must_wait || (is_due && is_done) {
        recorded(recording.take()).await?;
    }
    if is_due && recording.is_none() {
        let share = Arc::clone(share);
        *recording = Some(task::spawn_blocking(move || share.download().record()));
    }
    Ok(())
}

/// Waits for a record.
async fn recorded(recording: Option<Recording>) -> Result<(), StoreError> {
    match recording {
        Some(recording) => outcome(recording.await),
        None => Ok(()),
    }
}

/// Reads and checks until there is nothing more to come for the share.
async fn read<S>(
    link: &mut Link<S>,
    mut walk: Walk,
    share: &Share,
    batches: mpsc::Sender<Batch>,
) -> Result<(), TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let tree = BaoTree::new(share.download().size(), BLOCK);
    let (mut batch, mut bytes) = (Batch::default(), Vec::new());
    let result = loop {
        let Some(step) = walk.next() else { break Ok(()) };
        if let BaoChunk::Leaf { start_chunk, .. } = step
            && share.is_over_at(start_chunk.to_bytes())
        {
            break Ok(());
        }
        bytes.resize(step.size(), 0);
        if let Err(error) = link.take(&mut bytes).await {
            break Err(error);
        }
        if walk.check(&step, &bytes).is_err() {
            break Err(TransferError::Corrupt);
        }
        batch.push(&tree, &step, &bytes);
        if batch.length >= BATCH && batches.send(std::mem::take(&mut batch)).await.is_err() {
            break Ok(());
        }
    };
    // Whoever writes ends early only with an error of its own.
    if batches.send(batch).await.is_err() {
        tracing::trace!("what came cannot be written");
    }
    result
}

/// Runs work on the disk where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    outcome(task::spawn_blocking(work).await)
}

fn outcome<T>(result: Result<Result<T, StoreError>, task::JoinError>) -> Result<T, StoreError> {
    match result {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(StoreError::ShuttingDown),
        },
    }
}
