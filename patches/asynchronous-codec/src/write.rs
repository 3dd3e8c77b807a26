//! Frames that are sent.

use std::{
    io,
    ops::{Deref, DerefMut},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BytesMut};
use futures_sink::Sink;
use futures_util::io::AsyncWrite;

use crate::Encoder;

/// Bytes that may wait before the next frame is taken.
const WAITING_MAX: usize = 128 * 1024;
/// A buffer that is no larger is kept for the next frame, as it costs less than to ask again.
const KEPT_MAX: usize = 256;

/// Whether there is room for another frame; sends until there is.
pub(crate) fn poll_room<T: AsyncWrite + Unpin>(
    io: &mut T,
    buffer: &mut BytesMut,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    poll_send(io, buffer, WAITING_MAX - 1, context)
}

/// Sends all. Between frames there is no buffer to speak of.
pub(crate) fn poll_flush<T: AsyncWrite + Unpin>(
    io: &mut T,
    buffer: &mut BytesMut,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    ready!(poll_send(io, buffer, 0, context))?;
    if buffer.capacity() > KEPT_MAX {
        *buffer = BytesMut::new();
    }
    Pin::new(io).poll_flush(context)
}

/// Sends all and ends the stream.
pub(crate) fn poll_close<T: AsyncWrite + Unpin>(
    io: &mut T,
    buffer: &mut BytesMut,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    ready!(poll_flush(io, buffer, context))?;
    Pin::new(io).poll_close(context)
}

/// Sends until no more than this waits.
fn poll_send<T: AsyncWrite + Unpin>(
    io: &mut T,
    buffer: &mut BytesMut,
    may_wait: usize,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while buffer.len() > may_wait {
        let sent = ready!(Pin::new(&mut *io).poll_write(context, buffer))?;
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        buffer.advance(sent);
    }
    Poll::Ready(Ok(()))
}

/// Frames to one stream.
#[derive(Debug)]
pub struct FramedWrite<T, E> {
    io: T,
    encoder: E,
    buffer: BytesMut,
}

impl<T, E> FramedWrite<T, E> {
    /// Sends frames on a stream.
    pub fn new(io: T, encoder: E) -> Self {
        Self { io, encoder, buffer: BytesMut::new() }
    }

    /// The stream. What is still to be sent is lost.
    pub fn into_inner(self) -> T {
        self.io
    }
}

impl<T, E> Deref for FramedWrite<T, E> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.io
    }
}

impl<T, E> DerefMut for FramedWrite<T, E> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.io
    }
}

// Nothing is pinned in here but the stream.
impl<T: Unpin, E> Unpin for FramedWrite<T, E> {}

impl<T: AsyncWrite + Unpin, E: Encoder> Sink<E::Item<'_>> for FramedWrite<T, E> {
    type Error = E::Error;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        let Self { io, buffer, .. } = &mut *self;
        poll_room(io, buffer, context).map_err(Into::into)
    }

    fn start_send(mut self: Pin<&mut Self>, item: E::Item<'_>) -> Result<(), Self::Error> {
        let Self { encoder, buffer, .. } = &mut *self;
        encoder.encode(item, buffer)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        let Self { io, buffer, .. } = &mut *self;
        poll_flush(io, buffer, context).map_err(Into::into)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        let Self { io, buffer, .. } = &mut *self;
        poll_close(io, buffer, context).map_err(Into::into)
    }
}
