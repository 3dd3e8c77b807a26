//! The programs under test, started in a device's namespace, with the time of all that they say.

use std::{
    env,
    io::Write as _,
    path::PathBuf,
    process::ChildStdin,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use e2e::{
    event,
    process::{Process, command},
    record::{Deadline, Record},
};
use patchbay::Device;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// Ports that the server listens on, UDP and TCP.
const SERVER_PORTS: [u16; 2] = [4001, 443];

/// A line, and when it came.
#[derive(Clone, Debug)]
pub struct Line {
    /// When.
    pub at: Instant,
    /// What.
    pub value: Value,
}

/// The time.
#[expect(clippy::disallowed_methods, reason = "real programs are measured in real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Where the workspace's programs are built.
fn program(name: &str) -> Result<PathBuf> {
    let target = env::var_os("NATTERJACK_TEST_PROGRAMS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/debug")),
        PathBuf::from,
    );
    let path = target.join(name);
    ensure!(path.is_file(), "{} is not built; run tests/run.sh", path.display());
    Ok(path)
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    process: Process,
    addresses: Vec<String>,
    home: TempDir,
}

impl Server {
    /// Starts it on all addresses of a device.
    pub fn start(device: &Device) -> Result<Self> {
        Self::start_in(tempfile::tempdir()?, device)
    }

    /// Ends it at once.
    pub fn kill(mut self) -> TempDir {
        self.process.kill();
        self.home
    }

    /// Starts it with what an earlier one has kept.
    pub fn start_in(home: TempDir, device: &Device) -> Result<Self> {
        let mut server = command(program("rendezvous-server")?, home.path());
        server.args(["run", "--data-dir"]).arg(home.path().join("data"));
        let ip4 = device.ip().map(|ip| format!("/ip4/{ip}"));
        let ip6 = device.ip6().map(|ip| format!("/ip6/{ip}"));
        let mut listening = 0;
        for host in ip4.into_iter().chain(ip6) {
            for port in SERVER_PORTS {
                server.args(["--listen", &format!("{host}/udp/{port}/quic-v1")]);
                server.args(["--listen", &format!("{host}/tcp/{port}")]);
                listening += 2;
            }
        }
        let (process, _input, output) =
            device.run_sync(move || Ok(Process::spawn("rendezvous-server", &mut server)))?;
        let output = Record::of(output, str::to_owned);
        let deadline = Deadline::after(PATIENCE);
        let mut addresses = Vec::new();
        while addresses.len() < listening {
            let ready = output.wait(addresses.len(), deadline, |line| {
                line.strip_prefix("ready ").map(str::to_owned)
            });
            let ready = ready.map_err(|missed| {
                anyhow!("the server's address {missed}; its log:\n{}", process.log_tail())
            })?;
            addresses.push(ready);
        }
        Ok(Self { process, addresses, home })
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        self.process.log_tail()
    }
}

/// A running peer.
#[derive(Debug)]
pub struct Peer {
    name: &'static str,
    addresses: Vec<String>,
    process: Process,
    input: ChildStdin,
    output: Record<Line>,
    started: Instant,
    home: TempDir,
    last_command: u64,
}

/// What a peer that has ended leaves behind.
#[derive(Debug)]
pub struct Rest {
    name: &'static str,
    addresses: Vec<String>,
    home: TempDir,
}

impl Peer {
    /// Starts it; it knows all addresses of the server.
    pub fn start(device: &Device, server: &Server, name: &'static str) -> Result<Self> {
        let addresses = server.addresses.clone();
        Self::start_again(device, Rest { name, addresses, home: tempfile::tempdir()? })
    }

