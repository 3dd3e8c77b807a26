//! The same load on `mosquitto` with TLS, on the same core.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{BufReader, ReadHalf, WriteHalf, split},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};

use crate::{
    mqtt,
    node::{cpu_of, on_one_core, resident_of},
    tls::{certificate, path},
};

type Reader = BufReader<ReadHalf<TlsStream<TcpStream>>>;
type Writer = WriteHalf<TlsStream<TcpStream>>;

/// A running broker; it ends with this.
pub(crate) struct Mosquitto {
    child: Child,
    port: u16,
    tls: TlsConnector,
    _home: TempDir,
}

impl Mosquitto {
    /// Starts it; none if it is not installed.
    pub(crate) async fn start() -> Option<Self> {
        let home = tempfile::tempdir().expect("a temporary folder");
        let tls = certificate(home.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (certificate, key) = (path(home.path(), "cert.pem"), path(home.path(), "key.pem"));
        let settings = format!(
            "listener {port} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n\
             allow_anonymous true\npersistence false\nuser root\nset_tcp_nodelay true\n"
        );
        let file = home.path().join("settings");
        fs::write(&file, settings).expect("the folder is new");
        let mut command = on_one_core("/usr/sbin/mosquitto");
        command.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().ok()?;
        for _attempt in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(Self { child, port, tls, _home: home });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    }

    async fn connect(&self, number: usize) -> (Reader, Writer) {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        let name = ServerName::try_from("127.0.0.1").expect("an address");
        let stream = self.tls.connect(name, stream).await.expect("it speaks TLS");
        let (reader, mut writer) = split(stream);
        let mut reader = BufReader::new(reader);
        mqtt::begin(&mut reader, &mut writer, number, &topic(number)).await;
        (reader, writer)
    }

    /// What one idle connection costs it, in KiB.
    pub(crate) async fn idle(&self, count: usize) -> f64 {
        let before = resident_of(self.child.id());
        let mut clients = Vec::new();
        for number in 0..count {
            clients.push(self.connect(number).await);
        }
        let after = resident_of(self.child.id());
        after.saturating_sub(before) as f64 / count as f64 / 1024.0
    }

    /// Messages a second of its core, between pairs of which one sends and the other answers.
    pub(crate) async fn messages(&self, pairs: usize, each: usize, text: &str) -> f64 {
        let mut talks = JoinSet::new();
        let mut answering = JoinSet::new();
        let mut ready = Vec::new();
        for pair in 0..pairs {
            let (asker, answerer) = (2 * pair, 2 * pair + 1);
            ready.push((asker, self.connect(asker).await));
            let (mut reader, mut writer) = self.connect(answerer).await;
            answering.spawn(async move {
                while let Some(text) = mqtt::next(&mut reader).await {
                    mqtt::publish(&mut writer, &topic(asker), &text).await;
                }
            });
        }
        let cpu = cpu_of(self.child.id());
        for (asker, (mut reader, mut writer)) in ready {
            let text = text.to_owned();
            talks.spawn(async move {
                for _ in 0..each {
                    mqtt::publish(&mut writer, &topic(asker + 1), &text).await;
                    mqtt::next(&mut reader).await.expect("an answer");
                }
            });
        }
        talks.join_all().await;
        (2 * pairs * each) as f64 / (cpu_of(self.child.id()) - cpu)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn topic(number: usize) -> String {
    format!("c{number:06}")
}
