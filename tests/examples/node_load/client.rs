//! Clients by the thousand: the protocols of a real one, without what is behind them.

use std::time::Duration;

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder,
    gossipsub::{self, MessageAuthenticity, ValidationMode},
    identify,
    multiaddr::Protocol,
    noise, ping, relay,
    swarm::{NetworkBehaviour, SwarmEvent, behaviour::toggle::Toggle, dial_opts::DialOpts},
    tcp, yamux,
};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};
use wire::{
    account::AccountRecord,
    bounded::Bounded,
    frame,
    id::{Hash, Signature},
    key::{AccountKey, DeviceKey},
    limits::{GOSSIP_TRANSMIT_MAX, RENDEZVOUS_FRAME_MAX, VERSION},
    name::Username,
    rendezvous::{self, ClientFrame, Refusal, Request, Response, ServerFrame},
    signed::Signed,
};

const PATIENCE: Duration = Duration::from_mins(2);
const TALK: StreamProtocol = StreamProtocol::new("/natterjack/load/1");
/// Clients of one attack.
const ATTACKERS: usize = 16;

#[derive(NetworkBehaviour)]
struct Behaviour {
    gossip: Toggle<gossipsub::Behaviour>,
    relay: relay::client::Behaviour,
    stream: libp2p_stream::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

enum Job {
    Reserve(oneshot::Sender<()>),
    Dial(PeerId),
}

/// A connected client.
pub(crate) struct Client {
    peer: PeerId,
    control: libp2p_stream::Control,
    jobs: mpsc::Sender<Job>,
    requests: Stream,
    _tasks: JoinSet<()>,
}

pub(crate) fn name(number: usize) -> Username {
    Username::new(&format!("load-{number:06}-x")).expect("a name")
}

fn seed(what: &str, number: usize) -> [u8; 32] {
    *Hash::of(format!("{what} {number}").as_bytes()).as_bytes()
}

fn record(number: usize, device: &DeviceKey) -> Signed<AccountRecord> {
    let account = AccountKey::from_seed(seed("account", number));
    let record = AccountRecord {
        username: name(number),
        account: account.id(),
        devices: Bounded::truncated([device.id()]),
        sequence: 0,
        previous: None,
        issued_at: 0,
    };
    Signed::by_account(&record, &account)
}

impl Client {
    /// Connects and says hello.
    pub(crate) async fn connect(number: usize, server: &Multiaddr) -> Self {
        let device = DeviceKey::from_seed(seed("device", number));
        let mut swarm = swarm(&device);
        let mut control = swarm.behaviour().stream.new_control();
        let incoming = control.accept(TALK).expect("accepts once");
        let Some(Protocol::P2p(id)) = server.iter().last() else { panic!("{server}") };
        swarm.dial(server.clone()).expect("dials");
        let (jobs, waiting) = mpsc::channel(256);
        let (connected, wait) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(drive(swarm, server.clone(), waiting, connected));
        tasks.spawn(echo(incoming));
        timeout(PATIENCE, wait).await.expect("a connection in time").expect("a connection");
        let protocol = StreamProtocol::new(rendezvous::PROTOCOL);
        let requests = control.open_stream(id, protocol).await.expect("a stream");
        let peer = device.id().peer_id();
        let mut client = Self { peer, control, jobs, requests, _tasks: tasks };
        let hello = client.ask(Request::Hello { version: VERSION, token: None }).await;
        hello.expect("the server greets");
        client
    }

    /// Connects and registers.
    pub(crate) async fn register(number: usize, server: &Multiaddr) -> Self {
        let mut client = Self::connect(number, server).await;
        let device = DeviceKey::from_seed(seed("device", number));
        let registered = client.ask(Request::Register { record: record(number, &device) }).await;
        registered.expect("the server registers");
        client
    }

    pub(crate) fn peer(&self) -> PeerId {
        self.peer
    }

    pub(crate) async fn ask(&mut self, request: Request) -> Result<Response, Refusal> {
        self.write(request).await;
        loop {
            let mut prefix = [0; frame::PREFIX];
            self.requests.read_exact(&mut prefix).await.expect("an answer");
            let length = frame::body_length(prefix, RENDEZVOUS_FRAME_MAX).unwrap();
            let mut body = vec![0; length];
            self.requests.read_exact(&mut body).await.expect("an answer");
            if let ServerFrame::Response { result, .. } = ServerFrame::decode(&body).unwrap() {
                return result;
            }
        }
    }

    async fn write(&mut self, request: Request) {
        let bytes = frame::encode(&ClientFrame { id: 1, request });
        self.requests.write_all(&bytes).await.expect("the server reads");
        self.requests.flush().await.expect("the server reads");
    }

    /// Gets a place for circuits.
    pub(crate) async fn reserve(&mut self) {
        let (reserved, wait) = oneshot::channel();
        assert!(self.jobs.send(Job::Reserve(reserved)).await.is_ok(), "the swarm is gone");
        timeout(PATIENCE, wait).await.expect("a place in time").expect("a place");
    }

