//! Openings in the router at home, so that others can call this device: which are asked for, when they are renewed,
//! and when asked for again after a refusal. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddrV4},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, multiaddr::Protocol};

use super::{
    diagnostics::Whom, dialling::is_public, effect::Effect, input::OpeningInput, machine::Machine,
    model::Transport,
};

/// First pause after the router gave nothing; doubles each time. Most routers that refuse always do.
const RETRY_FIRST: Duration = Duration::from_mins(2);
/// Longest pause.
const RETRY_MAX: Duration = Duration::from_hours(1);
/// The shortest time after which an opening is renewed, whatever a router says.
const RENEW_MIN: Duration = Duration::from_mins(1);
/// How long a router that was asked may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A port on which this device listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// What listens there: QUIC on UDP, or TCP.
    pub transport: Transport,
    /// Its number.
    pub number: u16,
}

#[derive(Clone, Copy, Debug)]
struct Opening {
    external: Option<SocketAddrV4>,
    /// When the router closes it.
    until: Option<Instant>,
    /// When to ask, for the first time or again.
    ask_at: Instant,
    failures: u32,
}

/// All openings.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    /// The own private addresses, which say what network this is.
    hosts: BTreeSet<Ipv4Addr>,
    ports: BTreeMap<Port, Opening>,
}

impl Openings {
    /// This device listens here. Gives the external addresses that are no more.
    pub(crate) fn listen(&mut self, own: &[Multiaddr], now: Instant) -> Vec<Multiaddr> {
        let mut hosts = BTreeSet::new();
        let mut ports = BTreeSet::new();
        for address in own {
            let mut places = address.iter();
            let Some(Protocol::Ip4(host)) = places.next() else { continue };
            let port = match places.next() {
                Some(Protocol::Udp(number)) => Port { transport: Transport::Quic, number },
                Some(Protocol::Tcp(number)) => Port { transport: Transport::Tcp, number },
                _ => continue,
            };
            if host.is_private() {
                hosts.insert(host);
                ports.insert(port);
            }
        }
        let is_another = hosts != self.hosts;
        self.hosts = hosts;
        let gone = self.ports.extract_if(.., |port, _| is_another || !ports.contains(port));
        let gone = gone.filter_map(|(port, it)| Some(multiaddr(port, it.external?))).collect();
        let new = Opening { external: None, until: None, ask_at: now, failures: 0 };
        for port in ports {
            self.ports.entry(port).or_insert(new);
        }
        gone
    }

    /// The router opened a port. Gives the address that others can call, if it is a new one, and the one before.
    fn opened(
        &mut self,
        port: Port,
        external: SocketAddrV4,
        lifetime: Duration,
        now: Instant,
    ) -> (Option<Multiaddr>, Option<Multiaddr>) {
        let Some(opening) = self.ports.get_mut(&port) else { return (None, None) };
        let before = opening.external.replace(external);
        opening.failures = 0;
        opening.until = Some(now + lifetime);
        opening.ask_at = now + (lifetime / 2).max(RENEW_MIN);
        if before == Some(external) {
            return (None, None);
        }
        (Some(multiaddr(port, external)), before.map(|before| multiaddr(port, before)))
    }

    fn failed(&mut self, port: Port, now: Instant) {
        if let Some(opening) = self.ports.get_mut(&port) {
            let pause = RETRY_FIRST.saturating_mul(1 << opening.failures.min(8)).min(RETRY_MAX);
            opening.failures += 1;
            opening.ask_at = now + pause;
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.ports.values().flat_map(|it| [Some(it.ask_at), it.until]).flatten().min()
    }

    /// The ports to ask for now, and the addresses that the router has closed meanwhile.
    pub(crate) fn tick(&mut self, now: Instant) -> (Vec<Port>, Vec<Multiaddr>) {
        let (mut asked, mut closed) = (Vec::new(), Vec::new());
        for (port, opening) in &mut self.ports {
            if opening.until.take_if(|until| *until <= now).is_some()
                && let Some(external) = opening.external.take()
            {
                closed.push(multiaddr(*port, external));
            }
            if opening.ask_at <= now {
                opening.ask_at = now + ANSWER_WITHIN;
                asked.push(*port);
            }
        }
        (asked, closed)
    }

    /// The external addresses that are open now.
    pub(crate) fn open(&self) -> Vec<Multiaddr> {
        let address = |(port, it): (&Port, &Opening)| Some(multiaddr(*port, it.external?));
        self.ports.iter().filter_map(address).collect()
    }
}

impl Machine {
    pub(super) fn tick_openings(&mut self) {
        let (asked, closed) = self.openings.tick(self.now.instant);
        for port in asked {
            self.effects.push(Effect::OpenPort { port });
        }
        self.close_openings(closed);
    }

