//! One task for each stream: frames in, frames out, through bounded queues.

use std::{io, time::Duration};

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::StreamProtocol;
use libp2p_stream::Control;
use serde::Serialize;
use tokio::{sync::mpsc, time::timeout};
use wire::{
    codec::DecodeError,
    frame,
    id::DeviceId,
    limits::{RENDEZVOUS_FRAME_MAX, SYNC_FRAME_MAX},
    rendezvous::{self, ClientFrame, ServerFrame},
    sync::{self, SyncFrame},
};

use super::{
    run::Event,
    traffic::{Counted, Counters},
};
use crate::core::input::{Input, ServerInput, SessionId, SyncInput};

/// Frames that may wait for one stream.
pub(super) const OUTBOX: usize = 256;
/// Requests that may wait for the stream to the server, as when re-joining all groups.
pub(super) const SERVER_OUTBOX: usize = 16 * 1024;
/// How long opening a stream may take.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// How long the other side may take to take a frame.
const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// Opens a stream to a connected device.
async fn open(
    control: &mut Control,
    device: DeviceId,
    protocol: &'static str,
) -> Result<libp2p::Stream, String> {
    let opening = control.open_stream(device.peer_id(), StreamProtocol::new(protocol));
    match timeout(OPEN_WITHIN, opening).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_elapsed) => Err("the other side does not answer".to_owned()),
    }
}

/// The stream for requests to the server.
pub(super) async fn serve_requests(
    mut control: Control,
    server: DeviceId,
    loopback: bool,
    outbox: mpsc::Receiver<ClientFrame>,
    inbox: mpsc::Sender<Event>,
) {
    let text = match open(&mut control, server, rendezvous::PROTOCOL).await {
        Ok(stream) => {
            let opened = Input::Server(ServerInput::Opened { loopback });
            if inbox.send(Event::Input(opened)).await.is_err() {
                return;
            }
            let decode = |bytes: &[u8]| {
                ServerFrame::decode(bytes).map(|f| Input::Server(ServerInput::Frame(f)))
            };
            let frames = Frames { limit: RENDEZVOUS_FRAME_MAX, decode, written: || None };
            exchange(stream, frames, outbox, &inbox).await
        }
        Err(text) => text,
    };
    send(&inbox, Event::ServerStreamEnded(text)).await;
}

/// A replication stream that this side opens.
pub(super) async fn open_sync(
    mut control: Control,
    session: SessionId,
    device: DeviceId,
    outbox: mpsc::Receiver<SyncFrame>,
    (counters, inbox): (Counters, mpsc::Sender<Event>),
) {
    match open(&mut control, device, sync::PROTOCOL).await {
        Ok(stream) => {
            send(&inbox, Event::Input(Input::Sync(SyncInput::Opened { session }))).await;
            serve_sync(counters.count(device, stream), session, outbox, inbox).await;
        }
        Err(text) => {
            tracing::debug!(?device, text, "cannot open a replication stream");
            send(&inbox, Event::SyncEnded(session)).await;
        }
    }
}

/// A replication stream that is open.
pub(super) async fn serve_sync(
    stream: Counted<libp2p::Stream>,
    session: SessionId,
    outbox: mpsc::Receiver<SyncFrame>,
    inbox: mpsc::Sender<Event>,
) {
    let decode =
        move |bytes: &[u8]| Ok(Input::Sync(SyncInput::arrived(session, SyncFrame::decode(bytes)?)));
    let written = move || Some(Input::Sync(SyncInput::Written { session }));
    let frames = Frames { limit: SYNC_FRAME_MAX, decode, written };
    let text = exchange(stream, frames, outbox, &inbox).await;
    tracing::debug!(?session, text, "a replication stream ended");
    send(&inbox, Event::SyncEnded(session)).await;
}

async fn send(inbox: &mpsc::Sender<Event>, event: Event) {
    if inbox.send(event).await.is_err() {
        tracing::trace!("the node has ended");
    }
}

/// How a protocol's frames are read, and what follows from each that was written.
struct Frames<Decode, Written> {
    limit: usize,
    decode: Decode,
    written: Written,
}

/// Reads and writes until either side ends. Tells why, for a person.
async fn exchange<S, F>(
    stream: S,
    frames: Frames<impl Fn(&[u8]) -> Result<Input, DecodeError>, impl Fn() -> Option<Input>>,
    mut outbox: mpsc::Receiver<F>,
    inbox: &mpsc::Sender<Event>,
) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Serialize,
{
    let Frames { limit, decode, written } = frames;
    let (mut reader, mut writer) = stream.split();
    let reading = async {
        loop {
            match read_frame(&mut reader, limit).await {
                Ok(Some(body)) => match decode(&body) {
                    Ok(input) => {
                        if inbox.send(Event::Input(input)).await.is_err() {
                            return "the program ends".to_owned();
                        }
                    }
                    Err(error) => {
                        return format!("the other side sent what cannot be read: {error}");
                    }
                },
                Ok(None) => return "the other side closed the connection".to_owned(),
                Err(error) => return format!("the connection broke: {error}"),
            }
        }
    };
    let writing = async {
        while let Some(frame) = outbox.recv().await {
            let bytes = frame::encode(&frame);
            let writing = async {
                writer.write_all(&bytes).await?;
                writer.flush().await
            };
            match timeout(WRITE_WITHIN, writing).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return format!("the connection broke: {error}"),
                Err(_elapsed) => return "the other side does not take anything".to_owned(),
            }
            if let Some(input) = written()
                && inbox.send(Event::Input(input)).await.is_err()
            {
                return "the program ends".to_owned();
            }
        }
        match timeout(WRITE_WITHIN, writer.close()).await {
            Ok(Err(error)) => format!("the connection broke: {error}"),
            _ => "closed".to_owned(),
        }
    };
    tokio::select! {
        text = reading => text,
        text = writing => text,
    }
}

/// Reads one frame; none at an orderly end.
pub(super) async fn read_frame(
    reader: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut prefix = [0; frame::PREFIX];
    match reader.read_exact(&mut prefix).await {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = frame::body_length(prefix, limit)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    // Grows as bytes come, so that an announced length alone costs nothing.
    let mut body = Vec::new();
    reader.take(length as u64).read_to_end(&mut body).await?;
    if body.len() == length { Ok(Some(body)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
