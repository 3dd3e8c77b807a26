//! Connected devices that have not registered, and when their patience ends. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use wire::id::DeviceId;

/// Every connected device is a stranger until it registers, and has a limited time for that.
#[derive(Debug)]
pub struct Connections {
    patience: Duration,
    /// Connected devices; the time at which a stranger is disconnected.
    devices: BTreeMap<DeviceId, Option<Instant>>,
    /// The same strangers by time.
    deadlines: BTreeSet<(Instant, DeviceId)>,
}

impl Connections {
    /// Starts with nobody connected.
    pub fn new(patience: Duration) -> Self {
        Self { patience, devices: BTreeMap::new(), deadlines: BTreeSet::new() }
    }

    /// A device has its first connection.
    pub fn connected(&mut self, device: DeviceId, now: Instant) {
        if !self.devices.contains_key(&device) {
            self.set(device, Some(now + self.patience));
        }
    }

    /// A device has no connection any more.
    pub fn disconnected(&mut self, device: &DeviceId) {
        if let Some(Some(deadline)) = self.devices.remove(device) {
            self.deadlines.remove(&(deadline, *device));
        }
    }

    /// A device has registered.
    pub fn registered(&mut self, device: DeviceId) {
        if self.devices.contains_key(&device) {
            self.set(device, None);
        }
    }

    /// A device's registration has ended; it has as long for the next as for the first.
    pub fn unregistered(&mut self, device: DeviceId, now: Instant) {
        if self.devices.contains_key(&device) {
            self.set(device, Some(now + self.patience));
        }
    }

    /// Takes the strangers whose time is over. They count as strangers anew until they are gone.
    pub fn overdue(&mut self, now: Instant) -> Vec<DeviceId> {
        let overdue: Vec<_> = self
            .deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= now)
            .map(|(_, device)| *device)
            .collect();
        for device in &overdue {
            self.set(*device, Some(now + self.patience));
        }
        overdue
    }

    /// When the next stranger's time is over.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    fn set(&mut self, device: DeviceId, deadline: Option<Instant>) {
        if let Some(Some(before)) = self.devices.insert(device, deadline) {
            self.deadlines.remove(&(before, device));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, device));
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "time begins somewhere")]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    fn device(id: u8) -> DeviceId {
        DeviceId::new([id; 32])
    }

    #[test]
    fn a_stranger_is_overdue_when_its_time_is_over() {
        let now = Instant::now();
        let mut connections = Connections::new(PATIENCE);
        connections.connected(device(1), now);
        connections.connected(device(1), now + PATIENCE / 2);
        assert_eq!(connections.next_deadline(), Some(now + PATIENCE));
        assert_eq!(connections.overdue(now + PATIENCE / 2), []);
        assert_eq!(connections.overdue(now + PATIENCE), [device(1)]);
        assert_eq!(connections.next_deadline(), Some(now + 2 * PATIENCE));
        connections.disconnected(&device(1));
        assert_eq!(connections.next_deadline(), None);
    }

    #[test]
    fn registered_devices_have_no_deadline_until_they_unregister() {
        let now = Instant::now();
        let mut connections = Connections::new(PATIENCE);
        connections.connected(device(1), now);
        connections.registered(device(1));
        assert_eq!(connections.next_deadline(), None);
        connections.unregistered(device(1), now + PATIENCE);
        assert_eq!(connections.overdue(now + 2 * PATIENCE), [device(1)]);
    }

    #[test]
    fn devices_that_are_gone_leave_nothing() {
        let now = Instant::now();
        let mut connections = Connections::new(PATIENCE);
        connections.connected(device(1), now);
        connections.disconnected(&device(1));
        connections.unregistered(device(1), now);
        connections.registered(device(2));
        assert_eq!(connections.next_deadline(), None);
        assert!(connections.devices.is_empty());
    }
}
