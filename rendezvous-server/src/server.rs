//! The one task that owns the swarm and the service.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    future, io,
    sync::{Arc, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use libp2p::{Multiaddr, PeerId, Swarm, swarm::SwarmEvent};
use rand::rngs::StdRng;
use thiserror::Error;
use tokio::{
    sync::mpsc,
    task::{self, AbortHandle, JoinError, JoinSet},
    time::{MissedTickBehavior, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};
use wire::rendezvous::ClientFrame;

use crate::{
    admission::Admission,
    behaviour::{self, Behaviour, SwarmError},
    boxed::Boxed,
    circuit_bytes::CircuitBytes,
    config::{Config, ConfigError},
    counters::Counters,
    data_dir::{DataDir, DataDirError},
    identity::{self, IdentityError},
    listen::{self, ADDRESS_TIMEOUT, INTERFACES_WAIT, ListenError, ReachableAddresses},
    load::Load,
    names::Change,
    notify,
    operate::Done,
    operator::{Operator, Ordered},
    service::{Answer, AnswerKind, ClientId, Input, Service},
    store::{StoreError, sqlite::SqliteNames, worker::NameWorker},
    streams::{Outgoing, StreamError},
    system,
};

/// Requests that may wait for the loop; clients that send more wait in their streams.
const INBOX_MAX: usize = 1_024;
/// How often the load is judged and the supervisor is told that the loop runs.
const BEAT: Duration = Duration::from_secs(1);
/// Work for the operator that may be done and not yet told.
const DONE_MAX: usize = 16;
/// Time that all clients together have to take the server's farewell.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a server does not start, or ends.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The key cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The name store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network cannot be set up.
    #[error(transparent)]
    Swarm(#[from] SwarmError),
    /// The server cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system gives no thread.
    #[error("cannot start the thread of the name store: {0}")]
    Thread(#[source] io::Error),
    /// The name store's thread has panicked.
    #[error("the name store has stopped; see the log")]
    NamesEnded,
}

/// A stream's task, as the loop holds it.
#[derive(Debug)]
pub(crate) struct ClientTask {
    pub(crate) outbox: mpsc::Sender<Outgoing>,
    pub(crate) abort: AbortHandle,
    /// Bytes of copies that wait for the client.
    pub(crate) waiting: Arc<AtomicUsize>,
}

/// A server that listens and is about to serve.
pub struct Server {
    pub(crate) swarm: Box<Swarm<Boxed<Behaviour>>>,
    pub(crate) service: Service,
    pub(crate) admission: Admission,
    pub(crate) circuit_bytes: CircuitBytes,
    pub(crate) names: NameWorker,
    answers: mpsc::Receiver<Answer>,
    inbox: mpsc::Receiver<(ClientId, ClientFrame)>,
    pub(crate) to_inbox: mpsc::Sender<(ClientId, ClientFrame)>,
    pub(crate) clients: BTreeMap<ClientId, ClientTask>,
    pub(crate) tasks: JoinSet<Result<(), StreamError>>,
    pub(crate) task_clients: HashMap<task::Id, ClientId>,
    pub(crate) next_client: u64,
    /// What effects have led to, handled before anything else.
    pub(crate) followups: VecDeque<Input>,
    pub(crate) addresses: ReachableAddresses,
    pub(crate) config: Config,
    pub(crate) load: Load,
    pub(crate) counters: Counters,
    pub(crate) reservations: usize,
    pub(crate) circuits: usize,
    pub(crate) started: Instant,
    operator: Operator,
    orders: mpsc::Receiver<Ordered>,
    pub(crate) done: (mpsc::Sender<Done>, mpsc::Receiver<Done>),
    /// Locked until the server is gone.
    pub(crate) data_dir: DataDir,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the data folder and the sockets. From here on clients can connect; they are served by
    /// [`Server::run`].
    pub async fn bind(config: Config) -> Result<Self, ServerError> {
        config.validate()?;
        let data_dir = DataDir::open(&config.data_dir)?;
        let key = identity::load_or_create(data_dir.path())?;
        let store = SqliteNames::open(&data_dir.names())?;
        let bans = store.bans()?;
        let (names, answers) = NameWorker::start(store, key.id()).map_err(ServerError::Thread)?;
        let id = key.id().peer_id();
        let addresses = ReachableAddresses::new(id, &config.external_addresses)?;
        let admission = Admission::default();
        let circuit_bytes = CircuitBytes::new(&config);
        let mut swarm = behaviour::swarm(&key.to_libp2p(), &config, &admission, &circuit_bytes)?;
        for address in &config.external_addresses {
            swarm.add_external_address(address.clone());
        }
        let (to_inbox, inbox) = mpsc::channel(INBOX_MAX);
        let (operator, orders) = Operator::channel();
        let mut server = Self {
            swarm: Box::new(swarm),
            service: Service::new(&config, id, rand::make_rng::<StdRng>()),
            admission,
            circuit_bytes,
            names,
            answers,
            inbox,
            to_inbox,
            clients: BTreeMap::new(),
            tasks: JoinSet::new(),
            task_clients: HashMap::new(),
            next_client: 0,
            followups: VecDeque::new(),
            addresses,
            load: Load::new(&config.overload, system::memory()),
            counters: Counters::default(),
            reservations: 0,
            circuits: 0,
            started: now(),
            operator,
            orders,
            done: mpsc::channel(DONE_MAX),
            config,
            data_dir,
        };
        for ban in bans {
            server.apply_ban(ban.banned, true);
        }
        let listen = server.config.listen.clone();
        server.listen(&listen).await?;
        Ok(server)
    }

    /// Opens the sockets and waits until the addresses of all are known.
    async fn listen(&mut self, addresses: &[Multiaddr]) -> Result<(), ListenError> {
        let mut unknown = listen::start(&mut self.swarm, addresses)?;
        let mut until = tokio::time::Instant::now() + ADDRESS_TIMEOUT;
        while let Ok(event) = timeout_at(until, self.swarm.select_next_some()).await {
            match &event {
                SwarmEvent::NewListenAddr { listener_id, .. }
                    if unknown.remove(listener_id) && unknown.is_empty() =>
                {
                    // A socket for all interfaces tells their addresses one by one.
                    until = tokio::time::Instant::now() + INTERFACES_WAIT;
                }
                SwarmEvent::ListenerClosed { reason, .. } => {
                    return Err(ListenError::Lost(format!("{reason:?}")));
                }
                _ => {}
            }
            self.take_event(event);
            if unknown.is_empty() && !addresses.iter().any(is_unspecified) {
                break;
            }
        }
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(ListenError::Lost("the system did not tell its address".to_owned()))
        }
    }

    /// The server's id.
    pub fn id(&self) -> PeerId {
        *self.swarm.local_peer_id()
    }

    /// The addresses under which clients reach the server, complete with its id: the external ones
    /// if the configuration has any, else those it listens on.
    pub fn addresses(&self) -> Vec<Multiaddr> {
        self.addresses.all()
    }

    /// Gives orders to this server once it runs.
    pub fn operator(&self) -> Operator {
        self.operator.clone()
    }

    /// Serves until the token is cancelled; then tells the clients and ends.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), ServerError> {
        info!(id = %self.id(), "serving");
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        notify::tell("READY=1");
        notify::tell("WATCHDOG=1");
        loop {
            // Without an order of preference, so that no source of work can starve another.
            tokio::select! {
                () = shutdown.cancelled() => break,
                answer = self.answers.recv() => match answer {
                    Some(answer) => self.take_answer(answer),
                    None => return Err(ServerError::NamesEnded),
                },
                Some((client, frame)) = self.inbox.recv() => {
                    self.counters.requests += 1;
                    self.take(Input::Request { client, frame });
                }
                Some(ended) = self.tasks.join_next_with_id() => self.stream_ended(ended),
                event = self.swarm.select_next_some() => self.take_event(event),
                Some(ordered) = self.orders.recv() => self.obey(ordered),
                Some(done) = self.done.1.recv() => self.obeyed(done),
                due = beat.tick() => {
                    self.judge_load(due.elapsed());
                    notify::tell("WATCHDOG=1");
                }
                () = until(self.service.next_deadline()) => self.take(Input::Tick),
            }
        }
        notify::tell("STOPPING=1");
        self.shut_down().await;
        Ok(())
    }

    fn take_answer(&mut self, answer: Answer) {
        if let AnswerKind::Registered { result: Ok((_, change)), .. } = &answer.kind {
            self.counters.registrations += 1;
            self.counters.new_names += u64::from(*change == Change::NewName);
        }
        self.take(Input::Answer(answer));
    }

    /// Passes an input to the service and carries out what it decides.
    pub(crate) fn take(&mut self, input: Input) {
        self.followups.push_back(input);
        while let Some(input) = self.followups.pop_front() {
            for effect in self.service.handle(now(), input) {
                self.execute(effect);
            }
        }
    }

    fn stream_ended(&mut self, ended: Result<(task::Id, Result<(), StreamError>), JoinError>) {
        let id = match ended {
            Ok((id, Ok(()))) => id,
            Ok((id, Err(error))) => {
                debug!(%error, "a client's stream broke");
                id
            }
            Err(error) => {
                if error.is_panic() {
                    error!(%error, "a client's task failed");
                }
                error.id()
            }
        };
        if let Some(client) = self.task_clients.remove(&id) {
            self.clients.remove(&client);
            self.take(Input::Closed(client));
        }
    }

    /// Tells the clients, gives them time to read it, and closes the store.
    async fn shut_down(mut self) {
        info!(clients = self.clients.len(), "shutting down");
        self.take(Input::ShutDown);
        let farewell = async {
            loop {
                tokio::select! {
                    ended = self.tasks.join_next() => if ended.is_none() { break },
                    _event = self.swarm.select_next_some() => {}
                }
            }
        };
        if timeout(SHUTDOWN_TIMEOUT, farewell).await.is_err() {
            debug!("some clients did not take the farewell");
        }
        let Self { names, answers, .. } = self;
        drop(answers);
        if let Err(error) = task::spawn_blocking(move || names.stop()).await {
            error!(%error, "the name store did not close");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the server reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn is_unspecified(address: &Multiaddr) -> bool {
    crate::addresses::ip_of(address).is_some_and(|ip| ip.is_unspecified())
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => future::pending().await,
    }
}