    /// Routers are asked once it is known which own addresses are private ones; never by who hides.
    pub(super) fn look_for_openings(&mut self) {
        if !self.relay_only {
            let gone = self.openings.listen(&self.addresses, self.now.instant);
            self.close_openings(gone);
        }
    }

    fn close_openings(&mut self, gone: Vec<Multiaddr>) {
        for address in gone {
            self.effects.push(Effect::Reachable { address, reachable: false });
        }
    }

    pub(super) fn on_opening(&mut self, input: OpeningInput) {
        let now = self.now;
        match input {
            OpeningInput::Opened { port, external, lifetime, by } => {
                let address = multiaddr(port, external);
                let outcome = if is_public(*external.ip()) {
                    Ok(format!("opened by {by}"))
                } else {
                    Err(format!(
                        "opened by {by}, but the router has no public address itself: another router is \
                         before it"
                    ))
                };
                if outcome.is_ok() {
                    let (new, old) = self.openings.opened(port, external, lifetime, now.instant);
                    self.close_openings(old.into_iter().collect());
                    if let Some(address) = new {
                        self.effects.push(Effect::Reachable { address, reachable: true });
                    }
                } else {
                    self.openings.failed(port, now.instant);
                }
                self.diagnosis.note(now, Whom::Router, Some(address), outcome);
            }
            OpeningInput::Failed { port, text } => {
                self.openings.failed(port, now.instant);
                let text = format!("{} port {}: {text}", port.transport.as_str(), port.number);
                self.diagnosis.note(now, Whom::Router, None, Err(text));
            }
        }
    }
}

fn multiaddr(port: Port, external: SocketAddrV4) -> Multiaddr {
    let host = Multiaddr::from(*external.ip());
    match port.transport {
        Transport::Quic => host.with(Protocol::Udp(external.port())).with(Protocol::QuicV1),
        Transport::Tcp => host.with(Protocol::Tcp(external.port())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::beginning;

    const LIFETIME: Duration = Duration::from_hours(2);

    fn quic() -> Port {
        Port { transport: Transport::Quic, number: 4001 }
    }

    fn home() -> Vec<Multiaddr> {
        let own = ["/ip4/192.168.1.2/udp/4001/quic-v1", "/ip4/127.0.0.1/udp/4001/quic-v1"];
        own.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn external(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 7), port)
    }

    #[test]
    fn only_ports_on_private_addresses_are_asked_for() {
        let now = beginning();
        let mut openings = Openings::default();
        let public = "/ip4/203.0.113.9/tcp/1".parse().unwrap();
        openings.listen(&[public, "/ip6/2001:db8::1/tcp/1".parse().unwrap()], now);
        assert_eq!(openings.tick(now), (vec![], vec![]));
        openings.listen(&home(), now);
        assert_eq!(openings.tick(now), (vec![quic()], vec![]));
        assert_eq!(openings.tick(now), (vec![], vec![]), "it was asked for");
    }

    #[test]
    fn an_opening_is_renewed_and_ends_when_it_is_not() {
        let now = beginning();
        let mut openings = Openings::default();
        openings.listen(&home(), now);
        openings.tick(now);
        let address = multiaddr(quic(), external(5000));
        let told = openings.opened(quic(), external(5000), LIFETIME, now);
        assert_eq!(told, (Some(address.clone()), None));
        assert_eq!(openings.next_deadline(), Some(now + LIFETIME / 2));
        let later = now + LIFETIME / 2;
        assert_eq!(openings.tick(later), (vec![quic()], vec![]));
        assert_eq!(openings.opened(quic(), external(5000), LIFETIME, later), (None, None));
        let (_, closed) = openings.tick(later + LIFETIME);
        assert_eq!(closed, [address]);
        assert_eq!(openings.open(), []);
    }

    #[test]
    fn refusals_are_followed_by_growing_pauses() {
        let mut now = beginning();
        let mut openings = Openings::default();
        openings.listen(&home(), now);
        for minutes in [2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(openings.tick(now).0, [quic()]);
            openings.failed(quic(), now);
            assert_eq!(openings.next_deadline(), Some(now + Duration::from_mins(minutes)));
            now += Duration::from_mins(minutes);
        }
    }

    #[test]
    fn another_network_is_another_router() {
        let now = beginning();
        let mut openings = Openings::default();
        openings.listen(&home(), now);
        openings.tick(now);
        openings.opened(quic(), external(5000), LIFETIME, now);
        assert_eq!(openings.listen(&home(), now), []);
        let other: Multiaddr = "/ip4/10.0.0.2/udp/4001/quic-v1".parse().unwrap();
        assert_eq!(openings.listen(&[other], now), [multiaddr(quic(), external(5000))]);
        assert_eq!(openings.tick(now).0, [quic()], "the new one is asked");
    }
}
