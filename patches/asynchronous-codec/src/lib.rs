//! Frames over byte streams, by the interface that libp2p knows from the crate of this name.
//!
//! That crate keeps 16 KiB for each stream from its beginning to its end. A server with thousands of
//! connections on which nothing happens pays for three such streams each, which is more than for all
//! else together. Here a buffer is there only while bytes are underway.
#![forbid(unsafe_code)]

mod read;
mod write;

use std::{
    io,
    ops::{Deref, DerefMut},
    pin::Pin,
    task::{Context, Poll},
};

pub use bytes::{Bytes, BytesMut};
use futures_sink::Sink;
use futures_util::{
    io::{AsyncRead, AsyncWrite},
    stream::Stream,
};

pub use self::{read::FramedRead, write::FramedWrite};

/// Finds frames in bytes.
pub trait Decoder {
    /// A frame.
    type Item;
    /// Why bytes are no frame.
    type Error: From<io::Error>;

    /// Takes the first frame out of the bytes that have come; none if it is not whole yet.
    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Self::Item>, Self::Error>;

    /// The same once no more bytes will come.
    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<Self::Item>, Self::Error> {
        self.decode(source)
    }
}

/// Makes bytes of frames.
pub trait Encoder {
    /// A frame.
    type Item<'a>;
    /// Why a frame cannot be sent.
    type Error: From<io::Error>;

    /// Appends a frame to the bytes that are to be sent.
    fn encode(&mut self, item: Self::Item<'_>, target: &mut BytesMut) -> Result<(), Self::Error>;
}

/// Frames in both directions of one stream.
#[derive(Debug)]
pub struct Framed<T, C> {
    io: T,
    codec: C,
    read: BytesMut,
    write: BytesMut,
}

/// What a [`Framed`] is made of.
#[derive(Debug)]
#[non_exhaustive]
pub struct FramedParts<T, C> {
    /// The stream.
    pub io: T,
    /// The codec.
    pub codec: C,
    /// Bytes that have come and are in no frame yet.
    pub read_buffer: BytesMut,
    /// Bytes that are still to be sent.
    pub write_buffer: BytesMut,
}

impl<T, C> FramedParts<T, C> {
    /// Replaces the codec.
    pub fn map_codec<D>(self, change: impl FnOnce(C) -> D) -> FramedParts<T, D> {
        let Self { io, codec, read_buffer, write_buffer } = self;
        FramedParts { io, codec: change(codec), read_buffer, write_buffer }
    }
}

impl<T, C> Framed<T, C> {
    /// Speaks in frames over a stream.
    pub fn new(io: T, codec: C) -> Self {
        Self { io, codec, read: BytesMut::new(), write: BytesMut::new() }
    }

    /// Goes on with what [`Framed::into_parts`] gave.
    pub fn from_parts(parts: FramedParts<T, C>) -> Self {
        let FramedParts { io, codec, read_buffer, write_buffer } = parts;
        Self { io, codec, read: read_buffer, write: write_buffer }
    }

    /// Takes it apart; nothing that came or is to be sent is lost.
    pub fn into_parts(self) -> FramedParts<T, C> {
        let Self { io, codec, read, write } = self;
        FramedParts { io, codec, read_buffer: read, write_buffer: write }
    }

    /// The stream. What came or is to be sent and is no frame yet is lost.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// The codec.
    pub fn codec(&self) -> &C {
        &self.codec
    }

    /// The codec.
    pub fn codec_mut(&mut self) -> &mut C {
        &mut self.codec
    }
}

impl<T, C> Deref for Framed<T, C> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.io
    }
}

impl<T, C> DerefMut for Framed<T, C> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.io
    }
}

// Nothing is pinned in here but the stream.
impl<T: Unpin, C> Unpin for Framed<T, C> {}

impl<T: AsyncRead + Unpin, C: Decoder> Stream for Framed<T, C> {
    type Item = Result<C::Item, C::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { io, codec, read, .. } = &mut *self;
        read::poll_frame(io, codec, read, context)
    }
}