    /// Starts it with what an earlier run has kept.
    pub fn start_again(device: &Device, rest: Rest) -> Result<Self> {
        let Rest { name, addresses, home } = rest;
        let mut peer = command(program("peer-client")?, home.path());
        peer.args(["headless", "--username", name, "--data-dir"]).arg(home.path().join("data"));
        for address in &addresses {
            peer.args(["--rendezvous", address]);
        }
        let started = now();
        let (process, input, output) =
            device.run_sync(move || Ok(Process::spawn(name, &mut peer)))?;
        let output = Record::of(output, |line| {
            let value = serde_json::from_str(line).unwrap_or_else(|_error| json!({"line": line}));
            Line { at: now(), value }
        });
        Ok(Self { name, addresses, process, input, output, started, home, last_command: 0 })
    }

    /// Waits until it is registered, and says how long that took.
    pub fn registered(&self) -> Result<Duration> {
        let line = self.wait_for("registration", event::rendezvous("registered"))?;
        Ok(line.at - self.started)
    }

    /// Ends it at once.
    pub fn kill(mut self) -> Rest {
        self.process.kill();
        Rest { name: self.name, addresses: self.addresses, home: self.home }
    }

    /// Ends it in order.
    pub fn quit(mut self) -> Result<Rest> {
        writeln!(self.input, "{}", json!({"do": "quit"})).context("the peer reads no more")?;
        let status = self.process.wait();
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(Rest { name: self.name, addresses: self.addresses, home: self.home })
    }

    /// Writes a file that can be sent, and gives its path.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.home.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    }

    /// Gives a command, and its number.
    pub fn tell(&mut self, mut command: Value) -> Result<u64> {
        self.last_command += 1;
        command["id"] = json!(self.last_command);
        writeln!(self.input, "{command}").context("the peer reads no more")?;
        Ok(self.last_command)
    }

    /// Gives a command, and its answer, which must be a good one.
    pub fn ask(&mut self, command: Value) -> Result<Value> {
        let what = format!("the answer to {command}");
        let number = self.tell(command)?;
        let answer = self.wait_for(&what, |line| line["reply"] == json!(number))?.value;
        ensure!(answer["ok"] == true, "{}: {what} is {answer}", self.name);
        Ok(answer)
    }

    /// How many lines it has said.
    pub fn mark(&self) -> usize {
        self.output.len()
    }

    /// Waits for a line after others.
    pub fn wait_after(
        &self,
        mark: usize,
        what: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<Line> {
        let found = self.output.wait(mark, Deadline::after(PATIENCE), |line| {
            condition(&line.value).then(|| line.clone())
        });
        found.map_err(|missed| anyhow!("{}: {what} {missed}", self.name))
    }

    /// Sends a text and says when it was told to.
    pub fn send(&mut self, to: &str, text: &str) -> Result<Instant> {
        let command = json!({"do": "send", "to": to, "text": text});
        let at = now();
        writeln!(self.input, "{command}").context("the peer reads no more")?;
        Ok(at)
    }

    /// Waits for a line.
    pub fn wait_for(&self, what: &str, condition: impl Fn(&Value) -> bool) -> Result<Line> {
        let found = self.output.wait(0, Deadline::after(PATIENCE), |line| {
            condition(&line.value).then(|| line.clone())
        });
        found.map_err(|missed| anyhow!("{}: {what} {missed}", self.name))
    }

    /// Lets time pass. True if it still runs then.
    pub fn watch(&self, time: Duration) -> bool {
        let end = self.output.wait_for_end(Deadline::after(time));
        end.is_err()
    }

    /// All lines so far that fulfil a condition.
    pub fn lines(&self, condition: impl Fn(&Value) -> bool) -> Vec<Line> {
        self.output.entries().into_iter().filter(|line| condition(&line.value)).collect()
    }

    /// All that it said, with times since its start, and its log.
    pub fn said(&self) -> String {
        let lines: Vec<_> = self
            .output
            .entries()
            .iter()
            .map(|line| format!("{:6} ms {}", (line.at - self.started).as_millis(), line.value))
            .collect();
        let log = self.process.log().entries().join("\n");
        format!("{} said:\n{}\nits log:\n{log}", self.name, lines.join("\n"))
    }
}
