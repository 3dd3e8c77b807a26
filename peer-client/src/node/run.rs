//! The loop: what happens becomes an input of the core, what the core decides is carried out.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures::StreamExt as _;
use libp2p::{
    Multiaddr, Swarm,
    core::transport::ListenerId,
    swarm::{ConnectionId, SwarmEvent},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinSet},
    time::{Interval, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;
use wire::{
    blob::BlobRequest,
    id::{DeviceId, MembershipProof, TopicTag},
    pairing::PairingReply,
    rendezvous::{ClientFrame, ServerFrame},
    sync::SyncFrame,
};

use super::{
    behaviour::{Behaviour, BehaviourEvent},
    files::Files,
    jobs::Decision,
    meshes::Meshes,
    opening::Opening,
    streams,
    traffic::Counters,
};
use crate::{
    blob::store::BlobStore,
    core::{
        command::{Answer, Command, Failure},
        input::{
            AttachmentInput, BlobStreamId, CallId, Input, LinkId, Now, PairingId, ServerInput,
            SessionId, SyncInput, Ticket,
        },
        machine::Machine,
        model::{Model, Traffic},
        notice::Notice,
        opening,
        storage::{StoreOp, StoreReply},
    },
    handle::{Call, Port},
    store::Store,
};

/// Events of tasks that may wait for the loop.
const EVENTS: usize = 1024;
/// Store operations that may wait here for the store's thread; beyond that, streams wait and gossip is
/// lost.
pub(super) const BACKLOG: usize = 256;

/// How often the clocks are looked at, and the traffic is told.
const LOOK_AT_CLOCKS: Duration = Duration::from_secs(5);

/// Reads the clocks.
#[expect(clippy::disallowed_methods, reason = "the one place where the node reads the clocks")]
pub(crate) fn now() -> Now {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Now { instant: Instant::now(), unix_ms: since_1970.as_millis() as u64 }
}

/// What tasks tell the loop.
pub(super) enum Event {
    /// Something for the core.
    Input(Input),
    /// The stream to the server is gone, or could not be opened.
    ServerStreamEnded(String),
    /// Another device opened a replication stream.
    SyncAccepted { device: DeviceId, stream: libp2p::Stream },
    /// A replication stream is gone.
    SyncEnded(SessionId),
    /// A new device wants its certificate.
    PairingAsked { device: DeviceId, proof: MembershipProof, answer: oneshot::Sender<PairingReply> },
    /// The router was asked for an opening.
    PortAsked { port: opening::Port, result: Result<Box<Opening>, String> },
    /// Another device wants an attachment.
    BlobAsked { device: DeviceId, request: Box<BlobRequest>, decide: oneshot::Sender<Decision> },
}

/// What a node is made of.
pub(super) struct Parts {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) machine: Machine,
    pub(super) files: Files,
    pub(super) store: Store,
    pub(super) store_replies: mpsc::Receiver<StoreReply>,
    pub(super) blobs: BlobStore,
    pub(super) port: Port,
    pub(super) server: DeviceId,
    pub(super) server_addresses: Vec<Multiaddr>,
}

/// A node and all that the loop keeps beside the core.
pub(super) struct Running {
    pub(super) swarm: Swarm<Behaviour>,
    machine: Machine,
    /// Holds the lock of the data folder.
    _files: Files,
    pub(super) store: Store,
    pub(super) store_replies: mpsc::Receiver<StoreReply>,
    pub(super) store_backlog: VecDeque<StoreOp>,
    pub(super) blobs: BlobStore,
    port: Port,
    calls: BTreeMap<CallId, oneshot::Sender<Result<Answer, Failure>>>,
    pub(super) inbox: mpsc::Sender<Event>,
    pub(super) events: mpsc::Receiver<Event>,
    /// Inputs that came up while effects were carried out.
    pub(super) ready: VecDeque<Input>,
    pub(super) tasks: JoinSet<()>,
    pub(super) jobs: JoinSet<Input>,
    /// Transfers to this device, which may be cancelled.
    pub(super) fetches: BTreeMap<Ticket, AbortHandle>,
    pub(super) server: Server,
    pub(super) links: Links,
    pub(super) outboxes: BTreeMap<SessionId, mpsc::Sender<SyncFrame>>,
    pub(super) decisions: BTreeMap<BlobStreamId, oneshot::Sender<Decision>>,
    pub(super) pairings: BTreeMap<PairingId, oneshot::Sender<PairingReply>>,
    /// Who is subscribed to the topics of the own groups.
    pub(super) subscribers: BTreeMap<TopicTag, BTreeSet<libp2p::PeerId>>,
    /// Openings that the router keeps for this device.
    pub(super) openings: BTreeMap<opening::Port, Opening>,
    pub(super) counters: Counters,
    /// As the core was told last.
    pub(super) traffic: BTreeMap<DeviceId, Traffic>,
    pub(super) meshes: Meshes,
    clocks: Interval,
    last_id: u64,
}

