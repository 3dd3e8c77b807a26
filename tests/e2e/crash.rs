//! Processes are killed at any instant while messages flow. What is counted afterwards must be zero:
//! lost, twice in a history, out of order, and acknowledged without being stored.
//!
//! `NATTERJACK_CRASH_MESSAGES=20000` sets how many messages of each kind flow, `NATTERJACK_CRASH_KILLS=200`
//! about how often something is killed, and `NATTERJACK_CRASH_SEED=7` what and when.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

use e2e::{
    event::{self, list, text},
    peer::Peer,
    server::Server,
};
use rusqlite::Connection;
use serde_json::{Value, json};

/// Messages of each kind in a usual run.
const USUAL: usize = 300;
/// How often something is killed.
const KILLS: usize = 16;
/// Commands that wait for their answer at once.
const WINDOW: usize = 128;
/// Messages that one page of history has at most.
const PAGE: usize = 1000;

fn variable(name: &str, usual: usize) -> usize {
    let Ok(value) = env::var(name) else { return usual };
    value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number"))
}

/// A sequence of numbers that follows from its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 += 1;
        let hash = blake3::hash(&self.0.to_be_bytes());
        let bytes: [u8; 8] = hash.as_bytes()[..8].try_into().unwrap();
        (u64::from_be_bytes(bytes) % bound as u64) as usize
    }
}

/// A peer whose lines are taken one after the other, over all its lives.
struct Watched {
    peer: Peer,
    mark: usize,
}

impl Watched {
    fn start(server: &Server, name: &str) -> Self {
        let mut peer = Peer::start(server, name);
        peer.must(json!({"do": "join", "group": "#crash"}));
        Self { peer, mark: 0 }
    }

    fn news(&mut self) -> Vec<Value> {
        let lines = self.peer.lines_from(self.mark);
        self.mark += lines.len();
        lines
    }

    /// Waits until there is news.
    fn await_news(&mut self, what: &str) -> Vec<Value> {
        self.peer.wait_after(self.mark, what, |_| true);
        self.news()
    }

    /// Ends it as a crash would, and gives what it said last.
    fn kill(&mut self) -> Vec<Value> {
        self.peer.kill();
        let lines = self.peer.last_lines_from(self.mark);
        self.mark = 0;
        lines
    }

    /// The whole history of a conversation, oldest first.
    fn history(&mut self, of: &str) -> Vec<Value> {
        let mut history: Vec<Value> = Vec::new();
        loop {
            let mut command = json!({"do": "history", "of": of, "limit": PAGE});
            if let Some(first) = history.first() {
                command["before"] = first["message"].clone();
            }
            let answer = self.peer.must(command);
            let page = list(&answer, "messages");
            history.splice(..0, page.iter().cloned());
            if page.len() < PAGE {
                return history;
            }
        }
    }

    /// The messages on the disk of a peer that does not run.
    fn on_disk(&self) -> BTreeSet<String> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["messages.sqlite", "messages.sqlite-wal"] {
            let from = self.peer.data_dir().join(name);
            if from.exists() {
                fs::copy(from, copy.path().join(name)).unwrap();
            }
        }
        ids(&copy.path().join("messages.sqlite"))
    }
}

fn ids(database: &Path) -> BTreeSet<String> {
    let database = Connection::open(database).unwrap();
    let mut ids = database.prepare("SELECT lower(hex(id)) FROM events WHERE message = 1").unwrap();
    ids.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// What must be zero, and what is only told.
#[derive(Debug, Default)]
struct Counts {
    answered: usize,
    unanswered: usize,
    kills: [usize; 4],
    acknowledged: usize,
    told_twice: usize,
    lost: usize,
    duplicated: usize,
    out_of_order: usize,
    falsely_acknowledged: usize,
}

struct Flow {
    server: Server,
    anna: Watched,
    receivers: [Watched; 2],
    dice: Dice,
    sent: usize,
    /// Commands without an answer: what each sends.
    open: BTreeMap<u64, usize>,
    /// Messages that were answered: number and id.
    answered: BTreeMap<usize, String>,
    /// What each receiver was said to have stored.
    acknowledged: [BTreeSet<String>; 2],
    /// What each receiver told, and how often.
    told: [BTreeMap<String, usize>; 2],
    counts: Counts,
}

/// Even messages go to bob, odd ones to the group.
fn to(number: usize) -> &'static str {
    if number.is_multiple_of(2) { "@bob" } else { "#crash" }
}

impl Flow {
    fn start(seed: usize) -> Self {
        let server = Server::start();
        let [anna, bob, carol] = ["anna", "bob", "carol"].map(|name| Watched::start(&server, name));
        Self {
            server,
            anna,
            receivers: [bob, carol],
            dice: Dice((seed as u64) << 32),
            sent: 0,
            open: BTreeMap::new(),
            answered: BTreeMap::new(),
            acknowledged: Default::default(),
            told: Default::default(),
            counts: Counts::default(),
        }
    }

