//! Where the node listens, and taking in the streams that others open.

use std::{fs, io, iter, path::Path, time::Duration};

use futures::StreamExt as _;
use libp2p::{
    Multiaddr, StreamProtocol, TransportError, core::transport::ListenerId, multiaddr::Protocol,
    swarm::SwarmEvent,
};
use libp2p_stream::IncomingStreams;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use wire::id::DeviceId;

use super::{
    Config, NodeError, jobs, pairing,
    run::{Event, Running},
};

/// The file of the data folder with the ports of the run before, as [`everywhere`] orders them.
const PORTS: &str = "ports";
/// How long a new node waits for its listeners' addresses.
const LISTEN_WITHIN: Duration = Duration::from_secs(5);

impl Running {
    /// Where others could reach this peer, as far as that is known.
    pub(super) fn addresses(&self) -> Vec<Multiaddr> {
        let circuit = |address: &&Multiaddr| {
            !address.iter().any(|part| part == libp2p::multiaddr::Protocol::P2pCircuit)
        };
        let mut addresses: Vec<_> =
            self.swarm.external_addresses().filter(circuit).cloned().collect();
        for address in self.swarm.listeners().filter(circuit) {
            if !addresses.contains(address) {
                addresses.push(address.clone());
            }
        }
        addresses
    }

    /// Opens the listeners, and waits until their ports are known.
    pub(super) async fn listen(&mut self, config: &Config) -> Result<(), NodeError> {
        let chosen = !config.listen.is_empty();
        let kept = config.data_dir.join(PORTS);
        let addresses = match (config.relay_only, chosen) {
            (true, _) => Vec::new(),
            (false, true) => config.listen.clone(),
            (false, false) => everywhere(&fs::read_to_string(&kept).unwrap_or_default()),
        };
        let mut awaited = Vec::new();
        for address in addresses {
            let listening = self.swarm.listen_on(address.clone()).or_else(|error| {
                // Another program has the port meanwhile.
                if chosen { Err(error) } else { self.swarm.listen_on(with_port(&address, 0)) }
            });
            match listening {
                Ok(listener) => {
                    awaited.push((listener, address));
                }
                // A machine without one of the address families still has the other.
                Err(error) if !chosen => tracing::debug!(%address, %error, "cannot listen"),
                Err(error) => return Err(NodeError::Listen { address, reason: reason(error) }),
            }
        }
        let waiting = self.await_listeners(&mut awaited, chosen);
        match timeout(LISTEN_WITHIN, waiting).await {
            Ok(result) => result?,
            Err(_elapsed) => tracing::warn!("some addresses to listen on are not ready yet"),
        }
        if !chosen && !config.relay_only {
            self.keep_ports(&kept);
        }
        self.accept_streams()
    }

    /// Keeps where this device listens, so that others find it there after a restart without the server.
    fn keep_ports(&self, file: &Path) {
        let ports: Vec<_> = everywhere("")
            .iter()
            .map(|kind| {
                let mut own =
                    self.swarm.listeners().filter(|address| kind_of(address) == kind_of(kind));
                own.find_map(port).unwrap_or(0).to_string()
            })
            .collect();
        if let Err(error) = fs::write(file, ports.join(" ")) {
            tracing::debug!(%error, "the ports could not be kept");
        }
    }

