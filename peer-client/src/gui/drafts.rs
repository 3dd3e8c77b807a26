//! What is being written, kept over restarts in a file of its own.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::mpsc::{SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use wire::name::ConversationName;

use super::writing::Writing;

/// The file in the data folder.
const FILE: &str = "drafts.json";
/// Seconds after a change before it is kept.
const PAUSE: f64 = 1.0;

/// Texts by conversation.
type Texts = BTreeMap<String, String>;

/// Keeps what is being written. What is left is kept when this is dropped.
pub(crate) struct Drafts {
    seen: Texts,
    due: Option<f64>,
    kept: Texts,
    writer: Option<(SyncSender<Texts>, JoinHandle<()>)>,
}

impl Drafts {
    /// Reads what was kept in a folder; without one nothing is kept.
    pub(crate) fn load(folder: Option<&Path>) -> Self {
        let path = folder.map(|folder| folder.join(FILE));
        let kept = path.as_deref().map(read).unwrap_or_default();
        let writer = path.map(|path| {
            let (texts, queue) = sync_channel::<Texts>(1);
            let thread = thread::spawn(move || {
                for texts in queue {
                    write(&path, &texts);
                }
            });
            (texts, thread)
        });
        Self { seen: kept.clone(), due: None, kept, writer }
    }

    /// What was being written when the window was last open.
    pub(crate) fn writings(&self) -> BTreeMap<ConversationName, Writing> {
        let writing = |(name, text): (&String, &String)| {
            Some((name.parse().ok()?, Writing { text: text.clone(), ..Writing::default() }))
        };
        self.kept.iter().filter_map(writing).collect()
    }

    /// Keeps what changed, once typing pauses. Gives the seconds until the next call is due.
    pub(crate) fn poll(
        &mut self,
        writings: &BTreeMap<ConversationName, Writing>,
        now: f64,
    ) -> Option<f64> {
        let texts = || writings.iter().filter_map(|(name, it)| Some((name, it.draft()?)));
        let same = texts().count() == self.seen.len()
            && texts().all(|(name, text)| {
                self.seen.get(&name.to_string()).is_some_and(|seen| seen == text)
            });
        if !same {
            self.seen = texts().map(|(name, text)| (name.to_string(), text.to_owned())).collect();
            self.due = Some(now + PAUSE);
        }
        let due = self.due?;
        if now < due {
            return Some(due - now);
        }
        self.due = None;
        if self.seen != self.kept
            && let Some((writer, _)) = &self.writer
        {
            if writer.try_send(self.seen.clone()).is_err() {
                // The disk is slow; later then.
                self.due = Some(now + PAUSE);
                return Some(PAUSE);
            }
            self.kept.clone_from(&self.seen);
        }
        None
    }
}

impl Drop for Drafts {
    fn drop(&mut self) {
        let Some((writer, thread)) = self.writer.take() else { return };
        if self.seen != self.kept && writer.send(std::mem::take(&mut self.seen)).is_err() {
            tracing::warn!("what is being written cannot be kept");
        }
        drop(writer);
        if thread.join().is_err() {
            tracing::warn!("keeping what is being written ended early");
        }
    }
}

fn read(path: &Path) -> Texts {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::warn!(%error, "what was being written is damaged");
            Texts::default()
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Texts::default(),
        Err(error) => {
            tracing::warn!(%error, "what was being written cannot be read");
            Texts::default()
        }
    }
}

fn write(path: &Path, texts: &Texts) {
    let new = PathBuf::from(format!("{}.new", path.display()));
    let written = serde_json::to_vec(texts).map_err(io::Error::from).and_then(|bytes| {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&new)?.write_all(&bytes)?;
        fs::rename(&new, path)
    });
    if let Err(error) = written {
        tracing::warn!(%error, "what is being written cannot be kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writings(texts: &[(&str, &str)]) -> BTreeMap<ConversationName, Writing> {
        let writing = |(name, text): &(&str, &str)| {
            let text = (*text).to_owned();
            (name.parse().unwrap(), Writing { text, ..Writing::default() })
        };
        texts.iter().map(writing).collect()
    }

    #[test]
    fn texts_come_back_and_what_was_sent_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut drafts = Drafts::load(Some(folder.path()));
        assert!(drafts.writings().is_empty());
        let both = writings(&[("@bob", "for bob"), ("#rust", "for all"), ("@eve", " ")]);
        assert_eq!(drafts.poll(&both, 1.0), Some(PAUSE));
        assert_eq!(drafts.poll(&both, 2.5), None);
        drop(drafts);
        let mut drafts = Drafts::load(Some(folder.path()));
        assert_eq!(drafts.writings(), writings(&[("@bob", "for bob"), ("#rust", "for all")]));
        // Even if the window is closed at once.
        drafts.poll(&writings(&[("#rust", "for all")]), 3.0);
        drop(drafts);
        let drafts = Drafts::load(Some(folder.path()));
        assert_eq!(drafts.writings(), writings(&[("#rust", "for all")]));
    }

    #[test]
    fn a_damaged_file_counts_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), b"[").unwrap();
        assert!(Drafts::load(Some(folder.path())).writings().is_empty());
    }
}
