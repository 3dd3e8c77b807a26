//! A real client with an open stream to the server.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::{AsyncReadExt as _, AsyncWriteExt as _, io::WriteHalf};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm,
    gossipsub::{IdentTopic, MessageId, PublishError},
    multiaddr::Protocol,
    swarm::dial_opts::DialOpts,
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use wire::{
    account::AccountRecord,
    frame,
    id::{DeviceId, TopicTag},
    key::DeviceKey,
    limits::{RENDEZVOUS_FRAME_MAX, VERSION},
    rendezvous::{self, ClientFrame, Push, Refusal, Request, Response, ServerFrame},
    signed::Signed,
};

use crate::{
    client_swarm::{self, ClientBehaviour, ClientEvent, SwarmJob},
    people::first_record,
    test_server::{PATIENCE, within},
};

/// How often a client greets that was not heard.
const GREETING_INTERVAL: Duration = Duration::from_millis(200);

/// A client that is connected and has an open stream.
pub(crate) struct Client {
    pub(crate) device: DeviceId,
    pub(crate) server: Multiaddr,
    pub(crate) control: libp2p_stream::Control,
    jobs: mpsc::Sender<SwarmJob>,
    events: mpsc::Receiver<ClientEvent>,
    pushes: mpsc::Receiver<Push>,
    responses: mpsc::Receiver<(u32, Result<Response, Refusal>)>,
    writer: WriteHalf<Stream>,
    reader: JoinHandle<()>,
    next_request: u32,
    /// Topics that the server was heard to relay.
    relays: BTreeSet<String>,
    driver: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
        self.driver.abort();
    }
}

impl Client {
    /// Device `n` connects and opens its stream, without a word on it.
    pub(crate) async fn connect(n: u8, server: &Multiaddr) -> Self {
        let key = DeviceKey::from_seed([n; 32]);
        let mut swarm = client_swarm::swarm(&key);
        let mut control = swarm.behaviour().stream.new_control();
        let server_id = peer_of(server);
        swarm.dial(server.clone()).unwrap();
        let (jobs, jobs_waiting) = mpsc::channel(64);
        let (events_out, mut events) = mpsc::channel(65_536);
        let copies = events_out.clone();
        let driver = tokio::spawn(client_swarm::drive(swarm, server_id, jobs_waiting, events_out));
        within("a connection", async {
            match events.recv().await {
                Some(ClientEvent::Connected { .. }) => {}
                other => panic!("{other:?}"),
            }
        })
        .await;
        let protocol = StreamProtocol::new(rendezvous::PROTOCOL);
        let stream = within("a stream", control.open_stream(server_id, protocol)).await.unwrap();
        let (read, writer) = stream.split();
        let (push, pushes) = mpsc::channel(65_536);
        let (respond, responses) = mpsc::channel(16);
        let reader = tokio::spawn(read_frames(read, push, respond, copies));
        Self {
            device: key.id(),
            server: server.clone(),
            control,
            jobs,
            events,
            pushes,
            responses,
            writer,
            reader,
            next_request: 0,
            relays: BTreeSet::new(),
            driver,
        }
    }

    /// Whether the server lets device `n` connect, and stay until it answered a ping.
    pub(crate) async fn can_connect(n: u8, server: &Multiaddr) -> bool {
        let key = DeviceKey::from_seed([n; 32]);
        let mut swarm = client_swarm::swarm(&key);
        let mut control = swarm.behaviour().stream.new_control();
        swarm.dial(server.clone()).unwrap();
        let (_jobs, jobs_waiting) = mpsc::channel(1);
        let (events_out, _events) = mpsc::channel(65_536);
        let server_id = peer_of(server);
        let driver = tokio::spawn(client_swarm::drive(swarm, server_id, jobs_waiting, events_out));
        let protocol = StreamProtocol::new(rendezvous::PROTOCOL);
        let trying = async {
            let mut stream = control.open_stream(server_id, protocol).await.ok()?;
            let request = Request::Hello { version: VERSION, token: None };
            stream.write_all(&frame::encode(&ClientFrame { id: 1, request })).await.ok()?;
            stream.flush().await.ok()?;
            stream.read_exact(&mut [0; frame::PREFIX]).await.ok()
        };
        let answered = within("a connection or a refusal", trying).await;
        driver.abort();
        answered.is_some()
    }

