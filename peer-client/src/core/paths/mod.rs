//! Which road leads to a device: when to dial, where, and which connection to keep. Pure policy.
//!
//! Direct addresses are tried at once and the circuit of the server 250 ms later; whatever
//! answers first is used. While a device is only relayed, its direct addresses are tried again when
//! they or the own network change, and rarely otherwise. Once a direct connection has answered a ping the relayed ones are
//! closed, and of several of one kind the device with the smaller id keeps one.

mod all;
mod changes;
mod device;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use libp2p::Multiaddr;
use wire::id::DeviceId;

use self::{
    all::Devices,
    device::{Device, Link, Reach},
};
use super::{
    dialling::Families,
    input::LinkId,
    model::{Road, Transport},
};

/// How long the device with the larger id leaves dialling to the other, when both want to.
const YIELD_DELAY: Duration = Duration::from_millis(400);
/// Two connections of one kind that were made further apart than this are no coincidence: whoever made the newer
/// one has lost the older.
const SAME_TIME: Duration = Duration::from_secs(1);
/// How long a second connection of one kind is left to the device that decides. If it closes none, it knows of one
/// only, and has lost the older.
const DECIDED_WITHIN: Duration = Duration::from_millis(1500);
/// Pause before another attempt after a connection that lived for less than that.
const SHORT_PAUSE: Duration = Duration::from_millis(250);
/// First pause after a dial that failed; doubles each time.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// Longest pause between dials.
const RETRY_MAX: Duration = Duration::from_mins(1);
/// Devices that are tracked; beyond that, new ones without a connection are ignored.
pub(crate) const DEVICES_TRACKED: usize = 8 * 1024;

/// What the policy wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathAction {
    /// Dial these addresses; none means the circuit.
    Dial(DeviceId, Vec<Multiaddr>),
    /// Close a connection.
    Close(LinkId),
    /// The best road to the device changed; none when the last connection closed.
    Changed(DeviceId, Option<Road>),
}

/// All devices and the connections to them.
#[derive(Debug)]
pub(crate) struct Paths {
    own: DeviceId,
    reach: Reach,
    devices: Devices,
    owners: BTreeMap<LinkId, DeviceId>,
    /// Devices whose addresses changed since this was looked at.
    learnt: BTreeSet<DeviceId>,
    /// Devices from which this device's address is kept.
    hidden: BTreeSet<DeviceId>,
}

impl Paths {
    /// Makes the policy of a device. `relay_only` keeps its address from others.
    pub(crate) fn new(own: DeviceId, relay_only: bool) -> Self {
        let reach = Reach { relay_only, families: Families::default() };
        Self {
            own,
            reach,
            devices: Devices::default(),
            owners: BTreeMap::new(),
            learnt: BTreeSet::new(),
            hidden: BTreeSet::new(),
        }
    }

    /// This device has other addresses: whoever is not reached directly is tried again.
    pub(crate) fn network_changed(&mut self, families: Families, now: Instant) {
        self.reach.families = families;
        let reach = self.reach;
        for entry in self.devices.values_mut().filter(|entry| entry.wanted) {
            if entry.links.is_empty() {
                entry.failures = 0;
                entry.schedule(now, Duration::ZERO, reach);
            } else if entry.is_relayed() && entry.may_be_dialled(reach) {
                entry.upgrades = 0;
                entry.direct_at = Some(now);
            }
        }
    }

    /// Where a device is, as far as that is known.
    pub(crate) fn addresses_of(&self, device: &DeviceId) -> &[Multiaddr] {
        self.devices.get(device).map_or(&[], |entry| &entry.addresses)
    }

    /// Whether a connection to the device is wanted.
    pub(crate) fn is_wanted(&self, device: &DeviceId) -> bool {
        self.devices.get(device).is_some_and(|entry| entry.wanted)
    }

    /// A connection to `device` is wanted; `urgent` if something waits to be sent.
    pub(crate) fn want(
        &mut self,
        device: DeviceId,
        addresses: &[Multiaddr],
        urgent: bool,
        now: Instant,
    ) {
        if device == self.own || !self.make_room_for(&device) {
            return;
        }
        let yields = self.own > device && !urgent;
        let reach = self.reach;
        self.learn(device, addresses, now);
        let entry = self.entry(device);
        let was_wanted = std::mem::replace(&mut entry.wanted, true);
        if !entry.links.is_empty() || (was_wanted && !urgent && entry.is_waiting()) {
            return;
        }
        entry.failures = 0;
        entry.schedule(now, if yields { YIELD_DELAY } else { Duration::ZERO }, reach);
    }

