//! What the server does, without how: inputs in, effects out. Pure: time and randomness are
//! arguments, and nothing here knows of sockets or files.
//!
//! [`crate::requests`] answers what clients ask; this file has the comings and goings.

mod messages;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use rand::rngs::StdRng;
use wire::{
    id::{AccountId, Challenge, DeviceId},
    rendezvous::{NoticeKind, Push},
};

use crate::{
    addresses::Network,
    config::Config,
    connections::Connections,
    names::NameEntry,
    newcomers::Newcomers,
    presence::Presence,
    rate_limit::{Rate, RateLimiter},
    topics::Topics,
};

pub use self::messages::{Answer, AnswerKind, ClientId, Effect, Input, Question, QuestionKind};

/// A stream and who is at its other end.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) device: DeviceId,
    pub(crate) origin: Option<IpAddr>,
    /// Has said `Hello`.
    pub(crate) greeted: bool,
    /// The token of its `Hello`.
    pub(crate) token: Option<Vec<u8>>,
    /// The puzzle that it was set last, with its difficulty.
    pub(crate) puzzle: Option<(Challenge, u8)>,
    /// It solved its puzzle and has not registered since.
    pub(crate) has_solved: bool,
}

impl Client {
    fn new(device: DeviceId, origin: Option<IpAddr>) -> Self {
        Self { device, origin, greeted: false, token: None, puzzle: None, has_solved: false }
    }
}

/// How fast clients may do what.
struct Rates {
    requests: Rate,
    network_requests: Rate,
    group_bytes: Rate,
    network_bytes: Rate,
}

impl Rates {
    fn of(config: &Config) -> Self {
        let (requests, groups) = (&config.requests, &config.groups);
        let rate = |burst, per_second| Rate::new(burst, per_second, Duration::from_secs(1));
        Self {
            requests: rate(requests.burst, requests.per_second),
            network_requests: rate(requests.network_burst, requests.network_per_second),
            group_bytes: rate(groups.burst_bytes, groups.bytes_per_second),
            network_bytes: rate(groups.network_burst_bytes, groups.network_bytes_per_second),
        }
    }
}

/// The server's whole state in memory.
#[derive(Debug)]
pub struct Service {
    pub(crate) server: PeerId,
    pub(crate) rng: StdRng,
    /// At most two streams a device: one that is registered and one that is about to be.
    pub(crate) clients: BTreeMap<ClientId, Client>,
    /// The streams that have not registered yet.
    waiting: BTreeMap<DeviceId, ClientId>,
    connections: Connections,
    pub(crate) presence: Presence,
    pub(crate) topics: Topics,
    pub(crate) requests: RateLimiter<DeviceId>,
    pub(crate) network_requests: RateLimiter<Network>,
    pub(crate) newcomers: Newcomers,
    pub(crate) group_bytes: RateLimiter<DeviceId>,
    pub(crate) network_bytes: RateLimiter<Network>,
    /// Clients on this machine are exempt from limits of networks.
    trusts_loopback: bool,
    pub(crate) banned: BTreeSet<AccountId>,
}

impl Service {
    /// Starts with nobody connected. `server` is the server's own id.
    pub fn new(config: &Config, server: PeerId, rng: StdRng) -> Self {
        let rates = Rates::of(config);
        Self {
            server,
            rng,
            clients: BTreeMap::new(),
            waiting: BTreeMap::new(),
            connections: Connections::new(Duration::from_secs(
                config.connections.registration_seconds,
            )),
            presence: Presence::new(config.requests.watched_accounts),
            topics: Topics::new(config.groups.clone()),
            requests: RateLimiter::new(rates.requests),
            network_requests: RateLimiter::new(rates.network_requests),
            newcomers: Newcomers::new(config),
            group_bytes: RateLimiter::new(rates.group_bytes),
            network_bytes: RateLimiter::new(rates.network_bytes),
            trusts_loopback: config.connections.trust_loopback,
            banned: BTreeSet::new(),
        }
    }

    /// Takes over other limits; what is there stays.
    pub fn configure(&mut self, config: &Config) {
        let rates = Rates::of(config);
        self.requests.set_rate(rates.requests);
        self.network_requests.set_rate(rates.network_requests);
        self.group_bytes.set_rate(rates.group_bytes);
        self.network_bytes.set_rate(rates.network_bytes);
        self.newcomers.configure(config);
        self.presence.set_watches_max(config.requests.watched_accounts);
        self.topics.set_quotas(config.groups.clone());
        self.trusts_loopback = config.connections.trust_loopback;
    }

    /// The network of an address whose limits apply to it.
    pub(crate) fn network(&self, origin: Option<IpAddr>) -> Option<Network> {
        origin.filter(|ip| !(self.trusts_loopback && ip.is_loopback())).map(Network::of)
    }

