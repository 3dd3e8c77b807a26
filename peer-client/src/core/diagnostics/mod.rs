//! What a person wants to know when a road is bad: what kind of network this is, how others see this device, what was
//! tried and what came of it. Pure.

mod nat;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use libp2p::Multiaddr;
use wire::id::DeviceId;

pub use self::nat::Nat;
use self::nat::{is_ip4, is_quic};
use super::{
    command::Answer,
    dialling::Families,
    effect::Effect,
    input::{CallId, Now},
    machine::Machine,
    model::{PeerView, ServerTie},
};

/// Attempts that are remembered.
const ATTEMPTS_MAX: usize = 64;
/// Addresses of the server at which it was asked how it sees this device.
const SEEN_MAX: usize = 16;
/// Further addresses of the server that are asked for a diagnosis.
const PROBES_MAX: usize = 4;
/// How long they may take.
const PROBE_WITHIN: Duration = Duration::from_secs(4);

/// With whom something was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The rendezvous server.
    Server,
    /// The router at home.
    Router,
    /// A device.
    Device(DeviceId),
}

/// Something that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// With whom: a name, or what it is.
    pub whom: String,
    /// Where, if that can be said.
    pub address: Option<String>,
    /// What came of it: how it went well, or why not.
    pub outcome: Result<String, String>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostics {
    /// The kind of network.
    pub nat: Nat,
    /// The tie to the server.
    pub server: ServerTie,
    /// At which addresses of the server it was asked, and how it sees this device there.
    pub seen: Vec<(String, String)>,
    /// Addresses of the server that do not answer, and why.
    pub silent: Vec<(String, String)>,
    /// Where this device listens.
    pub listening: Vec<String>,
    /// What the router has opened.
    pub opened: Vec<String>,
    /// The address is kept from everybody.
    pub relay_only: bool,
    /// The devices of people, and the roads to them.
    pub peers: Vec<PeerView>,
    /// What was tried, the newest last.
    pub tried: Vec<Attempt>,
}

/// When, with whom, where, and what came of it.
type Tried = (u64, Whom, Option<Multiaddr>, Result<String, String>);

/// What is known so far.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    seen: BTreeMap<Multiaddr, Multiaddr>,
    silent: BTreeMap<Multiaddr, String>,
    tried: VecDeque<Tried>,
    probing: BTreeSet<Multiaddr>,
    /// Who waits for the probes.
    waiting: Vec<CallId>,
    until: Option<Instant>,
}

impl Diagnosis {
    /// Something was tried. An older attempt of the same kind is forgotten.
    pub(crate) fn note(
        &mut self,
        now: Now,
        whom: Whom,
        address: Option<Multiaddr>,
        outcome: Result<String, String>,
    ) {
        self.tried.retain(|(_, other, at, before)| {
            *other != whom || *at != address || before.is_ok() != outcome.is_ok()
        });
        if self.tried.len() >= ATTEMPTS_MAX {
            self.tried.pop_front();
        }
        self.tried.push_back((now.unix_ms, whom, address, outcome));
    }

    /// The server sees this device here, when it is connected there.
    pub(crate) fn seen(&mut self, at: Multiaddr, address: Multiaddr) {
        self.probing.remove(&at);
        self.silent.remove(&at);
        if self.seen.len() < SEEN_MAX || self.seen.contains_key(&at) {
            self.seen.insert(at, address);
        }
    }

    /// The server does not answer at an address.
    pub(crate) fn silent(&mut self, at: Multiaddr, text: String) {
        self.probing.remove(&at);
        if self.silent.len() < SEEN_MAX || self.silent.contains_key(&at) {
            self.silent.insert(at, text);
        }
    }

    /// Whether the server was asked at an address, or is being asked.
    fn knows(&self, at: &Multiaddr) -> bool {
        self.seen.contains_key(at) || self.silent.contains_key(at) || self.probing.contains(at)
    }

    /// The network is another one: how the server saw this device says nothing of it.
    pub(crate) fn network_changed(&mut self) {
        self.seen.clear();
        self.silent.clear();
        self.probing.clear();
    }
}