    /// Forgets a device that is neither wanted nor connected, if there is no room for another.
    fn make_room_for(&mut self, device: &DeviceId) -> bool {
        if self.devices.contains_key(device) || self.devices.len() < DEVICES_TRACKED {
            return true;
        }
        let idle = |entry: &Device| !entry.wanted && entry.links.is_empty();
        let idle = self.devices.iter().find(|(_, entry)| idle(entry)).map(|(device, _)| *device);
        idle.is_some_and(|idle| self.devices.remove(&idle).is_some())
    }

    /// Remembers where a device is, in case a connection is wanted, or a better one.
    pub(crate) fn learn(&mut self, device: DeviceId, addresses: &[Multiaddr], now: Instant) {
        if device != self.own
            && (self.devices.contains_key(&device) || self.devices.len() < DEVICES_TRACKED)
        {
            let reach = self.reach;
            let entry = self.entry(device);
            if entry.learn(addresses) {
                if entry.is_relayed() && entry.may_be_dialled(reach) {
                    entry.upgrades = 0;
                    entry.direct_at = Some(now);
                }
                self.learnt.insert(device);
            }
        }
    }

    fn entry(&mut self, device: DeviceId) -> &mut Device {
        let hidden = self.hidden.contains(&device);
        let entry = self.devices.entry(device).or_default();
        entry.hidden = hidden;
        entry
    }

    /// The device is not present any more: stop dialling it.
    pub(crate) fn unwant(&mut self, device: &DeviceId) {
        if let Some(entry) = self.devices.get_mut(device) {
            entry.wanted = false;
            entry.direct_at = None;
            entry.relay_at = None;
        }
    }

    /// A connection was made.
    pub(crate) fn opened(
        &mut self,
        device: DeviceId,
        link: LinkId,
        opened: Opened,
        now: Instant,
    ) -> Vec<PathAction> {
        let Opened { relayed, transport, dialled, punched, address } = opened;
        self.owners.insert(link, device);
        let mut actions = Vec::new();
        let decides = self.own < device;
        let entry = self.entry(device);
        for (id, other) in &mut entry.links {
            if other.relayed == relayed && !other.closing && other.opened_at + SAME_TIME < now {
                other.closing = true;
                actions.push(PathAction::Close(*id));
            }
        }
        let link_state = Link {
            relayed,
            transport,
            dialled,
            punched,
            rtt_ms: None,
            closing: false,
            opened_at: now,
            address: address.clone().filter(|_| !relayed),
        };
        entry.links.insert(link, link_state);
        entry.failures = 0;
        entry.relay_at = None;
        if !relayed {
            entry.direct_at = None;
        }
        if !decides && entry.open(relayed).count() > 1 {
            entry.doubled_until.get_or_insert(now + DECIDED_WITHIN);
        }
        // What was dialled answers there again; from where others dial may be another port.
        if let Some(address) = address.filter(|_| dialled && !relayed && device != self.own) {
            self.learn(device, &[address], now);
        }
        actions.extend(self.settle(device));
        actions
    }

    /// A connection is gone.
    pub(crate) fn closed(&mut self, link: LinkId, now: Instant) -> Vec<PathAction> {
        let Some(device) = self.owners.remove(&link) else { return Vec::new() };
        let reach = self.reach;
        if let Some(entry) = self.devices.get_mut(&device) {
            let lived_briefly =
                entry.links.remove(&link).is_some_and(|link| now < link.opened_at + SAME_TIME);
            if entry.links.is_empty() && entry.wanted {
                // Whoever closed it at once may do so again.
                let pause = if lived_briefly { SHORT_PAUSE } else { Duration::ZERO };
                entry.schedule(now, pause, reach);
            }
        }
        self.settle(device)
    }

    /// A ping on a connection came back.
    pub(crate) fn round_trip(&mut self, link: LinkId, rtt_ms: u32) -> Vec<PathAction> {
        let Some(&device) = self.owners.get(&link) else { return Vec::new() };
        if let Some(link) = self.devices.get_mut(&device).and_then(|d| d.links.get_mut(&link)) {
            link.rtt_ms = Some(rtt_ms);
        }
        self.settle(device)
    }

    /// A connection came about by a punched hole.
    pub(crate) fn punched(&mut self, link: LinkId) -> Vec<PathAction> {
        let Some(&device) = self.owners.get(&link) else { return Vec::new() };
        if let Some(link) = self.devices.get_mut(&device).and_then(|d| d.links.get_mut(&link)) {
            link.punched = true;
        }
        self.settle(device)
    }

