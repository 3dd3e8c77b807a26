//! One of two moves to another network in the middle of a file.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::event;
use patchbay::{Device, Lab, LinkCondition, LinkDirection};
use serde_json::json;

use super::{centre, on_road, pass};
use crate::{
    networks::Network,
    programs::{Peer, Server, now},
};

/// Bytes of the file.
const SIZE: usize = 24 * 1024 * 1024;
/// What the network between may carry, so that the file takes a while.
const MBIT: u32 = 40;
/// Programs that are built without optimisation, several networks at one time: what is wanted is three seconds.
const BOUND: Duration = Duration::from_secs(10);

/// Who moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Sender,
    Receiver,
}

pub(super) async fn drill(lab: &Lab, who: Who) -> Result<String> {
    let (_centre, server) = centre(lab).await?;
    let wifi = Network::Home.build(lab, "wifi").await?;
    let mobile = Network::Home.build(lab, "mobile").await?;
    let other = Network::Public.build(lab, "other").await?;
    let anna = lab.add_device("anna").iface("eth0", other.id()).build().await?;
    let bob = lab.add_device("bob").iface("eth0", wifi.id()).build().await?;
    let slow = LinkCondition::new().rate_mbit(MBIT);
    let interface = anna.iface("eth0").context("anna has an interface")?;
    interface.set_condition(slow, LinkDirection::Both).await?;
    let devices = [server, anna, bob.clone()];
    let (server, [mut anna, mut bob_peer]) =
        tokio::task::spawn_blocking(move || begin(&devices, who)).await??;
    let moved_at = now();
    let interface = bob.iface("eth0").context("bob has an interface")?;
    interface.replug(mobile.id()).await?;
    let replugged = now();
    tokio::task::spawn_blocking(move || {
        let receiver = if who == Who::Receiver { &mut bob_peer } else { &mut anna };
        let mark = receiver.mark();
        let is_progress = |line: &serde_json::Value| event::is(line, "progress");
        let finished = (|| {
            let resumed = receiver.wait_after(mark, "more of the file", is_progress)?;
            receiver.wait_for("the whole file", |line| line["bytes"] == json!(SIZE))?;
            anyhow::Ok(resumed.at)
        })();
        let told = || format!("{}\n{}\n{}", anna.said(), bob_peer.said(), server.log());
        let resumed = finished.with_context(told)?;
        let (down, up) = (resumed - moved_at, resumed.saturating_duration_since(replugged));
        if let Some(path) = std::env::var_os("NATTERJACK_LAB_TELL") {
            std::fs::write(path, told())?;
        }
        ensure!(up < BOUND, "it went on after {up:?} only\n{}", told());
        Ok(format!(
            " (went on {} ms after the new network was there, {} ms after the old one was left)",
            up.as_millis(),
            down.as_millis()
        ))
    })
    .await?
}

/// Anna and Bob talk, and part of the file has come.
fn begin([server, anna, bob]: &[Device; 3], who: Who) -> Result<(Server, [Peer; 2])> {
    let server = Server::start(server)?;
    let mut anna = Peer::start(anna, &server, "anna")?;
    let mut bob = Peer::start(bob, &server, "bob")?;
    anna.registered()?;
    bob.registered()?;
    pass(&mut anna, &bob, "@bob", "hello")?;
    pass(&mut bob, &anna, "@anna", "hello back")?;
    on_road(&anna, "bob", "direct")?;
    let (sender, receiver, to) = match who {
        Who::Sender => (&mut bob, &mut anna, "@anna"),
        Who::Receiver => (&mut anna, &mut bob, "@bob"),
    };
    let path = sender.write_file("film", &e2e::samples::noise("film", SIZE))?;
    sender.ask(json!({"do": "send", "to": to, "file": path}))?;
    let file = receiver.wait_for("the file's message", event::attachment)?.value;
    let message = event::text(&file, "message").to_owned();
    let place = path.with_file_name("copy");
    receiver.tell(json!({"do": "fetch", "message": message, "save_to": place}))?;
    let has_some = |line: &serde_json::Value| {
        event::is(line, "progress") && line["done"].as_u64() > Some(SIZE as u64 / 6)
    };
    receiver.wait_for("a part of the file", has_some)?;
    Ok((server, [anna, bob]))
}
