//! A throw-away peer: registers, talks through a circuit of the server and in a group.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder,
    gossipsub::{
        self, AllowAllSubscriptionFilter, IdentTopic, MaxCountSubscriptionFilter,
        MessageAuthenticity, MessageId, ValidationMode,
    },
    identify,
    multiaddr::Protocol,
    noise, ping, relay,
    swarm::{NetworkBehaviour, SwarmEvent, dial_opts::DialOpts},
    tcp, yamux,
};
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
    limits::{GOSSIP_TRANSMIT_MAX, RENDEZVOUS_FRAME_MAX, TOPICS_MAX, VERSION},
    name::Username,
    rendezvous::{self, ClientFrame, Refusal, Request, Response, ServerFrame},
    signed::Signed,
};

/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The protocol between the two peers.
const PROTOCOL: StreamProtocol = StreamProtocol::new("/natterjack/prove/1");
/// Most bytes that one of them sends.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Things that may wait for the swarm, or for whoever asks it.
const QUEUE: usize = 64;

#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    gossip: gossipsub::Behaviour<
        gossipsub::IdentityTransform,
        MaxCountSubscriptionFilter<AllowAllSubscriptionFilter>,
    >,
    relay: relay::client::Behaviour,
    stream: libp2p_stream::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

type Job = Box<dyn FnOnce(&mut Swarm<Behaviour>) + Send>;

/// What the swarm tells.
#[derive(Debug)]
enum Told {
    Connected(PeerId),
    Reserved,
    Relays,
    Message(Vec<u8>),
    Failed(String),
}

/// A peer that is connected and registered.
pub(super) struct Peer {
    pub(super) device: DeviceKey,
    server: Multiaddr,
    control: libp2p_stream::Control,
    incoming: libp2p_stream::IncomingStreams,
    requests: Stream,
    jobs: mpsc::Sender<Job>,
    told: mpsc::Receiver<Told>,
    heard: VecDeque<Told>,
    /// Ends with the peer.
    _driver: JoinSet<()>,
}

/// Who a peer is.
pub(super) struct Persona {
    pub(super) account: AccountKey,
    pub(super) device: DeviceKey,
    pub(super) username: Username,
    pub(super) token: Option<Vec<u8>>,
}

impl Peer {
    /// Connects, registers and asks for a place for circuits.
    pub(super) async fn register(persona: Persona, server: &Multiaddr) -> Result<Self> {
        let mut swarm = swarm(&persona.device).context("cannot set up a peer")?;
        let mut control = swarm.behaviour().stream.new_control();
        let incoming = control.accept(PROTOCOL).context("cannot take streams")?;
        let id = peer_of(server)?;
        swarm.dial(server.clone()).with_context(|| format!("cannot connect to {server}"))?;
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let (tell, told) = mpsc::channel(QUEUE);
        let mut driver = JoinSet::new();
        driver.spawn(drive(swarm, id, waiting, tell));
        let mut heard = VecDeque::new();
        let mut told = told;
        hear(
            &mut told,
            &mut heard,
            "a connection to the server",
            |it| matches!(it, Told::Connected(peer) if *peer == id),
        )
        .await?;
        let protocol = StreamProtocol::new(rendezvous::PROTOCOL);
        let requests = within("a stream", control.open_stream(id, protocol)).await?;
        let requests = requests.map_err(|error| anyhow::anyhow!("no stream: {error}"))?;
        let mut peer = Self {
            device: persona.device,
            server: server.clone(),
            control,
            incoming,
            requests,
            jobs,
            told,
            heard,
            _driver: driver,
        };
        let token = persona.token.map(Into::into);
        peer.must(Request::Hello { version: VERSION, token }).await?;
        let record = first_record(&persona.account, &peer.device, persona.username);
        match peer.ask(Request::Register { record: record.clone() }).await? {
            Ok(_) => {}
            Err(Refusal::Puzzle { challenge, difficulty }) => {
                let answer = wire::admission::solve(&challenge, difficulty)
                    .context("the server's puzzle is too hard")?;
                peer.must(Request::Solve { answer }).await?;
                peer.must(Request::Register { record }).await?;
            }
            Err(refusal) => bail!("the server does not register a throw-away peer: {refusal}"),
        }
        Ok(peer)
    }

    /// Gets a place for circuits.
    pub(super) async fn reserve(&mut self) -> Result<()> {
        let circuit = self.server.clone().with(Protocol::P2pCircuit);
        self.on_swarm(move |swarm| swarm.listen_on(circuit)).await??;
        self.hear("a place for circuits", |it| matches!(it, Told::Reserved)).await
    }

