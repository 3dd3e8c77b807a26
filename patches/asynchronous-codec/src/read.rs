//! Frames that come.

use std::{
    io,
    ops::{Deref, DerefMut},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use futures_util::{io::AsyncRead, stream::Stream};

use crate::Decoder;

/// Bytes that are read at once.
const CHUNK: usize = 8 * 1024;

/// Reads until a frame is whole. Between frames there is no buffer.
pub(crate) fn poll_frame<T: AsyncRead + Unpin, D: Decoder>(
    io: &mut T,
    decoder: &mut D,
    buffer: &mut BytesMut,
    context: &mut Context<'_>,
) -> Poll<Option<Result<D::Item, D::Error>>> {
    if !buffer.is_empty()
        && let Some(frame) = decoder.decode(buffer)?
    {
        release(buffer);
        return Poll::Ready(Some(Ok(frame)));
    }
    let mut chunk = [0; CHUNK];
    loop {
        let length = ready!(Pin::new(&mut *io).poll_read(context, &mut chunk))?;
        if length == 0 {
            return Poll::Ready(last(decoder, buffer).transpose());
        }
        buffer.extend_from_slice(&chunk[..length]);
        if let Some(frame) = decoder.decode(buffer)? {
            release(buffer);
            return Poll::Ready(Some(Ok(frame)));
        }
    }
}

/// What is left when no more bytes come.
fn last<D: Decoder>(decoder: &mut D, buffer: &mut BytesMut) -> Result<Option<D::Item>, D::Error> {
    if buffer.is_empty() {
        return Ok(None);
    }
    let frame = decoder.decode_eof(buffer)?;
    if frame.is_none() && !buffer.is_empty() {
        let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "the stream ends within a frame");
        return Err(cut.into());
    }
    Ok(frame)
}

/// Gives the memory back once all of it was used.
fn release(buffer: &mut BytesMut) {
    if buffer.is_empty() {
        *buffer = BytesMut::new();
    }
}

/// Frames from one stream.
#[derive(Debug)]
pub struct FramedRead<T, D> {
    io: T,
    decoder: D,
    buffer: BytesMut,
}

impl<T, D> FramedRead<T, D> {
    /// Reads frames from a stream.
    pub fn new(io: T, decoder: D) -> Self {
        Self { io, decoder, buffer: BytesMut::new() }
    }

    /// The stream. What came and is no frame yet is lost.
    pub fn into_inner(self) -> T {
        self.io
    }
}

impl<T, D> Deref for FramedRead<T, D> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.io
    }
}

impl<T, D> DerefMut for FramedRead<T, D> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.io
    }
}

// Nothing is pinned in here but the stream.
impl<T: Unpin, D> Unpin for FramedRead<T, D> {}

impl<T: AsyncRead + Unpin, D: Decoder> Stream for FramedRead<T, D> {
    type Item = Result<D::Item, D::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { io, decoder, buffer } = &mut *self;
        poll_frame(io, decoder, buffer, context)
    }
}
