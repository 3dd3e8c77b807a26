//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use libp2p::Multiaddr;
use wire::name::Username;

/// Peer-assisted chat: the window, the headless front end and the demo.
#[derive(Debug, Parser)]
#[command(name = "peer-client", version)]
pub struct Cli {
    /// What to run; the window if nothing is said.
    #[command(subcommand)]
    pub command: Option<Program>,
    /// How to start the window.
    #[command(flatten)]
    pub window: Window,
}

/// What to run instead of the window.
#[derive(Debug, Subcommand)]
pub enum Program {
    /// JSON lines on standard input and output, see docs/headless.md
    Headless(Headless),
    /// A server and two companions on this computer, to try things out
    Demo(Demo),
}

/// How to start the window.
#[derive(Args, Debug, Default)]
pub struct Window {
    /// Folder of keys, messages and files
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address of the rendezvous server, as its line "ready" tells it; again for each address of it
    #[arg(long, value_name = "MULTIADDR")]
    pub rendezvous: Vec<Multiaddr>,
    /// Your name at the server
    #[arg(long, value_name = "NAME", value_parser = username)]
    pub username: Option<Username>,
}

/// How to start the headless front end.
#[derive(Args, Debug)]
pub struct Headless {
    /// Folder of keys, messages and files
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Address of the rendezvous server, as its line "ready" tells it; again for each address of it
    #[arg(long, value_name = "MULTIADDR", required = true)]
    pub rendezvous: Vec<Multiaddr>,
    /// The name at the server
    #[arg(long, value_name = "NAME", value_parser = username)]
    pub username: Username,
    /// Where to listen, instead of everywhere
    #[arg(long, value_name = "MULTIADDR")]
    pub listen: Vec<Multiaddr>,
    /// Talk through the server's relay alone, so that contacts never learn the address
    #[arg(long)]
    pub relay_only: bool,
    /// Do not look for others on the local network
    #[arg(long)]
    pub no_mdns: bool,
}

/// How to start the demo.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// Print a transcript instead of opening the window
    #[arg(long)]
    pub headless: bool,
}

fn username(text: &str) -> Result<Username, String> {
    Username::new(text).map_err(|error| error.to_string())
}
