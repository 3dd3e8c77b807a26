//! From whom this device keeps its address: people who are only talked to through the server.

use std::collections::BTreeSet;

use wire::id::{ConversationId, DeviceId};

use super::{
    command::{Answer, Failure},
    effect::Effect,
    input::CallId,
    machine::Machine,
    storage::{Kind, StoreOp},
};

impl Machine {
    pub(super) fn on_relay_only(&mut self, call: CallId, id: ConversationId, on: bool) {
        let Some(&Kind::Direct(account)) = self.conversations.get(&id).map(|it| &it.row.kind)
        else {
            let text = "An address is kept from people, not from a group";
            return self.answer(call, Err(Failure::new("bad_command", text)));
        };
        let changed = if on { self.hidden.insert(account) } else { self.hidden.remove(&account) };
        if changed {
            self.store(StoreOp::RelayOnly { account, on });
            self.dirty.conversations = true;
            if self.tie.is_registered() {
                self.announce();
            }
        }
        self.answer(call, Ok(Answer::Done));
    }

    /// Whether others may learn from the server where this device is. It tells everybody the same.
    pub(super) fn is_open(&self) -> bool {
        !self.relay_only && self.hidden.is_empty()
    }

    /// Sees to it that no direct road leads to a device of those from whom the address is kept.
    pub(super) fn hide(&mut self) {
        let devices: BTreeSet<DeviceId> =
            self.hidden.iter().flat_map(|account| self.people.devices_of(account)).collect();
        if devices != self.hidden_devices {
            let actions = self.paths.hide_from(devices.clone());
            self.hidden_devices.clone_from(&devices);
            // Before any connection is made or closed.
            self.effects.insert(0, Effect::HideFrom { devices });
            self.follow(actions);
        }
    }
}
