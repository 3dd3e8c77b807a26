//! An honest client's times while others attack, against those in calm.

use std::{
    collections::BTreeMap,
    env,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use libp2p::Multiaddr;
use wire::{name::Username, rendezvous::Request};

use crate::{attacks, client::Client, mib, node::Node, number};

/// How long the honest client asks during each attack.
const ASKING: Duration = Duration::from_secs(10);
/// The longest that an attack with an end is waited for.
const ATTACK_MAX: Duration = Duration::from_mins(3);
/// Time for an attack to get going, and for the server to get over it.
const PAUSE: Duration = Duration::from_secs(2);
/// Pause between questions, so that the client's own work is no attack.
const BETWEEN: Duration = Duration::from_millis(5);

/// A process of attackers; it ends with this.
struct Attackers(Child);

impl Attackers {
    /// Attackers stay off the server's core, and yield to the honest client on the other at once: those
    /// on other machines would take no processor from either.
    fn begin(name: &str, server: &Multiaddr) -> Self {
        let own = env::current_exe().expect("this has a path");
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &other_cores(), "chrt", "--idle", "0"]).arg(own);
        command.args(["attackers", name, &server.to_string()]);
        let silent = command.stdin(Stdio::null()).stderr(Stdio::null());
        Self(silent.spawn().expect("taskset and chrt are there"))
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child can be asked").is_some()
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// All processors but the server's.
fn other_cores() -> String {
    let server = number("SERVER_CORE", 1);
    let others = std::thread::available_parallelism().map_or(1, usize::from).max(2);
    let cores: Vec<_> = (0..others).filter(|it| *it != server).map(|it| it.to_string()).collect();
    cores.join(",")
}

/// What an honest client met with.
struct Served {
    asked: usize,
    refused: BTreeMap<&'static str, usize>,
    p50: Duration,
    p99: Duration,
}

/// Asks one question after another until enough was asked.
async fn ask(client: &mut Client, mut is_enough: impl FnMut(Duration) -> bool) -> Served {
    let (begun, mut times, mut refused) = (Instant::now(), Vec::new(), BTreeMap::new());
    while !is_enough(begun.elapsed()) {
        let asked = Instant::now();
        let username = Username::new("load-000000-x").expect("a name");
        if let Err(refusal) = client.ask(Request::Lookup { username }).await {
            *refused.entry(refusal.code()).or_default() += 1;
        }
        times.push(asked.elapsed());
        tokio::time::sleep(BETWEEN).await;
    }
    times.sort();
    let part = |percent: usize| times[times.len() * percent / 100];
    Served { asked: times.len(), refused, p50: part(50), p99: part(99) }
}

/// Measures each attack on a server of its own, and tells how each compares with calm.
pub(crate) async fn measure(wanted: &[String]) {
    let own = std::process::id().to_string();
    let mut pinning = Command::new("taskset");
    pinning
        .args(["--all-tasks", "--pid", "--cpu-list", &other_cores(), &own])
        .stdout(Stdio::null());
    assert!(pinning.status().expect("taskset is there").success(), "no other core");
    for name in attacks::NAMES {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            attack(name).await;
        }
    }
}

async fn attack(name: &str) {
    // As from other machines: on this one all would be exempt from limits of networks.
    let node = Node::start_with("[connections]\ntrust_loopback = false\n");
    let mut honest = Client::register(0, &node.tcp).await;
    let calm = ask(&mut honest, |past| past > ASKING / 2).await;
    let before = node.resident();
    let mut attackers = Attackers::begin(name, &node.tcp);
    tokio::time::sleep(PAUSE).await;
    let cpu = node.cpu();
    let begun = Instant::now();
    let has_end = name == "identities";
    let served = ask(&mut honest, |past| {
        past > ASKING && (!has_end || attackers.has_ended() || past > ATTACK_MAX)
    })
    .await;
    let busy = (node.cpu() - cpu) / begun.elapsed().as_secs_f64();
    let during = node.resident();
    drop(attackers);
    tokio::time::sleep(PAUSE).await;
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "attack: {name}: p99 {:.2} ms, calm {:.2} ms, ratio {:.1}; p50 {:.2} ms, calm {:.2} ms; \
         {:?} refused of {}; {:.0} % of its core; {:.0} MiB before, {:.0} during, {:.0} after",
        ms(served.p99),
        ms(calm.p99),
        ms(served.p99) / ms(calm.p99),
        ms(served.p50),
        ms(calm.p50),
        served.refused,
        served.asked,
        busy * 100.0,
        mib(before),
        mib(during),
        mib(node.resident()),
    );
}
