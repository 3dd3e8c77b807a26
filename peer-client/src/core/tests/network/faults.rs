//! What a network can do to those in it, and whether what they are told of it is so.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand::RngExt as _;
use wire::{id::EventId, name::Username};

use super::{Network, Place};
use crate::{
    core::{
        input::Ticket,
        model::Stage,
        notice::Notice,
        storage::{StoreOp, StoreReply},
    },
    store::in_memory::InMemory,
};

/// Two places, the smaller first.
pub(in crate::core::tests) type Pair = (Place, Place);

pub(in crate::core::tests) fn pair(one: Place, other: Place) -> Pair {
    (one.min(other), one.max(other))
}

/// What is wrong with the network; by default nothing.
#[derive(Debug, Default)]
pub(in crate::core::tests) struct Faults {
    /// Up to how much later than usual anything arrives.
    pub(in crate::core::tests) jitter: Duration,
    /// How many of a hundred gossip messages arrive twice.
    pub(in crate::core::tests) gossip_copies: u32,
    /// Pairs whose connections carry nothing, though they still seem to be there.
    pub(in crate::core::tests) silent: BTreeSet<Pair>,
    /// Pairs that find no road to each other but through the server.
    pub(in crate::core::tests) cut: BTreeSet<Pair>,
    /// The part of the network in which a place lies, if it is not the server's.
    pub(in crate::core::tests) part: BTreeMap<Place, u32>,
    /// Another folder of the same device, which is in use at other times.
    pub(in crate::core::tests) copied: BTreeMap<Place, InMemory>,
}

impl Network {
    /// How long something takes from one node to another.
    pub(super) fn travel(&mut self) -> Duration {
        let jitter = self.faults.jitter.as_millis() as u64;
        let more = if jitter == 0 { 0 } else { self.rng.random_range(0..=jitter) };
        self.latency + Duration::from_millis(more)
    }

    /// How many times a gossip message arrives.
    pub(super) fn copies(&mut self) -> u32 {
        let percent = self.faults.gossip_copies;
        if percent > 0 && self.rng.random_range(0..100) < percent { 2 } else { 1 }
    }

    fn part_of(&self, place: Place) -> u32 {
        self.faults.part.get(&place).copied().unwrap_or_default()
    }

    pub(super) fn reaches(&self, one: Place, other: Place) -> bool {
        self.part_of(one) == self.part_of(other) && !self.faults.cut.contains(&pair(one, other))
    }

    pub(super) fn reaches_server(&self, place: Place) -> bool {
        self.server.is_up() && self.peers[place].online && self.part_of(place) == 0
    }

    pub(super) fn is_silent(&self, one: Place, other: Place) -> bool {
        self.faults.silent.contains(&pair(one, other))
    }

    /// The network falls into parts; only the one with number 0 has the server.
    pub(in crate::core::tests) fn divide(&mut self, parts: BTreeMap<Place, u32>) {
        self.faults.part = parts;
        let apart = |ends: [Place; 2]| self.part_of(ends[0]) != self.part_of(ends[1]);
        let broken: Vec<_> =
            self.links.iter().filter(|(_, link)| apart(link.ends)).map(|(id, _)| *id).collect();
        for link in broken {
            self.break_link(link);
        }
        for place in 0..self.peers.len() {
            if self.part_of(place) != 0 {
                let relayed =
                    |(_, link): &(_, &super::Link)| link.relayed && link.ends.contains(&place);
                let circuits: Vec<_> =
                    self.links.iter().filter(relayed).map(|(id, _)| *id).collect();
                for link in circuits {
                    self.break_link(link);
                }
                self.lose_server(place);
            }
        }
    }

    /// All connections of a pair end.
    pub(in crate::core::tests) fn part_pair(&mut self, (one, other): Pair) {
        for link in self.links_between(one, other) {
            self.break_link(link);
        }
        self.faults.silent.remove(&pair(one, other));
    }

    /// Whether a peer has a message on its disk, in whichever of its folders.
    pub(in crate::core::tests) fn has_stored(&mut self, place: Place, id: EventId) -> bool {
        let op = StoreOp::Message { ticket: Ticket(0), id };
        let has = |store: &mut InMemory| {
            let replies = store.execute(&op);
            matches!(&replies[..], [StoreReply::Messages { rows, .. }] if !rows.is_empty())
        };
        let peers = &mut self.peers;
        has(&mut peers[place].store) || self.faults.copied.get_mut(&place).is_some_and(has)
    }

    /// Whose name it is, confirmed by the server or not.
    pub(in crate::core::tests) fn named(&self, username: &Username) -> Option<Place> {
        let made_up = username.as_str().strip_prefix("unverified-");
        let is = |peer: &super::Peer| match made_up {
            Some(id) => [peer.device().to_string(), peer.person.account().to_string()]
                .iter()
                .any(|hex| hex.starts_with(id)),
            None => peer.person.username == *username,
        };
        self.peers.iter().position(is)
    }

    /// Whoever is told that someone has a message is told the truth.
    pub(super) fn check_told(&mut self, place: Place, notice: &Notice) {
        let Notice::Status { message, stage: stage @ (Stage::Stored | Stage::Read), by: Some(by) } =
            notice
        else {
            return;
        };
        let truly = self.named(by).is_some_and(|by| self.has_stored(by, *message));
        if !truly {
            let text = format!("peer {place} was told that @{by} has {message}: {stage}");
            self.untrue.push(text);
        }
    }
}
