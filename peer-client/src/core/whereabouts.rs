//! Where people are, as far as this device remembers: what it calls them by while the server is away.

use std::{collections::BTreeSet, time::Duration};

use wire::id::DeviceId;

use super::{
    machine::Machine,
    storage::{Kind, StoreOp},
};

/// How long a start waits for the server before remembered addresses are tried beside it.
pub(super) const SERVER_FIRST: Duration = Duration::from_secs(2);
/// Devices that are called while the server is away.
const CALLED_MAX: usize = 256;

impl Machine {
    /// Keeps what was learnt of the whereabouts of people that the user knows.
    pub(super) fn keep_whereabouts(&mut self) {
        for device in self.paths.take_learnt() {
            if !self.relay_only && self.is_known(&device) {
                let addresses = self.paths.addresses_of(&device).to_vec();
                self.store(StoreOp::Remember { device, addresses });
            }
        }
    }

    /// Takes over what was remembered.
    pub(super) fn recall_whereabouts(
        &mut self,
        whereabouts: Vec<(DeviceId, Vec<libp2p::Multiaddr>)>,
    ) {
        let now = self.now.instant;
        for (device, addresses) in whereabouts {
            self.paths.learn(device, &addresses, now);
        }
        // What came from the store need not go there.
        self.paths.take_learnt();
    }

    /// Whether the user has to do with a device: a contact's, an own one, or one that wrote in a group.
    fn is_known(&self, device: &DeviceId) -> bool {
        let owner = self.people.owner_of(device);
        let is_contact = owner.is_some_and(|account| {
            account == self.me.account
                || self.direct_with(account).is_some() && !self.people.is_blocked(&account)
        });
        let is_member = || {
            self.conversations.values().any(|conversation| {
                matches!(conversation.row.kind, Kind::Group(_))
                    && !conversation.row.left
                    && (conversation.logs.contains_key(device)
                        || conversation.group.present.contains_key(device))
            })
        };
        *device != self.me.device && (is_contact || is_member())
    }

    /// The server was given its time.
    pub(super) fn tick_whereabouts(&mut self) {
        let now = self.now.instant;
        if self.call_at.take_if(|at| *at <= now).is_some() && !self.tie.is_registered() {
            self.call_known();
        }
    }

    /// The server is away: whoever is known is called at the addresses that are remembered.
    pub(super) fn call_known(&mut self) {
        self.call_at = None;
        let room = CALLED_MAX.saturating_sub(self.called.len());
        let is_new = |device: &DeviceId| {
            !self.called.contains(device)
                && !self.paths.is_linked(device)
                && !self.paths.is_wanted(device)
                && !self.paths.addresses_of(device).is_empty()
        };
        let known = self.known_devices();
        let devices: Vec<_> = known.into_iter().filter(is_new).take(room).collect();
        for device in devices {
            self.called.insert(device);
            self.paths.want(device, &[], false, self.now.instant);
        }
    }

    fn known_devices(&self) -> BTreeSet<DeviceId> {
        let mut devices = BTreeSet::new();
        for conversation in self.conversations.values().filter(|it| !it.row.left) {
            match conversation.row.kind {
                Kind::Direct(account) if self.people.is_blocked(&account) => {}
                Kind::Direct(account) => devices.extend(self.people.devices_of(&account)),
                Kind::Group(_) => devices.extend(conversation.logs.keys()),
            }
        }
        devices.extend(self.people.devices_of(&self.me.account));
        devices.remove(&self.me.device);
        devices
    }

    /// The server is back and says who is present: nobody else is called any more.
    pub(super) fn leave_calling_to_server(&mut self) {
        self.call_at = None;
        for device in std::mem::take(&mut self.called) {
            if !self.paths.is_linked(&device) {
                self.paths.unwant(&device);
            }
        }
    }

    /// Something was said of a device that is on the local network or told where it is.
    pub(super) fn on_whereabouts(&mut self, device: DeviceId, addresses: &[libp2p::Multiaddr]) {
        let now = self.now.instant;
        if self.is_known(&device) {
            self.paths.want(device, addresses, false, now);
        } else {
            self.paths.learn(device, addresses, now);
        }
    }
}