impl Machine {
    /// Asks the server at its further addresses first how it sees this device.
    pub(super) fn on_diagnose(&mut self, call: CallId) {
        let families = Families::of(&self.addresses);
        let known = |at: &Multiaddr| self.diagnosis.seen.contains_key(at);
        let addresses: Vec<_> = families
            .usable(&self.server_addresses)
            .into_iter()
            .filter(|at| is_quic(at) && !known(at))
            .take(PROBES_MAX)
            .collect();
        if addresses.is_empty() {
            let diagnostics = self.diagnostics();
            return self.answer(call, Ok(Answer::Diagnostics(Box::new(diagnostics))));
        }
        self.diagnosis.probing.extend(addresses.iter().cloned());
        self.diagnosis.waiting.push(call);
        self.diagnosis.until = Some(self.now.instant + PROBE_WITHIN);
        self.effects.push(Effect::ProbeServer { addresses });
    }

    /// Asks the server how it sees this device over QUIC and IPv4 if the tie to it, which is another one, does not
    /// tell: nobody can punch a hole to an address that is not known.
    pub(super) fn look_outside(&mut self) {
        if !self.is_open() || self.diagnosis.outside().is_some() {
            return;
        }
        let families = Families::of(&self.addresses);
        let usable = families.usable(&self.server_addresses);
        let address = usable.into_iter().find(|at| is_quic(at) && is_ip4(at));
        if let Some(at) = address.filter(|at| !self.diagnosis.knows(at)) {
            self.diagnosis.probing.insert(at.clone());
            self.effects.push(Effect::ProbeServer { addresses: vec![at] });
        }
    }

    pub(super) fn tick_diagnosis(&mut self) {
        let is_late = self.diagnosis.until.is_some_and(|until| until <= self.now.instant);
        if !self.diagnosis.waiting.is_empty() && (is_late || self.diagnosis.probing.is_empty()) {
            for at in std::mem::take(&mut self.diagnosis.probing) {
                self.diagnosis.silent(at, "no answer".to_owned());
            }
            self.diagnosis.until = None;
            let diagnostics = self.diagnostics();
            for call in std::mem::take(&mut self.diagnosis.waiting) {
                self.answer(call, Ok(Answer::Diagnostics(Box::new(diagnostics.clone()))));
            }
        }
    }

    pub(super) fn diagnosis_deadline(&self) -> Option<Instant> {
        self.diagnosis.until
    }

    fn diagnostics(&self) -> Diagnostics {
        let words = |(at, said): (&Multiaddr, String)| (at.to_string(), said);
        let diagnosis = &self.diagnosis;
        let name = |whom: &Whom| match whom {
            Whom::Server => "the server".to_owned(),
            Whom::Router => "the router".to_owned(),
            Whom::Device(device) => self.people.name_of_device(device).to_string(),
        };
        let attempt = |(at_ms, whom, address, outcome): &Tried| Attempt {
            at_ms: *at_ms,
            whom: name(whom),
            address: address.as_ref().map(ToString::to_string),
            outcome: outcome.clone(),
        };
        Diagnostics {
            nat: diagnosis.nat(&self.addresses),
            server: self.tie.shown.clone(),
            seen: diagnosis.seen.iter().map(|(at, it)| words((at, it.to_string()))).collect(),
            silent: diagnosis.silent.iter().map(|(at, it)| words((at, it.clone()))).collect(),
            listening: self.addresses.iter().map(ToString::to_string).collect(),
            opened: self.openings.open().iter().map(ToString::to_string).collect(),
            relay_only: self.relay_only,
            peers: self.peer_views(),
            tried: diagnosis.tried.iter().map(attempt).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::beginning;

    fn at(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn attempts_are_bounded_and_repeated_ones_count_once() {
        let mut diagnosis = Diagnosis::default();
        let now = Now { instant: beginning(), unix_ms: 0 };
        for number in 0..2 * ATTEMPTS_MAX {
            let address = at(&format!("/ip4/192.0.2.1/tcp/{}", number + 1));
            for _ in 0..2 {
                let failed = Err("no answer".to_owned());
                diagnosis.note(now, Whom::Server, Some(address.clone()), failed);
            }
        }
        assert_eq!(diagnosis.tried.len(), ATTEMPTS_MAX);
    }
}
