//! A running program: found beside the tests, cut off from the user's own settings, ended with the test.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

use crate::record::{Deadline, PATIENCE, Record};

/// The path of one of the project's programs.
pub fn program(name: &str) -> PathBuf {
    let tests = env::current_exe().expect("the tests have a path");
    let profile = tests.parent().and_then(Path::parent).expect("target/<profile>/deps/<tests>");
    let path = profile.join(name).with_extension(env::consts::EXE_EXTENSION);
    assert!(path.is_file(), "{} is not built; run tests/run.sh", path.display());
    path
}

/// A command whose files all lie in `home`, and that sees nothing of the user's environment.
pub fn command(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("TMPDIR", home)
        .env("XDG_RUNTIME_DIR", home)
        .env("LANG", "C.UTF-8")
        .env("NO_COLOR", "1")
        .env("RUST_BACKTRACE", "1")
        .env("RUST_LOG", env::var("NATTERJACK_TEST_LOG").unwrap_or_else(|_unset| "info".to_owned()))
        .current_dir(home);
    command
}

/// Runs one of the project's programs, without logs and input, to the end that it reaches by itself.
/// Its standard error comes with the status.
pub fn run_to_end(name: &str, arguments: &[&str], home: &Path) -> (ExitStatus, Vec<String>) {
    let mut command = command(program(name), home);
    let (mut process, _stdin, _stdout) =
        Process::spawn(name, command.env("RUST_LOG", "off").args(arguments));
    let status = process.wait();
    (status, process.log().entries())
}

/// A running program. Dropping it kills it, and fails the test if it panicked.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Record<String>,
}

impl Process {
    /// Starts `command`. The test's messages call it `name`.
    pub fn spawn(name: &str, command: &mut Command) -> (Self, ChildStdin, ChildStdout) {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: cannot run {command:?}: {error}"));
        let stdin = child.stdin.take().expect("standard input is a pipe");
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let log = Record::of(stderr, str::to_owned);
        (Self { name: name.to_owned(), child, log }, stdin, stdout)
    }

    /// What the test calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> &Record<String> {
        &self.log
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().expect("the process is the test's own");
        self.child.wait().expect("the process is the test's own");
    }

    /// Sends a signal, as `TERM`.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", signal, &self.pid().to_string()])
            .status()
            .expect("sh is there");
        assert!(status.success(), "{}: cannot send SIG{signal}", self.name);
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let end = self.log.wait_for_end(Deadline::after(PATIENCE));
        assert!(end.is_ok(), "{} does not end; its log:\n{}", self.name, self.log_tail());
        self.child.wait().expect("the process is the test's own")
    }

    /// The last lines of its log, for a message.
    pub fn log_tail(&self) -> String {
        self.log.tail(30).join("\n")
    }

    fn panics(&self) -> Vec<String> {
        let lines = self.log.entries();
        lines.into_iter().filter(|line| line.contains("panicked at")).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
        if !std::thread::panicking() {
            let panics = self.panics();
            assert!(panics.is_empty(), "{} panicked: {panics:?}", self.name);
        }
    }
}
