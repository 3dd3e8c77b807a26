//! The people of a scenario, and what happens to them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    mem,
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use wire::{id::EventId, name::ConversationName};

use super::weather::{self, Event};
use crate::core::{
    command::{Answer, Command, Draft},
    input::CallId,
    model::Stage,
    notice::Notice,
    tests::{
        Person,
        network::{Network, Place, faults::pair, wishes::name},
    },
};

/// Time in which a network without faults must have brought everything to everyone.
const SETTLES_WITHIN: Duration = Duration::from_mins(15);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_secs(2);

/// A message that someone wanted to send.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) place: Place,
    pub(super) to: ConversationName,
    call: CallId,
    /// Which of the peer's lives was asked, while there is no answer.
    pub(super) asked: Option<u32>,
    /// Its id, once the answer was that it is durable.
    pub(super) answered: Option<EventId>,
}

/// What came about in a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) peers: usize,
    pub(super) answered: usize,
    pub(super) stored: usize,
    pub(super) forked: usize,
    pub(super) settled_after_s: u64,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) network: Network,
    rng: StdRng,
    pub(super) names: Vec<String>,
    /// The conversations of each peer, by its own names for them.
    pub(super) conversations: Vec<Vec<ConversationName>>,
    pub(super) wishes: Vec<Wish>,
    /// The furthest stage that a peer was told of an own message.
    pub(super) told_stage: BTreeMap<(Place, EventId), Stage>,
    /// Messages that a front end was told, and how often.
    pub(super) told: BTreeMap<(Place, EventId), u32>,
    /// Peers of whose folder there were two: their logs may fork.
    pub(super) copied: BTreeSet<Place>,
    full: BTreeSet<Place>,
    /// What happened, for a person who looks into a failure.
    pub(super) story: Vec<String>,
    stored: usize,
    settled_after: Duration,
}