    /// Connects, says hello and registers the account of the same number.
    pub(crate) async fn register(n: u8, server: &Multiaddr, username: &str) -> Self {
        let mut client = Self::connect(n, server).await;
        client.hello().await;
        let registered = client.register_with(first_record(n, username)).await;
        assert_eq!(registered, Ok(Response::Done), "registering {username}");
        client
    }

    pub(crate) async fn hello(&mut self) {
        let hello = Request::Hello { version: VERSION, token: None };
        assert_eq!(self.ask(hello).await, Ok(Response::Welcome { version: VERSION }));
    }

    pub(crate) async fn register_with(
        &mut self,
        record: Signed<AccountRecord>,
    ) -> Result<Response, Refusal> {
        self.ask(Request::Register { record }).await
    }

    /// Asks and waits for the answer.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Response, Refusal> {
        self.next_request += 1;
        let id = self.next_request;
        self.write(&frame::encode(&ClientFrame { id, request })).await;
        let (answered, result) = self.answer().await;
        assert_eq!(answered, id);
        result
    }

    /// Asks and waits for the answer; none if the server is gone.
    pub(crate) async fn try_ask(&mut self, request: Request) -> Option<Result<Response, Refusal>> {
        self.next_request += 1;
        let frame = ClientFrame { id: self.next_request, request };
        self.writer.write_all(&frame::encode(&frame)).await.ok()?;
        self.writer.flush().await.ok()?;
        let answered = within("an answer or the end", self.responses.recv()).await;
        answered.map(|(_, result)| result)
    }

    /// The next answer and the id of its request.
    pub(crate) async fn answer(&mut self) -> (u32, Result<Response, Refusal>) {
        within("an answer", self.responses.recv()).await.expect("the stream has ended")
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
        self.writer.flush().await.unwrap();
    }

    /// The next push.
    pub(crate) async fn push(&mut self) -> Push {
        within("a push", self.pushes.recv()).await.expect("the stream has ended")
    }

    /// A push that has come already.
    pub(crate) fn try_push(&mut self) -> Option<Push> {
        self.pushes.try_recv().ok()
    }

    /// Waits until the server has ended the stream; pushes that came before may be waiting.
    pub(crate) async fn stream_ended(&mut self) {
        within("the end of the stream", &mut self.reader).await.unwrap();
    }

    /// Lets what the server sends pile up.
    pub(crate) fn stop_reading(&self) {
        self.reader.abort();
    }

    /// Runs something on the swarm and returns what it returns.
    pub(crate) async fn on_swarm<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Swarm<ClientBehaviour>) -> T + Send + 'static,
    ) -> T {
        let (done, result) = tokio::sync::oneshot::channel();
        let job: SwarmJob = Box::new(move |swarm| drop(done.send(job(swarm))));
        assert!(self.jobs.send(job).await.is_ok(), "the swarm is gone");
        within("the swarm", result).await.unwrap()
    }

    /// Waits for an event of the swarm; others are dropped.
    pub(crate) async fn event<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(ClientEvent) -> Option<T>,
    ) -> T {
        let mut last = String::from("nothing");
        let picking = async {
            loop {
                let event = self.events.recv().await.expect("the swarm is gone");
                last = format!("{event:?}");
                if let ClientEvent::Relays(topic) = &event {
                    self.relays.insert(topic.clone());
                }
                if let Some(picked) = pick(event) {
                    return picked;
                }
            }
        };
        let picked = timeout(PATIENCE, picking).await;
        picked.unwrap_or_else(|_| panic!("{what} did not come; the last event was {last}"))
    }

    /// The next event of the swarm, if one comes in time.
    pub(crate) async fn next_event(&mut self, time: Duration) -> Option<ClientEvent> {
        timeout(time, self.events.recv()).await.ok().flatten()
    }

    /// An event that has come already.
    pub(crate) fn try_event(&mut self) -> Option<ClientEvent> {
        self.events.try_recv().ok()
    }

    /// Joins a group: asks the server, then subscribes to its topic.
    pub(crate) async fn join(&mut self, tag: TopicTag) {
        assert_eq!(self.ask(Request::Join { tag }).await, Ok(Response::Done));
        self.subscribe(tag).await;
    }

    pub(crate) async fn subscribe(&self, tag: TopicTag) {
        let topic = topic(tag);
        let new = self.on_swarm(move |swarm| swarm.behaviour_mut().gossip.subscribe(&topic)).await;
        assert!(new.unwrap(), "subscribed twice");
    }

    /// Waits until this client knows that the server relays a group.
    pub(crate) async fn relayed(&mut self, tag: TopicTag) {
        let topic = rendezvous::topic(&tag);
        if self.relays.contains(&topic) {
            return;
        }
        self.event("the server's subscription", |event| match event {
            ClientEvent::Relays(it) if it == topic => Some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn publish(
        &self,
        tag: TopicTag,
        data: Vec<u8>,
    ) -> Result<MessageId, PublishError> {
        self.on_swarm(move |swarm| swarm.behaviour_mut().gossip.publish(topic(tag), data)).await
    }

    /// The next group message that is no greeting.
    pub(crate) async fn message(&mut self) -> (String, Vec<u8>) {
        self.event("a group message", |event| match event {
            ClientEvent::Message { data, .. } if is_greeting(&data) => None,
            ClientEvent::Message { topic, data } => Some((topic, data)),
            _ => None,
        })
        .await
    }

    /// Greets until the other has heard it. The server then has both in the group's mesh, which
    /// gossipsub tells nobody.
    pub(crate) async fn meet(&mut self, other: &mut Self, tag: TopicTag) {
        self.relayed(tag).await;
        let greeting_again = async {
            loop {
                self.publish(tag, greeting()).await.unwrap();
                let heard = other.event("a greeting", |event| {
                    matches!(event, ClientEvent::Message { data, .. } if is_greeting(&data))
                        .then_some(())
                });
                if timeout(GREETING_INTERVAL, heard).await.is_ok() {
                    return;
                }
            }
        };
        within("a greeting", greeting_again).await;
    }

    /// Dials a device through the server.
    pub(crate) async fn dial_through_server(&self, device: DeviceId) {
        let peer = device.peer_id();
        let circuit = self.server.clone().with(Protocol::P2pCircuit);
        let address = circuit.with_p2p(peer).unwrap();
        let dial = DialOpts::peer_id(peer).addresses(vec![address]).build();
        self.on_swarm(move |swarm| swarm.dial(dial)).await.unwrap();
    }

    /// Asks for a reservation with the server.
    pub(crate) async fn reserve(&self) {
        let circuit = self.server.clone().with(Protocol::P2pCircuit);
        self.on_swarm(move |swarm| swarm.listen_on(circuit)).await.unwrap();
    }
}

/// A message that shows that its sender and its receiver are in the group's mesh. Each is another,
/// since equal messages are one to gossipsub.
pub(crate) fn greeting() -> Vec<u8> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("greeting {}", NEXT.fetch_add(1, Ordering::Relaxed)).into_bytes()
}

pub(crate) fn is_greeting(data: &[u8]) -> bool {
    data.starts_with(b"greeting ")
}

pub(crate) fn topic(tag: TopicTag) -> IdentTopic {
    IdentTopic::new(rendezvous::topic(&tag))
}

pub(crate) fn peer_of(address: &Multiaddr) -> PeerId {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => peer,
        other => panic!("{other:?} is no peer id"),
    }
}

async fn read_frames(
    mut stream: impl futures::AsyncRead + Unpin,
    push: mpsc::Sender<Push>,
    respond: mpsc::Sender<(u32, Result<Response, Refusal>)>,
    copies: mpsc::Sender<ClientEvent>,
) {
    let mut prefix = [0; frame::PREFIX];
    while stream.read_exact(&mut prefix).await.is_ok() {
        let mut body = vec![0; frame::body_length(prefix, RENDEZVOUS_FRAME_MAX).unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        match ServerFrame::decode(&body).unwrap() {
            ServerFrame::Response { id, result } => respond.send((id, result)).await.unwrap(),
            ServerFrame::Push(Push::Message { tag, sealed }) => {
                let topic = rendezvous::topic(&tag);
                let copy = ClientEvent::Message { topic, data: sealed.into_vec() };
                copies.send(copy).await.unwrap();
            }
            ServerFrame::Push(it) => push.send(it).await.unwrap(),
        }
    }
}
