//! Lines of standard input, of bounded length.

use std::io::{BufRead as _, BufReader, Read};

use tokio::sync::mpsc;

use crate::core::command::Failure;

/// Longest line, in bytes; what is longer is passed over and answered as such.
const LINE_MAX: usize = 1024 * 1024;
/// Lines that may wait.
const WAITING: usize = 16;

/// Reads lines on a thread of its own, since standard input can only be read blocking.
pub(super) fn read(from: impl Read + Send + 'static) -> mpsc::Receiver<Result<String, Failure>> {
    let (lines, waiting) = mpsc::channel(WAITING);
    let thread = std::thread::Builder::new().name("input".to_owned()).spawn(move || {
        let mut reader = BufReader::new(from);
        while let Some(line) = next(&mut reader) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    if let Err(error) = thread {
        tracing::error!(%error, "cannot read standard input");
    }
    waiting
}

/// The next line that is not empty; none at the end.
fn next(reader: &mut BufReader<impl Read>) -> Option<Result<String, Failure>> {
    loop {
        let mut line = Vec::new();
        let length = reader.take(LINE_MAX as u64 + 1).read_until(b'\n', &mut line).ok()?;
        if length == 0 {
            return None;
        }
        if length > LINE_MAX {
            if line.last() != Some(&b'\n') {
                reader.skip_until(b'\n').ok()?;
            }
            return Some(Err(Failure::new(
                "bad_line",
                format!("A line has at most {LINE_MAX} bytes"),
            )));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let text = String::from_utf8(line);
        return Some(text.map_err(|_error| Failure::new("bad_line", "The line is not UTF-8")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_broken_lines_do_not_stop_those_behind_them() {
        let mut input = b"one\n\n  \n".to_vec();
        input.extend(std::iter::repeat_n(b'a', 3 * LINE_MAX));
        input.extend(b"\n\xff\ntwo");
        let mut reader = BufReader::new(&input[..]);
        let mut lines = Vec::new();
        while let Some(line) = next(&mut reader) {
            lines.push(line.map_err(|failure| failure.code));
        }
        assert_eq!(
            lines,
            [Ok("one\n".to_owned()), Err("bad_line"), Err("bad_line"), Ok("two".to_owned())]
        );
    }
}
