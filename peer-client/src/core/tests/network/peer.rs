//! A peer of a scenario: its machine, its store, and what came out of it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

use libp2p::Multiaddr;
use rendezvous_server::service::ClientId;
use wire::{
    id::{DeviceId, EventId, TopicTag},
    pairing::PairingReply,
    sync::SyncFrame,
};

use crate::{
    core::{
        command::{Answer, Failure},
        input::{CallId, Now, PairingId},
        machine::Machine,
        model::Stage,
        notice::Notice,
        storage::StoreOp,
        tests::{Person, device_key},
    },
    store::in_memory::InMemory,
};

#[derive(Debug)]
pub(in crate::core::tests) struct Peer {
    pub(in crate::core::tests) person: Person,
    device: DeviceId,
    /// None while it is stopped.
    pub(in crate::core::tests) machine: Option<Machine>,
    pub(in crate::core::tests) store: InMemory,
    /// How far the wall clock is off.
    pub(in crate::core::tests) skew_ms: i64,
    /// When its machine wants to be woken.
    pub(super) deadline: Option<Instant>,
    pub(in crate::core::tests) life: u32,
    pub(super) online: bool,
    /// The core wants the tie to the server.
    pub(super) wants_server: bool,
    pub(super) client: Option<ClientId>,
    pub(super) topics: BTreeSet<TopicTag>,
    /// Operations that a slow disk has not done yet; none if the disk is as fast as any.
    pub(in crate::core::tests) held: Option<VecDeque<StoreOp>>,
    pub(in crate::core::tests) notices: Vec<Notice>,
    pub(in crate::core::tests) answers: BTreeMap<CallId, Result<Answer, Failure>>,
    /// What it answered to new devices.
    pub(in crate::core::tests) pairings: BTreeMap<PairingId, PairingReply>,
    /// When it tried to reach the server.
    pub(in crate::core::tests) attempts: Vec<Instant>,
    pub(in crate::core::tests) dials: Vec<(DeviceId, Vec<Multiaddr>)>,
    /// Frames of replication that it sent, with whom they went to.
    pub(in crate::core::tests) sent: Vec<(DeviceId, SyncFrame)>,
}

impl Peer {
    pub(super) fn new(person: Person) -> Self {
        Self {
            device: device_key(person.number).id(),
            person,
            machine: None,
            store: InMemory::new(),
            skew_ms: 0,
            deadline: None,
            life: 0,
            online: true,
            wants_server: false,
            client: None,
            topics: BTreeSet::new(),
            held: None,
            notices: Vec::new(),
            answers: BTreeMap::new(),
            pairings: BTreeMap::new(),
            attempts: Vec::new(),
            dials: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, now: Now) {
        self.online = true;
        self.topics.clear();
        self.machine = Some(self.person.start(&mut self.store, now));
    }

    pub(in crate::core::tests) fn device(&self) -> DeviceId {
        self.device
    }

    /// The stages of an own message that were told, in their order.
    pub(in crate::core::tests) fn stages(&self, id: EventId) -> Vec<Stage> {
        let stage = |notice: &Notice| match notice {
            Notice::Status { message, stage, .. } if *message == id => Some(*stage),
            _ => None,
        };
        self.notices.iter().filter_map(stage).collect()
    }

    /// The words of errors that were told.
    pub(in crate::core::tests) fn errors(&self) -> Vec<&'static str> {
        let code = |notice: &Notice| match notice {
            Notice::Error { code, .. } => Some(*code),
            _ => None,
        };
        self.notices.iter().filter_map(code).collect()
    }
}
