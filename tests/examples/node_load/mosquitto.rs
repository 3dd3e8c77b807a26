//! Idle connections of MQTT clients to `mosquitto`, without encryption.

use std::{fs, net::TcpListener, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::node::{on_one_core, resident_of};

/// What one idle connection costs it, in KiB; none if it is not installed.
pub(crate) async fn idle(count: usize) -> Option<f64> {
    let home = tempfile::tempdir().expect("a temporary folder");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = home.path().join("mosquitto.conf");
    fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
    let mut command = on_one_core("mosquitto");
    command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut first = None;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        first = connect(port, 0).await;
        if first.is_some() {
            break;
        }
    }
    let mut result = None;
    if first.is_some() {
        let before = resident_of(child.id());
        let mut clients = Vec::new();
        for number in 1..=count {
            clients.push(connect(port, number).await.expect("mosquitto takes no more"));
        }
        let after = resident_of(child.id());
        result = Some(after.saturating_sub(before) as f64 / count as f64 / 1024.0);
    }
    drop(child.kill());
    drop(child.wait());
    result
}

/// Connects as an MQTT 3.1.1 client with a clean session.
async fn connect(port: u16, number: usize) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let id = format!("c{number:06}");
    let mut packet = vec![0x10, 12 + id.len() as u8, 0, 4];
    packet.extend_from_slice(b"MQTT\x04\x02\x00\x00\x00");
    packet.push(id.len() as u8);
    packet.extend_from_slice(id.as_bytes());
    stream.write_all(&packet).await.ok()?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.ok()?;
    (answer == [0x20, 2, 0, 0]).then_some(stream)
}
