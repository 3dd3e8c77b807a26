//! The network around this device: openings in the router, how the server sees it, what passes.

use std::collections::BTreeSet;

use libp2p::{
    Multiaddr,
    swarm::{
        DialError, FromSwarm, NetworkBehaviour as _, NewExternalAddrCandidate,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use wire::id::DeviceId;

use super::{
    opening::{self, Opening},
    run::{Event, Running},
};
use crate::core::{
    diagnostics::Whom,
    input::{Input, OpeningInput, ServerInput},
    opening::Port,
};

impl Running {
    /// Keeps this device's address from some. On the local network it would be told to everybody, so nothing is
    /// told there any more.
    pub(super) fn hide_from(&mut self, devices: &BTreeSet<DeviceId>) {
        let peers: BTreeSet<_> = devices.iter().map(DeviceId::peer_id).collect();
        let behaviour = self.swarm.behaviour_mut();
        if !peers.is_empty() && behaviour.local.is_enabled() {
            behaviour.local = None.into();
        }
        behaviour.punch.rule.hide_from(peers.clone());
        behaviour.identify.rule.hide_from(peers);
    }

    pub(super) fn open_port(&mut self, port: Port) {
        let before = self.openings.get(&port).map(|opening| opening.external);
        let inbox = self.inbox.clone();
        self.tasks.spawn(async move {
            let result = opening::open(port, before).await.map(Box::new);
            if inbox.send(Event::PortAsked { port, result }).await.is_err() {
                tracing::trace!("the node has ended");
            }
        });
    }

    pub(super) fn on_port_asked(
        &mut self,
        port: Port,
        result: Result<Box<Opening>, String>,
    ) -> Input {
        Input::Opening(match result {
            Ok(opening) => {
                let Opening { external, lifetime, by, .. } = *opening;
                tracing::info!(?port, %external, by, "the router lets others in");
                self.openings.insert(port, *opening);
                OpeningInput::Opened { port, external, lifetime, by }
            }
            Err(text) => {
                tracing::debug!(?port, text, "the router lets nobody in");
                OpeningInput::Failed { port, text }
            }
        })
    }

    /// Others can reach this device at an address, or not any more. It is told to the server and, for punching
    /// holes, to whoever is reached through a circuit.
    pub(super) fn set_reachable(&mut self, address: Multiaddr, reachable: bool) {
        if reachable {
            if let Some(punch) = self.swarm.behaviour_mut().punch.inner.as_mut() {
                let candidate = NewExternalAddrCandidate { addr: &address };
                punch.on_swarm_event(FromSwarm::NewExternalAddrCandidate(candidate));
            }
            self.swarm.add_external_address(address);
        } else {
            self.swarm.remove_external_address(&address);
        }
        let addresses = self.addresses();
        self.ready.push_back(Input::Addresses(addresses));
    }

    pub(super) fn probe_server(&mut self, addresses: Vec<Multiaddr>) {
        for at in addresses {
            let options = DialOpts::peer_id(self.server.id.peer_id())
                .addresses(vec![at.clone()])
                .condition(PeerCondition::Always)
                .build();
            let connection = options.connection_id();
            match self.swarm.dial(options) {
                Ok(()) => {
                    self.server.probes.insert(connection, at);
                }
                Err(error) => {
                    let silent = ServerInput::Silent { at, text: reason(&error) };
                    self.ready.push_back(Input::Server(silent));
                }
            }
        }
    }

    /// Tells the core what did not work of a dial.
    pub(super) fn tell_failure(&mut self, whom: &Whom, error: &DialError) {
        let mut failed = |address: Option<&Multiaddr>, text: String| {
            let (whom, address) = (whom.clone(), address.cloned());
            self.ready.push_back(Input::Failed { whom, address, text });
        };
        match error {
            DialError::Transport(attempts) => {
                for (address, error) in attempts {
                    failed(Some(address), in_words(error));
                }
            }
            // Given up since another road was found, or the network changed.
            DialError::Aborted => {}
            error => failed(None, reason(error)),
        }
    }

    /// What passed, if anything did since this was asked last.
    pub(super) fn new_traffic(&mut self) -> Option<Input> {
        let traffic = self.counters.read();
        (traffic != self.traffic).then(|| {
            self.traffic.clone_from(&traffic);
            Input::Traffic(traffic)
        })
    }
}

/// Why a dial failed, in a few words.
pub(super) fn reason(error: &DialError) -> String {
    match error {
        DialError::Transport(attempts) => {
            attempts.first().map_or_else(|| "no address answers".to_owned(), |(_, it)| in_words(it))
        }
        DialError::NoAddresses => "no address is known".to_owned(),
        DialError::WrongPeerId { .. } => "another device answers there".to_owned(),
        DialError::Denied { .. } => "it is not allowed".to_owned(),
        error => error.to_string(),
    }
}

/// The innermost cause, which says most.
fn in_words(error: &dyn std::error::Error) -> String {
    const WORDS_MAX: usize = 120;
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let text = inner.to_string();
    let text = if text.contains("timed out") || text.contains("Timeout") || text.contains("timeout")
    {
        "no answer; a firewall or router may be in the way".to_owned()
    } else {
        text
    };
    text.chars().filter(|c| !c.is_control()).take(WORDS_MAX).collect()
}
