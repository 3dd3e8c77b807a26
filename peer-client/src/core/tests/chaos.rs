//! Everything that can go wrong, in any order: nothing that was answered is lost, nothing is told
//! that is not so, and in the end everyone has the same.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use proptest::prelude::*;
use wire::id::EventId;

use super::network::{Network, wishes::name};
use crate::core::{
    command::{Answer, Command, Draft},
    input::{CallId, Ticket},
    model::Stage,
    notice::Notice,
    storage::{StoreOp, StoreReply},
};

const PEERS: usize = 3;
const MINUTE: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A peer writes to the group, or to the next peer.
    Write {
        place: usize,
        group: bool,
    },
    Stop(usize),
    Start(usize),
    BreakLinks(usize, usize),
    StopServer,
    StartServer,
    /// A disk stops and later does what waited.
    HoldStore(usize),
    ReleaseStore(usize),
    GossipLoss(u32),
    Direct(bool),
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let place = 0..PEERS;
    prop_oneof![
        6 => (place.clone(), any::<bool>()).prop_map(|(place, group)| Event::Write { place, group }),
        1 => place.clone().prop_map(Event::Stop),
        2 => place.clone().prop_map(Event::Start),
        1 => (place.clone(), place.clone()).prop_map(|(one, other)| Event::BreakLinks(one, other)),
        1 => Just(Event::StopServer),
        1 => Just(Event::StartServer),
        1 => place.clone().prop_map(Event::HoldStore),
        2 => place.prop_map(Event::ReleaseStore),
        1 => (0u32..=100).prop_map(Event::GossipLoss),
        1 => any::<bool>().prop_map(Event::Direct),
        4 => (0u64..3_000).prop_map(Event::Wait),
        1 => (0u64..60_000).prop_map(Event::Wait),
    ]
}

struct Run {
    network: Network,
    calls: Vec<(usize, CallId)>,
    /// Messages that were answered as durable, by the peer that wrote them.
    written: Vec<(usize, EventId)>,
}

const NAMES: [&str; PEERS] = ["alice", "bob", "carol"];

fn next(place: usize) -> usize {
    (place + 1) % PEERS
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut network = Network::with_people(seed, &NAMES);
        for place in 0..PEERS {
            network.join(place, "garden");
            network.say(place, &format!("@{}", NAMES[next(place)]), "hello");
        }
        network.run_for(Duration::from_secs(10));
        Self { network, calls: Vec::new(), written: Vec::new() }
    }

    fn happen(&mut self, event: Event) {
        let network = &mut self.network;
        match event {
            Event::Write { place, group } => {
                let to =
                    if group { name("#garden") } else { name(&format!("@{}", NAMES[next(place)])) };
                let draft = Draft { text: "word".to_owned(), ..Draft::default() };
                let call = network.submit(place, Command::Send { to, draft });
                self.calls.push((place, call));
            }
            Event::Stop(place) => network.stop(place),
            Event::Start(place) if network.peers[place].machine.is_none() => network.start(place),
            Event::BreakLinks(one, other) => {
                for link in network.links_between(one, other) {
                    network.break_link(link);
                }
            }
            Event::StopServer => network.stop_server(),
            Event::StartServer if !network.server.is_up() => network.start_server(),
            Event::HoldStore(place) => {
                if network.peers[place].machine.is_some() && network.peers[place].held.is_none() {
                    network.peers[place].held = Some(VecDeque::new());
                }
            }
            Event::ReleaseStore(place) => network.release_store(place),
            Event::GossipLoss(loss) => network.gossip_loss = loss,
            Event::Direct(direct) => network.direct = direct,
            Event::Wait(ms) => network.run_for(Duration::from_millis(ms)),
            Event::Start(_) | Event::StartServer => {}
        }
        self.collect();
    }

    /// Notes which messages are answered by now.
    fn collect(&mut self) {
        for (place, call) in &self.calls {
            if let Some(Ok(Answer::Message(id))) = self.network.peers[*place].answers.remove(call) {
                self.written.push((*place, id));
            }
        }
    }

    fn has(&mut self, place: usize, id: EventId) -> bool {
        let op = StoreOp::Message { ticket: Ticket(0), id };
        let replies = self.network.peers[place].store.execute(&op);
        matches!(&replies[..], [StoreReply::Messages { rows, .. }] if !rows.is_empty())
    }

    /// What was told as stored is in the store of whoever it was told of.
    fn check_told(&mut self) -> Result<(), TestCaseError> {
        for place in 0..PEERS {
            let told = |notice: &Notice| match notice {
                Notice::Status { message, stage: Stage::Stored, by: Some(by) } => {
                    Some((*message, NAMES.iter().position(|name| *name == by.as_str())))
                }
                _ => None,
            };
            let told: Vec<_> = self.network.peers[place].notices.iter().filter_map(told).collect();
            for (message, by) in told {
                let by = by.expect("a known name");
                prop_assert!(self.has(by, message), "{} did not store {message}", NAMES[by]);
            }
        }
        Ok(())
    }

    fn heal(&mut self) {
        self.network.gossip_loss = 0;
        self.network.direct = true;
        if !self.network.server.is_up() {
            self.network.start_server();
        }
        for place in 0..PEERS {
            self.network.release_store(place);
            if self.network.peers[place].machine.is_none() {
                self.network.start(place);
            }
        }
        self.network.run_for(5 * MINUTE);
        self.collect();
    }

    fn ids(&mut self, place: usize, of: &str) -> Vec<EventId> {
        self.network.history(place, of).into_iter().map(|message| message.id).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn in_the_end_all_have_all(seed: u64, events in prop::collection::vec(event(), 1..60)) {
        hold(seed, events)?;
    }
}

