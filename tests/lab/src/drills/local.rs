//! Two people at home whose router has lost the internet, and with it the server. They know each other, but each has
//! another address than when they talked last.

use anyhow::{Context as _, Result, ensure};
use patchbay::{Device, Lab, Router};
use serde_json::json;

use super::{centre, last_road, pass};
use crate::{
    networks::Network,
    programs::{Peer, Rest, Server},
};

pub(super) async fn drill(lab: &Lab) -> Result<String> {
    let (_centre, server) = centre(lab).await?;
    let home = Network::Home.build(lab, "home").await?;
    let anna = lab.add_device("anna").iface("eth0", home.id()).build().await?;
    let bob = lab.add_device("bob").iface("eth0", home.id()).build().await?;
    let devices = [anna.clone(), bob.clone()];
    let (server, rests) =
        tokio::task::spawn_blocking(move || acquaint(&server, &devices)).await??;
    for device in [&anna, &bob] {
        let interface = device.iface("eth0").context("the device has an interface")?;
        interface.renew_ip().await?;
    }
    let told = tokio::task::spawn_blocking(move || {
        cut_off(&home)?;
        alone([&anna, &bob], rests)
    });
    let told = told.await?;
    drop(server);
    told
}

fn acquaint(server: &Device, [anna, bob]: &[Device; 2]) -> Result<(tempfile::TempDir, [Rest; 2])> {
    let server = Server::start(server)?;
    let mut anna = Peer::start(anna, &server, "anna")?;
    let mut bob = Peer::start(bob, &server, "bob")?;
    anna.registered()?;
    bob.registered()?;
    for peer in [&mut anna, &mut bob] {
        peer.ask(json!({"do": "join", "group": "#home"}))?;
    }
    pass(&mut anna, &bob, "@bob", "hello")?;
    pass(&mut bob, &anna, "@anna", "hello back")?;
    pass(&mut anna, &bob, "#home", "hello home")?;
    pass(&mut bob, &anna, "#home", "hello all")?;
    let rests = [anna.quit()?, bob.quit()?];
    Ok((server.kill(), rests))
}

/// The router's way out is gone.
fn cut_off(home: &Router) -> Result<()> {
    let uplink = home.uplink_ip().context("the router has a way out")?.to_string();
    let output = home.run_sync(move || {
        let script = format!(
            "set -e; name=$(ip -o -4 address | grep ' {uplink}/' | awk '{{print $2}}'); ip link set \"$name\" down"
        );
        Ok(std::process::Command::new("sh").args(["-c", &script]).output()?)
    })?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn alone([anna, bob]: [&Device; 2], [rest_a, rest_b]: [Rest; 2]) -> Result<String> {
    let mut anna = Peer::start_again(anna, rest_a)?;
    let mut bob = Peer::start_again(bob, rest_b)?;
    let talked = (|| {
        pass(&mut anna, &bob, "@bob", "are you at home?")?;
        pass(&mut bob, &anna, "@anna", "I am")?;
        pass(&mut anna, &bob, "#home", "the internet is gone")?;
        pass(&mut bob, &anna, "#home", "so it is")?;
        let road = last_road(&anna, "bob")?;
        ensure!(road == "direct", "the road is {road}");
        Ok(())
    })();
    talked.with_context(|| format!("{}\n{}", anna.said(), bob.said()))?;
    Ok(String::new())
}
