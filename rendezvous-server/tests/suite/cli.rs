//! The program itself, as a person starts it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::{TcpListener, UdpSocket},
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(20);
/// Lines that may wait to be looked at.
const LINES: usize = 64;

pub(crate) fn command(subcommand: &str, data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rendezvous-server"));
    command.arg(subcommand).arg("--data-dir").arg(data_dir).args(arguments);
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running server, killed when this is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    stdout: mpsc::Receiver<String>,
}

impl Running {
    pub(crate) fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        Self::start_in(data_dir, arguments, &[])
    }

    /// The same with an environment.
    pub(crate) fn start_in(
        data_dir: &Path,
        arguments: &[&str],
        environment: &[(&str, &Path)],
    ) -> Self {
        let mut command = command("run", data_dir, arguments);
        let mut child = command.envs(environment.iter().copied()).spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// The next line of standard output.
    pub(crate) fn line(&mut self) -> String {
        match self.stdout.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(error) => {
                drop(self.child.kill());
                let mut log = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
                panic!("no line ({error}); the log: {log}")
            }
        }
    }

    /// Sends a signal by name and waits for the end. Returns the exit status.
    fn end_by(mut self, signal: &str) -> Option<i32> {
        let kill = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status();
        assert!(kill.unwrap().success());
        let (ended, end) = mpsc::sync_channel(1);
        let mut stderr = self.child.stderr.take().unwrap();
        // Standard error ends with the process.
        std::thread::spawn(move || {
            let mut log = String::new();
            drop(stderr.read_to_string(&mut log));
            drop(ended.send(log));
        });
        let log = end.recv_timeout(PATIENCE).expect("the server does not end");
        let status = self.child.wait().unwrap();
        assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
        status.code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lines(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(LINES);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The one line in which a program that cannot start says why.
#[track_caller]
pub(crate) fn complaint(output: &Output) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    assert!(output.stdout.is_empty());
    stderr
}

const LOOPBACK: [&str; 4] =
    ["--listen", "/ip4/127.0.0.1/tcp/0", "--listen", "/ip4/127.0.0.1/udp/0/quic-v1"];

#[test]
fn it_tells_its_addresses_and_is_the_same_server_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut ids = Vec::new();
    for signal in ["-TERM", "-INT"] {
        let mut server = Running::start(&data, &LOOPBACK);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let line = server.line();
            let address = line.strip_prefix("ready /ip4/127.0.0.1/").unwrap();
            let parts: Vec<_> = address.split('/').collect();
            assert_ne!(parts[1], "0", "the real port");
            kinds.push(parts[0].to_owned());
            assert_eq!(parts[parts.len() - 2], "p2p");
            ids.push(parts[parts.len() - 1].to_owned());
        }
        kinds.sort();
        assert_eq!(kinds, ["tcp", "udp"]);
        assert_eq!(server.end_by(signal), Some(0));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[cfg(unix)]
#[test]
fn its_key_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Running::start(&data, &LOOPBACK);
    server.line();
    for file in ["identity.key", "names.sqlite"] {
        let mode = fs::metadata(data.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn external_addresses_are_told_instead() {
    let dir = tempfile::tempdir().unwrap();
    let external = ["--external-address", "/dns4/chat.example/tcp/443"];
    let mut server = Running::start(dir.path(), &[&LOOPBACK[..], &external[..]].concat());
    let line = server.line();
    assert!(line.starts_with("ready /dns4/chat.example/tcp/443/p2p/12D3Koo"), "{line}");
}

#[test]
fn all_interfaces_are_told_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Running::start(dir.path(), &["--listen", "/ip4/0.0.0.0/tcp/0"]);
    let mut lines = vec![server.line()];
    while let Ok(line) = server.stdout.recv_timeout(Duration::from_millis(50)) {
        lines.push(line);
    }
    assert!(lines.iter().any(|line| line.starts_with("ready /ip4/127.0.0.1/tcp/")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("0.0.0.0")), "{lines:?}");
}

#[test]
fn an_occupied_port_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().unwrap().port());
    let udp = format!("/ip4/127.0.0.1/udp/{}/quic-v1", socket.local_addr().unwrap().port());
    for address in [tcp, udp] {
        let arguments = ["--listen", "/ip4/127.0.0.1/tcp/0", "--listen", &address];
        let output = command("run", dir.path(), &arguments).output().unwrap();
        let message = complaint(&output);
        assert!(message.contains(&address) && message.contains("in use"), "{message}");
    }
}

#[test]
fn a_port_of_another_server_is_occupied() {
    let (first_dir, second_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = Running::start(first_dir.path(), &LOOPBACK);
    for _ in 0..2 {
        let line = first.line();
        let address = line.strip_prefix("ready ").unwrap().split("/p2p/").next().unwrap();
        let output = command("run", second_dir.path(), &["--listen", address]).output().unwrap();
        let message = complaint(&output);
        assert!(message.contains(address) && message.contains("in use"), "{message}");
    }
}

#[test]
fn a_data_folder_in_use_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Running::start(dir.path(), &LOOPBACK);
    first.line();
    let message = complaint(&command("run", dir.path(), &LOOPBACK).output().unwrap());
    assert!(message.contains("in use by another server"), "{message}");
}

