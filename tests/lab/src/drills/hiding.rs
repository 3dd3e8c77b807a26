//! Anna keeps her address from Bob and not from Carol. All three could reach each other; the packets are counted.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use patchbay::{Device, Lab};
use serde_json::json;

use super::{centre, last_road, on_road, pass, run_in};
use crate::{
    networks::Network,
    programs::{Peer, Server},
};

pub(super) async fn drill(lab: &Lab) -> Result<String> {
    let (_centre, server) = centre(lab).await?;
    let mut devices = vec![server];
    for name in ["anna", "bob", "carol"] {
        let router = Network::Public.build(lab, &format!("{name}-router")).await?;
        devices.push(lab.add_device(name).iface("eth0", router.id()).build().await?);
    }
    tokio::task::spawn_blocking(move || talk(&devices)).await?
}

/// Counts what passes between a device and two others.
fn count(at: &Device, others: [&Device; 2]) -> Result<()> {
    let mut rules: Vec<String> = vec!["table inet watch {".into()];
    for name in ["bob", "carol"] {
        rules.push(format!("counter {name} {{ }}"));
    }
    for (hook, way) in [("input", "saddr"), ("output", "daddr")] {
        rules.push(format!("chain {hook} {{ type filter hook {hook} priority 0;"));
        for (other, name) in others.iter().zip(["bob", "carol"]) {
            let ip4 = other.ip().map(|ip| format!("ip {way} {ip} counter name {name}"));
            let ip6 = other.ip6().map(|ip| format!("ip6 {way} {ip} counter name {name}"));
            rules.extend(ip4.into_iter().chain(ip6));
        }
        rules.push("}".into());
    }
    rules.push("}\n".into());
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), rules.join("\n"))?;
    run_in(at, "nft", &["-f", &file.path().to_string_lossy()]).map(drop)
}

fn packets(at: &Device, name: &str) -> Result<u64> {
    let said = run_in(at, "nft", &["list", "counter", "inet", "watch", name])?;
    let number = said.split("packets ").nth(1).and_then(|rest| rest.split_whitespace().next());
    Ok(number.context("nft tells packets")?.parse()?)
}

fn talk(devices: &[Device]) -> Result<String> {
    let [server, anna_at, bob_at, carol_at] = devices else { anyhow::bail!("four devices") };
    count(anna_at, [bob_at, carol_at])?;
    let server = Server::start(server)?;
    let mut bob = Peer::start(bob_at, &server, "bob")?;
    bob.registered()?;
    let mut carol = Peer::start(carol_at, &server, "carol")?;
    carol.registered()?;
    let mut anna = Peer::start(anna_at, &server, "anna")?;
    anna.registered()?;
    anna.ask(json!({"do": "relay_only", "peer": "@bob", "on": true}))?;
    pass(&mut anna, &bob, "@bob", "hello")?;
    pass(&mut bob, &anna, "@anna", "hello back")?;
    pass(&mut carol, &anna, "@anna", "hello from me")?;
    pass(&mut anna, &carol, "@carol", "and from me")?;
    on_road(&anna, "carol", "direct")?;
    // As long as three attempts to punch a hole, and more.
    ensure!(anna.watch(Duration::from_secs(20)), "anna has ended");
    let mut anna = Peer::start_again(anna_at, anna.kill())?;
    anna.registered()?;
    pass(&mut bob, &anna, "@anna", "after the restart")?;
    pass(&mut anna, &bob, "@bob", "still unseen")?;
    ensure!(anna.watch(Duration::from_secs(10)), "anna has ended");
    let road = last_road(&anna, "bob")?;
    ensure!(road == "relayed", "the road to bob is {road}\n{}", anna.said());
    let to_bob = packets(anna_at, "bob")?;
    let to_carol = packets(anna_at, "carol")?;
    ensure!(to_carol > 0, "the count does not work");
    ensure!(to_bob == 0, "{to_bob} packets passed between anna and bob\n{}", anna.said());
    Ok(format!(" (packets between anna and bob: {to_bob}, and carol: {to_carol})"))
}
