//! A rendezvous server.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Output},
};

use tempfile::TempDir;

use crate::{
    process::{Process, command, program},
    record::{Deadline, PATIENCE, Record},
};

/// A running `rendezvous-server`, on loopback and on ports that were free.
#[derive(Debug)]
pub struct Server {
    home: TempDir,
    process: Process,
    output: Record<String>,
    addresses: Vec<String>,
}

impl Server {
    /// Starts a server and waits until it serves.
    pub fn start() -> Self {
        Self::start_with_log(None)
    }

    /// Starts a server that logs what a filter says, and waits until it serves.
    pub fn start_with_log(filter: Option<&str>) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
        let (process, output, addresses) = run(home.path(), &listen, filter);
        Self { home, process, output, addresses }
    }

    /// Starts a server with a configuration and waits until it serves.
    pub fn start_with(config: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let data_dir = data_dir(home.path());
        std::fs::create_dir(&data_dir).expect("the folder is new");
        std::fs::write(data_dir.join("server.toml"), config).expect("the folder is the test's own");
        let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
        let (process, output, addresses) = run(home.path(), &listen, None);
        Self { home, process, output, addresses }
    }

    /// Runs one of the program's other commands on this server's data folder.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let mut program = command(program("rendezvous-server"), self.home.path());
        program.args(arguments).env("NATTERJACK_DATA_DIR", self.data_dir());
        program.output().expect("the program runs")
    }

    /// Its addresses, as it told them: TCP and QUIC.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        data_dir(self.home.path())
    }

    /// The folder that holds all files it may write.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Everything it wrote to either output.
    pub fn said(&self) -> String {
        let mut lines = self.output.entries();
        lines.extend(self.process.log().entries());
        lines.join("\n")
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.wait()
    }

    /// Starts it again after it ended, with the same folder and ports.
    pub fn restart(&mut self) {
        let listen: Vec<_> = self.addresses.iter().map(|address| without_peer(address)).collect();
        let before = self.addresses.clone();
        (self.process, self.output, self.addresses) = run(self.home.path(), &listen, None);
        assert_eq!(self.addresses, before, "the server has other addresses than before");
    }
}

fn data_dir(home: &Path) -> PathBuf {
    home.join("data")
}

fn without_peer(address: &str) -> &str {
    address.split_once("/p2p/").map_or(address, |(transport, _peer)| transport)
}

fn run(home: &Path, listen: &[&str], log: Option<&str>) -> (Process, Record<String>, Vec<String>) {
    let mut server = command(program("rendezvous-server"), home);
    if let Some(filter) = log {
        server.env("RUST_LOG", filter);
    }
    server.arg("run").arg("--data-dir").arg(data_dir(home));
    for address in listen {
        server.args(["--listen", address]);
    }
    let (process, _input, output) = Process::spawn("rendezvous-server", &mut server);
    let output = Record::of(output, str::to_owned);
    let deadline = Deadline::after(PATIENCE);
    let mut addresses = Vec::new();
    for listened in listen {
        let kind = if listened.contains("/quic-v1") { "/quic-v1/p2p/" } else { "/tcp/" };
        let ready = output.wait(0, deadline, |line| {
            line.strip_prefix("ready ").filter(|address| address.contains(kind)).map(str::to_owned)
        });
        addresses.push(ready.unwrap_or_else(|missed| {
            let (lines, log) = (output.entries().join("\n"), process.log_tail());
            panic!("`ready` of {listened} {missed}; the server said:\n{lines}\nits log:\n{log}")
        }));
    }
    (process, output, addresses)
}
