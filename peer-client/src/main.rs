//! The program `peer-client`: reads the command line, runs a front end, tells how it ended.

use std::process::ExitCode;

use clap::Parser as _;
use peer_client::{
    backup,
    cli::{self, Cli, Program},
    recovery, salvage,
};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let quiet = tracing_subscriber::EnvFilter::new("warn");
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or(quiet);
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(cli) {
        Ok(status) => status,
        #[expect(clippy::print_stderr, reason = "the one line that tells why the program ends")]
        Err(error) => {
            eprintln!("peer-client: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let status = match cli.command {
        Some(Program::Headless(arguments)) => {
            runtime.block_on(peer_client::headless::run(arguments)).map(|()| ExitCode::SUCCESS)
        }
        Some(Program::Demo(arguments)) => peer_client::demo::run(&arguments, &runtime),
        Some(Program::Phrase(arguments)) => done(recovery::show(&arguments)),
        Some(Program::Recover(arguments)) => done(runtime.block_on(recovery::recover(arguments))),
        Some(Program::Link(arguments)) => done(runtime.block_on(recovery::link(arguments))),
        Some(Program::Export(arguments)) => done(backup::export(&arguments)),
        Some(Program::Import(arguments)) => done(backup::import(&arguments)),
        Some(Program::Salvage(arguments)) => done(salvage::salvage(&arguments)),
        None => open_window(cli.window, &runtime),
    };
    // A thread that reads standard input cannot be ended otherwise.
    runtime.shutdown_background();
    status
}

fn done(result: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    result.map(|()| ExitCode::SUCCESS)
}

#[cfg(feature = "gui")]
fn open_window(arguments: cli::Window, runtime: &Runtime) -> anyhow::Result<ExitCode> {
    peer_client::window::open(arguments, runtime).map(|()| ExitCode::SUCCESS)
}

#[cfg(not(feature = "gui"))]
fn open_window(_arguments: cli::Window, _runtime: &Runtime) -> anyhow::Result<ExitCode> {
    anyhow::bail!("this program was built without its window; see `peer-client headless --help`")
}
