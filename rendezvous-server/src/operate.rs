//! How a running server obeys its operator. A part of [`Server`].
//!
//! What has to be kept is durable before it counts.

use libp2p::swarm::SwarmEvent;
use tokio::sync::oneshot;
use tracing::{info, warn};
use wire::name::Username;

use crate::{
    bans::Banned,
    behaviour::BehaviourEvent,
    config::Config,
    counters::{Gauges, Snapshot},
    load::Sample,
    names::NameStore as _,
    operator::{BanLine, DeviceLine, Order, Ordered, REASON_MAX, Reply},
    server::{Server, now},
    service::Input,
    store::{
        StoreError,
        operator::{Ban, Rows},
        sqlite::SqliteNames,
    },
    system,
};

/// Devices that one answer lists.
const DEVICES_LISTED: usize = 1_000;

/// Work for the operator that the store has done.
#[derive(Debug)]
pub(crate) struct Done {
    outcome: Result<Outcome, String>,
    reply: oneshot::Sender<Reply>,
}

#[derive(Debug)]
enum Outcome {
    Counted(Rows),
    Listed(Vec<Ban>),
    Banned(Banned),
    Unbanned(Banned),
}

impl Server {
    /// Obeys an order, or lets the store begin with it.
    pub(crate) fn obey(&mut self, (order, reply): Ordered) {
        match order {
            Order::Status => self.with_store(reply, |store| Ok(Outcome::Counted(store.rows()?))),
            Order::Bans => self.with_store(reply, |store| Ok(Outcome::Listed(store.bans()?))),
            Order::Ban { who, reason } if reason.len() <= REASON_MAX => {
                self.with_store(reply, move |store| {
                    let banned = find(store, &who)?;
                    store.put_ban(&Ban { banned, reason, since: system::unix_ms() })?;
                    Ok(Outcome::Banned(banned))
                });
            }
            Order::Ban { .. } => {
                answer(reply, Reply::Failed(format!("a reason has at most {REASON_MAX} bytes")));
            }
            Order::Unban { who } => self.with_store(reply, move |store| {
                let banned = find(store, &who)?;
                if store.remove_ban(banned)? {
                    Ok(Outcome::Unbanned(banned))
                } else {
                    Err(OrderError::NotBanned(who))
                }
            }),
            Order::Devices => answer(reply, Reply::Devices(self.device_lines())),
            Order::Reload => answer(reply, self.reload()),
        }
    }

    /// Goes on with an order that the store has done.
    pub(crate) fn obeyed(&mut self, Done { outcome, reply }: Done) {
        let said = match outcome {
            Ok(Outcome::Counted(rows)) => Reply::Status(Box::new(self.snapshot(rows))),
            Ok(Outcome::Listed(bans)) => Reply::Bans(bans.into_iter().map(ban_line).collect()),
            Ok(Outcome::Banned(banned)) => {
                self.apply_ban(banned, true);
                Reply::Done(format!("banned {banned}"))
            }
            Ok(Outcome::Unbanned(banned)) => {
                self.apply_ban(banned, false);
                Reply::Done(format!("{banned} is not banned any more"))
            }
            Err(text) => Reply::Failed(text),
        };
        answer(reply, said);
    }

    /// Shuts out, or lets in again; connections of the banned end.
    pub(crate) fn apply_ban(&mut self, banned: Banned, on: bool) {
        let gate = &mut self.swarm.behaviour_mut().gate;
        gate.doors.set_ban(banned, on);
        match banned {
            Banned::Account(account) => self.take(Input::Ban { account, on }),
            Banned::Device(device) if on => {
                let was_connected = self.swarm.disconnect_peer_id(device.peer_id()).is_ok();
                info!(was_connected, "a device is banned");
            }
            Banned::Network(prefix) if on => {
                for connection in gate.connections_from(|ip| prefix.contains(ip)) {
                    self.swarm.close_connection(connection);
                }
            }
            Banned::Device(_) | Banned::Network(_) => {}
        }
    }

    /// Judges the last second. `lag` is how late this comes.
    pub(crate) fn judge_load(&mut self, lag: std::time::Duration) {
        let disk_free = system::disk_free(self.data_dir.path());
        let sample = Sample { lag, resident: system::resident(), disk_free };
        if let Some(is_busy) = self.load.sample(sample) {
            if is_busy {
                warn!(?sample, "too much to do: nobody new is taken in");
            } else {
                info!("new clients are taken in again");
            }
            self.swarm.behaviour_mut().gate.doors.is_busy = is_busy;
            self.take(Input::Busy(is_busy));
        }
    }

    fn with_store(
        &mut self,
        reply: oneshot::Sender<Reply>,
        work: impl FnOnce(&mut SqliteNames) -> Result<Outcome, OrderError> + Send + 'static,
    ) {
        let done = self.done.0.clone();
        let is_taken = self.names.run(Box::new(move |store| {
            let outcome = work(store).map_err(|error| error.to_string());
            // Without a server there is nobody to tell.
            drop(done.blocking_send(Done { outcome, reply }));
        }));
        if !is_taken {
            warn!("the name store has too much to do for an order");
        }
    }

