//! A router that maps every connection to another port, so that no hole can be punched, opens a port when asked.

use std::{io::Write as _, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use patchbay::{
    Device, Firewall, IpSupport, Lab, NatConfig, NatFiltering, NatMapping, Router, RouterPreset,
};
use serde_json::json;
use tempfile::TempDir;

use super::{centre, last_road, pass};
use crate::{
    networks::Network,
    programs::{Peer, Server},
};

/// How the router may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Upnp,
    Pcp,
}

pub(super) async fn drill(lab: &Lab, by: By) -> Result<String> {
    if std::process::Command::new("miniupnpd").arg("--version").output().is_err() {
        return Ok(" (left out: miniupnpd is missing)".to_owned());
    }
    let (centre, server) = centre(lab).await?;
    let nat = NatConfig::builder()
        .mapping(NatMapping::EndpointDependent)
        .filtering(NatFiltering::EndpointIndependent)
        .build()?;
    let home = lab.add_router("home").preset(RouterPreset::Home).nat(nat);
    let home = home.firewall(Firewall::None).ip_support(IpSupport::V4Only).upstream(centre.id());
    let home = home.build().await?;
    let away = Network::SymmetricCgnat.build(lab, "away").await?;
    let bob = lab.add_device("bob").iface("eth0", home.id()).build().await?;
    let anna = lab.add_device("anna").iface("eth0", away.id()).build().await?;
    let job = tokio::task::spawn_blocking(move || talk(&home, [&server, &anna, &bob], by));
    job.await?
}

fn talk(home: &Router, [server, anna, bob]: [&Device; 3], by: By) -> Result<String> {
    let router = Daemon::start(home, bob, by)?;
    let server = Server::start(server)?;
    let mut bob = Peer::start(bob, &server, "bob")?;
    bob.registered()?;
    let mut opened = Vec::new();
    for _ in 0..30 {
        let told = bob.ask(json!({"do": "diagnostics"}))?;
        opened = told["opened"].as_array().cloned().unwrap_or_default();
        if opened.len() >= 2 {
            break;
        }
        ensure!(bob.watch(Duration::from_millis(500)), "bob has ended");
    }
    let outcome = (|| {
        ensure!(opened.len() >= 2, "the router opened only {opened:?}");
        let rules = router.rules()?;
        ensure!(rules.contains("dnat"), "the router has no rule: {rules}");
        let mut anna = Peer::start(anna, &server, "anna")?;
        anna.registered()?;
        pass(&mut anna, &bob, "@bob", "hello")?;
        pass(&mut bob, &anna, "@anna", "hello back")?;
        ensure!(anna.watch(Duration::from_secs(5)), "anna has ended");
        let road = last_road(&anna, "bob")?;
        ensure!(road == "direct", "anna's road is {road}\n{}", anna.said());
        Ok(())
    })();
    outcome.with_context(|| format!("{}\nthe router's log:\n{}", bob.said(), router.log()))?;
    bob.quit()?;
    let rules = router.rules()?;
    ensure!(!rules.contains("dnat"), "at the end the ports were not closed: {rules}");
    Ok(format!(" ({})", opened.iter().filter_map(|it| it.as_str()).collect::<Vec<_>>().join(", ")))
}

/// A router's `miniupnpd`.
struct Daemon {
    router: Router,
    child: std::process::Child,
    folder: TempDir,
}

impl Daemon {
    fn start(router: &Router, inside: &Device, by: By) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let uplink = router.uplink_ip().context("the router has no address outside")?;
        let gateway = router.downstream_gw().context("the router has no address inside")?;
        ensure!(inside.ip().is_some_and(|ip| ip.is_private()), "the home has public addresses");
        let outside = interface_of(router, &uplink.to_string())?;
        let lan = interface_of(router, &gateway.to_string())?;
        let (upnp, pcp) = if by == By::Upnp { ("yes", "no") } else { ("no", "yes") };
        let config = format!(
            "ext_ifname={outside}\nlistening_ip={lan}\nenable_upnp={upnp}\nenable_natpmp={pcp}\n\
             uuid=5b34e1b0-0000-4000-8000-000000000001\nsecure_mode=yes\n\
             min_lifetime=120\nmax_lifetime=86400\nsystem_uptime=yes\nhttp_port=5000\n\
             allow 1024-65535 0.0.0.0/0 1024-65535\n"
        );
        std::fs::write(folder.path().join("miniupnpd.conf"), config)?;
        let tables = "table inet filter {
            chain miniupnpd {}
            chain forward { type filter hook forward priority 0; policy accept; jump miniupnpd; }
            chain prerouting_miniupnpd {}
            chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
            chain postrouting_miniupnpd {}
            chain postrouting { type nat hook postrouting priority 90; jump postrouting_miniupnpd; }
        }";
        let mut nft = std::process::Command::new("nft");
        nft.args(["-f", "-"]).stdin(Stdio::piped());
        let mut nft = router.spawn_command_sync(nft)?;
        nft.stdin.take().context("nft takes rules")?.write_all(tables.as_bytes())?;
        ensure!(nft.wait()?.success(), "the router's tables cannot be made");
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut daemon = std::process::Command::new("miniupnpd");
        daemon.arg("-d").arg("-f").arg(folder.path().join("miniupnpd.conf"));
        daemon.arg("-P").arg(folder.path().join("pid")).stdin(Stdio::null());
        daemon.stdout(log.try_clone()?).stderr(log);
        let child = router.spawn_command_sync(daemon)?;
        Ok(Self { router: router.clone(), child, folder })
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The rules of opened ports.
    fn rules(&self) -> Result<String> {
        let output = self.router.run_sync(|| {
            let mut nft = std::process::Command::new("nft");
            Ok(nft.args(["list", "chain", "inet", "filter", "prerouting_miniupnpd"]).output()?)
        })?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The interface of a router that has an address.
fn interface_of(router: &Router, address: &str) -> Result<String> {
    let output = router.run_sync(|| {
        Ok(std::process::Command::new("ip").args(["-o", "-4", "address"]).output()?)
    })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains(&format!(" {address}/")));
    let name = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(name.with_context(|| format!("no interface has {address}:\n{text}"))?.to_owned())
}
