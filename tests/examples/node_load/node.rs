//! The server under load, as a process of its own on one core.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use libp2p::Multiaddr;
use tempfile::TempDir;

/// Ticks a second in `/proc`, the same on every Linux.
const TICKS: f64 = 100.0;

/// A running server; it ends with this.
pub(crate) struct Node {
    child: Child,
    pub(crate) tcp: Multiaddr,
    pub(crate) quic: Multiaddr,
    _home: TempDir,
}

/// A program held to the server's core.
pub(crate) fn on_one_core(program: &str) -> Command {
    let core = env::var("SERVER_CORE").unwrap_or_else(|_unset| "1".to_owned());
    let mut command = Command::new("taskset");
    command.args(["-c", &core, program]).stdin(Stdio::null());
    command
}

/// The main process's memory in bytes.
pub(crate) fn resident_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    let kib: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
    kib * 1024
}

/// Seconds of processor time that a process used.
pub(crate) fn cpu_of(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / TICKS
}

/// The server's program: what `SERVER` names, or the one that was built with this.
fn program() -> PathBuf {
    if let Some(named) = env::var_os("SERVER") {
        return named.into();
    }
    let own = env::current_exe().expect("this has a path");
    let folder = own.parent().and_then(|it| it.parent()).expect("target/<profile>/examples");
    folder.join("rendezvous-server")
}

impl Node {
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a server with a configuration.
    pub(crate) fn start_with(config: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        fs::write(home.path().join("server.toml"), config).expect("the folder is new");
        let program = program();
        assert!(program.is_file(), "{} is not built", program.display());
        let mut command = on_one_core(program.to_str().unwrap());
        command.args(["run", "--data-dir"]).arg(home.path());
        for listen in ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"] {
            command.args(["--listen", listen]);
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("taskset");
        let output = BufReader::new(child.stdout.take().unwrap());
        let addresses: Vec<Multiaddr> = output
            .lines()
            .take(2)
            .map(|line| {
                let line = line.expect("the server tells its addresses");
                line.strip_prefix("ready ").expect("an address").parse().unwrap()
            })
            .collect();
        let with = |transport: &str| {
            let address = addresses.iter().find(|it| it.to_string().contains(transport));
            address.expect("the server listens").clone()
        };
        Self { child, tcp: with("/tcp/"), quic: with("/quic-v1"), _home: home }
    }

    pub(crate) fn resident(&self) -> u64 {
        resident_of(self.child.id())
    }

    /// Seconds of processor time that it used.
    pub(crate) fn cpu(&self) -> f64 {
        cpu_of(self.child.id())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
