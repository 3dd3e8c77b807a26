//! A stream with patience: whatever does not come or go within it fails.

use std::{io, time::Duration};

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use serde::Serialize;
use tokio::time::timeout;
use wire::{codec::DecodeError, frame};

use super::{groups::GROUP, transfer::TransferError};

/// One end of a stream.
pub(super) struct Link<S> {
    stream: S,
    patience: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// Waits at most `patience` for each chunk group or frame.
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience }
    }

    /// Fills `bytes`, at most a frame or a chunk group.
    pub(super) async fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), TransferError> {
        in_time(self.patience, self.stream.read_exact(bytes)).await
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
        self.write_all(&frame::encode(value)).await?;
        in_time(self.patience, self.stream.flush()).await
    }

    /// Writes any number of bytes.
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        for piece in bytes.chunks(GROUP as usize) {
            in_time(self.patience, self.stream.write_all(piece)).await?;
        }
        Ok(())
    }

    /// Writes out what is left and ends this side of the stream.
    pub(super) async fn close(&mut self) -> Result<(), TransferError> {
        in_time(self.patience, self.stream.close()).await
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
