//! Who may connect: not the banned, not too many from one network, and while there is too much to
//! do nobody from a network that has no connection yet. Pure.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::IpAddr,
    time::{Duration, Instant},
};

use thiserror::Error;
use wire::id::DeviceId;

use crate::{
    addresses::Network,
    bans::{Banned, Bans},
    config::ConnectionConfig,
    rate_limit::{Rate, RateLimiter},
};

/// Why somebody may not connect.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turned {
    /// The operator shut them out.
    #[error("banned")]
    Banned,
    /// Their network has as many connections as it may have.
    #[error("too many connections from one network")]
    Full,
    /// Their network makes connections too fast.
    #[error("too many new connections from one network")]
    TooFast,
    /// The server has too much to do.
    #[error("the server has too much to do")]
    Busy,
}

impl Turned {
    /// The reason as a label of a metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::Banned => "banned",
            Self::Full => "network_full",
            Self::TooFast => "network_rate",
            Self::Busy => "busy",
        }
    }
}

/// Connections by network, and who is kept out.
#[derive(Debug)]
pub struct Doors {
    limits: ConnectionConfig,
    /// Connections of each network and each site, those being set up among them.
    connections: BTreeMap<Network, u32>,
    arrivals: RateLimiter<Network>,
    /// Who is shut out.
    pub bans: Bans,
    /// The server has so much to do that it takes nobody new.
    pub is_busy: bool,
    /// How many were turned away, by reason.
    pub turned: BTreeMap<Turned, u64>,
}

impl Doors {
    /// Starts with nobody connected.
    pub fn new(limits: &ConnectionConfig) -> Self {
        Self {
            limits: limits.clone(),
            connections: BTreeMap::new(),
            arrivals: RateLimiter::new(rate(limits)),
            bans: Bans::default(),
            is_busy: false,
            turned: BTreeMap::new(),
        }
    }

    /// Takes over other limits; what is connected stays.
    pub fn configure(&mut self, limits: &ConnectionConfig) {
        self.arrivals.set_rate(rate(limits));
        self.limits = limits.clone();
    }

    /// Somebody wants to connect. If they may, they count until [`Doors::left`].
    pub fn arrive(&mut self, ip: IpAddr, now: Instant) -> Result<(), Turned> {
        let allowed = self.may_arrive(ip, now);
        match allowed {
            Ok(()) => {
                for network in networks(ip) {
                    *self.connections.entry(network).or_default() += 1;
                }
            }
            Err(reason) => self.count(reason),
        }
        allowed
    }

    /// A connection from there is gone, or did not come about.
    pub fn left(&mut self, ip: IpAddr) {
        for network in networks(ip) {
            if let Entry::Occupied(mut count) = self.connections.entry(network) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }

    /// Whether a device may stay, now that the connection has proven who it is.
    pub fn admit(&mut self, device: &DeviceId) -> Result<(), Turned> {
        if self.bans.has_device(device) {
            self.count(Turned::Banned);
            return Err(Turned::Banned);
        }
        Ok(())
    }

    /// Shuts out, or lets in again.
    pub fn set_ban(&mut self, banned: Banned, on: bool) {
        if on {
            self.bans.add(banned);
        } else {
            self.bans.remove(banned);
        }
    }

    fn may_arrive(&mut self, ip: IpAddr, now: Instant) -> Result<(), Turned> {
        if self.bans.has_ip(ip) {
            return Err(Turned::Banned);
        }
        if self.limits.trust_loopback && ip.is_loopback() {
            return Ok(());
        }
        let [network, site] = networks(ip);
        let of = |it| self.connections.get(&it).copied().unwrap_or(0);
        if self.is_busy && of(network) == 0 {
            return Err(Turned::Busy);
        }
        if of(network) >= self.limits.per_network || of(site) >= self.limits.per_site {
            return Err(Turned::Full);
        }
        self.arrivals.try_take(network, 1, now).map_err(|_wait| Turned::TooFast)
    }

    fn count(&mut self, reason: Turned) {
        *self.turned.entry(reason).or_default() += 1;
    }
}

fn rate(limits: &ConnectionConfig) -> Rate {
    Rate::new(limits.new_burst, limits.new_per_minute, Duration::from_mins(1))
}

fn networks(ip: IpAddr) -> [Network; 2] {
    [Network::of(ip), Network::site_of(ip)]
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "time begins somewhere")]
mod tests {
    use super::*;

