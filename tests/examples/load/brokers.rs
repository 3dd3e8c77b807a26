//! The same load on message brokers, over TLS.

use std::{fs, net::TcpListener, path::Path, time::Duration};

use e2e::process::{Process, command};
use tokio::{
    io::{BufReader, ReadHalf, WriteHalf, split},
    net::TcpStream,
    task::JoinSet,
    time::sleep,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};

use crate::{
    mqtt, nats,
    plan::Plan,
    tally::{Figures, Tally},
    tls::{certificate, path},
};

/// Where all of them publish.
const TOPIC: &str = "load";

/// A broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broker {
    Mosquitto,
    Nats,
}

type Reader = BufReader<ReadHalf<TlsStream<TcpStream>>>;
type Writer = WriteHalf<TlsStream<TcpStream>>;

impl Broker {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mosquitto => "mosquitto",
            Self::Nats => "nats",
        }
    }

    fn start(self, home: &Path, port: u16) -> Process {
        let (certificate, key) = (path(home, "cert.pem"), path(home, "key.pem"));
        let mut broker = match self {
            Self::Mosquitto => {
                let settings = format!(
                    "listener {port} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n\
                     allow_anonymous true\npersistence false\nuser root\nset_tcp_nodelay true\n"
                );
                fs::write(home.join("settings"), settings).expect("the folder can be written");
                let mut broker = command("/usr/sbin/mosquitto", home);
                broker.arg("-c").arg(home.join("settings"));
                broker
            }
            Self::Nats => {
                let mut broker = command("/usr/sbin/nats-server", home);
                broker.args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--tls"]);
                broker.args(["--tlscert", &certificate, "--tlskey", &key]);
                broker
            }
        };
        let (process, _input, _output) = Process::spawn(self.name(), &mut broker);
        process
    }

    async fn connect(self, port: u16, tls: &TlsConnector, client: usize) -> (Reader, Writer) {
        let mut stream = connection(port).await;
        stream.set_nodelay(true).expect("a socket");
        if self == Self::Nats {
            nats::greeting(&mut stream).await;
        }
        let name = ServerName::try_from("127.0.0.1").expect("an address");
        let stream = tls.connect(name, stream).await.expect("the broker speaks TLS");
        let (reader, mut writer) = split(stream);
        let mut reader = BufReader::new(reader);
        match self {
            Self::Mosquitto => mqtt::begin(&mut reader, &mut writer, client, TOPIC).await,
            Self::Nats => nats::begin(&mut reader, &mut writer).await,
        }
        (reader, writer)
    }
}

/// Puts the load on a broker.
pub(crate) async fn measure(broker: Broker, plan: &Plan) -> Figures {
    let home = tempfile::tempdir().expect("a temporary folder");
    let tls = certificate(home.path());
    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let port = free.expect("a free port").port();
    let process = broker.start(home.path(), port);
    let tally = Tally::new();
    let mut writers = Vec::new();
    let mut listening = JoinSet::new();
    for client in 0..plan.members {
        let (reader, writer) = broker.connect(port, &tls, client).await;
        writers.push(writer);
        listening.spawn(listen(broker, reader, client, tally.clone()));
    }
    let publish = async |sender: usize, text: String| match broker {
        Broker::Mosquitto => mqtt::publish(&mut writers[sender], TOPIC, &text).await,
        Broker::Nats => nats::publish(&mut writers[sender], &text).await,
    };
    let figures = tally.measure(plan, process.pid(), publish).await;
    listening.shutdown().await;
    figures
}

async fn listen(broker: Broker, mut reader: Reader, client: usize, tally: Tally) {
    loop {
        let text = match broker {
            Broker::Mosquitto => mqtt::next(&mut reader).await,
            Broker::Nats => nats::next(&mut reader).await,
        };
        match text {
            Some(text) => tally.came(client, &text),
            None => return,
        }
    }
}

/// A connection, once the broker has started.
async fn connection(port: u16) -> TcpStream {
    for _attempt in 0..200 {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return stream;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the broker does not listen");
}