#[test]
fn a_bad_configuration_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    for (text, expected) in [
        ("listen_at = []", "unknown field"),
        ("\n[relay]\ncircuits = \"many\"", "line 3"),
        ("listen = [\"/dns4/x/tcp/1\"]", "cannot listen on /dns4/x/tcp/1"),
        ("[groups]\ntotal = 0", "groups.total"),
    ] {
        fs::write(&file, text).unwrap();
        let arguments = ["--config", file.to_str().unwrap()];
        for subcommand in ["run", "address"] {
            let output = command(subcommand, dir.path(), &arguments).output().unwrap();
            let message = complaint(&output);
            assert!(message.contains(expected), "{message}");
        }
    }
    let output = command("run", dir.path(), &["--config", "/no/such/file"]).output().unwrap();
    assert!(complaint(&output).contains("/no/such/file"));
}

#[test]
fn damaged_files_are_told() {
    for file in ["identity.key", "names.sqlite"] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(file), "neither a key nor a database").unwrap();
        let message = complaint(&command("run", dir.path(), &LOOPBACK).output().unwrap());
        assert!(message.contains(file) && message.contains("damaged"), "{message}");
    }
}

#[test]
fn wrong_usage_has_its_own_status() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [&["--listen", "nonsense"][..], &["--no-such-flag"]] {
        let output = command("run", dir.path(), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    let mut bare = Command::new(env!("CARGO_BIN_EXE_rendezvous-server"));
    assert_eq!(bare.output().unwrap().status.code(), Some(2));
}

#[test]
fn the_address_command_knows_the_key_and_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let print = |arguments: &[&str]| {
        let output = command("address", &data, arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let first = print(&["--listen", "/ip4/0.0.0.0/tcp/4001"]);
    let id = first.trim_end().strip_prefix("/ip4/127.0.0.1/tcp/4001/p2p/").unwrap();
    assert_eq!(
        print(&["--external-address", "/ip4/192.0.2.1/udp/4001/quic-v1"]),
        format!("/ip4/192.0.2.1/udp/4001/quic-v1/p2p/{id}\n")
    );
    assert_eq!(print(&[]).lines().count(), 4, "the default addresses");
    let unknown = command("address", &data, &["--listen", "/ip4/127.0.0.1/tcp/0"]);
    let message = complaint(&{ unknown }.output().unwrap());
    assert!(message.contains("once the server runs"), "{message}");
    let mut server = Running::start(&data, &LOOPBACK);
    assert!(server.line().ends_with(id), "the running server is the same");
    assert!(print(&["--listen", "/ip4/127.0.0.1/tcp/9"]).trim_end().ends_with(id));
}

/// Runs a server until it is ready, ends it, and gives what it logged.
fn log_of(mut command: Command) -> String {
    let mut child = command.spawn().unwrap();
    let mut ready = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut ready).unwrap();
    assert!(ready.starts_with("ready "), "{ready}");
    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    // Not before: it may have had more to say.
    drop(stdout);
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_log_can_be_json_a_line_each() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_of(command("run", dir.path(), &[&LOOPBACK[..], &["--log", "json"]].concat()));
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let serving = lines.iter().find(|line| line["message"] == "serving").expect(&log);
    assert_eq!(serving["level"], "INFO");
    assert!(serving["at_ms"].as_u64().unwrap() > 1_700_000_000_000);
    assert!(serving["id"].as_str().unwrap().starts_with("12D3Koo"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_supervisor_is_told_that_it_is_ready_alive_and_ending() {
    use std::os::unix::net::UnixDatagram;

    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("notify");
    let supervisor = UnixDatagram::bind(&socket).unwrap();
    supervisor.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = command("run", &dir.path().join("data"), &LOOPBACK);
    command.env("NOTIFY_SOCKET", &socket);
    log_of(command);
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "STOPPING=1") {
        let mut message = [0; 64];
        let length = supervisor.recv(&mut message).unwrap();
        heard.push(String::from_utf8(message[..length].to_vec()).unwrap());
    }
    assert_eq!(heard.first().map(String::as_str), Some("READY=1"), "{heard:?}");
    assert!(heard.contains(&"WATCHDOG=1".to_owned()), "{heard:?}");
}

#[test]
fn orders_without_a_running_server_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let status = command("status", dir.path(), &[]).output().unwrap();
    assert!(complaint(&status).contains("no server runs with this data folder"));
    let backup = command("backup", dir.path(), &["file"]).output().unwrap();
    assert!(complaint(&backup).contains("has no server's data"));
    let restore = command("restore", dir.path(), &["no-such-file"]).output().unwrap();
    assert!(complaint(&restore).contains("there is no file no-such-file"));
}
