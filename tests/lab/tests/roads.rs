//! The pairs of networks that say most: each must talk, on the road that theory allows.
//!
//! Not a test of the usual harness, since namespaces must be entered while there is one thread.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use lab::{
    networks::Network::{
        Cgnat, Corporate, DoubleNat, FullCone, Home, Hotel, Ipv6Firewall, Ipv6Only, Public,
        SymmetricCgnat,
    },
    pair::{Outcome, Pair},
    run::{self, Plan},
};

const PAIRS: [Pair; 14] = [
    Pair::Together,
    Pair::Apart(Home, Home),
    Pair::Apart(Home, Cgnat),
    Pair::Apart(Home, Ipv6Firewall),
    Pair::Apart(Public, Home),
    Pair::Apart(Public, Hotel),
    Pair::Apart(Public, Ipv6Only),
    Pair::Apart(FullCone, SymmetricCgnat),
    Pair::Apart(DoubleNat, Cgnat),
    Pair::Apart(Ipv6Firewall, Ipv6Only),
    Pair::Apart(Home, SymmetricCgnat),
    Pair::Apart(Home, Corporate),
    Pair::Apart(Corporate, Hotel),
    Pair::Apart(Home, Ipv6Only),
];

/// Failed attempts to punch a hole end after five seconds, three of them at one time.
const PLAN: Plan = Plan { beside: 5, settled_after: Duration::from_secs(12) };

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let mut say = |text: String| out.write_all(text.as_bytes()).is_ok();
    if let Err(reason) = lab::enter() {
        say(format!("left out: the NAT lab ({reason})\n"));
        return ExitCode::SUCCESS;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else {
        say("there are no threads for the NAT lab\n".to_owned());
        return ExitCode::FAILURE;
    };
    let mut failed = false;
    for (pair, result) in runtime.block_on(run::run(&PAIRS, PLAN, |_, _| {})) {
        let complaint = complaint(pair, &result);
        failed |= complaint.is_some();
        say(format!("{}: {}\n", pair.name(), complaint.as_deref().unwrap_or("ok")));
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn complaint(pair: Pair, result: &anyhow::Result<Outcome>) -> Option<String> {
    match result {
        Err(error) => Some(format!("FAILED: {error:?}")),
        Ok(outcome) if outcome.road != pair.road() => {
            Some(format!("FAILED: theory allows {:?}, and it is {outcome:?}", pair.road()))
        }
        Ok(_) => None,
    }
}