impl<T: AsyncWrite + Unpin, C: Encoder> Sink<C::Item<'_>> for Framed<T, C> {
    type Error = C::Error;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        let Self { io, write, .. } = &mut *self;
        write::poll_room(io, write, context).map_err(Into::into)
    }

    fn start_send(mut self: Pin<&mut Self>, item: C::Item<'_>) -> Result<(), Self::Error> {
        let Self { codec, write, .. } = &mut *self;
        codec.encode(item, write)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        let Self { io, write, .. } = &mut *self;
        write::poll_flush(io, write, context).map_err(Into::into)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        let Self { io, write, .. } = &mut *self;
        write::poll_close(io, write, context).map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::{Buf as _, BufMut as _};
    use futures::{SinkExt as _, StreamExt as _, executor::block_on};

    use super::*;

    /// Frames with one byte for their length.
    struct Short;

    impl Decoder for Short {
        type Item = Vec<u8>;
        type Error = io::Error;

        fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<Vec<u8>>> {
            match source.first() {
                Some(length) if source.len() > usize::from(*length) => {
                    let length = usize::from(source.get_u8());
                    Ok(Some(source.split_to(length).to_vec()))
                }
                _ => Ok(None),
            }
        }
    }

    impl Encoder for Short {
        type Item<'a> = &'a [u8];
        type Error = io::Error;

        fn encode(&mut self, item: &[u8], target: &mut BytesMut) -> io::Result<()> {
            target.put_u8(u8::try_from(item.len()).map_err(io::Error::other)?);
            target.put_slice(item);
            Ok(())
        }
    }

    /// A stream whose bytes come in pieces and leave a few at a time, with pauses.
    #[derive(Default)]
    struct Pieces {
        coming: VecDeque<Option<Vec<u8>>>,
        sent: Vec<u8>,
        may_send: bool,
    }

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            match self.coming.pop_front() {
                Some(Some(piece)) => {
                    buffer[..piece.len()].copy_from_slice(&piece);
                    Poll::Ready(Ok(piece.len()))
                }
                Some(None) => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                None => Poll::Ready(Ok(0)),
            }
        }
    }

    impl AsyncWrite for Pieces {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.may_send = !self.may_send;
            if self.may_send {
                let length = bytes.len().min(3);
                self.sent.extend_from_slice(&bytes[..length]);
                return Poll::Ready(Ok(length));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn coming(pieces: &[Option<&[u8]>]) -> Framed<Pieces, Short> {
        let coming = pieces.iter().map(|piece| piece.map(<[u8]>::to_vec)).collect();
        Framed::new(Pieces { coming, ..Pieces::default() }, Short)
    }

    #[test]
    fn frames_come_whole_however_they_are_cut() {
        let mut framed =
            coming(&[Some(&[2, 1]), None, Some(&[2, 1, 3, 0]), None, Some(&[3, 7, 8]), Some(&[9])]);
        let came: Vec<_> = block_on(framed.by_ref().map(Result::unwrap).collect());
        assert_eq!(came, [vec![1, 2], vec![3], vec![], vec![7, 8, 9]]);
        assert_eq!(framed.read.capacity(), 0);
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_is_an_error() {
        let mut framed = coming(&[Some(&[1, 5, 2, 1])]);
        assert_eq!(block_on(framed.next()).unwrap().unwrap(), [5]);
        let error = block_on(framed.next()).unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn frames_are_sent_whole_and_leave_no_large_buffer() {
        let mut framed = coming(&[]);
        let frame = [4; 200];
        block_on(async {
            for _ in 0..20 {
                framed.feed(&frame).await.unwrap();
            }
            framed.flush().await.unwrap();
        });
        assert_eq!(framed.sent.len(), 20 * 201);
        assert!(framed.write.capacity() <= 256);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut framed = coming(&[]);
        block_on(async {
            for _ in 0..2_000 {
                framed.feed(&[4; 255]).await.unwrap();
                assert!(framed.write.len() < 129 * 1024);
            }
        });
    }

    #[test]
    fn nothing_is_lost_by_taking_it_apart() {
        let mut framed = coming(&[Some(&[1, 5, 2, 1]), Some(&[9])]);
        assert_eq!(block_on(framed.next()).unwrap().unwrap(), [5]);
        let mut framed = Framed::from_parts(framed.into_parts().map_codec(|codec| codec));
        assert_eq!(block_on(framed.next()).unwrap().unwrap(), [1, 9]);
    }
}