    fn doors() -> Doors {
        let limits = ConnectionConfig {
            per_network: 2,
            per_site: 3,
            new_burst: 10,
            new_per_minute: 60,
            ..ConnectionConfig::default()
        };
        Doors::new(&limits)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_and_a_site_have_limits() {
        let now = Instant::now();
        let mut doors = doors();
        let arrivals = [
            ("2a00:1:2:3::1", Ok(())),
            ("2a00:1:2:3::2", Ok(())),
            ("2a00:1:2:3::3", Err(Turned::Full)),
            ("2a00:1:2:4::1", Ok(())),
            ("2a00:1:2:5::1", Err(Turned::Full)),
            ("2a00:1:3::1", Ok(())),
            ("203.0.113.1", Ok(())),
        ];
        for (from, expected) in arrivals {
            assert_eq!(doors.arrive(ip(from), now), expected, "{from}");
        }
        doors.left(ip("2a00:1:2:3::1"));
        assert_eq!(doors.arrive(ip("2a00:1:2:5::1"), now), Ok(()));
        assert_eq!(doors.turned[&Turned::Full], 2);
    }

    #[test]
    fn who_is_gone_leaves_nothing() {
        let mut doors = doors();
        let now = Instant::now();
        for _ in 0..2 {
            doors.arrive(ip("203.0.113.1"), now).unwrap();
        }
        doors.left(ip("203.0.113.1"));
        doors.left(ip("203.0.113.1"));
        doors.left(ip("203.0.113.1"));
        assert!(doors.connections.is_empty());
    }

    #[test]
    fn connecting_again_and_again_is_too_fast() {
        let now = Instant::now();
        let mut doors = doors();
        for _ in 0..10 {
            doors.arrive(ip("203.0.113.1"), now).unwrap();
            doors.left(ip("203.0.113.1"));
        }
        assert_eq!(doors.arrive(ip("203.0.113.1"), now), Err(Turned::TooFast));
        let later = now + Duration::from_secs(1);
        assert_eq!(doors.arrive(ip("203.0.113.1"), later), Ok(()));
    }

    #[test]
    fn a_busy_server_keeps_to_those_that_it_has() {
        let now = Instant::now();
        let mut doors = doors();
        doors.arrive(ip("203.0.113.1"), now).unwrap();
        doors.is_busy = true;
        assert_eq!(doors.arrive(ip("203.0.113.1"), now), Ok(()));
        assert_eq!(doors.arrive(ip("203.0.113.2"), now), Err(Turned::Busy));
        assert_eq!(doors.arrive(ip("127.0.0.1"), now), Ok(()));
    }

    #[test]
    fn loopback_is_a_network_like_others_if_it_is_not_trusted() {
        let now = Instant::now();
        let mut doors = doors();
        for _ in 0..100 {
            doors.arrive(ip("127.0.0.1"), now).unwrap();
        }
        doors.configure(&ConnectionConfig {
            per_network: 2,
            trust_loopback: false,
            ..ConnectionConfig::default()
        });
        assert_eq!(doors.arrive(ip("127.0.0.1"), now), Err(Turned::Full));
    }

    #[test]
    fn the_banned_stay_out() {
        let now = Instant::now();
        let mut doors = doors();
        let device = wire::key::DeviceKey::from_seed([1; 32]).id();
        let bans = [Banned::Device(device), "203.0.113.0/24".parse().unwrap()];
        for on in [true, false] {
            for banned in bans {
                doors.set_ban(banned, on);
            }
            assert_eq!(doors.arrive(ip("203.0.113.9"), now).is_err(), on);
            assert_eq!(doors.admit(&device).is_err(), on);
        }
    }
}