    fn snapshot(&mut self, kept: Rows) -> Snapshot {
        let (devices, accounts) = self.service.presence.counts();
        let (groups, memberships) = self.service.topics.counts();
        let gate = &self.swarm.behaviour().gate;
        let turned = gate.doors.turned.iter().map(|(reason, count)| (reason.label(), *count));
        let mut since_start = self.counters.clone();
        since_start.turned_away = turned.collect();
        since_start.circuit_bytes = self.circuit_bytes.sent();
        let now = Gauges {
            uptime_seconds: self.started.elapsed().as_secs(),
            connections: gate.connections(),
            devices,
            accounts,
            watches: self.service.presence.watches(),
            groups,
            memberships,
            reservations: self.reservations,
            circuits: self.circuits,
            memory_bytes: system::resident(),
            loop_lag_ms: self.load.last.lag.as_secs_f64() * 1000.0,
            loop_lag_max_ms: self.load.take_worst().as_secs_f64() * 1000.0,
            busy: self.load.is_busy(),
            puzzle_bits: self.service.newcomers.difficulty(now()),
        };
        let version = env!("CARGO_PKG_VERSION");
        Snapshot {
            version,
            server: self.id().to_string(),
            pid: std::process::id(),
            addresses: self.addresses().iter().map(ToString::to_string).collect(),
            now,
            since_start,
            kept,
        }
    }

    fn device_lines(&self) -> Vec<DeviceLine> {
        let line = |(device, account, client)| {
            let client = self.service.clients.get(&client);
            let from = client.and_then(|client| client.origin).map(|ip| ip.to_string());
            let device = wire::id::DeviceId::peer_id(&device).to_string();
            DeviceLine { device, account: wire::id::AccountId::to_string(&account), from }
        };
        self.service.presence.all().take(DEVICES_LISTED).map(line).collect()
    }

    /// Takes over what can be changed while the server runs.
    fn reload(&mut self) -> Reply {
        let Some(file) = self.config.file.clone() else {
            return Reply::Failed("the server was started without a configuration".to_owned());
        };
        let config = match Config::read(file).and_then(|config| self.config.renewed(config)) {
            Ok(config) => config,
            Err(error) => return Reply::Failed(error.to_string()),
        };
        let restart = self.config.needs_restart(&config);
        self.service.configure(&config);
        self.swarm.behaviour_mut().gate.doors.configure(&config.connections);
        self.circuit_bytes.configure(&config);
        self.load.configure(&config.overload, system::memory());
        self.config = config;
        info!("the configuration was read again");
        Reply::Done(if restart.is_empty() {
            "the configuration is in force".to_owned()
        } else {
            format!("the configuration is in force; after a restart also {}", restart.join(", "))
        })
    }

    /// Counts what an event of the swarm tells.
    pub(crate) fn count(&mut self, event: &SwarmEvent<BehaviourEvent>) {
        use libp2p::relay::Event;

        match event {
            SwarmEvent::ConnectionEstablished { endpoint, .. } if endpoint.is_listener() => {
                self.counters.connections += 1;
            }
            SwarmEvent::Behaviour(BehaviourEvent::Relay(event)) => match event {
                Event::ReservationReqAccepted { renewed: false, .. } => self.reservations += 1,
                Event::ReservationClosed { .. } | Event::ReservationTimedOut { .. } => {
                    self.reservations = self.reservations.saturating_sub(1);
                }
                Event::ReservationReqDenied { .. } => self.counters.reservations_refused += 1,
                Event::CircuitReqAccepted { .. } => {
                    self.circuits += 1;
                    self.counters.circuits += 1;
                }
                Event::CircuitClosed { .. } => self.circuits = self.circuits.saturating_sub(1),
                Event::CircuitReqDenied { .. } => self.counters.circuits_refused += 1,
                _ => {}
            },
            _ => {}
        }
    }
}

/// Why an order is not obeyed.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("nobody has the name {0}")]
    NoSuchName(String),
    #[error("{0} is {1}; or give @name")]
    NotSomebody(String, crate::bans::ParseBanError),
    #[error("{0} is not banned; `admin bans` lists who is")]
    NotBanned(String),
}

/// Who is meant; a name stands for its account.
fn find(store: &mut SqliteNames, who: &str) -> Result<Banned, OrderError> {
    let Some(name) = who.strip_prefix('@') else {
        return who.parse().map_err(|error| OrderError::NotSomebody(who.to_owned(), error));
    };
    let no_such_name = || OrderError::NoSuchName(who.to_owned());
    let username = Username::new(name).map_err(|_error| no_such_name())?;
    let entry = store.by_username(&username)?.ok_or_else(no_such_name)?;
    Ok(Banned::Account(entry.record.account))
}

fn ban_line(ban: Ban) -> BanLine {
    BanLine { who: ban.banned.to_string(), reason: ban.reason, since: ban.since }
}

/// Whoever asked may be gone, which is their choice.
fn answer(reply: oneshot::Sender<Reply>, said: Reply) {
    drop(reply.send(said));
}
