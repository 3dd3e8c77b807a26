//! Networks that change under those who talk, a server that is lost, addresses that are to stay unknown.
//!
//! Not a test of the usual harness, since namespaces must be entered while there is one thread. Arguments choose
//! drills by their names.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use lab::drills::{self, Drill};
use tokio::task::JoinSet;

/// Drills at one time.
const BESIDE: usize = 3;

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let mut say = |text: String| out.write_all(text.as_bytes()).is_ok();
    if let Err(reason) = lab::enter() {
        say(format!("left out: the drills in the NAT lab ({reason})\n"));
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let is_chosen = |drill: &Drill| {
        chosen.is_empty() || chosen.iter().any(|name| drill.name().contains(name.as_str()))
    };
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else {
        say("there are no threads for the NAT lab\n".to_owned());
        return ExitCode::FAILURE;
    };
    let mut failed = false;
    runtime.block_on(async {
        let mut waiting = Drill::ALL.into_iter().filter(is_chosen);
        let mut running = JoinSet::new();
        loop {
            while running.len() < BESIDE
                && let Some(drill) = waiting.next()
            {
                running.spawn(async move { (drill, drills::run(drill).await) });
            }
            let Some(joined) = running.join_next().await else { break };
            let line = match joined {
                Ok((drill, Ok(told))) => format!("{}: ok{told}\n", drill.name()),
                Ok((drill, Err(error))) => {
                    failed = true;
                    format!("{}: FAILED: {error:?}\n", drill.name())
                }
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            };
            say(line);
        }
    });
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
