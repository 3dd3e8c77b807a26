//! Several peers, a rendezvous server and what lies between them, all in memory. The order of
//! events follows from the seed alone.

mod carry;
pub(super) mod faults;
mod pairing;
mod peer;
mod server;
pub(super) mod wishes;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use wire::id::{DeviceId, TopicTag};

use self::{faults::Faults, peer::Peer, server::Server};
use super::{BEGINNING, Person, beginning};
use crate::{
    core::{
        input::{GossipInput, Input, LinkId, LinkInput, Now, ServerInput, SessionId, SyncInput},
        machine::Machine,
    },
    store::in_memory::InMemory,
};

/// Steps after which a scenario is taken for one that runs in circles.
const STEPS_MAX: u64 = 2_000_000;

/// A place in the network: the number of a peer in the order of arrival.
pub(in crate::core::tests) type Place = usize;

/// The world of a scenario.
#[derive(Debug)]
pub(in crate::core::tests) struct Network {
    pub(super) now: Instant,
    began: Instant,
    rng: StdRng,
    /// What is under way, by its time of arrival.
    under_way: BTreeMap<(Instant, u64), Delivery>,
    last_number: u64,
    steps: u64,
    pub(super) peers: Vec<Peer>,
    devices: BTreeMap<DeviceId, Place>,
    /// When machines want to be woken.
    deadlines: BTreeSet<(Instant, Place)>,
    /// When the last thing arrives that must not be overtaken.
    ordered: BTreeMap<(Place, Channel), Instant>,
    pub(super) server: Server,
    links: BTreeMap<LinkId, Link>,
    streams: BTreeMap<(Place, SessionId), (Place, SessionId)>,
    /// How long anything takes from one node to another.
    pub(super) latency: Duration,
    /// Whether dials to addresses succeed.
    pub(super) direct: bool,
    /// How many of a hundred gossip messages are lost on the way to a member.
    pub(super) gossip_loss: u32,
    pub(super) faults: Faults,
    /// Words on deliveries that were not so at the instant at which they were told.
    pub(super) untrue: Vec<String>,
}

/// Something on its way to a peer.
#[derive(Debug)]
struct Delivery {
    to: Place,
    /// Which of the peer's lives it is for: what was meant for an earlier one is lost.
    life: u32,
    input: Input,
}

/// Where nothing overtakes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Channel {
    Server,
    Link(LinkId),
    Stream(SessionId),
}

/// A connection between two peers.
#[derive(Clone, Copy, Debug)]
struct Link {
    ends: [Place; 2],
    relayed: bool,
}

impl Network {
    pub(in crate::core::tests) fn new(seed: u64) -> Self {
        let began = beginning();
        Self {
            now: began,
            began,
            rng: StdRng::seed_from_u64(seed),
            under_way: BTreeMap::new(),
            last_number: 0,
            steps: 0,
            peers: Vec::new(),
            devices: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            ordered: BTreeMap::new(),
            server: Server::new(),
            links: BTreeMap::new(),
            streams: BTreeMap::new(),
            latency: Duration::from_millis(20),
            direct: true,
            gossip_loss: 0,
            faults: Faults::default(),
            untrue: Vec::new(),
        }
    }

    /// A person with a new device comes into the network.
    pub(in crate::core::tests) fn add(&mut self, person: Person) -> Place {
        let place = self.peers.len();
        let peer = Peer::new(person);
        self.devices.entry(peer.device()).or_insert(place);
        self.peers.push(peer);
        self.start(place);
        place
    }

    /// A person with a device that has something in its store already.
    pub(in crate::core::tests) fn add_with(
        &mut self,
        person: Person,
        prepare: impl FnOnce(&mut InMemory),
    ) -> Place {
        let place = self.peers.len();
        self.peers.push(Peer::new(person));
        prepare(&mut self.peers[place].store);
        self.start(place);
        place
    }

    /// People who come one after the other and are registered, in their order.
    pub(in crate::core::tests) fn with_people(seed: u64, names: &[&str]) -> Self {
        let mut network = Self::new(seed);
        for (number, name) in (1..).zip(names) {
            network.add(Person::new(number, name));
        }
        network.run_for(Duration::from_secs(2));
        network
    }

    /// Starts a peer, for the first time or again with what it stored.
    pub(in crate::core::tests) fn start(&mut self, place: Place) {
        let now = self.now_of(place);
        let peer = &mut self.peers[place];
        peer.life += 1;
        peer.start(now);
        let relay_only = peer.person.relay_only;
        self.note_deadline(place);
        let address = format!("/ip4/127.0.0.1/udp/{}/quic-v1", 4000 + place);
        let addresses = if relay_only { vec![] } else { vec![address.parse().unwrap()] };
        self.deliver(place, Duration::ZERO, Input::Addresses(addresses));
    }

    /// A peer ends, as when it is killed: what it had not stored is gone.
    pub(in crate::core::tests) fn stop(&mut self, place: Place) {
        self.cut_off(place);
        let peer = &mut self.peers[place];
        peer.machine = None;
        peer.held = None;
        self.note_deadline(place);
    }

