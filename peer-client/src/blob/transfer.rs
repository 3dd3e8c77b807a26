//! Both ends of a transfer over one stream of `/natterjack/blob/1`: [`fetch`] on one side;
//! [`read_request`], then [`grant`] or [`refuse`] on the other.
//!
//! Dropping any of these futures is safe: what was recorded before stays, and nothing goes on but a
//! write to the disk that has begun.

use std::{io, path::PathBuf, time::Duration};

use bao_tree::iter::BaoChunk;
use futures::{AsyncRead, AsyncWrite};
use thiserror::Error;
use tokio::task;
use wire::{
    blob::{BlobReply, BlobRequest},
    bounded::Bounded,
    codec::DecodeError,
    id::{BlobHash, ConversationId},
    limits::{BLOB_REPLY_MAX, BLOB_REQUEST_MAX, RANGES_MAX},
    sync::Proof,
};

use super::{
    encoder::Encoder,
    link::Link,
    partial::Partial,
    store::{Beginning, BlobStore, StoreError},
    walk::Walk,
};

/// How long the other side may take for a frame or a chunk group of 16 KiB.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Received bytes after which they are written to the disk.
const BATCH: usize = 256 * 1024;

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
    Stream(io::Error),
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

/// Fetches what is missing of an attachment and returns the file of the whole.
///
/// `progress` is told how many bytes are here and verified, those of earlier attempts among them.
/// After an error another attempt, with this or another device, goes on from what came. Memory is
/// bounded, whatever the size.
pub async fn fetch<S>(
    stream: S,
    store: &BlobStore,
    wanted: &Wanted,
    progress: impl FnMut(u64) + Send,
) -> Result<PathBuf, TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    fetch_over(Link::new(stream, STALL_TIMEOUT), store, wanted, progress).await
}

/// Reads what the other side asks for. Its right to that is to be decided before [`grant`].
pub async fn read_request<S>(stream: S) -> Result<BlobRequest, TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    Link::new(stream, STALL_TIMEOUT).read_frame(BLOB_REQUEST_MAX, BlobRequest::decode).await
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
    store: &BlobStore,
    wanted: &Wanted,
    mut progress: impl FnMut(u64) + Send,
) -> Result<PathBuf, TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Wanted { conversation, hash, size, .. } = *wanted;
    let begin = store.clone();
    let partial = match blocking(move || begin.begin(&hash, size)).await? {
        Beginning::Whole { path, size: actual } if actual == size => return Ok(path),
        Beginning::Whole { size: actual, .. } => {
            return Err(TransferError::WrongSize { expected: size, actual });
        }
        Beginning::Partial(partial) => partial,
    };
    let ranges = ranges_to_request(partial.missing_ranges());
    let walk = Walk::new(&hash, size, &ranges);
    link.write_frame(&BlobRequest { conversation, proof: wanted.proof.clone(), hash, ranges })
        .await?;
    match link.read_frame(BLOB_REPLY_MAX, BlobReply::decode).await? {
        BlobReply::Granted { size: actual } if actual == size => {}
        BlobReply::Granted { size: actual } => {
            return Err(TransferError::WrongSize { expected: size, actual });
        }
        BlobReply::NotFound => return Err(TransferError::NotFound),
        BlobReply::Unauthorised => return Err(TransferError::Unauthorised),
        BlobReply::Busy => return Err(TransferError::Busy),
    }
    progress(partial.bytes());
    let partial = receive(&mut link, walk, partial, &mut progress).await?;
    Ok(blocking(move || partial.finish()).await?)
}

pub(super) async fn grant_over<S>(
    mut link: Link<S>,
    store: &BlobStore,
    request: &BlobRequest,
) -> Result<(), TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
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
    let mut piece;
    (encoder, piece) = read_piece(encoder).await?;
    while !piece.is_empty() {
        // The disk is read while the stream takes what was read before.
        let (written, next) = futures::join!(link.write_all(&piece), read_piece(encoder));
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

/// Verified chunk groups, each with the place of its first byte.
type Batch = Vec<(u64, Vec<u8>)>;

/// How reading a batch ended.
enum Ending {
    Full,
    Complete,
    Failed(TransferError),
}

/// Receives all that the walk goes through. What came before an error is recorded.
async fn receive<S>(
    link: &mut Link<S>,
    mut walk: Walk,
    mut partial: Partial,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<Partial, TransferError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (mut batch, mut ending) = read_batch(link, &mut walk).await;
    loop {
        let has_failed = matches!(ending, Ending::Failed(_));
        let writing = async {
            let partial = write_batch(partial, batch, has_failed).await?;
            progress(partial.bytes());
            Ok::<_, StoreError>(partial)
        };
        match ending {
            Ending::Full => {
                // The next bytes come while these are written.
                let (written, next) = futures::join!(writing, read_batch(link, &mut walk));
                partial = written?;
                (batch, ending) = next;
            }
            Ending::Complete => return Ok(writing.await?),
            Ending::Failed(error) => {
                writing.await?;
                return Err(error);
            }
        }
    }
}

/// Writes a batch, and records it if nothing follows for now.
async fn write_batch(
    mut partial: Partial,
    batch: Batch,
    is_last: bool,
) -> Result<Partial, StoreError> {
    blocking(move || {
        for (start, bytes) in batch {
            partial.write(start, &bytes)?;
        }
        if is_last {
            partial.record()?;
        }
        Ok(partial)
    })
    .await
}

/// Reads and checks until there is enough to be written, nothing more to come, or an error.
async fn read_batch<S>(link: &mut Link<S>, walk: &mut Walk) -> (Batch, Ending)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut batch = Batch::new();
    let mut length = 0;
    while length < BATCH {
        let Some(step) = walk.next() else { return (batch, Ending::Complete) };
        let mut bytes = vec![0; step.size()];
        if let Err(error) = link.read_exact(&mut bytes).await {
            return (batch, Ending::Failed(error));
        }
        if walk.check(&step, &bytes).is_err() {
            return (batch, Ending::Failed(TransferError::Corrupt));
        }
        if let BaoChunk::Leaf { start_chunk, .. } = step {
            length += bytes.len();
            batch.push((start_chunk.to_bytes(), bytes));
        }
    }
    (batch, Ending::Full)
}

/// The missing ranges, as many as a request holds; the last one covers the rest and its gaps.
fn ranges_to_request(mut missing: Vec<(u64, u64)>) -> Bounded<(u64, u64), RANGES_MAX> {
    if let Some(&(_, end)) = missing.last() {
        missing.truncate(RANGES_MAX);
        if let Some(last) = missing.last_mut() {
            last.1 = end;
        }
    }
    Bounded::truncated(missing)
}

/// Runs work on the disk where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(StoreError::ShuttingDown),
        },
    }
}