    /// Talks with another through a circuit: messages, each answered, and then an image. Whether
    /// all of it came back whole.
    pub(crate) fn talk(
        &self,
        to: PeerId,
        messages: usize,
        image: usize,
    ) -> impl Future<Output = bool> + Send + use<> {
        let (mut control, jobs) = (self.control.clone(), self.jobs.clone());
        let talking = async move {
            let mut tries = 0_u32;
            let mut stream = loop {
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
                    break stream;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
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

async fn exchange(stream: &mut Stream, bytes: &[u8]) -> Option<()> {
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
        talks.spawn(async move {
            let (reader, mut writer) = stream.split();
            drop(futures::io::copy_buf(futures::io::BufReader::new(reader), &mut writer).await);
        });
    }
}

async fn drive(
    mut swarm: Swarm<Behaviour>,
    server: Multiaddr,
    mut jobs: mpsc::Receiver<Job>,
    connected: oneshot::Sender<()>,
) {
    let circuit = server.with(Protocol::P2pCircuit);
    let (mut connected, mut reserved) = (Some(connected), None);
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(Job::Reserve(tell)) => {
                    swarm.listen_on(circuit.clone()).expect("listens");
                    reserved = Some(tell);
                }
                Some(Job::Dial(peer)) => {
                    let address = circuit.clone().with(Protocol::P2p(peer));
                    // Connected already is as good.
                    drop(swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()));
                }
                None => return,
            },
            event = swarm.select_next_some() => match event {
                SwarmEvent::ConnectionEstablished { .. } => {
                    if let Some(tell) = connected.take() {
                        tell.send(()).ok();
                    }
                }
                SwarmEvent::Behaviour(BehaviourEvent::Relay(
                    relay::client::Event::ReservationReqAccepted { .. },
                )) => {
                    let told: Option<oneshot::Sender<()>> = reserved.take();
                    if let Some(tell) = told {
                        tell.send(()).ok();
                    }
                }
                _ => {}
            },
        }
    }
}

fn swarm(device: &DeviceKey) -> Swarm<Behaviour> {
    let is_in_groups = std::env::var_os("WITHOUT_GROUPS").is_none();
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .max_transmit_size(GOSSIP_TRANSMIT_MAX)
        .build()
        .unwrap();
    let gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, config).unwrap();
    SwarmBuilder::with_existing_identity(device.to_libp2p())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_relay_client(noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key, relay| Behaviour {
            gossip: Toggle::from(is_in_groups.then_some(gossip)),
            relay,
            stream: libp2p_stream::Behaviour::new(),
            identify: identify::Behaviour::new(identify::Config::new(
                "/natterjack/1".to_owned(),
                key.public(),
            )),
            ping: ping::Behaviour::default(),
        })
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build()
}

/// Registered clients that ask as fast as they are answered.
pub(crate) fn flood_requests(server: &Multiaddr, first: usize) -> JoinSet<()> {
    let mut attack = JoinSet::new();
    for number in first..first + ATTACKERS {
        let server = server.clone();
        attack.spawn(async move {
            let mut client = Client::register(number, &server).await;
            loop {
                drop(client.ask(Request::Lookup { username: name(0) }).await);
            }
        });
    }
    attack
}

/// Clients that register with signatures that do not hold, which the server has to check.
pub(crate) fn flood_registrations(server: &Multiaddr, first: usize) -> JoinSet<()> {
    let mut attack = JoinSet::new();
    for number in first..first + ATTACKERS {
        let server = server.clone();
        attack.spawn(async move {
            let mut client = Client::connect(number, &server).await;
            let device = DeviceKey::from_seed(seed("device", number));
            let body = record(number, &device).body().to_vec();
            loop {
                let record = Signed::from_parts(body.clone(), Signature::new([7; 64]));
                drop(client.ask(Request::Register { record }).await);
            }
        });
    }
    attack
}

/// Connections on which nobody says anything.
pub(crate) fn flood_half_open(server: &Multiaddr, _first: usize) -> JoinSet<()> {
    let mut attack = JoinSet::new();
    for _ in 0..ATTACKERS {
        let port = port(server);
        attack.spawn(async move {
            let mut held = Vec::new();
            loop {
                if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
                    held.push(stream);
                }
                if held.len() > 200 {
                    held.clear();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
    attack
}

/// Clients that connect, say hello and go.
pub(crate) fn flood_connections(server: &Multiaddr, first: usize) -> JoinSet<()> {
    let mut attack = JoinSet::new();
    for number in first..first + 4 {
        let server = server.clone();
        attack.spawn(async move {
            loop {
                drop(Client::connect(number, &server).await);
            }
        });
    }
    attack
}

fn port(address: &Multiaddr) -> u16 {
    let port = address.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    port.expect("a TCP address")
}