    /// No address of a dial answered.
    pub(crate) fn dial_failed(&mut self, device: &DeviceId, now: Instant) {
        let reach = self.reach;
        let Some(entry) = self.devices.get_mut(device).filter(|entry| entry.wanted) else { return };
        if entry.is_relayed() && entry.may_be_dialled(reach) {
            entry.schedule_upgrade(now);
        } else if entry.links.is_empty() && !entry.is_waiting() {
            let pause = RETRY_FIRST.saturating_mul(1 << entry.failures.min(6)).min(RETRY_MAX);
            entry.failures += 1;
            entry.schedule(now, pause, reach);
        }
    }

    /// When [`Paths::tick`] wants to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.devices.due()
    }

    /// Dials what is due, and closes what is left over.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<PathAction> {
        let mut actions = Vec::new();
        if self.devices.due().is_none_or(|due| due > now) {
            return actions;
        }
        for (device, entry) in &mut *self.devices {
            if entry.doubled_until.take_if(|at| *at <= now).is_some() {
                actions.extend(entry.close_older().into_iter().map(PathAction::Close));
            }
            if entry.direct_at.is_some_and(|at| at <= now) {
                entry.direct_at = None;
                let usable = self.reach.families.usable(&entry.addresses);
                if !usable.is_empty() {
                    actions.push(PathAction::Dial(*device, usable));
                }
            }
            if entry.relay_at.is_some_and(|at| at <= now) {
                entry.relay_at = None;
                actions.push(PathAction::Dial(*device, Vec::new()));
            }
        }
        actions
    }

    /// The best road to a device.
    pub(crate) fn road(&self, device: &DeviceId) -> Option<Road> {
        self.devices.get(device)?.best()
    }

    /// Whether a connection is one of those that count.
    pub(crate) fn has(&self, link: LinkId) -> bool {
        self.owners.contains_key(&link)
    }

    /// Whether there is any connection.
    pub(crate) fn is_linked(&self, device: &DeviceId) -> bool {
        self.devices.get(device).is_some_and(|entry| !entry.links.is_empty())
    }

    /// Whether an address of a device is known that can and may be dialled.
    pub(crate) fn may_dial(&self, device: &DeviceId) -> bool {
        self.devices.get(device).is_some_and(|entry| entry.may_dial(self.reach))
    }

    /// Closes all connections to a device.
    pub(crate) fn close_all(&mut self, device: &DeviceId) -> Vec<PathAction> {
        let links = self.devices.get_mut(device).into_iter().flat_map(|entry| &mut entry.links);
        let open = links.filter(|(_, link)| !link.closing);
        let close = |(id, link): (&LinkId, &mut Link)| {
            link.closing = true;
            PathAction::Close(*id)
        };
        open.map(close).collect()
    }

    /// Whether this side made the connection to the device, if there is one.
    pub(crate) fn dialled(&self, device: &DeviceId) -> bool {
        self.devices
            .get(device)
            .is_some_and(|entry| entry.links.values().any(|link| link.dialled && !link.closing))
    }

    /// Devices with a connection.
    pub(crate) fn linked(&self) -> BTreeSet<DeviceId> {
        self.owners.values().copied().collect()
    }

    /// Closes what is superfluous and tells a changed road.
    fn settle(&mut self, device: DeviceId) -> Vec<PathAction> {
        let decides = self.own < device;
        let Some(entry) = self.devices.get_mut(&device) else { return Vec::new() };
        let mut actions = Vec::new();
        let proven = entry.links.values().any(|link| !link.relayed && link.rtt_ms.is_some());
        let (mut kept_relayed, mut kept_direct) = (false, false);
        for (id, link) in entry.links.iter_mut().filter(|(_, link)| !link.closing) {
            let kept = if link.relayed { &mut kept_relayed } else { &mut kept_direct };
            let is_second = std::mem::replace(kept, true);
            let superfluous = decides && is_second || link.relayed && proven;
            if superfluous {
                link.closing = true;
                actions.push(PathAction::Close(*id));
            }
        }
        let best = entry.best();
        if best != entry.shown {
            entry.shown = best;
            actions.push(PathAction::Changed(device, best));
        }
        if entry.links.is_empty() && !entry.wanted && entry.addresses.is_empty() {
            self.devices.remove(&device);
        }
        actions
    }
}

/// What is known of a new connection.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// Through a circuit.
    pub(crate) relayed: bool,
    /// What carries it.
    pub(crate) transport: Transport,
    /// This side dialled.
    pub(crate) dialled: bool,
    /// A hole was punched.
    pub(crate) punched: bool,
    /// The other end, if it is known.
    pub(crate) address: Option<Multiaddr>,
}

#[cfg(test)]
mod tests;
