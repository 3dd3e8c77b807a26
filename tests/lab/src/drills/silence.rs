//! Two people who say nothing for longer than their routers remember what passed.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::event;
use patchbay::{Device, Firewall, IpSupport, Lab, NatConfig, Router, RouterPreset};
use serde_json::json;

use super::{centre, on_road, pass};
use crate::programs::{Peer, Server};

/// After how many seconds the routers forget.
const REMEMBERED: u32 = 30;
/// How long nothing is said.
const SILENCE: Duration = Duration::from_secs(75);
/// What a message may take afterwards, which is no time for a new connection to a peer that is taken for reachable.
const BOUND: Duration = Duration::from_secs(2);

pub(super) async fn drill(lab: &Lab) -> Result<String> {
    let (_centre, server) = centre(lab).await?;
    let (one, two) = (forgetful(lab, "one").await?, forgetful(lab, "two").await?);
    let anna = lab.add_device("anna").iface("eth0", one.id()).build().await?;
    let bob = lab.add_device("bob").iface("eth0", two.id()).build().await?;
    tokio::task::spawn_blocking(move || talk([&server, &anna, &bob])).await?
}

/// A home router that forgets quickly.
async fn forgetful(lab: &Lab, name: &str) -> Result<Router> {
    let nat = NatConfig::builder().udp_timeout(REMEMBERED).udp_stream_timeout(REMEMBERED);
    let router = lab.add_router(name).preset(RouterPreset::Home).ip_support(IpSupport::V4Only);
    router.nat(nat.build()?).firewall(Firewall::None).build().await
}

fn talk([server, anna, bob]: [&Device; 3]) -> Result<String> {
    let server = Server::start(server)?;
    let mut anna = Peer::start(anna, &server, "anna")?;
    let mut bob = Peer::start(bob, &server, "bob")?;
    let result = measure(&mut anna, &mut bob);
    result.with_context(|| format!("{}\n{}\n{}", anna.said(), bob.said(), server.log()))
}

fn measure(anna: &mut Peer, bob: &mut Peer) -> Result<String> {
    anna.registered()?;
    bob.registered()?;
    pass(anna, bob, "@bob", "hello")?;
    pass(bob, anna, "@anna", "hello back")?;
    on_road(anna, "bob", "direct")?;
    let mark = anna.mark();
    ensure!(anna.watch(SILENCE), "anna has ended");
    let told = bob.send("@anna", "still there?")?;
    let arrived = anna.wait_for("a message after the silence", event::message("still there?"))?;
    let took = arrived.at.saturating_duration_since(told);
    let lines = anna.lines(|_| true);
    let lost = lines.iter().skip(mark).find(|line| {
        event::is(&line.value, "path") && line.value["path"] != json!("direct")
            || event::is(&line.value, "rendezvous")
    });
    ensure!(lost.is_none(), "a road was lost in the silence: {lost:?}");
    ensure!(took < BOUND, "a message took {took:?}");
    Ok(format!(" (a message took {} ms)", took.as_millis()))
}