    async fn await_listeners(
        &mut self,
        awaited: &mut Vec<(ListenerId, Multiaddr)>,
        chosen: bool,
    ) -> Result<(), NodeError> {
        while !awaited.is_empty() {
            match self.swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { listener_id, .. } => {
                    awaited.retain(|(listener, _)| *listener != listener_id);
                }
                SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                    let failed =
                        awaited.iter().find(|(listener, _)| *listener == listener_id).cloned();
                    awaited.retain(|(listener, _)| *listener != listener_id);
                    if let (Some((_, address)), Err(error), true) = (failed, reason, chosen) {
                        return Err(NodeError::Listen { address, reason: error.to_string() });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn accept_streams(&mut self) -> Result<(), NodeError> {
        let mut control = self.swarm.behaviour().streams.new_control();
        let taken = |_error| NodeError::Network("a protocol is registered twice".to_owned());
        let sync = control.accept(StreamProtocol::new(wire::sync::PROTOCOL)).map_err(taken)?;
        let blob = control.accept(StreamProtocol::new(wire::blob::PROTOCOL)).map_err(taken)?;
        let pairing =
            control.accept(StreamProtocol::new(wire::pairing::PROTOCOL)).map_err(taken)?;
        self.tasks.spawn(pairing::serve(pairing, self.inbox.clone()));
        self.tasks.spawn(accept_sync(sync, self.inbox.clone()));
        let counters = self.counters.clone();
        self.tasks.spawn(jobs::serve(blob, self.blobs.clone(), self.inbox.clone(), counters));
        Ok(())
    }
}

async fn accept_sync(mut incoming: IncomingStreams, inbox: mpsc::Sender<Event>) {
    /// Streams that were accepted and that the loop has not seen.
    const UNSEEN: usize = 1024;
    let mut waiting = JoinSet::new();
    while let Some((peer, stream)) = incoming.next().await {
        while waiting.try_join_next().is_some() {}
        if let Ok(device) = DeviceId::try_from(peer)
            && waiting.len() < UNSEEN
        {
            // Not awaited here: the library drops streams while nobody takes the next one.
            let inbox = inbox.clone();
            waiting.spawn(async move {
                if inbox.send(Event::SyncAccepted { device, stream }).await.is_err() {
                    tracing::trace!("the node has ended");
                }
            });
        }
    }
}

/// All interfaces, with the ports of the run before where they are known.
fn everywhere(kept: &str) -> Vec<Multiaddr> {
    let addresses = [
        "/ip4/0.0.0.0/udp/0/quic-v1",
        "/ip4/0.0.0.0/tcp/0",
        "/ip6/::/udp/0/quic-v1",
        "/ip6/::/tcp/0",
    ];
    let ports = kept.split_whitespace().map(|port| port.parse().unwrap_or(0));
    let ports = ports.chain(iter::repeat(0));
    let addresses = addresses.iter().filter_map(|address| address.parse().ok());
    addresses.zip(ports).map(|(address, port)| with_port(&address, port)).collect()
}

fn with_port(address: &Multiaddr, port: u16) -> Multiaddr {
    let changed = |protocol| match protocol {
        Protocol::Udp(_) => Protocol::Udp(port),
        Protocol::Tcp(_) => Protocol::Tcp(port),
        other => other,
    };
    address.iter().map(changed).collect()
}

fn port(address: &Multiaddr) -> Option<u16> {
    address.iter().find_map(|part| match part {
        Protocol::Udp(port) | Protocol::Tcp(port) => Some(port),
        _ => None,
    })
}

/// IPv4 or IPv6, UDP or TCP.
fn kind_of(address: &Multiaddr) -> (bool, bool) {
    let is = |wanted: fn(&Protocol<'_>) -> bool| address.iter().any(|part| wanted(&part));
    (is(|part| matches!(part, Protocol::Ip6(_))), is(|part| matches!(part, Protocol::Tcp(_))))
}

fn reason(error: TransportError<io::Error>) -> String {
    match error {
        TransportError::MultiaddrNotSupported(_) => {
            "this kind of address is not supported".to_owned()
        }
        TransportError::Other(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_the_run_before_are_taken_again() {
        let ports = |kept| everywhere(kept).iter().filter_map(port).collect::<Vec<_>>();
        assert_eq!(ports("4001 4002 4003 4004"), [4001, 4002, 4003, 4004]);
        assert_eq!(ports("4001 nonsense"), [4001, 0, 0, 0]);
        assert_eq!(ports(""), [0; 4]);
    }
}
