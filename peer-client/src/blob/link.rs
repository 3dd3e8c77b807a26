//! A stream with patience: whatever does not come or go within it fails.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use futures::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    io::{BufReader, ReadHalf, WriteHalf},
};
use serde::Serialize;
use tokio::time::{Instant, timeout};
use wire::{
    blob::{ACK_MOST, ACK_UNIT},
    codec::DecodeError,
    frame,
};

use super::{pace::Pace, transfer::TransferError, window::Window};

/// Bytes that are taken out of a stream at once.
const BUFFER: usize = 64 * 1024;

/// One end of a stream.
pub(super) struct Link<S> {
    reader: BufReader<ReadHalf<S>>,
    writer: WriteHalf<S>,
    patience: Duration,
    /// Bytes that came and of which the other side does not know that yet.
    untold: u64,
    pace: Pace,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// Waits at most `patience` for each part or frame.
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self::with_buffer(stream, patience, BUFFER)
    }

    /// The same, but takes nothing out of the stream beyond what is asked for.
    pub(super) fn brief(stream: S, patience: Duration) -> Self {
        Self::with_buffer(stream, patience, 0)
    }

    fn with_buffer(stream: S, patience: Duration, buffer: usize) -> Self {
        let (reader, writer) = stream.split();
        let reader = BufReader::with_capacity(buffer, reader);
        Self { reader, writer, patience, untold: 0, pace: Pace::default() }
    }

    /// Parts of encodings go at this pace from now on.
    pub(super) fn keep(&mut self, pace: &Pace) {
        self.pace = pace.clone();
    }

    /// Fills `bytes`, at most a frame.
    async fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), TransferError> {
        in_time(self.patience, self.reader.read_exact(bytes)).await
    }

    /// Reads a frame of at most `limit` bytes.
    pub(super) async fn read_frame<T>(
        &mut self,
        limit: usize,
        decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, TransferError> {
        let mut prefix = [0; frame::PREFIX];
        self.read_exact(&mut prefix).await?;
        let mut body = vec![0; frame::body_length(prefix, limit)?];
        self.read_exact(&mut body).await?;
        Ok(decode(&body)?)
    }

    /// Writes a frame out.
    pub(super) async fn write_frame(
        &mut self,
        value: &(impl Serialize + Sync),
    ) -> Result<(), TransferError> {
        let bytes = frame::encode(value);
        in_time(self.patience, self.writer.write_all(&bytes)).await?;
        in_time(self.patience, self.writer.flush()).await
    }

    /// Fills `bytes` with a part of an encoding. Tells the other side how much came: before waiting
    /// for more, and now and then.
    pub(super) async fn take(&mut self, bytes: &mut [u8]) -> Result<(), TransferError> {
        let Self { reader, writer, patience, untold, pace } = self;
        let length = bytes.len() as u64;
        pace.give_way(bytes.len()).await;
        let taking = async {
            let mut reading = pin!(reader.read_exact(bytes));
            let first = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await;
            match first {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    tell(writer, untold).await;
                    reading.await?;
                }
            }
            *untold += length;
            if *untold >= ACK_MOST {
                tell(writer, untold).await;
            }
            Ok(())
        };
        in_time(*patience, taking).await
    }

    /// Writes a part of an encoding, as fast as the other side takes it.
    pub(super) async fn give(
        &mut self,
        bytes: &[u8],
        window: &mut Window,
    ) -> Result<(), TransferError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            while self.hear(window, true).await? > 0 {}
            while !window.is_open() {
                self.hear(window, false).await?;
            }
            let (piece, after) = rest.split_at(rest.len().min(self.pace.piece(window.piece())));
            self.pace.give_way(piece.len()).await;
            in_time(self.patience, self.writer.write_all(piece)).await?;
            window.sent(piece.len() as u64, Instant::now().into_std());
            rest = after;
        }
        Ok(())
    }

    /// Hears how much the other side took. Gives how many words were heard; if `at_once`, it
    /// does not wait for any.
    async fn hear(&mut self, window: &mut Window, at_once: bool) -> Result<usize, TransferError> {
        let mut words = [0; 64];
        let reader = &mut self.reader;
        let hearing =
            poll_fn(|context| match Pin::new(&mut *reader).poll_read(context, &mut words) {
                Poll::Pending if at_once => Poll::Ready(Ok(None)),
                Poll::Pending => Poll::Pending,
                Poll::Ready(read) => Poll::Ready(read.map(Some)),
            });
        let heard = match timeout(self.patience, hearing).await {
            Err(_elapsed) => return Err(TransferError::Stalled),
            Ok(Err(error)) => return Err(TransferError::Stream(error)),
            Ok(Ok(None)) => return Ok(0),
            Ok(Ok(Some(0))) => return Err(TransferError::Cut),
            Ok(Ok(Some(heard))) => heard,
        };
        let words = &words[..heard];
        let units = words.iter().map(|units| u64::from(*units)).sum();
        if words.contains(&0) || window.taken(units, Instant::now().into_std()).is_err() {
            // Words that say nothing would keep this side busy for nothing.
            return Err(DecodeError::Invalid("nothing or more than was sent was taken").into());
        }
        Ok(heard)
    }

    /// Writes out what is left and ends this side of the stream.
    pub(super) async fn close(&mut self) -> Result<(), TransferError> {
        in_time(self.patience, self.writer.close()).await
    }
}

/// Tells the other side how much came. Should it not hear, reading will show why.
async fn tell(writer: &mut (impl AsyncWrite + Unpin), untold: &mut u64) {
    let units = u8::try_from(*untold / ACK_UNIT).unwrap_or(u8::MAX);
    *untold -= u64::from(units) * ACK_UNIT;
    if units > 0 {
        let telling = async {
            writer.write_all(&[units]).await?;
            writer.flush().await
        };
        if let Err(error) = telling.await {
            tracing::trace!(%error, "the other side does not hear how much came");
        }
    }
}

async fn in_time(
    patience: Duration,
    work: impl Future<Output = io::Result<()>>,
) -> Result<(), TransferError> {
    match timeout(patience, work).await {
        Err(_elapsed) => Err(TransferError::Stalled),
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Err(TransferError::Cut),
        Ok(Err(error)) => Err(TransferError::Stream(error)),
    }
}
