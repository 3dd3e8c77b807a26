//! The server is gone for good. People who know each other go on, also after they start anew. When it is back, so is
//! everything else.

use anyhow::{Context as _, Result, ensure};
use e2e::event;
use patchbay::{Device, Lab};
use serde_json::json;

use super::{centre, last_road, on_road, pass};
use crate::{
    networks::Network,
    programs::{Peer, Server},
};

pub(super) async fn drill(lab: &Lab) -> Result<String> {
    let (_centre, server) = centre(lab).await?;
    let mut devices = vec![server];
    for (name, network) in
        [("anna", Network::Public), ("bob", Network::FullCone), ("carol", Network::Home)]
    {
        let router = network.build(lab, &format!("{name}-router")).await?;
        devices.push(lab.add_device(name).iface("eth0", router.id()).build().await?);
    }
    tokio::task::spawn_blocking(move || talk(&devices)).await?
}

fn talk(devices: &[Device]) -> Result<String> {
    let [at, anna_at, bob_at, carol_at] = devices else { anyhow::bail!("four devices") };
    let server = Server::start(at)?;
    let mut anna = Peer::start(anna_at, &server, "anna")?;
    let mut bob = Peer::start(bob_at, &server, "bob")?;
    let mut carol = Peer::start(carol_at, &server, "carol")?;
    for peer in [&mut anna, &mut bob, &mut carol] {
        peer.registered()?;
        peer.ask(json!({"do": "join", "group": "#rust"}))?;
    }
    pass(&mut anna, &bob, "@bob", "hello")?;
    pass(&mut bob, &anna, "@anna", "hello back")?;
    pass(&mut carol, &anna, "@anna", "me too")?;
    pass(&mut anna, &carol, "@carol", "welcome")?;
    pass(&mut anna, &bob, "#rust", "hello all")?;
    on_road(&anna, "bob", "direct")?;
    on_road(&anna, "carol", "direct")?;

    let kept = server.kill();
    for peer in [&anna, &bob, &carol] {
        let lost = peer.wait_for("the loss", event::rendezvous("lost"))?.value;
        let text = event::text(&lost, "text");
        ensure!(text.contains("new names") && !text.contains('\n'), "it is told as {text:?}");
    }
    pass(&mut anna, &bob, "@bob", "the server is gone")?;
    pass(&mut bob, &anna, "@anna", "I saw")?;
    pass(&mut bob, &anna, "#rust", "still here")?;
    let number = bob.tell(json!({"do": "send", "to": "@nobody", "text": "hello?"}))?;
    let refused = bob.wait_for("the refusal", |line| line["reply"] == json!(number))?.value;
    ensure!(refused["ok"] == false && refused["text"].is_string(), "a stranger's name: {refused}");

    let rests = [anna.kill(), bob.kill(), carol.kill()];
    let [anna_rest, bob_rest, carol_rest] = rests;
    let mut anna = Peer::start_again(anna_at, anna_rest)?;
    let mut bob = Peer::start_again(bob_at, bob_rest)?;
    let mut carol = Peer::start_again(carol_at, carol_rest)?;
    let again = (|| {
        pass(&mut bob, &anna, "@anna", "started anew")?;
        pass(&mut anna, &bob, "@bob", "so did I")?;
        pass(&mut carol, &anna, "@anna", "and I")?;
        pass(&mut anna, &bob, "#rust", "the group as well")?;
        anyhow::ensure!(last_road(&bob, "anna")? == "direct", "what else could it be");
        let server = Server::start_in(kept, at)?;
        for peer in [&anna, &bob, &carol] {
            peer.registered()?;
        }
        pass(&mut bob, &carol, "@carol", "it is back")?;
        pass(&mut carol, &bob, "#rust", "all is well")?;
        Ok(server)
    })();
    again.with_context(|| format!("{}\n{}\n{}", anna.said(), bob.said(), carol.said()))?;
    Ok(String::new())
}
