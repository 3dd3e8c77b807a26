//! A peer, driven through the headless front end.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{ChildStdin, ExitStatus},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    event,
    process::{Process, command, program},
    record::{Deadline, PATIENCE, Record},
    server::Server,
};

/// How long a command on a large file or a long history may take.
const LONG: Duration = Duration::from_mins(10);
/// Where peers listen that are not told otherwise.
const USUAL: [&str; 2] = ["/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0"];

/// A running `peer-client headless`, on loopback. It does not look for others on the local network,
/// where other tests run.
#[derive(Debug)]
pub struct Peer {
    home: TempDir,
    username: String,
    arguments: Vec<String>,
    /// A program that runs the peer's, with its own arguments; empty if it runs by itself.
    wrapper: Vec<String>,
    /// What runs before the present one told.
    earlier: Vec<Value>,
    run: Run,
}

/// One life of the program.
#[derive(Debug)]
struct Run {
    process: Process,
    input: Option<ChildStdin>,
    output: Record<Value>,
    commands: u64,
}

impl Peer {
    /// Starts a peer and waits until it is registered.
    pub fn start(server: &Server, username: &str) -> Self {
        Self::start_with(server, username, &[])
    }

    /// Starts a peer with further arguments and waits until it is registered.
    pub fn start_with(server: &Server, username: &str, further: &[&str]) -> Self {
        let peer = Self::spawn(server, username, further);
        peer.wait_for("registration", event::rendezvous("registered"));
        peer
    }

    /// Starts a peer with further arguments and waits for nothing.
    pub fn spawn(server: &Server, username: &str, further: &[&str]) -> Self {
        Self::spawn_prepared(server, username, further, |_data_dir| {})
    }

    /// Starts a peer in a data folder that `prepare` makes, and waits until it is registered.
    pub fn start_prepared(server: &Server, username: &str, prepare: impl FnOnce(&Path)) -> Self {
        let peer = Self::spawn_prepared(server, username, &[], prepare);
        peer.wait_for("registration", event::rendezvous("registered"));
        peer
    }

    fn spawn_prepared(
        server: &Server,
        username: &str,
        further: &[&str],
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        prepare(&data_dir(home.path()));
        let mut arguments = arguments(&data_dir(home.path()), server, username);
        if further.contains(&"--listen") {
            // They say where to listen, instead of where peers usually do.
            arguments.retain(|it| it != "--listen" && !USUAL.contains(&it.as_str()));
        }
        arguments.extend(further.iter().map(|&argument| argument.to_owned()));
        let wrapper = Vec::new();
        let run = Run::start(username, &wrapper, &arguments, home.path());
        Self { home, username: username.to_owned(), arguments, wrapper, earlier: Vec::new(), run }
    }

    /// From the next start on, `wrapper` runs the program.
    pub fn wrap(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(|&argument| argument.to_owned()).collect();
    }

