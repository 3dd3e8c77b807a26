//! What a person wants to know when a road is bad: what kind of network this is, how others see this device, what was
//! tried and what came of it. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write as _,
    net::IpAddr,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, multiaddr::Protocol};
use wire::id::DeviceId;

use super::{
    command::Answer,
    dialling::Families,
    effect::Effect,
    input::{CallId, Now},
    machine::Machine,
    model::{PeerView, ServerTie, Transport},
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

/// How what this device sends comes out at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// Its address is its own.
    None,
    /// A router that shows it under one port to all: holes can be punched.
    EndpointIndependent,
    /// A router that shows it under another port to each: holes cannot be punched.
    Symmetric,
    /// A router; the server has only one port, by which its kind does not show.
    Unknown,
    /// UDP does not get through.
    UdpBlocked,
    /// The server was not reached.
    Unreachable,
}

impl Nat {
    /// The stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::EndpointIndependent => "endpoint_independent",
            Self::Symmetric => "symmetric",
            Self::Unknown => "unknown",
            Self::UdpBlocked => "udp_blocked",
            Self::Unreachable => "unreachable",
        }
    }

    /// What it means, and what a person can do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::None => {
                "No router changes this device's address: others can call it unless a firewall forbids it"
            }
            Self::EndpointIndependent => {
                "A router shares its address with this device in the friendly way: direct connections to most \
                 people work"
            }
            Self::Symmetric => {
                "The router, or the provider, shows this device under another port to everybody (symmetric NAT). \
                 Direct connections work only to people who can be called; switching on UPnP, NAT-PMP or PCP in \
                 the router, or IPv6, helps"
            }
            Self::Unknown => {
                "A router shares its address with this device. Which kind it is cannot be told, since the server \
                 has one port only"
            }
            Self::UdpBlocked => {
                "This network lets no UDP through, as in many offices and hotels. Most people are reached through \
                 the server; another network or a VPN helps"
            }
            Self::Unreachable => {
                "The server could not be asked. Check the network, and the server's address"
            }
        }
    }
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

    /// The network is another one: how the server saw this device says nothing of it.
    pub(crate) fn network_changed(&mut self) {
        self.seen.clear();
        self.silent.clear();
    }

    /// What all of this says of the network. Only IPv4 is shared by routers.
    pub(crate) fn nat(&self, own: &[Multiaddr]) -> Nat {
        let seen = |quic: bool| {
            let of_kind = self.seen.iter().filter(move |(at, _)| {
                is_quic(at) == quic && at.iter().any(|part| matches!(part, Protocol::Ip4(_)))
            });
            of_kind.filter_map(|(at, seen)| Some((at, socket(seen)?))).collect::<Vec<_>>()
        };
        let (udp, tcp) = (seen(true), seen(false));
        let is_own = |ip: IpAddr| own.iter().filter_map(socket).any(|(host, _)| host == ip);
        if udp.is_empty() {
            let udp_failed = self.silent.keys().any(is_quic);
            return match tcp.first() {
                Some(_) if udp_failed => Nat::UdpBlocked,
                Some((_, (ip, _))) if is_own(*ip) => Nat::None,
                Some(_) => Nat::Unknown,
                None if self.seen.is_empty() => Nat::Unreachable,
                // Over IPv6 only.
                None => Nat::None,
            };
        }
        let outside: BTreeSet<_> = udp.iter().map(|(_, seen)| *seen).collect();
        match outside.first() {
            Some((ip, _)) if is_own(*ip) => Nat::None,
            _ if outside.len() > 1 => Nat::Symmetric,
            _ if udp.len() > 1 => Nat::EndpointIndependent,
            _ => Nat::Unknown,
        }
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

impl Diagnostics {
    /// The whole as text, to be read and passed on.
    pub fn text(&self) -> String {
        let mut text = format!("Network: {}\n{}\n", self.nat.as_str(), self.nat.advice());
        let server = match &self.server {
            ServerTie::Connecting => "being tried".to_owned(),
            ServerTie::Registered => "registered".to_owned(),
            ServerTie::Lost { text } | ServerTie::Refused { text, .. } => text.clone(),
        };
        let mut section = |title: &str, lines: Vec<String>| {
            // Writing into a text does not fail.
            let _written = writeln!(text, "\n{title}");
            for line in if lines.is_empty() { vec!["nothing".to_owned()] } else { lines } {
                let _written = writeln!(text, "  {line}");
            }
        };
        section("Server", vec![server]);
        let pairs = |pairs: &[(String, String)], middle: &str| {
            pairs.iter().map(|(at, said)| format!("{at} {middle} {said}")).collect::<Vec<_>>()
        };
        section("How others see this device", pairs(&self.seen, "sees"));
        if !self.silent.is_empty() {
            section("Addresses of the server that do not answer", pairs(&self.silent, "–"));
        }
        section("This device listens on", self.listening.clone());
        if self.relay_only {
            section(
                "Openings in the router",
                vec!["none: the address is kept from everybody".to_owned()],
            );
        } else {
            section("Openings in the router", self.opened.clone());
        }
        section("Roads", self.peers.iter().map(road_line).collect());
        section(
            "What was tried, the newest first",
            self.tried.iter().rev().map(attempt_line).collect(),
        );
        text
    }
}

fn road_line(peer: &PeerView) -> String {
    let mut line = format!("@{} ", peer.username);
    match peer.road {
        None if peer.online => line.push_str("present, not connected"),
        None => line.push_str("away"),
        Some(road) => {
            line.push_str(if road.relayed { "relayed by the server" } else { "direct" });
            line.push_str(match road.transport {
                Transport::Quic => ", QUIC",
                Transport::Tcp => ", TCP",
            });
            if road.punched {
                line.push_str(", through a punched hole");
            }
            if let Some(rtt_ms) = road.rtt_ms {
                let _written = write!(line, ", {rtt_ms} ms");
            }
        }
    }
    let _written =
        write!(line, "; {} B sent, {} B received", peer.traffic.sent, peer.traffic.received);
    line
}

fn attempt_line(attempt: &Attempt) -> String {
    let seconds = attempt.at_ms / 1000 % 86_400;
    let time = format!("{:02}:{:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let address = attempt.address.as_deref().map(|it| format!(" at {it}")).unwrap_or_default();
    match &attempt.outcome {
        Ok(how) => format!("{time} {}{address}: {how}", attempt.whom),
        Err(why) => format!("{time} {}{address} failed: {why}", attempt.whom),
    }
}

fn is_quic(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Quic | Protocol::QuicV1))
}

