//! All devices, and when something is to be done for the first of them.

use std::{
    cell::Cell,
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    time::Instant,
};

use wire::id::DeviceId;

use super::device::Device;

/// Devices by their ids. The time of what is next is found anew only after they were changed: it is asked for at
/// each turn of the node's loop.
#[derive(Debug, Default)]
pub(super) struct Devices {
    by_id: BTreeMap<DeviceId, Device>,
    due: Cell<Due>,
}

/// What is known of that time.
#[derive(Clone, Copy, Debug, Default)]
enum Due {
    /// Nothing, after a change.
    #[default]
    Unknown,
    /// When it is, if there is one.
    Known(Option<Instant>),
}

impl Devices {
    /// When the first dial or decision is due.
    pub(super) fn due(&self) -> Option<Instant> {
        if let Due::Known(due) = self.due.get() {
            return due;
        }
        let due = |entry: &Device| [entry.direct_at, entry.relay_at, entry.doubled_until];
        let all = self.by_id.values().flat_map(due);
        let due = all.flatten().min();
        self.due.set(Due::Known(due));
        due
    }
}

impl Deref for Devices {
    type Target = BTreeMap<DeviceId, Device>;

    fn deref(&self) -> &Self::Target {
        &self.by_id
    }
}

impl DerefMut for Devices {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.due.set(Due::Unknown);
        &mut self.by_id
    }
}
