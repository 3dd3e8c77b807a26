//! Clients by the thousand: the protocols of a real one, without what is behind them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol, multiaddr::Protocol};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};
use wire::{
    account::AccountRecord,
    bounded::Bounded,
    frame,
    id::{Hash, TopicTag},
    key::{AccountKey, DeviceKey},
    limits::{RENDEZVOUS_FRAME_MAX, VERSION},
    name::Username,
    rendezvous::{self, ClientFrame, Refusal, Request, Response, ServerFrame},
    signed::Signed,
};

use crate::swarm::{self, Job};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// What clients speak with each other.
pub(crate) const TALK: StreamProtocol = StreamProtocol::new("/natterjack/load/1");

/// A connected client.
pub(crate) struct Client {
    server: PeerId,
    peer: PeerId,
    control: libp2p_stream::Control,
    jobs: mpsc::Sender<Job>,
    requests: Stream,
    heard: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

pub(crate) fn name(number: usize) -> Username {
    Username::new(&format!("load-{number:06}-x")).expect("a name")
}

fn seed(what: &str, number: usize) -> [u8; 32] {
    *Hash::of(format!("{what} {number}").as_bytes()).as_bytes()
}

fn device(number: usize) -> DeviceKey {
    DeviceKey::from_seed(seed("device", number))
}

/// The id of the device of the client with a number.
pub(crate) fn peer(number: usize) -> PeerId {
    device(number).id().peer_id()
}

/// A client's record, the newer the greater its sequence.
pub(crate) fn record(number: usize, username: Username, sequence: u64) -> Signed<AccountRecord> {
    let account = AccountKey::from_seed(seed("account", number));
    let previous = (sequence > 0).then(|| Hash::of(b"the record before"));
    let record = AccountRecord {
        username,
        account: account.id(),
        devices: Bounded::truncated([device(number).id()]),
        sequence,
        previous,
        issued_at: 0,
    };
    Signed::by_account(&record, &account)
}

impl Client {
    /// Connects and says hello; none if the server does not want it.
    pub(crate) async fn try_connect(number: usize, server: &Multiaddr) -> Option<Self> {
        let device = device(number);
        let swarm = swarm::swarm(&device);
        let mut control = swarm.behaviour().stream.new_control();
        let incoming = control.accept(TALK).expect("accepts once");
        let Some(Protocol::P2p(id)) = server.iter().last() else { panic!("{server}") };
        let (jobs, waiting) = mpsc::channel(256);
        let (connected, wait) = oneshot::channel();
        let heard = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(swarm::drive(swarm, server.clone(), waiting, connected, Arc::clone(&heard)));
        tasks.spawn(echo(incoming));
        timeout(PATIENCE, wait).await.ok()?.ok()?;
        let protocol = StreamProtocol::new(rendezvous::PROTOCOL);
        let requests = timeout(PATIENCE, control.open_stream(id, protocol)).await.ok()?.ok()?;
        let peer = device.id().peer_id();
        let mut client = Self { server: id, peer, control, jobs, requests, heard, _tasks: tasks };
        client.try_ask(Request::Hello { version: VERSION, token: None }).await?.ok()?;
        Some(client)
    }

    /// Connects and registers; none if the server does not want it.
    pub(crate) async fn try_register(number: usize, server: &Multiaddr) -> Option<Self> {
        let mut client = Self::try_connect(number, server).await?;
        let record = record(number, name(number), 0);
        client.try_ask(Request::Register { record }).await?.ok()?;
        Some(client)
    }

    /// Connects and registers.
    pub(crate) async fn register(number: usize, server: &Multiaddr) -> Self {
        Self::try_register(number, server).await.expect("the server registers")
    }

    pub(crate) fn peer(&self) -> PeerId {
        self.peer
    }

    /// Group messages that came.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::Relaxed)
    }

    pub(crate) async fn ask(&mut self, request: Request) -> Result<Response, Refusal> {
        self.try_ask(request).await.expect("an answer")
    }

    /// Asks; none if the server has hung up.
    pub(crate) async fn try_ask(&mut self, request: Request) -> Option<Result<Response, Refusal>> {
        self.write(request).await?;
        loop {
            let mut prefix = [0; frame::PREFIX];
            self.requests.read_exact(&mut prefix).await.ok()?;
            let length = frame::body_length(prefix, RENDEZVOUS_FRAME_MAX).unwrap();
            let mut body = vec![0; length];
            self.requests.read_exact(&mut body).await.ok()?;
            if let ServerFrame::Response { result, .. } = ServerFrame::decode(&body).unwrap() {
                return Some(result);
            }
        }
    }