/// The tie to the server as the shell knows it.
pub(super) struct Server {
    pub(super) id: DeviceId,
    pub(super) addresses: Vec<Multiaddr>,
    /// The connection to it, and the address that it goes to.
    pub(super) connection: Option<(ConnectionId, Multiaddr)>,
    /// Attempts to connect that have not ended.
    pub(super) dials: BTreeSet<ConnectionId>,
    /// Connections only to ask how it sees this device, with its address.
    pub(super) probes: HashMap<ConnectionId, Multiaddr>,
    /// The core wants the stream.
    pub(super) wanted: bool,
    pub(super) outbox: Option<mpsc::Sender<ClientFrame>>,
    pub(super) reservation: Option<ListenerId>,
    /// The addresses are known that hole punching needs, so a reservation may follow.
    pub(super) identified: (bool, bool),
    pub(super) reserve_wanted: bool,
}

/// Connections under both names.
#[derive(Default)]
pub(super) struct Links {
    pub(super) by_link: HashMap<LinkId, ConnectionId>,
    pub(super) by_connection: HashMap<ConnectionId, LinkId>,
}

impl Running {
    pub(super) fn new(parts: Parts) -> Self {
        let (inbox, events) = mpsc::channel(EVENTS);
        Self {
            swarm: parts.swarm,
            machine: parts.machine,
            _files: parts.files,
            store: parts.store,
            store_replies: parts.store_replies,
            store_backlog: VecDeque::new(),
            blobs: parts.blobs,
            port: parts.port,
            calls: BTreeMap::new(),
            inbox,
            events,
            ready: VecDeque::new(),
            tasks: JoinSet::new(),
            jobs: JoinSet::new(),
            fetches: BTreeMap::new(),
            server: Server {
                id: parts.server,
                addresses: parts.server_addresses,
                connection: None,
                dials: BTreeSet::new(),
                probes: HashMap::new(),
                wanted: false,
                outbox: None,
                reservation: None,
                identified: (false, false),
                reserve_wanted: false,
            },
            links: Links::default(),
            outboxes: BTreeMap::new(),
            decisions: BTreeMap::new(),
            pairings: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            openings: BTreeMap::new(),
            counters: Counters::default(),
            traffic: BTreeMap::new(),
            meshes: Meshes::new(),
            clocks: looks_at_clocks(),
            last_id: 0,
        }
    }

    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        self.start();
        loop {
            let input = if let Some(input) = self.ready.pop_front() {
                input
            } else {
                match self.next(&shutdown).await {
                    Next::Input(input) => input,
                    Next::Nothing => continue,
                    Next::End => break,
                }
            };
            self.handle(input);
        }
        Box::pin(self.close()).await;
    }

    async fn next(&mut self, shutdown: &CancellationToken) -> Next {
        let deadline = self.machine.next_deadline();
        let may_read = self.store_backlog.len() < BACKLOG;
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Next::End,
            call = self.port.calls.recv() => match call {
                Some(call) => Next::Input(self.call(call)),
                None => Next::End,
            },
            Some(reply) = self.store_replies.recv() => Next::Input(Input::Store(reply)),
            Some(job) = self.jobs.join_next(), if !self.jobs.is_empty() => {
                job.map_or(Next::Nothing, |input| Next::Input(self.finished(input)))
            }
            Some(_) = self.tasks.join_next(), if !self.tasks.is_empty() => Next::Nothing,
            Some(event) = self.events.recv(), if may_read => {
                self.event(event).map_or(Next::Nothing, Next::Input)
            }
            event = self.swarm.select_next_some() => {
                self.translate(event).map_or(Next::Nothing, Next::Input)
            }
            () = wait_until(deadline) => Next::Input(Input::Tick),
            // The core compares its clocks, to see whether this device slept.
            _at = self.clocks.tick() => {
                if let Some(traffic) = self.new_traffic() {
                    self.ready.push_front(traffic);
                }
                Next::Input(Input::Tick)
            }
            () = self.meshes.due() => {
                self.look_at_meshes();
                Next::Nothing
            }
        }
    }

    fn start(&mut self) {
        let me = self.machine.model().me.clone();
        let listening = self.swarm.listeners().map(ToString::to_string).collect();
        self.ready.push_back(Input::Addresses(self.addresses()));
        if let Some(me) = me {
            self.tell(Notice::Started { me, listening });
            self.tell(Notice::Server(self.machine.model().server.clone()));
        }
    }

    fn handle(&mut self, input: Input) {
        self.note_talk(matches!(input, Input::Sync(SyncInput::Events { .. })));
        let before = Arc::clone(self.machine.model());
        for effect in self.machine.handle(now(), input) {
            self.execute(effect);
        }
        self.submit();
        let model: &Arc<Model> = self.machine.model();
        if !Arc::ptr_eq(&before, model) {
            self.port.model.send_replace(Arc::clone(model));
        }
    }

    /// Hands waiting operations to the store, as many as it takes.
    pub(super) fn submit(&mut self) {
        while let Some(op) = self.store_backlog.pop_front() {
            if let Err(op) = self.store.try_submit(op) {
                self.store_backlog.push_front(op);
                break;
            }
        }
    }

    fn call(&mut self, call: Call) -> Input {
        let id = CallId(self.id());
        if let Some(answer) = call.answer {
            self.calls.insert(id, answer);
        }
        let asks = matches!(call.command, Command::Peers | Command::Diagnose);
        let call = Input::Call { id, command: call.command };
        // The model gets it now and then, whoever asks at once.
        match asks.then(|| self.new_traffic()).flatten() {
            Some(traffic) => {
                self.ready.push_front(call);
                traffic
            }
            None => call,
        }
    }

    pub(super) fn answer(&mut self, call: CallId, result: Result<Answer, Failure>) {
        // Whoever asked may have gone meanwhile.
        if let Some(answer) = self.calls.remove(&call)
            && answer.send(result).is_err()
        {
            tracing::trace!("nobody waits for an answer");
        }
    }

    pub(super) fn tell(&self, notice: Notice) {
        if self.port.notices.send(notice).is_err() {
            tracing::trace!("no front end listens to notices");
        }
    }

    /// Numbers for what the shell names. Odd, since the core's own names of streams are even.
    fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id << 1 | 1
    }

    pub(super) fn link(&mut self, connection: ConnectionId) -> LinkId {
        if let Some(link) = self.links.by_connection.get(&connection) {
            return *link;
        }
        let link = LinkId(self.id());
        self.links.by_connection.insert(connection, link);
        self.links.by_link.insert(link, connection);
        link
    }

    fn event(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Input(Input::Server(ServerInput::Frame(ServerFrame::Push(push)))) => {
                self.take_push(push)
            }
            Event::Input(input) => Some(input),
            Event::ServerStreamEnded(text) => self.server_lost(text),
            Event::SyncAccepted { device, stream } => {
                let session = SessionId(self.id());
                let (outbox, frames) = mpsc::channel(streams::OUTBOX);
                self.outboxes.insert(session, outbox);
                let stream = self.counters.count(device, stream);
                self.tasks.spawn(streams::serve_sync(stream, session, frames, self.inbox.clone()));
                Some(Input::Sync(SyncInput::Accepted { session, device }))
            }
            Event::SyncEnded(session) => {
                self.outboxes.remove(&session);
                Some(Input::Sync(SyncInput::Closed { session }))
            }
            Event::PairingAsked { device, proof, answer } => {
                let pairing = PairingId(self.id());
                self.pairings.insert(pairing, answer);
                Some(Input::Pairing { pairing, device, proof })
            }
            Event::PortAsked { port, result } => Some(self.on_port_asked(port, result)),
            Event::BlobAsked { device, request, decide } => {
                let stream = BlobStreamId(self.id());
                self.decisions.insert(stream, decide);
                Some(Input::Attachment(AttachmentInput::Asked { stream, device, request }))
            }
        }
    }

    /// The attempt or the stream ended: once for each, the core is told.
    pub(super) fn server_lost(&mut self, text: String) -> Option<Input> {
        self.server.outbox = None;
        let told = std::mem::take(&mut self.server.wanted);
        told.then_some(Input::Server(ServerInput::Closed { text }))
    }
}

/// What the loop does next.
enum Next {
    Input(Input),
    Nothing,
    End,
}

fn looks_at_clocks() -> Interval {
    let mut looks = interval(LOOK_AT_CLOCKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// A swarm's event with this node's behaviours.
pub(super) type NodeEvent = SwarmEvent<BehaviourEvent>;
