//! One device: the connections to it, where it is, and when it is dialled next.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::Multiaddr;
use wire::limits::ADDRESSES_MAX;

use crate::core::{
    dialling::Families,
    input::LinkId,
    model::{Road, Transport},
};

/// How much later than the direct addresses the circuit is tried.
pub(super) const RELAY_DELAY: Duration = Duration::from_millis(250);
/// First pause until the direct addresses of a relayed device are tried again; doubles each time.
const UPGRADE_FIRST: Duration = Duration::from_mins(1);
/// Longest pause between such attempts.
const UPGRADE_MAX: Duration = Duration::from_mins(16);

#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) addresses: Vec<Multiaddr>,
    /// Until when the other side is to close one of several connections of one kind.
    pub(super) doubled_until: Option<Instant>,
    pub(super) wanted: bool,
    /// This device's address is kept from it.
    pub(super) hidden: bool,
    pub(super) failures: u32,
    /// Attempts on direct addresses while there is only a relayed connection.
    pub(super) upgrades: u32,
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
    pub(super) opened_at: Instant,
    /// The other end; none through a circuit.
    pub(super) address: Option<Multiaddr>,
}

impl Link {
    /// Whether a connection needs an own address of these families. Circuits may, since nobody here knows
    /// which address the tie to the server has.
    pub(super) fn needs(&self, families: Families) -> bool {
        self.address
            .as_ref()
            .is_none_or(|address| Families::of(std::slice::from_ref(address)).meets(families))
    }
}

/// What this device can and may dial.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub(super) relay_only: bool,
    pub(super) families: Families,
}

impl Device {
    /// Puts newer addresses first and drops the oldest beyond the bound. Tells whether one is new.
    pub(super) fn learn(&mut self, addresses: &[Multiaddr]) -> bool {
        let is_new = addresses.iter().any(|address| !self.addresses.contains(address));
        let mut merged: Vec<Multiaddr> = addresses.to_vec();
        for address in self.addresses.drain(..) {
            if !merged.contains(&address) {
                merged.push(address);
            }
        }
        merged.truncate(ADDRESSES_MAX);
        self.addresses = merged;
        is_new
    }

    /// Whether there are connections, and all go through the server.
    pub(super) fn is_relayed(&self) -> bool {
        !self.links.is_empty() && self.links.values().all(|link| link.relayed)
    }

    /// The connections of one kind that are to stay open.
    pub(super) fn open(&self, relayed: bool) -> impl Iterator<Item = (&LinkId, &Link)> {
        self.links.iter().filter(move |(_, link)| link.relayed == relayed && !link.closing)
    }

    /// Closes all of each kind but the newest.
    pub(super) fn close_older(&mut self) -> Vec<LinkId> {
        let newest =
            |relayed| self.open(relayed).max_by_key(|(_, it)| it.opened_at).map(|it| *it.0);
        let kept = [newest(true), newest(false)];
        let mut closed = Vec::new();
        for (id, link) in &mut self.links {
            if !link.closing && !kept.contains(&Some(*id)) {
                link.closing = true;
                closed.push(*id);
            }
        }
        closed
    }

    /// Plans the next attempt on the direct addresses beside the relayed connection.
    pub(super) fn schedule_upgrade(&mut self, now: Instant) {
        if self.direct_at.is_none() && !self.addresses.is_empty() {
            let pause = UPGRADE_FIRST.saturating_mul(1 << self.upgrades.min(8)).min(UPGRADE_MAX);
            self.upgrades += 1;
            self.direct_at = Some(now + pause);
        }
    }

    pub(super) fn schedule(&mut self, now: Instant, pause: Duration, reach: Reach) {
        if self.may_dial(reach) {
            self.direct_at = Some(now + pause);
            self.relay_at = Some(now + pause + RELAY_DELAY);
        } else {
            self.direct_at = None;
            self.relay_at = Some(now + pause);
        }
    }

    /// Whether it may be dialled at an address, and one fits this device.
    pub(super) fn may_dial(&self, reach: Reach) -> bool {
        self.may_be_dialled(reach) && !reach.families.usable(&self.addresses).is_empty()
    }

    /// Whether it may be dialled at its addresses at all.
    pub(super) fn may_be_dialled(&self, reach: Reach) -> bool {
        !self.hidden && !reach.relay_only
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
