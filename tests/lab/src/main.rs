//! Prints the roads between all kinds of networks as a table. Arguments choose pairs: `home:cloud`,
//! or `home` for all with one network.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::{Context as _, Result};
use lab::{
    networks::Network,
    pair::Pair,
    run::{self, Plan},
    table,
};

/// Pairs at one time, unless `NATTERJACK_LAB_BESIDE` says otherwise.
const BESIDE: usize = 4;
/// When the road is looked at.
const SETTLED_AFTER: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    // While there is one thread only.
    patchbay::init_userns().context("this machine does not let a process have namespaces")?;
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let beside = std::env::var("NATTERJACK_LAB_BESIDE").ok().and_then(|text| text.parse().ok());
    let pairs: Vec<_> = Pair::all().into_iter().filter(|pair| is_chosen(*pair, &chosen)).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = |pair: Pair, result: &Result<_>| {
        // Progress for whoever watches; the table comes at the end.
        let _written = io::stderr().write_all(table::row(pair, result).as_bytes());
    };
    let plan = Plan { beside: beside.unwrap_or(BESIDE), settled_after: SETTLED_AFTER };
    let results = runtime.block_on(run::run(&pairs, plan, report));
    let mut out = io::stdout().lock();
    out.write_all(table::HEAD.as_bytes())?;
    for (pair, result) in &results {
        out.write_all(table::row(*pair, result).as_bytes())?;
    }
    Ok(())
}

fn is_chosen(pair: Pair, chosen: &[String]) -> bool {
    let Pair::Apart(first, second) = pair else {
        return chosen.is_empty() || chosen.iter().any(|name| name == "same");
    };
    let is_one = |name: &str, one| Network::named(name) == Some(one);
    chosen.is_empty()
        || chosen.iter().any(|name| match name.split_once(':') {
            None => is_one(name, first) || is_one(name, second),
            Some((one, two)) => {
                is_one(one, first) && is_one(two, second)
                    || is_one(two, first) && is_one(one, second)
            }
        })
}