    /// Sends everything, and kills something now and then.
    fn run(&mut self, messages: usize) {
        let pause = (messages / variable("NATTERJACK_CRASH_KILLS", KILLS)).max(2);
        let mut next_kill = self.dice.below(pause);
        while self.sent < messages || !self.open.is_empty() {
            while self.open.len() < WINDOW && self.sent < messages {
                let text = self.sent.to_string();
                let id =
                    self.anna.peer.tell(json!({"do": "send", "to": to(self.sent), "text": text}));
                self.open.insert(id, self.sent);
                self.sent += 1;
            }
            let news = self.anna.await_news("an answer");
            self.take_from_anna(&news);
            self.take_from_receivers();
            if self.answered.len() >= next_kill {
                next_kill = self.answered.len() + 1 + self.dice.below(2 * pause);
                self.kill();
            }
        }
    }

    fn take_from_anna(&mut self, lines: &[Value]) {
        for line in lines {
            let number = line["reply"].as_u64().and_then(|id| self.open.remove(&id));
            if let Some(number) = number {
                assert_eq!(line["ok"], true, "message {number} was answered {line}");
                self.answered.insert(number, text(line, "message").to_owned());
            } else if event::is(line, "status") && text(line, "stage") == "stored" {
                let by = usize::from(text(line, "by") == "carol");
                self.acknowledged[by].insert(text(line, "message").to_owned());
            }
        }
    }

    fn take_from_receivers(&mut self) {
        for number in 0..2 {
            let news = self.receivers[number].news();
            self.take_told(number, &news);
        }
    }

    fn take_told(&mut self, number: usize, lines: &[Value]) {
        for line in lines.iter().filter(|line| event::is(line, "message")) {
            *self.told[number].entry(text(line, "message").to_owned()).or_default() += 1;
        }
    }

    fn kill(&mut self) {
        let victim = self.dice.below(4);
        self.counts.kills[victim] += 1;
        match victim {
            0 => {
                let last = self.anna.kill();
                self.take_from_anna(&last);
                self.counts.unanswered += self.open.len();
                self.open.clear();
                self.anna.peer.start_again();
            }
            1 | 2 => {
                let news = self.anna.news();
                self.take_from_anna(&news);
                let last = self.receivers[victim - 1].kill();
                self.take_told(victim - 1, &last);
                self.check_acknowledged(victim - 1);
                self.receivers[victim - 1].peer.start_again();
            }
            _ => {
                self.server.kill();
                self.server.restart();
            }
        }
    }

    /// A receiver was killed: everything that it was said to have stored is on its disk.
    fn check_acknowledged(&mut self, number: usize) {
        let on_disk = self.receivers[number].on_disk();
        let false_ones = self.acknowledged[number].difference(&on_disk).count();
        self.counts.falsely_acknowledged += false_ones;
    }

    /// Waits until each receiver told all that was answered and is for it.
    fn settle(&mut self) {
        for number in 0..2 {
            let for_it = |message: &usize| number == 0 || to(*message) == "#crash";
            let mut missing: BTreeSet<_> = self
                .answered
                .iter()
                .filter(|(message, _)| for_it(message))
                .map(|(_, id)| id.clone())
                .collect();
            loop {
                missing.retain(|id| !self.told[number].contains_key(id));
                if missing.is_empty() {
                    break;
                }
                let what = format!("{} messages, as {:?}", missing.len(), missing.first());
                let news = self.receivers[number].await_news(&what);
                self.take_told(number, &news);
            }
        }
        let news = self.anna.news();
        self.take_from_anna(&news);
    }

    fn count(mut self) -> Counts {
        self.counts.answered = self.answered.len();
        self.counts.acknowledged = self.acknowledged.iter().map(BTreeSet::len).sum();
        let told = self.told.iter().flat_map(BTreeMap::values);
        self.counts.told_twice = told.filter(|times| **times > 1).count();
        let [bob, carol] = &mut self.receivers;
        let histories = [
            (0, bob.history("@anna")),
            (1, bob.history("#crash")),
            (1, carol.history("#crash")),
            (0, self.anna.history("@bob")),
            (1, self.anna.history("#crash")),
        ];
        for (kind, history) in &histories {
            let ids: Vec<_> = history.iter().map(|message| text(message, "message")).collect();
            let different: BTreeSet<_> = ids.iter().copied().collect();
            self.counts.duplicated += ids.len() - different.len();
            let expected = self.answered.iter().filter(|(number, _)| *number % 2 == *kind);
            let lost = expected.filter(|(_, id)| !different.contains(id.as_str()));
            self.counts.lost += lost.count();
            let numbers: Vec<usize> =
                history.iter().map(|message| text(message, "text").parse().unwrap()).collect();
            self.counts.out_of_order +=
                numbers.windows(2).filter(|pair| pair[0] >= pair[1]).count();
        }
        for (number, receiver) in self.receivers.iter_mut().enumerate() {
            receiver.kill();
            let false_ones = self.acknowledged[number].difference(&receiver.on_disk()).count();
            self.counts.falsely_acknowledged += false_ones;
        }
        self.counts
    }
}

#[test]
fn a_kill_at_any_instant_loses_nothing_and_nothing_is_told_that_is_not_so() {
    let messages = variable("NATTERJACK_CRASH_MESSAGES", USUAL);
    let mut flow = Flow::start(variable("NATTERJACK_CRASH_SEED", 1));
    flow.run(2 * messages);
    flow.settle();
    let counts = flow.count();
    println!("{counts:#?}");
    let Counts { lost, duplicated, out_of_order, falsely_acknowledged, .. } = counts;
    assert_eq!([lost, duplicated, out_of_order, falsely_acknowledged], [0; 4]);
}
