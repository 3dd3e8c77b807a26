//! Secrets in and words out: on a terminal without an echo, else from standard input.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::Context as _;

/// Longest line that is read, in bytes.
const LINE_MAX: u64 = 16 * 1024;

/// Asks for one line that nobody else should see.
pub(crate) fn secret(what: &str) -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("{what}: ")).context("cannot read the terminal");
    }
    let mut line = String::new();
    io::stdin().lock().take(LINE_MAX).read_line(&mut line).context("cannot read standard input")?;
    let line = line.trim_end_matches(['\n', '\r']);
    if line.is_empty() {
        anyhow::bail!("nothing was given on standard input; expected there: {what}");
    }
    Ok(line.to_owned())
}

/// Asks for a new passphrase; twice on a terminal, where it is not seen.
pub(crate) fn new_secret(what: &str) -> anyhow::Result<String> {
    let first = secret(what)?;
    if io::stdin().is_terminal() && secret("The same again")? != first {
        anyhow::bail!("these were two different ones");
    }
    Ok(first)
}

/// Prints a line.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("cannot write to standard output")
}

/// Prints a line on standard error.
#[expect(clippy::print_stderr, reason = "a word to the person at the terminal")]
pub(crate) fn warn(line: &str) {
    eprintln!("peer-client: {line}");
}
