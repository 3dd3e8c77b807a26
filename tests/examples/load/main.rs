//! Puts a load on the server that many members of one group make, beside the same load on `mosquitto` and
//! `nats-server` with TLS, and prints what each server's processor did and how long messages took.
//!
//! `load groups --members 200 --messages 200 --rate 5 [--transport tcp] [--only natterjack]`
//!
//! The members are real nodes in this process, whose files lie in memory where there is `/dev/shm`; the
//! servers are processes of their own. Programs are taken from the folder of this one's profile. The
//! brokers are Debian's: `apt-get install mosquitto nats-server openssl`.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "measures time, prints figures, and has nobody to report errors to"
)]

mod brokers;
mod mqtt;
mod nats;
mod natterjack;
mod plan;
mod processor;
mod tally;
mod tls;

use self::{brokers::Broker, plan::Plan, tally::Figures};

#[tokio::main(worker_threads = 2)]
async fn main() {
    let plan = Plan::from_arguments(std::env::args().skip(1)).expect("groups and its options");
    println!("{plan:?}");
    let mut all = Vec::new();
    if plan.includes("natterjack") {
        all.push(("natterjack", natterjack::measure(&plan).await));
    }
    for broker in [Broker::Mosquitto, Broker::Nats] {
        if plan.includes(broker.name()) {
            all.push((broker.name(), brokers::measure(broker, &plan).await));
        }
    }
    for (name, figures) in &all {
        println!("{name:10} {figures}");
    }
    let own = all.iter().find(|(name, _)| *name == "natterjack");
    for (name, figures) in all.iter().filter(|(name, _)| *name != "natterjack") {
        if let Some((_, own)) = own {
            println!("natterjack to {name}: {}", ratios(own, figures));
        }
    }
}

fn ratios(own: &Figures, other: &Figures) -> String {
    format!(
        "processor {:.2}, p50 {:.1}, p99 {:.1}",
        own.processor_ms / other.processor_ms,
        own.p50_ms / other.p50_ms,
        own.p99_ms / other.p99_ms
    )
}
