//! One task for each client's stream: frames in, frames out, both through bounded queues.
//!
//! A request is read only after the one before it was answered, so that a client that asks faster
//! than the server answers waits in its own stream.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use thiserror::Error;
use tokio::{sync::mpsc, time::timeout};
use wire::{
    codec::DecodeError,
    frame,
    limits::RENDEZVOUS_FRAME_MAX,
    rendezvous::{ClientFrame, ServerFrame},
};

use crate::service::ClientId;

/// Frames that may wait for one client. A client that lets more wait is disconnected.
pub const OUTBOX_MAX: usize = 1_024;
/// Bytes of group messages that may wait for one client, beyond which it gets none. What it misses
/// so, it finds by the digests of the group.
pub const COPIES_WAITING_MAX: usize = 1024 * 1024;
/// Time in which a client must take a frame that is written to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that a client has to hang up after the server's last frame, so that it can read that.
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(500);
/// Bytes read at once.
const CHUNK: usize = 1_024;

/// A frame for a client.
#[derive(Clone, Debug)]
pub struct Outgoing {
    bytes: Arc<[u8]>,
    is_response: bool,
    /// Held for its end.
    _waiting: Option<Arc<Waiting>>,
}

/// Bytes that count among those that wait for a client, until they are written or dropped.
#[derive(Debug)]
struct Waiting {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Outgoing {
    /// Encodes a frame, once for all clients that get it.
    pub fn new(frame: &ServerFrame) -> Self {
        let is_response = matches!(frame, ServerFrame::Response { .. });
        Self { bytes: frame::encode(frame).into(), is_response, _waiting: None }
    }

    /// The same frame, counted among the bytes that wait for a client; none if those are too many.
    pub fn counted(&self, all: &Arc<AtomicUsize>) -> Option<Self> {
        let bytes = self.bytes.len();
        if all.load(Ordering::Relaxed) + bytes > COPIES_WAITING_MAX {
            return None;
        }
        all.fetch_add(bytes, Ordering::Relaxed);
        let waiting = Arc::new(Waiting { bytes, all: Arc::clone(all) });
        Some(Self { _waiting: Some(waiting), ..self.clone() })
    }
}

/// Why a stream ended that the server did not end.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The client does not read.
    #[error("the client reads too slowly")]
    TooSlow,
    /// The client sent what is no request.
    #[error("not a request: {0}")]
    Malformed(#[from] DecodeError),
}

/// Serves one stream until either side ends it. The server ends it by dropping the outbox's sender.
pub async fn serve(
    client: ClientId,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    inbox: mpsc::Sender<(ClientId, ClientFrame)>,
    mut outbox: mpsc::Receiver<Outgoing>,
) -> Result<(), StreamError> {
    let (reader, mut writer) = stream.split();
    let mut frames = FrameReader::new(reader);
    let mut is_answered = true;
    loop {
        tokio::select! {
            biased;
            outgoing = outbox.recv() => match outgoing {
                Some(first) => {
                    is_answered |= write_waiting(&mut writer, first, &mut outbox).await?;
                }
                None => break,
            },
            body = frames.next(), if is_answered => match body? {
                Some(body) => {
                    let frame = ClientFrame::decode(&body)?;
                    if inbox.send((client, frame)).await.is_err() {
                        break;
                    }
                    is_answered = false;
                }
                None => return Ok(()),
            },
        }
    }
    timeout(WRITE_TIMEOUT, writer.close()).await.map_err(|_elapsed| StreamError::TooSlow)??;
    // A client that stays longer than it may is cut off, which is no fault of the server.
    timeout(FAREWELL_TIMEOUT, frames.discard()).await.unwrap_or(Ok(()))?;
    Ok(())
}

/// Writes a frame and all others that wait. Tells whether a response was among them.
async fn write_waiting(
    writer: &mut (impl AsyncWrite + Unpin),
    first: Outgoing,
    outbox: &mut mpsc::Receiver<Outgoing>,
) -> Result<bool, StreamError> {
    let mut is_response = first.is_response;
    let mut next = Some(first);
    while let Some(outgoing) = next {
        is_response |= outgoing.is_response;
        in_time(writer.write_all(&outgoing.bytes)).await?;
        next = outbox.try_recv().ok();
    }
    in_time(writer.flush()).await?;
    Ok(is_response)
}

async fn in_time(writing: impl Future<Output = io::Result<()>>) -> Result<(), StreamError> {
    Ok(timeout(WRITE_TIMEOUT, writing).await.map_err(|_elapsed| StreamError::TooSlow)??)
}

/// Reads frames. [`FrameReader::next`] may be dropped at any time without losing bytes.
struct FrameReader<R> {
    reader: R,
    received: Vec<u8>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    fn new(reader: R) -> Self {
        Self { reader, received: Vec::new() }
    }

    /// The next frame's body; none when the client has ended the stream between frames.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        loop {
            if let Some(body) = self.take()? {
                return Ok(Some(body));
            }
            let mut chunk = [0; CHUNK];
            let length = self.reader.read(&mut chunk).await?;
            if length == 0 && self.received.is_empty() {
                return Ok(None);
            }
            if length == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.received.extend_from_slice(&chunk[..length]);
        }
    }

    fn take(&mut self) -> Result<Option<Vec<u8>>, DecodeError> {
        let Some((prefix, rest)) = self.received.split_first_chunk::<{ frame::PREFIX }>() else {
            return Ok(None);
        };
        let length = frame::body_length(*prefix, RENDEZVOUS_FRAME_MAX)?;
        if rest.len() < length {
            return Ok(None);
        }
        let body = rest[..length].to_vec();
        self.received.drain(..frame::PREFIX + length);
        Ok(Some(body))
    }

    async fn discard(&mut self) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        while self.reader.read(&mut chunk).await? != 0 {}
        Ok(())
    }
}
