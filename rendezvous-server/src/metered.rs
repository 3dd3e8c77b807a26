//! Connections whose circuits are paid for, see [`circuit_bytes`](crate::circuit_bytes).
//!
//! The relay tells neither how many bytes pass through it nor lets anybody slow them down. So the
//! streams of each connection are watched from below: what the server writes to begin a stream says
//! whether that becomes a circuit.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncWrite, FutureExt as _};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use tokio::time::Sleep;

use crate::{
    circuit_bytes::{Debt, Payer},
    server::now,
};

/// What begins each negotiation.
const HEADER: &[u8] = b"/multistream/1.0.0\n";
/// The protocols that turn a stream into a circuit: from who dials, and to who is dialled.
const CIRCUITS: [&[u8]; 2] =
    [b"/libp2p/circuit/relay/0.2.0/hop\n", b"/libp2p/circuit/relay/0.2.0/stop\n"];

/// A connection whose streams are watched.
#[derive(Debug)]
pub(crate) struct Metered<M> {
    connection: M,
    payer: Payer,
}

impl<M> Metered<M> {
    pub(crate) fn new(connection: M, payer: Payer) -> Self {
        Self { connection, payer }
    }

    fn watch<S>(&self, stream: S) -> Watched<S> {
        let negotiating = Box::new((Negotiation::default(), self.payer.clone()));
        Watched { stream, state: State::Negotiating(negotiating) }
    }
}

impl<M: StreamMuxer + Unpin> StreamMuxer for Metered<M>
where
    M::Substream: Unpin,
{
    type Substream = Watched<M::Substream>;
    type Error = M::Error;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let stream = ready!(Pin::new(&mut self.connection).poll_inbound(context));
        Poll::Ready(stream.map(|stream| self.watch(stream)))
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let stream = ready!(Pin::new(&mut self.connection).poll_outbound(context));
        Poll::Ready(stream.map(|stream| self.watch(stream)))
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.connection).poll_close(context)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        Pin::new(&mut self.connection).poll(context)
    }
}

/// A stream of which it is found out whether it is a circuit.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    state: State,
}

#[derive(Debug)]
enum State {
    Negotiating(Box<(Negotiation, Payer)>),
    Other,
    Circuit(Box<Circuit>),
}

#[derive(Debug)]
struct Circuit {
    debt: Debt,
    /// Until when nothing is read.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Circuit {
    /// Whether more may be read.
    fn poll_paid(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.poll_unpin(context));
                self.pause = None;
            }
            match self.debt.pay(now()) {
                Ok(()) => return Poll::Ready(()),
                Err(wait) => self.pause = Some(Box::pin(tokio::time::sleep(wait))),
            }
        }
    }
}

impl<S> Watched<S> {
    /// Looks at what the server writes until that says what the stream is for.
    fn wrote(&mut self, bytes: &[u8]) {
        let State::Negotiating(negotiating) = &mut self.state else { return };
        let (negotiation, payer) = negotiating.as_mut();
        if let Some(is_circuit) = negotiation.wrote(bytes) {
            self.state = if is_circuit {
                State::Circuit(Box::new(Circuit { debt: payer.begin(), pause: None }))
            } else {
                State::Other
            };
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, state } = &mut *self;
        let State::Circuit(circuit) = state else {
            return Pin::new(stream).poll_read(context, buffer);
        };
        ready!(circuit.poll_paid(context));
        let length = ready!(Pin::new(stream).poll_read(context, buffer))?;
        circuit.debt.add(length);
        Poll::Ready(Ok(length))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let length = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.wrote(&bytes[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}

/// What the server has written to begin a stream: lines, each behind its length.
#[derive(Debug, Default)]
struct Negotiation {
    /// The part of a line that was written so far, with its length before it.
    line: Vec<u8>,
}

impl Negotiation {
    /// The server has written this. Tells, once that is clear, whether the stream is a circuit.
    fn wrote(&mut self, bytes: &[u8]) -> Option<bool> {
        for byte in bytes {
            self.line.push(*byte);
            let length = usize::from(self.line[0]);
            // The names of circuits' protocols are shorter than what takes two bytes to count.
            if length > 127 {
                return Some(false);
            }
            if self.line.len() == 1 + length {
                let line = &self.line[1..];
                let is_name = line.first() == Some(&b'/') && line != HEADER;
                if is_name {
                    return Some(CIRCUITS.contains(&line));
                }
                self.line.clear();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<u8> {
        let mut bytes = vec![text.len() as u8 + 1];
        bytes.extend(text.as_bytes());
        bytes.push(b'\n');
        bytes
    }

    /// What is found out when these lines are written in pieces of a length.
    fn found(lines: &[&str], piece: usize) -> Option<bool> {
        let bytes: Vec<u8> = lines.iter().flat_map(|text| line(text)).collect();
        let mut negotiation = Negotiation::default();
        bytes.chunks(piece).find_map(|piece| negotiation.wrote(piece))
    }

    #[test]
    fn circuits_are_known_by_their_protocols_however_they_are_written() {
        let header = "/multistream/1.0.0";
        for piece in [1, 2, 7, 1_000] {
            for circuit in ["hop", "stop"] {
                let protocol = format!("/libp2p/circuit/relay/0.2.0/{circuit}");
                assert_eq!(found(&[header, &protocol], piece), Some(true));
                assert_eq!(found(&[header, "na", "na", "na", &protocol], piece), Some(true));
            }
            assert_eq!(found(&[header, "/ipfs/ping/1.0.0"], piece), Some(false));
            assert_eq!(found(&[header, "na"], piece), None);
        }
    }

    #[test]
    fn what_is_no_negotiation_is_no_circuit() {
        let mut negotiation = Negotiation::default();
        assert_eq!(negotiation.wrote(&[0xff; 64]), Some(false));
    }
}
