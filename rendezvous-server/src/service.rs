//! What the server does, without how: inputs in, effects out. Pure: time and randomness are
//! arguments, and nothing here knows of sockets or files.
//!
//! [`crate::requests`] answers what clients ask; this file has the comings and goings.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use rand::rngs::StdRng;
use wire::{
    account::AccountRecord,
    id::{AccountId, DeviceId, Hash, TopicTag},
    name::Username,
    rendezvous::{ClientFrame, NoticeKind, Push, Refusal, Response},
    signed::Signed,
};

use crate::{
    addresses::Network,
    config::Config,
    connections::Connections,
    names::{Change, NameEntry},
    presence::Presence,
    rate_limit::{Rate, RateLimiter},
    topics::Topics,
};

/// A client's stream, numbered by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A device has its first connection.
    Connected(DeviceId),
    /// A device has no connection any more.
    Disconnected(DeviceId),
    /// A device opened a stream.
    Opened {
        /// The stream.
        client: ClientId,
        /// The device, proven by the connection.
        device: DeviceId,
        /// Where the connection comes from.
        origin: Option<IpAddr>,
    },
    /// A client asks.
    Request {
        /// Its stream.
        client: ClientId,
        /// The request.
        frame: ClientFrame,
    },
    /// The registry answers a question.
    Answer(Answer),
    /// A stream has ended.
    Closed(ClientId),
    /// A group message has come and waits to be relayed.
    GroupMessage {
        /// Who sent it here.
        from: DeviceId,
        /// The group.
        tag: TopicTag,
        /// The message, sealed.
        sealed: Vec<u8>,
        /// Its id in gossipsub.
        message: Vec<u8>,
    },
    /// A deadline has come.
    Tick,
    /// The server is about to end.
    ShutDown,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a response to a client.
    Respond {
        /// Its stream.
        client: ClientId,
        /// Id of the request.
        id: u32,
        /// The answer.
        result: Result<Response, Refusal>,
    },
    /// Send a push to clients.
    Push {
        /// Their streams.
        clients: Vec<ClientId>,
        /// The push.
        push: Push,
    },
    /// End a stream after what was sent to it.
    Close(ClientId),
    /// Ask the registry.
    Ask(Question),
    /// Relay a topic.
    Subscribe(TopicTag),
    /// Relay it no longer.
    Unsubscribe(TopicTag),
    /// Grant a device relayed circuits.
    Admit(DeviceId),
    /// Grant them no longer.
    Dismiss(DeviceId),
    /// Close all connections of a device.
    Disconnect(DeviceId),
    /// Relay a group message, or drop it.
    Relay {
        /// Who sent it.
        from: DeviceId,
        /// Its id in gossipsub.
        message: Vec<u8>,
        /// Whether it is relayed.
        accept: bool,
    },
    /// Send a group message to each of these members that gossip does not bring it to.
    Copy {
        /// The group.
        tag: TopicTag,
        /// The message, sealed.
        sealed: Vec<u8>,
        /// The members and their streams.
        members: Vec<(DeviceId, ClientId)>,
    },
}

/// A question to the registry of names, which is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who asks.
    pub client: ClientId,
    /// Id of the request.
    pub id: u32,
    /// What is asked.
    pub kind: QuestionKind,
}

/// What the registry is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionKind {
    /// Register an account.
    Register {
        /// Its record.
        record: Signed<AccountRecord>,
        /// The device that speaks for it.
        device: DeviceId,
        /// Whether the account may take a new name.
        may_be_new: bool,
        /// The network that was charged for a new name; it is refunded if there is none.
        charged: Option<Network>,
    },
    /// Who has a name.
    Lookup {
        /// The name.
        username: Username,
    },
}

/// The registry's answer. What it registered is durable.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Who asked.
    pub client: ClientId,
    /// Id of the request.
    pub id: u32,
    /// What the registry says.
    pub kind: AnswerKind,
}

/// What the registry says.
#[derive(Clone, Debug)]
pub enum AnswerKind {
    /// To [`QuestionKind::Register`].
    Registered {
        /// The newest record and what it changed.
        result: Result<(NameEntry, Change), Refusal>,
        /// From the question.
        charged: Option<Network>,
    },
    /// To [`QuestionKind::Lookup`].
    Found(Result<NameEntry, Refusal>),
}

/// A stream and who is at its other end.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) device: DeviceId,
    pub(crate) origin: Option<IpAddr>,
    /// Has said `Hello` and was admitted.
    pub(crate) greeted: bool,
}

/// The server's whole state in memory.
#[derive(Debug)]
pub struct Service {
    pub(crate) server: PeerId,
    pub(crate) admission_token: Option<Hash>,
    pub(crate) rng: StdRng,
    /// At most two streams a device: one that is registered and one that is about to be.
    pub(crate) clients: BTreeMap<ClientId, Client>,
    /// The streams that have not registered yet.
    waiting: BTreeMap<DeviceId, ClientId>,
    connections: Connections,
    pub(crate) presence: Presence,
    pub(crate) topics: Topics,
    pub(crate) requests: RateLimiter<DeviceId>,
    pub(crate) new_names: RateLimiter<Network>,
    pub(crate) group_bytes: RateLimiter<DeviceId>,
}

impl Service {
    /// Starts with nobody connected. `server` is the server's own id.
    pub fn new(config: &Config, server: PeerId, rng: StdRng) -> Self {
        let (requests, groups) = (&config.requests, &config.groups);
        let second = Duration::from_secs(1);
        let new_names = Rate::new(
            requests.new_names_burst,
            requests.new_names_per_hour,
            Duration::from_hours(1),
        );
        Self {
            server,
            admission_token: config.admission_token.as_ref().map(|it| Hash::of(it.as_bytes())),
            rng,
            clients: BTreeMap::new(),
            waiting: BTreeMap::new(),
            connections: Connections::new(Duration::from_secs(
                config.connections.registration_seconds,
            )),
            presence: Presence::new(requests.watched_accounts),
            topics: Topics::new(groups.clone()),
            requests: RateLimiter::new(Rate::new(requests.burst, requests.per_second, second)),
            new_names: RateLimiter::new(new_names),
            group_bytes: RateLimiter::new(Rate::new(
                groups.burst_bytes,
                groups.bytes_per_second,
                second,
            )),
        }
    }

    /// Takes in what happened and returns what is to be done, in this order.
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Connected(device) => self.connections.connected(device, now),
            Input::Disconnected(device) => self.connections.disconnected(&device),
            Input::Opened { client, device, origin } => {
                self.opened(now, client, Client { device, origin, greeted: false }, &mut effects);
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

    fn shut_down(&mut self, effects: &mut Vec<Effect>) {
        let clients: Vec<_> = self.clients.keys().copied().collect();
        let text = "the server is shutting down".to_owned();
        let push = Push::Notice { kind: NoticeKind::ShuttingDown, text };
        effects.push(Effect::Push { clients: clients.clone(), push });
        effects.extend(clients.into_iter().map(Effect::Close));
    }
}