impl World {
    pub(super) fn new(seed: u64, peers: Option<usize>) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let drawn = if rng.random_range(0..8) == 0 { 8..14 } else { 2..8 };
        let peers = peers.unwrap_or_else(|| rng.random_range(drawn)).max(2);
        let mut world = Self {
            network: Network::new(seed),
            rng,
            names: (0..peers).map(|number| format!("peer{number}")).collect(),
            conversations: vec![Vec::new(); peers],
            wishes: Vec::new(),
            told_stage: BTreeMap::new(),
            told: BTreeMap::new(),
            copied: BTreeSet::new(),
            full: BTreeSet::new(),
            story: Vec::new(),
            stored: 0,
            settled_after: Duration::ZERO,
        };
        world.begin();
        world
    }

    fn peers(&self) -> usize {
        self.names.len()
    }

    /// Everyone comes, joins groups and knows some of the others.
    fn begin(&mut self) {
        for (number, name) in (1..).zip(&self.names) {
            let relay_only = self.rng.random_range(0..10) == 0;
            let place = self.network.add(Person { relay_only, ..Person::new(number, name) });
            self.network.peers[place].skew_ms = weather::skew(&mut self.rng);
        }
        self.network.run_for(Duration::from_secs(3));
        for group in 0..self.rng.random_range(1..4) {
            let group = format!("group {group}");
            for place in 0..self.peers() {
                if self.rng.random_bool(0.7) {
                    self.network.join(place, &group);
                    self.conversations[place].push(name(&format!("#{group}")));
                }
            }
        }
        for _ in 0..self.peers() {
            let one = self.rng.random_range(0..self.peers());
            let other = (one + self.rng.random_range(1..self.peers())) % self.peers();
            for (from, to) in [(one, other), (other, one)] {
                let to = name(&format!("@{}", self.names[to]));
                if !self.conversations[from].contains(&to) {
                    self.conversations[from].push(to);
                }
            }
        }
    }

    /// Lets everything happen that the seed decides.
    pub(super) fn live(&mut self) {
        let events = self.rng.random_range(20..90) + self.peers();
        for _ in 0..events {
            let peers = self.peers();
            let event = weather::draw(&mut self.rng, peers);
            self.story.push(format!("{event:?}"));
            self.happen(event);
            self.collect();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Write { place, which, times } => self.write(place, which, times),
            Event::Look(place) => self.look(place),
            Event::Read { place, which } => self.read(place, which),
            Event::Kill(place) => self.network.stop(place),
            Event::Start(place) => self.start(place),
            Event::PowerFailure => {
                (0..self.peers()).for_each(|place| self.network.stop(place));
                (0..self.peers()).for_each(|place| self.start(place));
            }
            Event::Clock { place, skew_ms } => self.network.peers[place].skew_ms = skew_ms,
            Event::OtherFolder(place) => self.use_other_folder(place),
            Event::HoldDisk(place) => {
                let peer = &mut self.network.peers[place];
                if peer.machine.is_some() && peer.held.is_none() {
                    peer.held = Some(VecDeque::new());
                }
            }
            Event::ReleaseDisk(place) => self.network.release_store(place),
            Event::FullDisk(place, full) => {
                self.network.peers[place].store.refuse_writes(full);
                if full {
                    self.full.insert(place);
                } else {
                    self.full.remove(&place);
                }
            }
            Event::Wait(ms) => self.network.run_for(Duration::from_millis(ms)),
            other => self.change_network(&other),
        }
    }

    fn change_network(&mut self, event: &Event) {
        let network = &mut self.network;
        match *event {
            Event::Break(one, other) => network.part_pair(pair(one, other)),
            Event::Silence(one, other) if !network.links_between(one, other).is_empty() => {
                network.faults.silent.insert(pair(one, other));
            }
            Event::Cut(one, other, true) => {
                network.faults.cut.insert(pair(one, other));
                network.part_pair(pair(one, other));
            }
            Event::Cut(one, other, false) => {
                network.faults.cut.remove(&pair(one, other));
            }
            Event::Divide(parts) => {
                let rng = &mut self.rng;
                let part = (0..self.names.len()).map(|place| (place, rng.random_range(0..parts)));
                network.divide(part.collect());
            }
            Event::Unite => network.divide(BTreeMap::new()),
            Event::StopServer => network.stop_server(),
            Event::StartServer if !network.server.is_up() => network.start_server(),
            Event::HangServer(hangs) => network.server.hangs = hangs,
            Event::GossipLoss(percent) => network.gossip_loss = percent,
            Event::GossipCopies(percent) => network.faults.gossip_copies = percent,
            Event::Delay { latency, jitter } => {
                network.latency = Duration::from_millis(latency);
                network.faults.jitter = Duration::from_millis(jitter);
            }
            _ => {}
        }
    }

    fn conversation(&self, place: Place, which: usize) -> Option<ConversationName> {
        let own = &self.conversations[place];
        (!own.is_empty()).then(|| own[which % own.len()].clone())
    }

    fn write(&mut self, place: Place, which: usize, times: usize) {
        let Some(to) = self.conversation(place, which) else { return };
        for _ in 0..times {
            let text = format!("{} {}", self.names[place], self.wishes.len());
            let draft = Draft { text, ..Draft::default() };
            let call = self.network.submit(place, Command::Send { to: to.clone(), draft });
            let asked = Some(self.network.peers[place].life);
            self.wishes.push(Wish { place, to: to.clone(), call, asked, answered: None });
        }
    }

    fn read(&mut self, place: Place, which: usize) {
        if let Some(of) = self.conversation(place, which) {
            self.network.submit(place, Command::Read { of });
        }
    }

    fn answers(&self, place: Place) -> bool {
        let peer = &self.network.peers[place];
        peer.machine.is_some() && peer.held.is_none()
    }

    /// What the front end does at news: it tells them, and says that it did.
    pub(super) fn look(&mut self, place: Place) {
        // What cannot be noted may be told again.
        if !self.answers(place) || self.full.contains(&place) {
            return;
        }
        let untold = self.network.ask(place, Command::Untold { limit: 1000 });
        let Ok(Answer::Untold(messages)) = untold else { panic!("{untold:?}") };
        for (_, message) in &messages {
            *self.told.entry((place, message.id)).or_default() += 1;
        }
        if let Some((arrival, _)) = messages.last() {
            self.network.submit(place, Command::Told { arrival: *arrival });
        }
    }

    /// Starts a peer, which still shows every stage that it showed before.
    fn start(&mut self, place: Place) {
        if self.network.peers[place].machine.is_none() {
            self.network.peers[place].store.refuse_writes(false);
            self.full.remove(&place);
            self.network.start(place);
            self.check_stages(place);
        }
    }

    /// A second folder of the device comes into use, as after putting back an old copy, and the first
    /// one in its turn.
    fn use_other_folder(&mut self, place: Place) {
        self.copied.insert(place);
        self.full.remove(&place);
        let peer = &mut self.network.peers[place];
        match self.network.faults.copied.get_mut(&place) {
            None => {
                let copy = peer.store.copy();
                self.network.faults.copied.insert(place, copy);
            }
            Some(other) => {
                peer.store.refuse_writes(false);
                mem::swap(&mut peer.store, other);
                if peer.machine.is_some() {
                    self.network.stop(place);
                    self.start(place);
                }
            }
        }
    }

    /// Notes what was answered and told.
    fn collect(&mut self) {
        for wish in self.wishes.iter_mut().filter(|wish| wish.asked.is_some()) {
            let answers = &mut self.network.peers[wish.place].answers;
            if let Some(answer) = answers.remove(&wish.call) {
                wish.asked = None;
                if let Ok(Answer::Message(id)) = answer {
                    wish.answered = Some(id);
                }
            }
        }
        for place in 0..self.peers() {
            self.network.peers[place].sent.clear();
            for notice in mem::take(&mut self.network.peers[place].notices) {
                if let Notice::Status { message, stage, .. } = notice {
                    self.stored += usize::from(stage == Stage::Stored);
                    let told = self.told_stage.entry((place, message)).or_default();
                    *told = stage.max(*told);
                }
            }
        }
        self.check_told();
    }

    /// Everything works again, until all have all.
    pub(super) fn settle(&mut self) {
        self.story.push("everything works again".to_owned());
        self.network.faults.jitter = Duration::ZERO;
        self.network.faults.gossip_copies = 0;
        self.network.faults.cut.clear();
        self.network.gossip_loss = 0;
        self.network.server.hangs = false;
        for (one, other) in mem::take(&mut self.network.faults.silent) {
            self.network.part_pair((one, other));
        }
        self.network.divide(BTreeMap::new());
        if !self.network.server.is_up() {
            self.network.start_server();
        }
        for place in 0..self.peers() {
            self.network.peers[place].store.refuse_writes(false);
            self.full.clear();
            self.network.release_store(place);
            self.start(place);
        }
        let began = self.network.now;
        while let Err(why) = self.settled() {
            let passed = self.network.now - began;
            assert!(passed < SETTLES_WITHIN, "not settled: {why}\n{}", self.story.join("\n"));
            self.network.run_for(LOOK);
            self.collect();
        }
        self.settled_after = self.network.now - began;
        self.collect();
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            peers: self.peers(),
            answered: self.wishes.iter().filter(|wish| wish.answered.is_some()).count(),
            stored: self.stored,
            forked: self.copied.len(),
            settled_after_s: self.settled_after.as_secs(),
        }
    }
}
