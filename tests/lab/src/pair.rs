//! Two peers who talk, and what is measured of it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::event;
use patchbay::{Device, Lab, RouterPreset};

use crate::{
    networks::{Network, Road},
    programs::{Peer, Server},
};

/// Two peers and where they are.
#[derive(Clone, Copy, Debug)]
pub enum Pair {
    /// Behind a router each.
    Apart(Network, Network),
    /// Behind one home router.
    Together,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// From the start of each peer until it was registered.
    pub registered: [Duration; 2],
    /// From the command, or the news that the contact is online if that came later, until the first
    /// message was there.
    pub first_message: Duration,
    /// From the first message until a direct road was there; none if there never was one.
    pub direct: Option<Duration>,
    /// The road once it had time to settle.
    pub road: Road,
    /// What carries it.
    pub transport: Transport,
    /// A hole was punched for it.
    pub punched: bool,
}

/// What carries a road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// QUIC.
    Quic,
    /// TCP.
    Tcp,
}

impl Pair {
    /// Every two kinds of networks, and the one router.
    pub fn all() -> Vec<Self> {
        let mut pairs = vec![Self::Together];
        for (index, first) in Network::ALL.into_iter().enumerate() {
            for second in Network::ALL.into_iter().skip(index) {
                pairs.push(Self::Apart(first, second));
            }
        }
        pairs
    }

    /// A name for people.
    pub fn name(self) -> String {
        match self {
            Self::Apart(first, second) => format!("{} – {}", first.name(), second.name()),
            Self::Together => "same home – same home".to_owned(),
        }
    }

    /// The road that theory allows.
    pub fn road(self) -> Road {
        match self {
            Self::Apart(first, second) => first.road_to(second),
            Self::Together => Road::Direct,
        }
    }

    /// Builds the networks, runs the programs and measures. The road is looked at `settled_after` the
    /// first message.
    pub async fn run(self, settled_after: Duration) -> Result<Outcome> {
        let lab = Lab::new().await.context("the networks cannot be made")?;
        // Addresses that libp2p takes for public ones, which those of patchbay are not: it tries them at the
        // pace of the internet.
        let centre = lab.add_router("centre").preset(RouterPreset::Public);
        let centre = centre.downstream_cidr("5.5.5.0/24".parse()?).build().await?;
        let server = lab.add_device("server").iface("eth0", centre.id()).build().await?;
        let (first, second) = match self {
            Self::Apart(first, second) => {
                (first.build(&lab, "one").await?, second.build(&lab, "two").await?)
            }
            Self::Together => {
                let home = Network::Home.build(&lab, "one").await?;
                (home.clone(), home)
            }
        };
        let anna = lab.add_device("anna").iface("eth0", first.id()).build().await?;
        let bob = lab.add_device("bob").iface("eth0", second.id()).build().await?;
        let outcome =
            tokio::task::spawn_blocking(move || talk([&server, &anna, &bob], settled_after));
        let outcome = outcome.await?;
        drop(lab);
        outcome
    }
}

fn talk([server, anna, bob]: [&Device; 3], settled_after: Duration) -> Result<Outcome> {
    let server = Server::start(server)?;
    let bob = Peer::start(bob, &server, "bob")?;
    let anna = Peer::start(anna, &server, "anna")?;
    let mut peers = [anna, bob];
    let outcome = measure(&mut peers, settled_after);
    let [anna, bob] = &peers;
    let told = || format!("{}\n{}\nthe server's log:\n{}", anna.said(), bob.said(), server.log());
    if let Some(path) = std::env::var_os("NATTERJACK_LAB_TELL") {
        std::fs::write(path, told())?;
    }
    outcome.with_context(told)
}

fn measure([anna, bob]: &mut [Peer; 2], settled_after: Duration) -> Result<Outcome> {
    let registered = [anna.registered()?, bob.registered()?];
    let told = anna.send("@bob", "hello")?;
    let arrived = bob.wait_for("the first message", event::message("hello"))?.at;
    let online = anna.lines(event::presence("bob", true)).first().map_or(told, |line| line.at);
    bob.send("@anna", "hello back")?;
    anna.wait_for("the answer", event::message("hello back"))?;
    ensure!(anna.watch(settled_after), "anna has ended");
    anna.send("@bob", "still there?")?;
    bob.wait_for("a later message", event::message("still there?"))?;
    bob.send("@anna", "still here")?;
    anna.wait_for("a later answer", event::message("still here"))?;

    let roads = anna.lines(|line| event::is(line, "path"));
    let direct = roads.iter().find(|line| event::path("bob", "direct")(&line.value));
    let last = roads.last().context("anna never told a road")?;
    let road = match event::text(&last.value, "path") {
        "direct" => Road::Direct,
        "relayed" => Road::Relayed,
        other => anyhow::bail!("the road is {other:?}"),
    };
    let quic = event::text(&last.value, "transport") == "quic";
    Ok(Outcome {
        registered,
        first_message: arrived.saturating_duration_since(told.max(online)),
        direct: direct.map(|line| line.at.saturating_duration_since(arrived)),
        road,
        transport: if quic { Transport::Quic } else { Transport::Tcp },
        punched: last.value["punched"] == true,
    })
}