/// Host and port.
fn socket(address: &Multiaddr) -> Option<(IpAddr, u16)> {
    let mut parts = address.iter();
    let host = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Udp(port) | Protocol::Tcp(port) => Some((host, port)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::beginning;

    const QUIC_A: &str = "/ip4/203.0.113.1/udp/4001/quic-v1";
    const QUIC_B: &str = "/ip4/203.0.113.1/udp/443/quic-v1";
    const TCP: &str = "/ip4/203.0.113.1/tcp/443";
    const OWN: &str = "/ip4/192.168.1.2/udp/7000/quic-v1";

    fn at(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    fn nat(own: &str, seen: &[(&str, &str)], silent: &[&str]) -> Nat {
        let mut diagnosis = Diagnosis::default();
        for (server, address) in seen {
            diagnosis.seen(at(server), at(address));
        }
        for server in silent {
            diagnosis.silent(at(server), "no answer".to_owned());
        }
        diagnosis.nat(&[at(own)])
    }

    #[test]
    fn the_kind_of_network_shows_in_what_several_ports_of_the_server_see() {
        let (one, two) =
            ("/ip4/198.51.100.7/udp/5000/quic-v1", "/ip4/198.51.100.7/udp/5001/quic-v1");
        assert_eq!(nat(OWN, &[(QUIC_A, one), (QUIC_B, one)], &[]), Nat::EndpointIndependent);
        assert_eq!(nat(OWN, &[(QUIC_A, one), (QUIC_B, two)], &[]), Nat::Symmetric);
        assert_eq!(nat(OWN, &[(QUIC_A, one)], &[]), Nat::Unknown);
        assert_eq!(nat(one, &[(QUIC_A, one)], &[]), Nat::None);
        assert_eq!(nat(OWN, &[], &[QUIC_A]), Nat::Unreachable);
    }

    #[test]
    fn where_only_tcp_answers_udp_is_blocked() {
        let seen = [(TCP, "/ip4/198.51.100.7/tcp/5000")];
        assert_eq!(nat(OWN, &seen, &[QUIC_A, QUIC_B]), Nat::UdpBlocked);
        assert_eq!(nat(OWN, &seen, &[]), Nat::Unknown, "it was not tried");
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
