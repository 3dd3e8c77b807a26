//! One client's stream, over a pipe.

use rendezvous_server::{
    service::ClientId,
    streams::{Outgoing, StreamError, serve},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::compat::TokioAsyncReadCompatExt as _;
use wire::{
    frame,
    limits::{RENDEZVOUS_FRAME_MAX, VERSION},
    rendezvous::{ClientFrame, NoticeKind, Push, Request, Response, ServerFrame},
};

use crate::test_server::within;

const CLIENT: ClientId = ClientId(7);

/// The client's end of the pipe, and the loop's ends of the queues.
struct Ends {
    pipe: DuplexStream,
    inbox: mpsc::Receiver<(ClientId, ClientFrame)>,
    outbox: mpsc::Sender<Outgoing>,
    task: JoinHandle<Result<(), StreamError>>,
}

fn start() -> Ends {
    let (pipe, server) = tokio::io::duplex(64);
    let (to_inbox, inbox) = mpsc::channel(8);
    let (outbox, waiting) = mpsc::channel(8);
    let task = tokio::spawn(serve(CLIENT, server.compat(), to_inbox, waiting));
    Ends { pipe, inbox, outbox, task }
}

fn hello(id: u32) -> ClientFrame {
    ClientFrame { id, request: Request::Hello { version: VERSION, token: None } }
}

fn welcome(id: u32) -> ServerFrame {
    ServerFrame::Response { id, result: Ok(Response::Welcome { version: VERSION }) }
}

fn notice() -> ServerFrame {
    let text = "x".repeat(400);
    ServerFrame::Push(Push::Notice { kind: NoticeKind::ShuttingDown, text })
}

async fn read_frame(pipe: &mut DuplexStream) -> ServerFrame {
    let mut prefix = [0; frame::PREFIX];
    pipe.read_exact(&mut prefix).await.unwrap();
    let mut body = vec![0; frame::body_length(prefix, RENDEZVOUS_FRAME_MAX).unwrap()];
    pipe.read_exact(&mut body).await.unwrap();
    ServerFrame::decode(&body).unwrap()
}

#[tokio::test]
async fn a_request_is_read_after_the_one_before_was_answered() {
    let mut ends = start();
    let bytes = [frame::encode(&hello(1)), frame::encode(&hello(2))].concat();
    let (mut reading, mut writing) = tokio::io::split(ends.pipe);
    let writing = tokio::spawn(async move {
        writing.write_all(&bytes).await.unwrap();
        writing
    });
    assert_eq!(within("a request", ends.inbox.recv()).await, Some((CLIENT, hello(1))));
    // A push answers nothing.
    ends.outbox.send(Outgoing::new(&notice())).await.unwrap();
    let mut pushed = vec![0; frame::encode(&notice()).len()];
    within("the push", reading.read_exact(&mut pushed)).await.unwrap();
    assert!(ends.inbox.try_recv().is_err(), "the first is not answered yet");
    ends.outbox.send(Outgoing::new(&welcome(1))).await.unwrap();
    assert_eq!(within("a request", ends.inbox.recv()).await, Some((CLIENT, hello(2))));
    drop(within("the writer", writing).await.unwrap());
}

#[tokio::test]
async fn what_was_queued_is_sent_before_the_stream_ends() {
    let mut ends = start();
    ends.outbox.send(Outgoing::new(&notice())).await.unwrap();
    ends.outbox.send(Outgoing::new(&welcome(1))).await.unwrap();
    drop(ends.outbox);
    assert_eq!(within("the push", read_frame(&mut ends.pipe)).await, notice());
    assert_eq!(within("the answer", read_frame(&mut ends.pipe)).await, welcome(1));
    assert_eq!(within("the end", ends.pipe.read(&mut [0; 8])).await.unwrap(), 0);
    drop(ends.pipe);
    within("the task's end", ends.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_ends_its_stream_is_no_error() {
    let mut ends = start();
    ends.pipe.shutdown().await.unwrap();
    within("the task's end", ends.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_no_request_ends_the_stream() {
    let long = (RENDEZVOUS_FRAME_MAX as u32 + 1).to_be_bytes();
    for bytes in [&long[..], &[0, 0, 0, 1, 0xff], &[0, 0, 0, 0]] {
        let mut ends = start();
        ends.pipe.write_all(bytes).await.unwrap();
        let result = within("the task's end", ends.task).await.unwrap();
        assert!(matches!(result, Err(StreamError::Malformed(_))), "{bytes:?}: {result:?}");
    }
}

#[tokio::test]
async fn a_stream_cut_within_a_frame_is_an_error() {
    let mut ends = start();
    ends.pipe.write_all(&[0, 0, 0, 9, 1, 2]).await.unwrap();
    ends.pipe.shutdown().await.unwrap();
    let result = within("the task's end", ends.task).await.unwrap();
    assert!(matches!(result, Err(StreamError::Io(_))), "{result:?}");
}