    /// Sends a request without waiting for the answer; none if the server has hung up.
    pub(crate) async fn write(&mut self, request: Request) -> Option<()> {
        self.write_bytes(&frame::encode(&ClientFrame { id: 1, request })).await
    }

    /// Sends what may be no request.
    pub(crate) async fn write_bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.requests.write_all(bytes).await.ok()?;
        self.requests.flush().await.ok()
    }

    /// Opens the stream for requests anew; none if the server does not want it.
    pub(crate) async fn reopen(&mut self) -> Option<()> {
        let protocol = StreamProtocol::new(rendezvous::PROTOCOL);
        self.requests = self.control.open_stream(self.server, protocol).await.ok()?;
        Some(())
    }

    /// Becomes a member of a group.
    pub(crate) async fn join(&mut self, tag: TopicTag) -> Option<()> {
        self.try_ask(Request::Join { tag }).await?.ok()?;
        self.jobs.send(Job::Subscribe(tag)).await.ok()
    }

    /// Says something in a group.
    pub(crate) async fn publish(&mut self, tag: TopicTag, sealed: Vec<u8>) -> Option<()> {
        self.jobs.send(Job::Publish(tag, sealed)).await.ok()
    }

    /// Gets a place for circuits; none if the server gives none.
    pub(crate) async fn reserve(&mut self) -> Option<()> {
        let (reserved, wait) = oneshot::channel();
        self.jobs.send(Job::Reserve(reserved)).await.ok()?;
        timeout(PATIENCE, wait).await.ok()?.ok()
    }

    /// Opens a stream to another through a circuit.
    pub(crate) fn open(&self, to: PeerId) -> impl Future<Output = Option<Stream>> + Send + use<> {
        let (mut control, jobs) = (self.control.clone(), self.jobs.clone());
        async move {
            jobs.send(Job::Dial(to)).await.ok()?;
            control.open_stream(to, TALK).await.ok()
        }
    }

    /// Opens a stream to another through a circuit on which each has heard the other.
    pub(crate) fn meet(&self, to: PeerId) -> impl Future<Output = Option<Stream>> + Send + use<> {
        let (mut control, jobs) = (self.control.clone(), self.jobs.clone());
        async move {
            let mut tries = 0_u32;
            loop {
                // A relay takes ten circuits of one connection at one instant; clients try again.
                if tries.is_multiple_of(20) {
                    jobs.send(Job::Dial(to)).await.ok()?;
                }
                tries += 1;
                // The library drops streams when many come to one client at once: what was answered
                // once is a talk, and must not be cut from then on.
                if let Ok(mut stream) = control.open_stream(to, TALK).await
                    && exchange(&mut stream, &[7; 200]).await.is_some()
                {
                    return Some(stream);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Talks with another through a circuit: messages, each answered, and then an image. Whether
    /// all of it came back whole.
    pub(crate) fn talk(
        &self,
        to: PeerId,
        messages: usize,
        image: usize,
    ) -> impl Future<Output = bool> + Send + use<> {
        let meeting = self.meet(to);
        let talking = async move {
            let mut stream = meeting.await?;
            for _ in 1..messages {
                exchange(&mut stream, &[7; 200]).await?;
            }
            for _ in 0..image / 4096 {
                exchange(&mut stream, &[9; 4096]).await?;
            }
            Some(())
        };
        async move { timeout(PATIENCE, talking).await.is_ok_and(|whole| whole.is_some()) }
    }
}

/// Sends bytes and waits until they are back; none if they are not.
pub(crate) async fn exchange(stream: &mut Stream, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()?;
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).await.ok()?;
    (back == bytes).then_some(())
}

/// Sends back whatever comes.
async fn echo(mut incoming: libp2p_stream::IncomingStreams) {
    let mut talks = JoinSet::new();
    while let Some((_peer, stream)) = incoming.next().await {
        while talks.try_join_next().is_some() {}
        talks.spawn(async move {
            let (reader, mut writer) = stream.split();
            drop(futures::io::copy_buf(futures::io::BufReader::new(reader), &mut writer).await);
        });
    }
}
