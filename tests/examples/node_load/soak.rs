//! A server whose clients come, talk and go, for an hour or as long as one likes: does its memory
//! stay what it was?

use std::time::{Duration, Instant};

use rand::RngExt as _;
use tokio::{task::JoinSet, time::sleep};
use wire::{id::TopicTag, rendezvous::Request};

use crate::{
    client::{self, Client},
    mib,
    node::Node,
    number,
};

/// How often the memory is looked at.
const SAMPLE: Duration = Duration::from_secs(10);
/// Groups that they talk in.
const GROUPS: u64 = 16;
/// Bytes of what is said in a group.
const SAID: usize = 300;

/// Runs for `MINUTES`, 60 by default, with `PEOPLE`, 60 by default, of whom half are there at any
/// time. Prints a line for each sample.
pub(crate) async fn run() {
    let (minutes, people) = (number("MINUTES", 60), number("PEOPLE", 60));
    let node = Node::start();
    let until = Instant::now() + Duration::from_secs(60 * minutes as u64);
    let mut going = JoinSet::new();
    for person in 0..people {
        let server = if person % 2 == 0 { &node.tcp } else { &node.quic };
        going.spawn(live(person, people, server.clone(), until));
    }
    let (begun, mut samples) = (Instant::now(), Vec::new());
    println!("soak: seconds,bytes,processor seconds");
    while Instant::now() < until {
        sleep(SAMPLE).await;
        samples.push(node.resident());
        let (past, resident) = (begun.elapsed().as_secs(), samples.last().unwrap_or(&0));
        println!("soak: {past},{resident},{:.1}", node.cpu());
    }
    let lives = going.join_all().await;
    let all = lives.into_iter().fold(Tally::default(), |all, it| all.with(&it));
    println!(
        "soak: {} times somebody came and went, {} times somebody could not; {} circuits talked, {} did not; \
         {} messages of groups said, {} heard",
        all.lived, all.failed, all.circuits, all.circuits_failed, all.said, all.heard
    );
    tell(&samples);
}

/// The quarters' middles, of which the first has the warming up in it.
fn tell(samples: &[u64]) {
    let quarter = (samples.len() / 4).max(1);
    let middles: Vec<_> = samples
        .chunks(quarter)
        .take(4)
        .map(|part| {
            let mut part = part.to_vec();
            part.sort_unstable();
            format!("{:.1}", mib(part[part.len() / 2]))
        })
        .collect();
    println!("soak: MiB in the middle of each quarter: {}", middles.join(", "));
}

/// What a person did.
#[derive(Default)]
struct Tally {
    lived: usize,
    failed: usize,
    circuits: usize,
    circuits_failed: usize,
    said: usize,
    heard: usize,
}

impl Tally {
    fn with(mut self, other: &Self) -> Self {
        self.lived += other.lived;
        self.failed += other.failed;
        self.circuits += other.circuits;
        self.circuits_failed += other.circuits_failed;
        self.said += other.said;
        self.heard += other.heard;
        self
    }
}

/// Comes, talks and goes, again and again.
async fn live(person: usize, people: usize, server: libp2p::Multiaddr, until: Instant) -> Tally {
    let mut tally = Tally::default();
    while Instant::now() < until {
        pause().await;
        match come(person, people, &server, &mut tally).await {
            Some(()) => tally.lived += 1,
            None => tally.failed += 1,
        }
    }
    tally
}

async fn come(
    person: usize,
    people: usize,
    server: &libp2p::Multiaddr,
    tally: &mut Tally,
) -> Option<()> {
    let mut client = Client::try_register(person, server).await?;
    client.reserve().await?;
    let group = person as u64 % GROUPS;
    let mut tag = [0; 16];
    tag[..8].copy_from_slice(&group.to_be_bytes());
    let tag = TopicTag::new(tag);
    client.join(tag).await?;
    let other = rand::rng().random_range(0..people);
    drop(client.try_ask(Request::Lookup { username: client::name(other) }).await?);
    for _ in 0..5 {
        let sealed = (0..SAID).map(|_| rand::rng().random()).collect();
        client.publish(tag, sealed).await?;
        tally.said += 1;
        pause().await;
    }
    // Who it is may be away, as people are.
    let talking = client.talk(client::peer(other), 20, 64 * 1024);
    match tokio::time::timeout(Duration::from_secs(20), talking).await {
        Ok(true) => tally.circuits += 1,
        _ => tally.circuits_failed += 1,
    }
    tally.heard += client.heard();
    Some(())
}

/// Some seconds.
async fn pause() {
    let milliseconds = rand::rng().random_range(500..4_000);
    sleep(Duration::from_millis(milliseconds)).await;
}