    /// The time as a peer's clocks show it.
    fn now_of(&self, place: Place) -> Now {
        let since = (self.now - self.began).as_millis() as u64;
        let unix_ms = (BEGINNING + since).saturating_add_signed(self.peers[place].skew_ms);
        Now { instant: self.now, unix_ms }
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Sends something on its way to a peer.
    fn deliver(&mut self, to: Place, after: Duration, input: Input) {
        let mut at = self.now + after;
        let channel = match &input {
            Input::Server(_) => Some(Channel::Server),
            Input::Link(
                LinkInput::Opened { link, .. }
                | LinkInput::RoundTrip { link, .. }
                | LinkInput::Closed { link, .. },
            ) => Some(Channel::Link(*link)),
            Input::Sync(
                SyncInput::Accepted { session, .. }
                | SyncInput::Opened { session }
                | SyncInput::Frame { session, .. }
                | SyncInput::Events { session, .. }
                | SyncInput::Closed { session },
            ) => Some(Channel::Stream(*session)),
            _ => None,
        };
        if let Some(channel) = channel {
            let last = self.ordered.entry((to, channel)).or_insert(at);
            at = at.max(*last);
            *last = at;
        }
        let key = (at, self.number());
        let life = self.peers[to].life;
        self.under_way.insert(key, Delivery { to, life, input });
    }

    /// When something happens next.
    fn next_event(&self) -> Option<Instant> {
        let deliveries = self.under_way.keys().next().map(|(at, _)| *at);
        let deadlines = self.deadlines.first().map(|(at, _)| *at);
        let earliest = deadlines.into_iter().chain(self.server.next_deadline()).chain(deliveries);
        let earliest = earliest.min()?;
        Some(earliest.max(self.now))
    }

    /// Lets the next thing happen, unless that is after `until`. Tells whether there was one.
    fn step(&mut self, until: Instant) -> bool {
        let Some(at) = self.next_event().filter(|at| *at <= until) else {
            self.now = until;
            return false;
        };
        self.steps += 1;
        assert!(self.steps < STEPS_MAX, "the peers never come to rest");
        self.now = at;
        if let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= at) {
            let Delivery { to, life, input } = entry.remove();
            if self.peers[to].life == life {
                self.feed(to, input);
            }
            return true;
        }
        let due: BTreeSet<_> =
            self.deadlines.iter().take_while(|(deadline, _)| *deadline <= at).collect();
        for place in due.into_iter().map(|(_, place)| *place).collect::<BTreeSet<_>>() {
            self.feed(place, Input::Tick);
        }
        self.tick_server();
        true
    }

    /// Gives a peer an input and carries out what it decides.
    pub(in crate::core::tests) fn feed(&mut self, place: Place, input: Input) {
        let now = self.now_of(place);
        let Some(machine) = &mut self.peers[place].machine else { return };
        let effects = machine.handle(now, input);
        self.note_deadline(place);
        for effect in effects {
            self.carry_out(place, effect);
        }
    }

    fn note_deadline(&mut self, place: Place) {
        let peer = &mut self.peers[place];
        let next = peer.machine.as_ref().and_then(Machine::next_deadline);
        if let Some(before) = std::mem::replace(&mut peer.deadline, next) {
            self.deadlines.remove(&(before, place));
        }
        self.deadlines.extend(next.map(|at| (at, place)));
    }

    /// Lets time pass.
    pub(in crate::core::tests) fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
    }

    /// Lets time pass until something is so.
    #[track_caller]
    pub(in crate::core::tests) fn run_until(
        &mut self,
        what: &str,
        within: Duration,
        mut is_so: impl FnMut(&mut Self) -> bool,
    ) {
        let until = self.now + within;
        while !is_so(self) {
            assert!(self.step(until), "{what}: not within {within:?}");
        }
    }

    fn place_of(&self, device: &DeviceId) -> Option<Place> {
        self.devices.get(device).copied()
    }

    /// Takes a peer's connections away; it stays without any until it starts again.
    pub(in crate::core::tests) fn cut_off(&mut self, place: Place) {
        self.peers[place].online = false;
        let links: Vec<_> = self.links.iter().filter(|(_, l)| l.ends.contains(&place)).collect();
        for link in links.into_iter().map(|(id, _)| *id).collect::<Vec<_>>() {
            self.break_link(link);
        }
        self.lose_server(place);
    }

    /// The server ends; connections between peers stay unless they lead through it.
    pub(in crate::core::tests) fn stop_server(&mut self) {
        self.server.stop();
        let relayed: Vec<_> =
            self.links.iter().filter(|(_, link)| link.relayed).map(|(id, _)| *id).collect();
        for link in relayed {
            self.break_link(link);
        }
        for place in 0..self.peers.len() {
            self.lose_server(place);
        }
    }

    /// It comes back with the names that it knew.
    pub(in crate::core::tests) fn start_server(&mut self) {
        self.server.start();
    }

    fn lose_server(&mut self, place: Place) {
        let peer = &mut self.peers[place];
        let topics: Vec<TopicTag> = peer.topics.iter().copied().collect();
        if std::mem::take(&mut peer.wants_server) {
            let text = "the connection ended".to_owned();
            self.deliver(place, Duration::ZERO, Input::Server(ServerInput::Closed { text }));
        }
        for tag in topics {
            self.deliver(place, Duration::ZERO, Input::Gossip(GossipInput::Unready { tag }));
        }
        self.close_client(place);
    }

    /// Whether a gossip message gets lost.
    fn is_lost(&mut self) -> bool {
        self.rng.random_range(0..100) < self.gossip_loss
    }
}