/// Everything that must be so whatever happens.
fn hold(seed: u64, events: Vec<Event>) -> Result<(), TestCaseError> {
    let mut run = Run::new(seed);
    for event in events {
        run.happen(event);
        run.check_told()?;
    }
    run.heal();
    run.check_told()?;
    let group = run.ids(0, "#garden");
    let mut everything: BTreeSet<_> = group.iter().copied().collect();
    for place in 0..PEERS {
        prop_assert_eq!(&run.ids(place, "#garden"), &group);
        prop_assert_eq!(run.network.complete(place, "#garden").missing, 0);
        let (here, there) = (NAMES[place], NAMES[next(place)]);
        let direct = run.ids(place, &format!("@{there}"));
        prop_assert_eq!(&run.ids(next(place), &format!("@{here}")), &direct);
        prop_assert_eq!(run.network.view(place, &format!("@{there}")).unwrap().waiting, 0);
        everything.extend(direct);
        prop_assert!(run.network.links_between(place, next(place)).len() <= 1);
    }
    for (place, id) in run.written.clone() {
        prop_assert!(everything.contains(&id), "a message of {} is lost", NAMES[place]);
    }
    for place in 0..PEERS {
        // What is on its way to an answer has one soon; what was forgotten never has.
        run.network.run_until("no answer is awaited", MINUTE, |network| {
            let machine = network.peers[place].machine.as_ref();
            machine.is_some_and(|machine| machine.pending.is_empty())
        });
        let machine = run.network.peers[place].machine.as_ref().unwrap();
        prop_assert!(machine.sessions.len() <= 2 * (PEERS - 1), "{}", machine.sessions.len());
    }
    Ok(())
}

#[test]
fn a_stop_while_the_disk_is_held_and_the_server_away() {
    let group = |place| Event::Write { place, group: true };
    let direct = |place| Event::Write { place, group: false };
    let wait = Event::Wait;
    let events = vec![
        Event::Stop(0),
        group(2),
        group(2),
        wait(624),
        wait(874),
        wait(2145),
        group(2),
        Event::StopServer,
        Event::HoldStore(1),
        direct(1),
        wait(5537),
        group(2),
        direct(1),
        group(1),
        wait(1496),
        wait(38_389),
        direct(1),
        direct(1),
        direct(1),
        Event::Stop(2),
    ];
    for seed in 0..4 {
        hold(seed, events.clone()).unwrap();
    }
}
