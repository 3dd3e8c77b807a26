//! Whether addresses are reached from elsewhere: another server dials them and says (`AutoNAT`).

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use libp2p::{
    Multiaddr, Swarm, SwarmBuilder, autonat, identify,
    identity::Keypair,
    noise,
    swarm::{NetworkBehaviour, SwarmEvent, ToSwarm},
    tcp, yamux,
};
use rand::rngs::StdRng;
use tokio::time::timeout;

use crate::{
    behaviour::PROTOCOL_VERSION,
    bystander::{Bystander, Bystanding},
    listen,
};

/// Time for all addresses together.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often an address that waits is tested.
const INTERVAL: Duration = Duration::from_millis(200);
/// Time for the connection to the other server.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Names addresses that are to be tested.
#[derive(Debug, Default)]
struct Candidates(VecDeque<Multiaddr>);

#[derive(NetworkBehaviour)]
struct Behaviour {
    candidates: Bystanding<Candidates>,
    identify: identify::Behaviour,
    autonat: autonat::v2::client::Behaviour<StdRng>,
}

/// Listens as the server would and has the server at `from` dial `external`. For each address:
/// whether it was reached; none if the other server did not say, as when it will not dial it.
pub async fn reached(
    listened: &[Multiaddr],
    external: &[Multiaddr],
    from: &Multiaddr,
) -> Result<BTreeMap<Multiaddr, Option<bool>>> {
    let mut swarm = swarm()?;
    listen::start(&mut swarm, listened)?;
    swarm.dial(from.clone()).with_context(|| format!("cannot connect to {from}"))?;
    timeout(CONNECT_WITHIN, connected(&mut swarm))
        .await
        .map_err(|_elapsed| anyhow::anyhow!("{from} does not answer"))??;
    swarm.behaviour_mut().candidates.0.0.extend(external.iter().cloned());
    let mut found: BTreeMap<_, _> = external.iter().map(|it| (it.clone(), None)).collect();
    let testing = async {
        while found.values().any(Option::is_none) {
            if let SwarmEvent::Behaviour(BehaviourEvent::Autonat(event)) =
                swarm.select_next_some().await
                && let Some(reached) = found.get_mut(&event.tested_addr)
            {
                *reached = Some(event.result.is_ok());
            }
        }
    };
    // What was not tested by then stays unknown.
    timeout(PATIENCE, testing).await.ok();
    Ok(found)
}

async fn connected(swarm: &mut Swarm<Behaviour>) -> Result<()> {
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { .. } => return Ok(()),
            SwarmEvent::OutgoingConnectionError { error, .. } => {
                anyhow::bail!("the other server cannot be reached: {error}")
            }
            _ => {}
        }
    }
}

/// With a key of its own: the server's may be in use.
fn swarm() -> Result<Swarm<Behaviour>> {
    let swarm = SwarmBuilder::with_existing_identity(Keypair::generate_ed25519())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)?
        .with_quic()
        .with_dns()?
        .with_behaviour(|key| Behaviour {
            candidates: Bystanding::default(),
            identify: identify::Behaviour::new(identify::Config::new(
                PROTOCOL_VERSION.to_owned(),
                key.public(),
            )),
            autonat: autonat::v2::client::Behaviour::new(
                rand::make_rng::<StdRng>(),
                autonat::v2::client::Config::default().with_probe_interval(INTERVAL),
            ),
        })?
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build();
    Ok(swarm)
}

impl Bystander for Candidates {
    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, Infallible>> {
        match self.0.pop_front() {
            Some(address) => Poll::Ready(ToSwarm::NewExternalAddrCandidate(address)),
            None => Poll::Pending,
        }
    }
}
