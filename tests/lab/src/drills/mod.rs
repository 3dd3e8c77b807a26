//! What networks do to people who talk, one drill each.

mod hiding;
mod local;
mod moving;
mod opening;
mod server_loss;
mod silence;

use anyhow::{Context as _, Result, ensure};
use e2e::event;
use patchbay::{Device, Lab, Router, RouterPreset};
use serde_json::json;

use crate::programs::Peer;

/// A drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drill {
    /// A router opens a port when it is asked by `UPnP`.
    Upnp,
    /// The same by PCP or NAT-PMP.
    Pcp,
    /// Two people on one local network, without server and internet.
    LocalNetwork,
    /// The server is gone, and comes back.
    ServerLoss,
    /// Another network in the middle of a file that is received.
    MovingReceiver,
    /// Another network in the middle of a file that is sent.
    MovingSender,
    /// An address that is kept from one contact and not from another.
    RelayOnly,
    /// Nothing is said for longer than routers remember.
    Silence,
}

impl Drill {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Upnp,
        Self::Pcp,
        Self::LocalNetwork,
        Self::ServerLoss,
        Self::MovingReceiver,
        Self::MovingSender,
        Self::RelayOnly,
        Self::Silence,
    ];

    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upnp => "opening by UPnP",
            Self::Pcp => "opening by PCP",
            Self::LocalNetwork => "local network",
            Self::ServerLoss => "server loss",
            Self::MovingReceiver => "moving receiver",
            Self::MovingSender => "moving sender",
            Self::RelayOnly => "relay only",
            Self::Silence => "silence",
        }
    }
}

/// Runs a drill. What comes back is told beside its success.
pub async fn run(drill: Drill) -> Result<String> {
    let lab = Lab::new().await.context("the networks cannot be made")?;
    let result = match drill {
        Drill::Upnp => opening::drill(&lab, opening::By::Upnp).await,
        Drill::Pcp => opening::drill(&lab, opening::By::Pcp).await,
        Drill::LocalNetwork => local::drill(&lab).await,
        Drill::ServerLoss => server_loss::drill(&lab).await,
        Drill::MovingReceiver => moving::drill(&lab, moving::Who::Receiver).await,
        Drill::MovingSender => moving::drill(&lab, moving::Who::Sender).await,
        Drill::RelayOnly => hiding::drill(&lab).await,
        Drill::Silence => silence::drill(&lab).await,
    };
    drop(lab);
    result
}

/// The middle of the internet, with addresses that count as public ones, and a device for the server.
async fn centre(lab: &Lab) -> Result<(Router, Device)> {
    let centre = lab.add_router("centre").preset(RouterPreset::Public);
    let centre = centre.downstream_cidr("5.5.5.0/24".parse()?).build().await?;
    let server = lab.add_device("server").iface("eth0", centre.id()).build().await?;
    Ok((centre, server))
}

/// One writes, the other reads it.
fn pass(from: &mut Peer, to: &Peer, conversation: &str, text: &str) -> Result<()> {
    from.send(conversation, text)?;
    to.wait_for(&format!("the message {text:?}"), event::message(text))?;
    Ok(())
}

/// Waits until a contact is reached on this kind of road, now or soon.
fn on_road(peer: &Peer, contact: &str, road: &str) -> Result<()> {
    let told = peer.lines(|line| event::is(line, "path") && line["peer"] == json!(contact));
    if told.last().is_some_and(|line| line.value["path"] == json!(road)) {
        return Ok(());
    }
    let mark = peer.mark().saturating_sub(1);
    peer.wait_after(mark, &format!("a {road} road"), event::path(contact, road)).map(drop)
}

/// The newest road that was told.
fn last_road(peer: &Peer, contact: &str) -> Result<String> {
    let told = peer.lines(|line| event::is(line, "path") && line["peer"] == json!(contact));
    let last = told.last().context("no road was ever told")?;
    Ok(event::text(&last.value, "path").to_owned())
}

/// A program of the system in a device's namespace, to its end.
fn run_in(device: &Device, program: &str, arguments: &[&str]) -> Result<String> {
    let mut command = std::process::Command::new(program);
    command.args(arguments);
    let output = device.run_sync(move || Ok(command.output()?))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{program} {arguments:?}: {said}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
