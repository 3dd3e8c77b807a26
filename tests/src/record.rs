//! What a program says on one of its outputs, kept line by line while it runs.

use std::{
    fmt::Display,
    io::{BufRead as _, BufReader, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How long any condition may take before a test gives up on it. Only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The moment at which a wait is given up.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The moment that is `time` from now.
    #[expect(clippy::disallowed_methods, reason = "real programs are waited for in real time")]
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// What is left until then; zero when it has passed.
    #[expect(clippy::disallowed_methods, reason = "real programs are waited for in real time")]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// Why a wait found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The time was up.
    TimedOut,
    /// The program closed the output.
    Ended,
}

impl Display for Missed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::TimedOut => "did not come in time",
            Self::Ended => "did not come before the program ended",
        })
    }
}

/// The entries of one output so far. Clones share it.
#[derive(Debug)]
pub struct Record<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    entries: Mutex<Entries<T>>,
    grew: Condvar,
}

#[derive(Debug)]
struct Entries<T> {
    all: Vec<T>,
    ended: bool,
}

impl<T: Clone + Send + 'static> Record<T> {
    /// Begins to read `output` on a thread of its own; `parse` makes an entry of each line.
    pub fn of(output: impl Read + Send + 'static, parse: fn(&str) -> T) -> Self {
        let entries = Mutex::new(Entries { all: Vec::new(), ended: false });
        let shared = Arc::new(Shared { entries, grew: Condvar::new() });
        let writer = Arc::clone(&shared);
        thread::spawn(move || {
            let mut lines = BufReader::new(output);
            let mut line = Vec::new();
            while matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
                let entry = parse(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
                writer.lock().all.push(entry);
                writer.grew.notify_all();
                line.clear();
            }
            writer.lock().ended = true;
            writer.grew.notify_all();
        });
        Self { shared }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.shared.lock().all.len()
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All entries so far.
    pub fn entries(&self) -> Vec<T> {
        self.shared.lock().all.clone()
    }

    /// The entries from the one with index `from` on.
    pub fn from(&self, from: usize) -> Vec<T> {
        self.shared.lock().all.get(from..).unwrap_or_default().to_vec()
    }

    /// The last `count` entries.
    pub fn tail(&self, count: usize) -> Vec<T> {
        let entries = self.shared.lock();
        let from = entries.all.len().saturating_sub(count);
        entries.all.get(from..).unwrap_or_default().to_vec()
    }

    /// Waits for the first entry, from the one with index `from` on, of which `find` makes something.
    pub fn wait<F>(
        &self,
        from: usize,
        deadline: Deadline,
        mut find: impl FnMut(&T) -> Option<F>,
    ) -> Result<F, Missed> {
        let mut next = from;
        let mut entries = self.shared.lock();
        loop {
            while let Some(entry) = entries.all.get(next) {
                if let Some(found) = find(entry) {
                    return Ok(found);
                }
                next += 1;
            }
            entries = self.shared.grown(entries, deadline)?;
        }
    }

    /// Waits until the program closes the output.
    pub fn wait_for_end(&self, deadline: Deadline) -> Result<(), Missed> {
        match self.wait(usize::MAX, deadline, |_entry| None::<()>) {
            Err(Missed::TimedOut) => Err(Missed::TimedOut),
            Err(Missed::Ended) | Ok(()) => Ok(()),
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Entries<T>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change of the entries, which are known up to their present end.
    fn grown<'entries>(
        &self,
        entries: MutexGuard<'entries, Entries<T>>,
        deadline: Deadline,
    ) -> Result<MutexGuard<'entries, Entries<T>>, Missed> {
        if entries.ended {
            return Err(Missed::Ended);
        }
        let left = deadline.left();
        if left.is_zero() {
            return Err(Missed::TimedOut);
        }
        let (entries, _timeout) =
            self.grew.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner);
        Ok(entries)
    }
}

impl<T> Clone for Record<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_and_its_absence_is_told() {
        let (reader, writer) = std::io::pipe().unwrap();
        let record = Record::of(reader, str::to_owned);
        let find = |record: &Record<String>, from, wanted: &str, deadline| {
            record.wait(from, deadline, |line| (line == wanted).then_some(()))
        };
        let patient = Deadline::after(PATIENCE);
        std::io::Write::write_all(&mut &writer, b"one\ntwo\n").unwrap();
        assert_eq!(find(&record, 0, "two", patient), Ok(()));
        assert_eq!(find(&record, 2, "two", Deadline::after(Duration::ZERO)), Err(Missed::TimedOut));
        drop(writer);
        assert_eq!(find(&record, 2, "two", patient), Err(Missed::Ended));
        assert_eq!(record.wait_for_end(patient), Ok(()));
        assert_eq!(record.entries(), ["one", "two"]);
    }
}
