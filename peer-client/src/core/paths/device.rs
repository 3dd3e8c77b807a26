//! One device: the connections to it, where it is, and when it is dialled next.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::Multiaddr;
use wire::limits::ADDRESSES_MAX;

use crate::core::{
    input::LinkId,
    model::{Road, Transport},
};

/// How much later than the direct addresses the circuit is tried.
pub(super) const RELAY_DELAY: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) addresses: Vec<Multiaddr>,
    pub(super) wanted: bool,
    pub(super) failures: u32,
    pub(super) direct_at: Option<Instant>,
    pub(super) relay_at: Option<Instant>,
    pub(super) shown: Option<Road>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what is known of a connection, each apart")]
pub(super) struct Link {
    pub(super) relayed: bool,
    pub(super) transport: Transport,
    pub(super) dialled: bool,
    pub(super) punched: bool,
    pub(super) rtt_ms: Option<u32>,
    pub(super) closing: bool,
}

impl Device {
    /// Puts newer addresses first and drops the oldest beyond the bound.
    pub(super) fn learn(&mut self, addresses: &[Multiaddr]) {
        let mut merged: Vec<Multiaddr> = addresses.to_vec();
        for address in self.addresses.drain(..) {
            if !merged.contains(&address) {
                merged.push(address);
            }
        }
        merged.truncate(ADDRESSES_MAX);
        self.addresses = merged;
    }

    pub(super) fn schedule(&mut self, now: Instant, pause: Duration, relay_only: bool) {
        if relay_only || self.addresses.is_empty() {
            self.direct_at = None;
            self.relay_at = Some(now + pause);
        } else {
            self.direct_at = Some(now + pause);
            self.relay_at = Some(now + pause + RELAY_DELAY);
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.direct_at.is_some() || self.relay_at.is_some()
    }

    pub(super) fn best(&self) -> Option<Road> {
        let link = self
            .links
            .values()
            .min_by_key(|link| (link.closing, link.relayed, link.rtt_ms.is_none()))?;
        let Link { relayed, transport, punched, rtt_ms, .. } = *link;
        Some(Road { relayed, transport, punched, rtt_ms })
    }
}
