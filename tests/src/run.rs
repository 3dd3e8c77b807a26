//! Programs that do one thing and end.

use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::{Output, Stdio},
};

use crate::process::{command, program};

/// What a program said until it ended.
#[derive(Debug)]
pub struct Said {
    /// It succeeded.
    pub success: bool,
    /// Its standard output.
    pub output: String,
    /// Its standard error, without logs.
    pub errors: String,
}

/// Runs one of the project's programs with this standard input, to the end that it reaches by itself.
pub fn run(name: &str, arguments: &[&str], input: &str, home: &Path) -> Said {
    let mut child = command(program(name), home)
        .env("RUST_LOG", "off")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    // A program that wants no input may have ended already.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    let mut output = String::new();
    child.stdout.take().map(|mut stdout| stdout.read_to_string(&mut output));
    let Output { status, stderr, .. } =
        child.wait_with_output().expect("the process is the test's own");
    let errors = String::from_utf8_lossy(&stderr).into_owned();
    Said { success: status.success(), output, errors }
}
