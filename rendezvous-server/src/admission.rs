//! Who gets relayed circuits: registered devices, at a bounded rate.
//!
//! The relay behaviour asks while it holds the swarm, so this set is the one piece of state that
//! the server's loop shares with something else.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, relay};

use crate::{
    addresses::{self, Network},
    config::RelayConfig,
    rate_limit::{Rate, RateLimiter},
};

/// Longest life of a reservation that is not renewed. Clients renew after three quarters.
const RESERVATION_DURATION: Duration = Duration::from_hours(1);
/// Reservations of one device on different connections.
const RESERVATIONS_PER_DEVICE: usize = 8;
/// How often one device may ask for a reservation.
const RESERVATION_RATE: (u32, u32) = (60, 1);
/// How often one device may ask for a circuit.
const CIRCUIT_RATE: (u32, u32) = (500, 10);
/// How often one network may ask for reservations and circuits, loopback apart.
const NETWORK_RATE: (u32, u32) = (5_000, 100);

/// The devices that are registered now. Clones share one set.
#[derive(Clone, Debug, Default)]
pub struct Admission(Arc<RwLock<HashSet<PeerId>>>);

impl Admission {
    /// Admits a device.
    pub fn admit(&self, peer: PeerId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(peer);
    }

    /// Admits a device no longer.
    pub fn dismiss(&self, peer: &PeerId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(peer);
    }

    /// Whether a device is admitted.
    pub fn is_admitted(&self, peer: &PeerId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(peer)
    }

    /// The relay's settings, with this as the judge of who gets reservations and circuits.
    pub fn relay_config(&self, config: &RelayConfig) -> relay::Config {
        relay::Config {
            max_reservations: config.reservations,
            max_reservations_per_peer: RESERVATIONS_PER_DEVICE,
            reservation_duration: RESERVATION_DURATION,
            reservation_rate_limiters: vec![Box::new(self.limiter(RESERVATION_RATE))],
            max_circuits: config.circuits,
            // The library denies only what is beyond one more.
            max_circuits_per_peer: config.circuits_per_device.saturating_sub(1),
            max_circuit_duration: Duration::from_hours(config.circuit_hours),
            max_circuit_bytes: config.circuit_bytes,
            circuit_src_rate_limiters: vec![Box::new(self.limiter(CIRCUIT_RATE))],
        }
    }

    fn limiter(
        &self,
        (burst, per_second): (u32, u32),
    ) -> impl FnMut(PeerId, &Multiaddr, Instant) -> bool + Send + use<> {
        let admission = self.clone();
        let rate = |burst, per_second| Rate::new(burst, per_second, Duration::from_secs(1));
        let mut devices = RateLimiter::new(rate(burst, per_second));
        let mut networks = RateLimiter::new(rate(NETWORK_RATE.0, NETWORK_RATE.1));
        move |peer, address, now| {
            let ip = addresses::ip_of(address).filter(|ip| !ip.is_loopback());
            admission.is_admitted(&peer)
                && devices.try_take(peer, 1, now).is_ok()
                && ip.is_none_or(|ip| networks.try_take(Network::of(ip), 1, now).is_ok())
        }
    }
}
