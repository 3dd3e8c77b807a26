//! The [`Doors`] as libp2p asks for them: before a connection is set up, and once it has proven
//! whose it is.

use std::{collections::BTreeMap, net::IpAddr};

use libp2p::{
    Multiaddr, PeerId,
    swarm::{ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, ListenFailure},
};
use wire::id::DeviceId;

use crate::{addresses, bystander::Bystander, config::ConnectionConfig, doors::Doors};

/// Denies connections, see the module.
#[derive(Debug)]
pub struct Gate {
    /// What decides.
    pub doors: Doors,
    /// Where each connection comes from, at most as many as the limits on connections allow.
    origins: BTreeMap<ConnectionId, IpAddr>,
}

impl Gate {
    /// Starts with nobody connected.
    pub fn new(limits: &ConnectionConfig) -> Self {
        Self { doors: Doors::new(limits), origins: BTreeMap::new() }
    }

    /// The connections from addresses that a predicate holds for.
    pub fn connections_from(&self, is_meant: impl Fn(IpAddr) -> bool) -> Vec<ConnectionId> {
        let meant = self.origins.iter().filter(|(_, ip)| is_meant(**ip));
        meant.map(|(connection, _)| *connection).collect()
    }

    /// Connections from clients, those being set up among them.
    pub fn connections(&self) -> usize {
        self.origins.len()
    }

    fn gone(&mut self, connection: ConnectionId) {
        if let Some(ip) = self.origins.remove(&connection) {
            self.doors.left(ip);
        }
    }
}

impl Bystander for Gate {
    #[expect(clippy::disallowed_methods, reason = "the swarm asks without telling the time")]
    fn arriving(
        &mut self,
        connection: ConnectionId,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let Some(ip) = addresses::ip_of(remote) else { return Ok(()) };
        let ip = ip.to_canonical();
        self.doors.arrive(ip, std::time::Instant::now()).map_err(ConnectionDenied::new)?;
        self.origins.insert(connection, ip);
        Ok(())
    }

    fn arrived(&mut self, peer: PeerId) -> Result<(), ConnectionDenied> {
        match DeviceId::try_from(peer) {
            Ok(device) => self.doors.admit(&device).map_err(ConnectionDenied::new),
            Err(_) => Ok(()),
        }
    }

    fn saw(&mut self, event: &FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. })
            | FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.gone(*connection_id);
            }
            _ => {}
        }
    }
}
