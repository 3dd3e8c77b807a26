//! The rendezvous server as a program: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use rendezvous_server::{cli::Cli, log};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::begin(cli.log_format());
    match cli.execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one line for the person who started this")]
            {
                eprintln!("rendezvous-server: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
