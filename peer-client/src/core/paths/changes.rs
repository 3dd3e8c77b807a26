//! The network, or the user's mind, is another one.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use wire::id::DeviceId;

use super::{PathAction, Paths};
use crate::core::dialling::Families;

impl Paths {
    /// Own addresses of these families are gone, and with them the connections that may have used them, although
    /// nothing says so yet. Gives the devices that lost one beside what is to be done.
    pub(crate) fn addresses_lost(
        &mut self,
        lost: Families,
        now: Instant,
    ) -> (Vec<DeviceId>, Vec<PathAction>) {
        let reach = self.reach;
        let mut actions = Vec::new();
        let mut devices = Vec::new();
        for (device, entry) in &mut *self.devices {
            let dead: Vec<_> =
                entry.links.extract_if(.., |_, link| link.needs(lost)).map(|(id, _)| id).collect();
            if dead.is_empty() {
                continue;
            }
            devices.push(*device);
            for link in dead {
                self.owners.remove(&link);
                actions.push(PathAction::Close(link));
            }
            if entry.links.is_empty() && entry.wanted {
                entry.failures = 0;
                entry.schedule(now, Duration::ZERO, reach);
            }
        }
        for device in &devices {
            actions.extend(self.settle(*device));
        }
        (devices, actions)
    }

    /// From now on, this device's address is kept from these devices and no others: what leads to them directly is
    /// closed.
    pub(crate) fn hide_from(&mut self, hidden: BTreeSet<DeviceId>) -> Vec<PathAction> {
        let mut actions = Vec::new();
        for (device, entry) in &mut *self.devices {
            entry.hidden = hidden.contains(device);
            if entry.hidden {
                entry.direct_at = None;
                for (id, link) in
                    entry.links.iter_mut().filter(|(_, it)| !it.relayed && !it.closing)
                {
                    link.closing = true;
                    actions.push(PathAction::Close(*id));
                }
            }
        }
        self.hidden = hidden;
        for device in self.hidden.clone() {
            actions.extend(self.settle(device));
        }
        actions
    }

    /// The devices whose addresses changed since this was asked last.
    pub(crate) fn take_learnt(&mut self) -> BTreeSet<DeviceId> {
        std::mem::take(&mut self.learnt)
    }

    /// The device turned out to be of interest.
    pub(crate) fn note(&mut self, device: DeviceId) {
        if !self.addresses_of(&device).is_empty() {
            self.learnt.insert(device);
        }
    }
}