    /// Sends bytes to another peer through the server, and waits until they came whole.
    pub(super) async fn send(&mut self, to: &mut Self, bytes: &[u8]) -> Result<()> {
        let peer = to.device.id().peer_id();
        let circuit = self.server.clone().with(Protocol::P2pCircuit).with(Protocol::P2p(peer));
        let dial = DialOpts::peer_id(peer).addresses(vec![circuit]).build();
        self.on_swarm(move |swarm| swarm.dial(dial)).await??;
        self.hear("a circuit", |it| matches!(it, Told::Connected(it) if *it == peer)).await?;
        let stream =
            within("a stream through the circuit", self.control.open_stream(peer, PROTOCOL));
        let mut stream = stream.await?.map_err(|error| anyhow::anyhow!("no stream: {error}"))?;
        let receiving = async {
            let (_from, mut stream) = to.incoming.next().await.context("no stream came")?;
            let mut received = Vec::new();
            (&mut stream).take(BYTES_MAX as u64).read_to_end(&mut received).await?;
            stream.write_all(Hash::of(&received).as_bytes()).await?;
            stream.close().await?;
            anyhow::Ok(())
        };
        let sending = async {
            stream.write_all(bytes).await?;
            stream.close().await?;
            let mut hash = Vec::new();
            (&mut stream).take(64).read_to_end(&mut hash).await?;
            ensure!(hash == Hash::of(bytes).as_bytes(), "other bytes came than were sent");
            anyhow::Ok(())
        };
        let (received, sent) =
            within("the bytes", async { tokio::join!(receiving, sending) }).await?;
        received.and(sent)
    }

    /// Becomes a member of a group.
    pub(super) async fn join(&mut self, tag: TopicTag) -> Result<()> {
        self.must(Request::Join { tag }).await?;
        let topic = IdentTopic::new(rendezvous::topic(&tag));
        self.on_swarm(move |swarm| swarm.behaviour_mut().gossip.subscribe(&topic)).await??;
        self.hear("the group", |it| matches!(it, Told::Relays)).await
    }

    /// Publishes in a group until another member heard it, each time as other bytes.
    pub(super) async fn publish(
        &mut self,
        tag: TopicTag,
        to: &mut Self,
        mut message: impl FnMut() -> Vec<u8>,
    ) -> Result<Vec<u8>> {
        for _ in 0..PATIENCE.as_secs() {
            let sealed = message();
            let (topic, data) = (IdentTopic::new(rendezvous::topic(&tag)), sealed.clone());
            let publish = move |swarm: &mut Swarm<Behaviour>| {
                swarm.behaviour_mut().gossip.publish(topic, data)
            };
            self.on_swarm(publish).await?.context("cannot publish")?;
            let came =
                to.hear("the message", |it| matches!(it, Told::Message(it) if *it == sealed));
            if timeout(Duration::from_secs(1), came).await.is_ok() {
                return Ok(sealed);
            }
        }
        bail!("no message of the group came in {} s", PATIENCE.as_secs())
    }

    async fn hear(&mut self, what: &str, wanted: impl Fn(&Told) -> bool) -> Result<()> {
        hear(&mut self.told, &mut self.heard, what, wanted).await
    }

    async fn on_swarm<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Swarm<Behaviour>) -> T + Send + 'static,
    ) -> Result<T> {
        let (done, result) = oneshot::channel();
        let job: Job = Box::new(move |swarm| drop(done.send(job(swarm))));
        ensure!(self.jobs.send(job).await.is_ok(), "the peer has ended");
        result.await.context("the peer has ended")
    }

    async fn must(&mut self, request: Request) -> Result<Response> {
        self.ask(request).await?.map_err(|refusal| anyhow::anyhow!("the server says: {refusal}"))
    }

    async fn ask(&mut self, request: Request) -> Result<Result<Response, Refusal>> {
        let bytes = frame::encode(&ClientFrame { id: 1, request });
        let asking = async {
            self.requests.write_all(&bytes).await?;
            self.requests.flush().await?;
            loop {
                let mut prefix = [0; frame::PREFIX];
                self.requests.read_exact(&mut prefix).await?;
                let length = frame::body_length(prefix, RENDEZVOUS_FRAME_MAX)?;
                let mut body = vec![0; length];
                self.requests.read_exact(&mut body).await?;
                if let ServerFrame::Response { result, .. } = ServerFrame::decode(&body)? {
                    return anyhow::Ok(result);
                }
            }
        };
        within("an answer", asking).await?
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    timeout(PATIENCE, future).await.ok().with_context(|| format!("{what} did not come"))
}

