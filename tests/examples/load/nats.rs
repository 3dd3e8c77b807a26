//! As much of the NATS protocol as a subscriber needs who also publishes.

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite,
    AsyncWriteExt as _,
};

const SUBJECT: &str = "load";

/// Reads what the server says of itself before TLS begins.
pub(crate) async fn greeting(stream: &mut (impl AsyncRead + Unpin)) {
    // Not a byte further: the next ones are TLS's.
    while stream.read_u8().await.expect("the broker greets") != b'\n' {}
}

/// Connects as a client and subscribes.
pub(crate) async fn begin(
    reader: &mut (impl AsyncBufRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
) {
    let connect = r#"CONNECT {"verbose":false,"pedantic":false,"echo":false,"tls_required":true}"#;
    let begin = format!("{connect}\r\nSUB {SUBJECT} 1\r\nPING\r\n");
    write(writer, &begin).await;
    let mut line = String::new();
    reader.read_line(&mut line).await.expect("the broker answers");
    assert_eq!(line, "PONG\r\n", "the broker takes the client");
}

/// Publishes a text.
pub(crate) async fn publish(stream: &mut (impl AsyncWrite + Unpin), text: &str) {
    write(stream, &format!("PUB {SUBJECT} {}\r\n{text}\r\n", text.len())).await;
}

/// The next text, unless the broker has ended.
pub(crate) async fn next(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if !line.starts_with("MSG ") {
            continue;
        }
        let length: usize = line.split_whitespace().last()?.parse().ok()?;
        let mut body = vec![0; length + 2];
        stream.read_exact(&mut body).await.ok()?;
        body.truncate(length);
        return String::from_utf8(body).ok();
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), text: &str) {
    stream.write_all(text.as_bytes()).await.expect("the broker takes a line");
    stream.flush().await.expect("the broker takes a line");
}
