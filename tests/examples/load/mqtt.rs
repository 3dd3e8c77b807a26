//! As much of MQTT 3.1.1 as a subscriber needs who also publishes, without acknowledgements.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Connects as a client and subscribes.
pub(crate) async fn begin(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    client: usize,
    topic: &str,
) {
    let name = format!("member-{client}");
    let mut connect = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0];
    connect.extend(string(&name));
    write(writer, 0x10, &connect).await;
    assert_eq!(read(reader).await, Some((0x20, vec![0, 0])), "the broker takes the client");
    let mut subscribe = vec![0, 1];
    subscribe.extend(string(topic));
    subscribe.push(0);
    write(writer, 0x82, &subscribe).await;
    assert_eq!(read(reader).await, Some((0x90, vec![0, 1, 0])), "the broker subscribes");
}

/// Publishes a text.
pub(crate) async fn publish(stream: &mut (impl AsyncWrite + Unpin), topic: &str, text: &str) {
    let mut body = string(topic);
    body.extend(text.as_bytes());
    write(stream, 0x30, &body).await;
}

/// The next text, unless the broker has ended.
pub(crate) async fn next(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    loop {
        let (kind, body) = read(stream).await?;
        if kind & 0xf0 == 0x30 {
            let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
            return String::from_utf8(body[2 + topic..].to_vec()).ok();
        }
    }
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), kind: u8, body: &[u8]) {
    let mut packet = vec![kind];
    let mut rest = body.len();
    while rest >= 128 {
        packet.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    packet.push(rest as u8);
    packet.extend(body);
    stream.write_all(&packet).await.expect("the broker takes a packet");
    stream.flush().await.expect("the broker takes a packet");
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await.ok()?;
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = stream.read_u8().await.ok()?;
        length |= usize::from(byte & 127) << shift;
        shift += 7;
        if byte < 128 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((kind, body))
}
