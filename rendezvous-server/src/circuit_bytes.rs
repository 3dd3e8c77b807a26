//! How many bytes a device, a network and a site may send through circuits. Whoever sends faster is
//! read more slowly; nothing is cut.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use libp2p::PeerId;

use crate::{
    addresses::Network,
    config::Config,
    rate_limit::{Rate, RateLimiter},
};

/// Bytes that are paid for at once, so that rates of gigabytes can be told in whole numbers.
const UNIT: u32 = 1024;
/// A site may send as much as this many of its networks.
const NETWORKS_OF_SITE: u32 = 4;

/// All buckets of one server. Clones share them.
#[derive(Clone, Debug)]
pub struct CircuitBytes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    buckets: Mutex<Buckets>,
    sent: AtomicU64,
}

#[derive(Debug)]
struct Buckets {
    devices: RateLimiter<PeerId>,
    networks: RateLimiter<Network>,
    /// Clients on this machine are exempt from limits of networks.
    trusts_loopback: bool,
    sites: RateLimiter<Network>,
}

/// One connection's way to the buckets.
#[derive(Clone, Debug)]
pub struct Payer {
    all: CircuitBytes,
    device: PeerId,
    origin: Option<IpAddr>,
}

/// What was read from one circuit and not paid for yet.
#[derive(Debug)]
pub struct Debt {
    payer: Payer,
    /// Bytes that are not a whole unit yet.
    rest: u32,
    /// Units that the device, the network and the site owe.
    owed: [u32; 3],
}

impl CircuitBytes {
    /// Starts with every bucket full.
    pub fn new(config: &Config) -> Self {
        let [device, network, site] = rates(config);
        let buckets = Buckets {
            devices: RateLimiter::new(device),
            networks: RateLimiter::new(network),
            sites: RateLimiter::new(site),
            trusts_loopback: config.connections.trust_loopback,
        };
        Self(Arc::new(Shared { buckets: Mutex::new(buckets), sent: AtomicU64::new(0) }))
    }

    /// Takes over other rates.
    pub fn configure(&self, config: &Config) {
        let [device, network, site] = rates(config);
        let mut buckets = self.0.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.devices.set_rate(device);
        buckets.networks.set_rate(network);
        buckets.sites.set_rate(site);
        buckets.trusts_loopback = config.connections.trust_loopback;
    }

    /// Bytes that all have sent.
    pub fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Who pays for a connection's circuits.
    pub fn payer(&self, device: PeerId, origin: Option<IpAddr>) -> Payer {
        Payer { all: self.clone(), device, origin }
    }
}

impl Payer {
    /// Begins a circuit.
    pub fn begin(&self) -> Debt {
        Debt { payer: self.clone(), rest: 0, owed: [0; 3] }
    }
}

impl Debt {
    /// These bytes were read.
    pub fn add(&mut self, bytes: usize) {
        self.payer.all.0.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        let all = self.rest.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.rest = all % UNIT;
        for owed in &mut self.owed {
            *owed = owed.saturating_add(all / UNIT);
        }
    }

    /// Pays, or tells how long to wait before more may be read.
    pub fn pay(&mut self, now: Instant) -> Result<(), Duration> {
        if self.owed == [0; 3] {
            return Ok(());
        }
        let Payer { all, device, origin } = &self.payer;
        let mut buckets = all.0.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let [owes, network_owes, site_owes] = &mut self.owed;
        settle(owes, |owed| buckets.devices.try_take(*device, owed, now))?;
        let Some(ip) = origin.filter(|ip| !(buckets.trusts_loopback && ip.is_loopback())) else {
            (*network_owes, *site_owes) = (0, 0);
            return Ok(());
        };
        let (network, site) = (Network::of(ip), Network::site_of(ip));
        settle(network_owes, |owed| buckets.networks.try_take(network, owed, now))?;
        settle(site_owes, |owed| buckets.sites.try_take(site, owed, now))
    }
}

/// Pays one bucket, if anything is owed.
fn settle(owed: &mut u32, take: impl FnOnce(u32) -> Result<(), Duration>) -> Result<(), Duration> {
    if *owed > 0 {
        take(*owed)?;
        *owed = 0;
    }
    Ok(())
}