    /// The username.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// A folder of the test's own, for files to send and to save.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// Makes a file in [`Self::folder`].
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder().join(name);
        fs::write(&path, bytes).expect("the test's folder can be written");
        path
    }

    /// Reads a file in [`Self::folder`].
    pub fn read_file(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder().join(name)).expect("the file is there")
    }

    /// The folder in which the peer keeps everything.
    pub fn data_dir(&self) -> PathBuf {
        data_dir(self.home.path())
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.run.process
    }

    /// Gives a command, under an id that is returned, and waits for nothing.
    pub fn tell(&mut self, mut command: Value) -> u64 {
        self.run.commands += 1;
        let id = self.run.commands;
        if let Some(fields) = command.as_object_mut() {
            fields.insert("id".to_owned(), json!(id));
        }
        self.write_line(command.to_string().as_bytes());
        id
    }

    /// Waits for the answer to a command.
    pub fn reply(&self, id: u64) -> Value {
        self.wait_for(&format!("the answer to command {id}"), |line| {
            line.get("reply") == Some(&json!(id))
        })
    }

    /// Gives a command and waits for its answer.
    pub fn ask(&mut self, command: Value) -> Value {
        let id = self.tell(command);
        self.reply(id)
    }

    /// Gives a command that must be answered with `ok: true`.
    pub fn must(&mut self, command: Value) -> Value {
        let shown = command.to_string();
        let answer = self.ask(command);
        assert_eq!(answer["ok"], true, "{}: {shown} was answered {answer}", self.username);
        answer
    }

    /// The same for a command that takes as long as a large file does.
    pub fn must_in_time(&mut self, command: Value) -> Value {
        let id = self.tell(command);
        let answer = self.wait_in_time("the answer", |line| line["reply"] == json!(id));
        assert_eq!(answer["ok"], true, "{}: it was answered {answer}", self.username);
        answer
    }

    /// Gives a command that must be answered with `ok: false`, and returns the code. There must be a
    /// text for a person, too.
    pub fn refusal(&mut self, command: Value) -> String {
        let shown = command.to_string();
        let answer = self.ask(command);
        assert_eq!(answer["ok"], false, "{}: {shown} was answered {answer}", self.username);
        assert!(!event::text(&answer, "text").is_empty(), "no text in {answer}");
        event::text(&answer, "code").to_owned()
    }

    /// Sends a text and returns the message's id.
    pub fn say(&mut self, to: &str, text: &str) -> String {
        let answer = self.must(json!({"do": "send", "to": to, "text": text}));
        let id = event::text(&answer, "message");
        assert!(!id.is_empty(), "no `message` in {answer}");
        id.to_owned()
    }

    /// The last messages of a conversation, oldest first.
    pub fn history(&mut self, of: &str) -> Vec<Value> {
        let answer = self.must(json!({"do": "history", "of": of, "limit": 100}));
        event::list(&answer, "messages").to_vec()
    }

    /// Writes a line as it is.
    pub fn write_line(&mut self, line: &[u8]) {
        let input = self.run.input.as_mut().expect("the input was not closed");
        let written = input.write_all(&[line, b"\n"].concat()).and_then(|()| input.flush());
        if let Err(error) = written {
            panic!("{} reads no more ({error}); it said:\n{}", self.username, self.tail());
        }
    }

    /// Closes the input.
    pub fn close_input(&mut self) {
        self.run.input = None;
    }

    /// Waits for a line of the present run.
    pub fn wait_for(&self, what: &str, condition: impl FnMut(&Value) -> bool) -> Value {
        self.wait_after(0, what, condition)
    }

    /// A place in the present run's lines, for [`Self::wait_after`].
    pub fn mark(&self) -> usize {
        self.run.output.len()
    }

    /// Waits for a line that comes after `mark`.
    pub fn wait_after(
        &self,
        mark: usize,
        what: &str,
        condition: impl FnMut(&Value) -> bool,
    ) -> Value {
        self.wait_until(Deadline::after(PATIENCE), mark, what, condition)
    }

    /// Waits for a line of the present run, for as long as a large file or a long history takes.
    pub fn wait_in_time(&self, what: &str, condition: impl FnMut(&Value) -> bool) -> Value {
        self.wait_until(Deadline::after(LONG), 0, what, condition)
    }

    fn wait_until(
        &self,
        deadline: Deadline,
        mark: usize,
        what: &str,
        mut condition: impl FnMut(&Value) -> bool,
    ) -> Value {
        let find = |line: &Value| condition(line).then(|| line.clone());
        let found = self.run.output.wait(mark, deadline, find);
        found.unwrap_or_else(|missed| {
            panic!("{}: {what} {missed}; it said:\n{}", self.username, self.tail())
        })
    }

    /// Watches for some time that no line of a kind comes.
    pub fn watch_without(&self, what: &str, time: Duration, condition: impl Fn(&Value) -> bool) {
        let mark = self.mark();
        let find = |line: &Value| condition(line).then(|| line.clone());
        if let Ok(line) = self.run.output.wait(mark, Deadline::after(time), find) {
            panic!("{}: {what} came: {line}; it said:\n{}", self.username, self.tail());
        }
    }

    /// All lines of all runs.
    pub fn told(&self) -> Vec<Value> {
        let mut lines = self.earlier.clone();
        lines.extend(self.run.output.entries());
        lines
    }

    /// How many lines of all runs fulfil a condition.
    pub fn count(&self, condition: impl Fn(&Value) -> bool) -> usize {
        self.told().iter().filter(|line| condition(line)).count()
    }

    /// Ends it by its own command, which must succeed.
    pub fn quit(&mut self) {
        self.must(json!({"do": "quit"}));
        let status = self.wait();
        assert!(status.success(), "{}: {status} after `quit`", self.username);
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.run.process.kill();
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.run.process.wait()
    }

    /// Starts it again after it ended, with the same folder, and waits until it is registered.
    pub fn restart(&mut self) {
        self.start_again();
        self.wait_for("registration", event::rendezvous("registered"));
    }

    /// Starts it again after it ended, with the same folder, and waits for nothing.
    pub fn start_again(&mut self) {
        self.earlier.extend(self.run.output.entries());
        self.run = Run::start(&self.username, &self.wrapper, &self.arguments, self.home.path());
    }

    /// The lines of the present run from `mark` on that are there.
    pub fn lines_from(&self, mark: usize) -> Vec<Value> {
        self.run.output.from(mark)
    }

    /// The same once the program has ended: all of them.
    pub fn last_lines_from(&self, mark: usize) -> Vec<Value> {
        let end = self.run.output.wait_for_end(Deadline::after(PATIENCE));
        assert!(end.is_ok(), "{} does not close its output", self.username);
        self.run.output.from(mark)
    }

    /// The last lines and the end of the log, for a message.
    pub fn tail(&self) -> String {
        let lines: Vec<_> = self.run.output.tail(30).iter().map(Value::to_string).collect();
        format!("{}\nits log:\n{}", lines.join("\n"), self.run.process.log_tail())
    }
}

impl Run {
    fn start(username: &str, wrapper: &[String], arguments: &[String], home: &Path) -> Self {
        let program = program("peer-client");
        let mut peer = match wrapper.split_first() {
            None => command(program, home),
            Some((wrapper, before)) => {
                let mut peer = command(wrapper, home);
                peer.args(before).arg(program);
                peer
            }
        };
        let (process, input, output) = Process::spawn(username, peer.args(arguments));
        let output = Record::of(output, |line| {
            serde_json::from_str(line).unwrap_or_else(|_error| json!({ "not_json": line }))
        });
        Self { process, input: Some(input), output, commands: 0 }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let lines = self.output.entries();
            let stray = lines.iter().find(|line| line.get("not_json").is_some());
            assert!(stray.is_none(), "{}: a line is not JSON: {stray:?}", self.process.name());
        }
    }
}

fn data_dir(home: &Path) -> PathBuf {
    home.join("data")
}

/// The arguments of a headless peer on loopback.
pub fn arguments(data_dir: &Path, server: &Server, username: &str) -> Vec<String> {
    let data_dir = data_dir.to_str().expect("a temporary folder has a plain name");
    let mut arguments = vec!["headless", "--data-dir", data_dir, "--username", username];
    for address in server.addresses() {
        arguments.extend(["--rendezvous", address]);
    }
    arguments.extend(USUAL.iter().flat_map(|address| ["--listen", address]));
    arguments.push("--no-mdns");
    arguments.into_iter().map(str::to_owned).collect()
}