/// Waits for something that the swarm tells; what came before it and is something else is kept.
async fn hear(
    told: &mut mpsc::Receiver<Told>,
    heard: &mut VecDeque<Told>,
    what: &str,
    wanted: impl Fn(&Told) -> bool,
) -> Result<()> {
    if let Some(at) = heard.iter().position(&wanted) {
        heard.remove(at);
        return Ok(());
    }
    let hearing = async {
        loop {
            match told.recv().await.context("the peer has ended")? {
                Told::Failed(text) => bail!("{what} did not come: {text}"),
                it if wanted(&it) => return Ok(()),
                other if heard.len() < QUEUE => heard.push_back(other),
                _ => {}
            }
        }
    };
    within(what, hearing).await?
}

fn peer_of(address: &Multiaddr) -> Result<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Ok(peer),
        _ => bail!("{address} does not end in the server's id"),
    }
}

fn first_record(
    account: &AccountKey,
    device: &DeviceKey,
    username: Username,
) -> Signed<AccountRecord> {
    let record = AccountRecord {
        username,
        account: account.id(),
        devices: Bounded::truncated([device.id()]),
        sequence: 0,
        previous: None,
        // The same each time, so that the account comes back with the record that the server has.
        issued_at: 0,
    };
    Signed::by_account(&record, account)
}

fn swarm(key: &DeviceKey) -> Result<Swarm<Behaviour>> {
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| MessageId::new(Hash::of(&message.data).as_bytes()))
        .max_transmit_size(GOSSIP_TRANSMIT_MAX)
        .max_control_message_size(GOSSIP_TRANSMIT_MAX)
        .build()?;
    let filter = MaxCountSubscriptionFilter {
        filter: AllowAllSubscriptionFilter {},
        max_subscribed_topics: TOPICS_MAX,
        max_subscriptions_per_request: TOPICS_MAX,
    };
    let anonymous = MessageAuthenticity::Anonymous;
    let gossip = gossipsub::Behaviour::new_with_subscription_filter(anonymous, config, filter)
        .map_err(|error| anyhow::anyhow!(error))?;
    let swarm = SwarmBuilder::with_existing_identity(key.to_libp2p())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)?
        .with_quic()
        .with_dns()?
        .with_relay_client(noise::Config::new, yamux::Config::default)?
        .with_behaviour(|key, relay| Behaviour {
            gossip,
            relay,
            stream: libp2p_stream::Behaviour::new(),
            identify: identify::Behaviour::new(identify::Config::new(
                crate::behaviour::PROTOCOL_VERSION.to_owned(),
                key.public(),
            )),
            ping: ping::Behaviour::default(),
        })?
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build();
    Ok(swarm)
}

/// Runs a peer's swarm until the peer is dropped.
async fn drive(
    mut swarm: Swarm<Behaviour>,
    server: PeerId,
    mut jobs: mpsc::Receiver<Job>,
    tell: mpsc::Sender<Told>,
) {
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => job(&mut swarm),
                None => return,
            },
            event = swarm.select_next_some() => {
                if let Some(told) = translate(event, server) {
                    // Whoever has not listened so long does not wait for this any more.
                    drop(tell.try_send(told));
                }
            }
        }
    }
}

fn translate(event: SwarmEvent<BehaviourEvent>, server: PeerId) -> Option<Told> {
    match event {
        SwarmEvent::ConnectionEstablished { peer_id, .. } => Some(Told::Connected(peer_id)),
        SwarmEvent::OutgoingConnectionError { error, .. } => Some(Told::Failed(error.to_string())),
        SwarmEvent::ListenerClosed { reason: Err(error), .. } => {
            Some(Told::Failed(error.to_string()))
        }
        SwarmEvent::Behaviour(BehaviourEvent::Relay(
            relay::client::Event::ReservationReqAccepted { .. },
        )) => Some(Told::Reserved),
        SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => match event {
            gossipsub::Event::Message { message, .. } => Some(Told::Message(message.data)),
            gossipsub::Event::Subscribed { peer_id, .. } if peer_id == server => Some(Told::Relays),
            _ => None,
        },
        _ => None,
    }
}