    /// Takes in what happened and returns what is to be done, in this order.
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Connected(device) => self.connections.connected(device, now),
            Input::Disconnected(device) => self.connections.disconnected(&device),
            Input::Opened { client, device, origin } => {
                self.opened(now, client, Client::new(device, origin), &mut effects);
            }
            Input::Request { client, frame } => self.request(now, client, frame, &mut effects),
            Input::Answer(answer) => self.answered(now, answer, &mut effects),
            Input::Closed(client) => self.forget(now, client, &mut effects),
            Input::GroupMessage { from, tag, sealed, message } => {
                let accept = self.may_publish(now, from, tag, sealed.len());
                effects.push(Effect::Relay { from, message, accept });
                if accept {
                    self.copy(from, tag, sealed, &mut effects);
                }
            }
            Input::Ban { account, on } => self.ban(now, account, on, &mut effects),
            Input::Busy(is_busy) => self.newcomers.is_busy = is_busy,
            Input::Tick => {
                let expired = self.topics.expired(now);
                effects.extend(expired.into_iter().map(Effect::Unsubscribe));
                let strangers = self.connections.overdue(now);
                effects.extend(strangers.into_iter().map(Effect::Disconnect));
            }
            Input::ShutDown => self.shut_down(&mut effects),
        }
        effects
    }

    /// When [`Input::Tick`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [self.connections.next_deadline(), self.topics.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn opened(&mut self, now: Instant, client: ClientId, by: Client, effects: &mut Vec<Effect>) {
        let device = by.device;
        if self.requests.try_take(device, 1, now).is_err() {
            effects.push(Effect::Close(client));
            return;
        }
        if let Some(before) = self.waiting.insert(device, client) {
            self.clients.remove(&before);
            effects.push(Effect::Close(before));
        }
        self.clients.insert(client, by);
    }

    /// A registration is durable: the device is present from now on.
    pub(crate) fn arrived(
        &mut self,
        now: Instant,
        client: ClientId,
        entry: &NameEntry,
        effects: &mut Vec<Effect>,
    ) {
        let Some(device) = self.clients.get(&client).map(|client| client.device) else { return };
        let account = entry.record.account;
        if let Some(before) = self.presence.client(&device).filter(|before| *before != client) {
            let text = "this device registered from another connection".to_owned();
            let push = Push::Notice { kind: NoticeKind::Replaced, text };
            effects.push(Effect::Push { clients: vec![before], push });
            effects.push(Effect::Close(before));
            self.drop_stream(before);
            self.topics.leave_all(device, now);
        }
        if self.presence.account(&device).is_some_and(|before| before != account) {
            self.departed(now, device, effects);
        }
        let is_new = self.presence.client(&device).is_none();
        self.presence.arrive(client, device, entry);
        self.connections.registered(device);
        if self.waiting.get(&device) == Some(&client) {
            self.waiting.remove(&device);
        }
        if is_new {
            effects.push(Effect::Admit(device));
            self.tell_presence(account, effects);
        }
    }

    /// Pushes where an account's devices are to those who watch it.
    pub(crate) fn tell_presence(&self, account: AccountId, effects: &mut Vec<Effect>) {
        let clients = self.presence.watchers(&account);
        if !clients.is_empty() {
            effects.push(Effect::Push { clients, push: self.presence.push(account) });
        }
    }

    /// An account has a new record: its watchers learn of it, and devices that it no longer lists
    /// lose their registration.
    pub(crate) fn renewed(&mut self, now: Instant, entry: &NameEntry, effects: &mut Vec<Effect>) {
        let clients = self.presence.watchers(&entry.record.account);
        if !clients.is_empty() {
            let push = Push::RecordChanged { record: entry.signed.clone() };
            effects.push(Effect::Push { clients, push });
        }
        for device in self.presence.renew(entry) {
            if let Some(client) = self.presence.client(&device) {
                effects.push(Effect::Close(client));
                self.forget(now, client, effects);
            }
        }
    }

    /// Removes a stream, and its device if that was registered through it.
    fn forget(&mut self, now: Instant, client: ClientId, effects: &mut Vec<Effect>) {
        let Some(device) = self.drop_stream(client) else { return };
        if self.presence.client(&device) == Some(client) {
            self.departed(now, device, effects);
        }
    }

    /// Removes what belongs to a stream alone. Returns its device.
    fn drop_stream(&mut self, client: ClientId) -> Option<DeviceId> {
        let Client { device, .. } = self.clients.remove(&client)?;
        self.presence.unwatch(client);
        if self.waiting.get(&device) == Some(&client) {
            self.waiting.remove(&device);
        }
        Some(device)
    }

    fn departed(&mut self, now: Instant, device: DeviceId, effects: &mut Vec<Effect>) {
        self.topics.leave_all(device, now);
        self.connections.unregistered(device, now);
        effects.push(Effect::Dismiss(device));
        if let Some(account) = self.presence.depart(&device) {
            self.tell_presence(account, effects);
        }
    }

    fn ban(&mut self, now: Instant, account: AccountId, on: bool, effects: &mut Vec<Effect>) {
        if !on {
            self.banned.remove(&account);
            return;
        }
        self.banned.insert(account);
        for device in self.presence.devices_of(&account) {
            if let Some(client) = self.presence.client(&device) {
                effects.push(Effect::Close(client));
                self.forget(now, client, effects);
            }
            effects.push(Effect::Disconnect(device));
        }
    }

    fn shut_down(&mut self, effects: &mut Vec<Effect>) {
        let clients: Vec<_> = self.clients.keys().copied().collect();
        let text = "the server is shutting down".to_owned();
        let push = Push::Notice { kind: NoticeKind::ShuttingDown, text };
        effects.push(Effect::Push { clients: clients.clone(), push });
        effects.extend(clients.into_iter().map(Effect::Close));
    }
}