/// What a device, a network and a site may send.
fn rates(config: &Config) -> [Rate; 3] {
    let relay = &config.relay;
    let units = |bytes: u64| u32::try_from(bytes / u64::from(UNIT)).unwrap_or(u32::MAX).max(1);
    let rate = |burst, per_second, times: u32| {
        let (burst, per_second) = (units(burst), units(per_second));
        Rate::new(
            burst.saturating_mul(times),
            per_second.saturating_mul(times),
            Duration::from_secs(1),
        )
    };
    let (burst, per_second) =
        (relay.network_circuit_burst_bytes, relay.network_circuit_bytes_per_second);
    [
        rate(relay.circuit_burst_bytes, relay.circuit_bytes_per_second, 1),
        rate(burst, per_second, 1),
        rate(burst, per_second, NETWORKS_OF_SITE),
    ]
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "time begins somewhere")]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    /// A device may send 100 KiB at once, a network 200 and a site 800; as much comes back each second.
    fn circuit_bytes() -> CircuitBytes {
        let mut config = Config::default();
        config.relay.circuit_burst_bytes = 100 * KIB as u64;
        config.relay.circuit_bytes_per_second = 100 * KIB as u64;
        config.relay.network_circuit_burst_bytes = 200 * KIB as u64;
        config.relay.network_circuit_bytes_per_second = 200 * KIB as u64;
        CircuitBytes::new(&config)
    }

    fn circuit(all: &CircuitBytes, device: PeerId, from: &str) -> Debt {
        all.payer(device, Some(from.parse().unwrap())).begin()
    }

    /// Sends 10 KiB at a time until it has to wait; gives how often it did not.
    fn send_until_slowed(debt: &mut Debt, now: Instant) -> usize {
        (0..1_000)
            .take_while(|_| {
                debt.add(10 * KIB);
                debt.pay(now).is_ok()
            })
            .count()
    }

    #[test]
    fn a_device_is_slowed_down_however_many_circuits_it_has() {
        let (all, now, device) = (circuit_bytes(), Instant::now(), PeerId::random());
        let mut first = circuit(&all, device, "203.0.113.1");
        let mut second = circuit(&all, device, "203.0.113.1");
        assert_eq!(send_until_slowed(&mut first, now), 10);
        assert_eq!(send_until_slowed(&mut second, now), 0);
        let wait = first.pay(now).unwrap_err();
        assert!(wait <= Duration::from_millis(200), "{wait:?}");
        assert_eq!(first.pay(now + Duration::from_secs(1)), Ok(()));
        assert_eq!(all.sent(), 12 * 10 * KIB as u64);
    }

    #[test]
    fn an_address_and_a_prefix_are_slowed_down_however_many_devices_they_have() {
        let (all, now) = (circuit_bytes(), Instant::now());
        let sent_from = |address: &str| {
            let mut debts = (0..5).map(|_| circuit(&all, PeerId::random(), address));
            debts.by_ref().map(|mut debt| send_until_slowed(&mut debt, now)).sum::<usize>()
        };
        assert_eq!(sent_from("2a00:1:2:3::1"), 20);
        assert_eq!(sent_from("2a00:1:2:3::2"), 0);
        assert_eq!(sent_from("2a00:1:2:4::1"), 20);
        assert_eq!(sent_from("2a00:1:2:5::1") + sent_from("2a00:1:2:6::1"), 40);
        assert!(sent_from("2a00:1:2:7::1") <= 5, "the site has sent what it may");
        assert_eq!(sent_from("203.0.113.1"), 20);
    }

    #[test]
    fn devices_on_this_machine_have_no_network() {
        let (all, now) = (circuit_bytes(), Instant::now());
        for _ in 0..20 {
            let mut debt = circuit(&all, PeerId::random(), "127.0.0.1");
            assert_eq!(send_until_slowed(&mut debt, now), 10);
        }
    }

    #[test]
    fn few_bytes_add_up() {
        let (all, now) = (circuit_bytes(), Instant::now());
        let mut debt = circuit(&all, PeerId::random(), "203.0.113.1");
        let sent = (0..1_000_000_usize).take_while(|_| {
            debt.add(100);
            debt.pay(now).is_ok()
        });
        assert_eq!(sent.count(), 101 * KIB / 100);
    }

    #[test]
    fn other_rates_hold_at_once() {
        let (all, now, device) = (circuit_bytes(), Instant::now(), PeerId::random());
        let mut config = Config::default();
        config.relay.circuit_burst_bytes = 500 * KIB as u64;
        config.connections.trust_loopback = false;
        all.configure(&config);
        assert_eq!(send_until_slowed(&mut circuit(&all, device, "127.0.0.1"), now), 50);
    }
}
