//! A message being written, or an own one being given another text. Pure.

use wire::id::EventId;

use crate::core::command::{Command, Draft, FileSource};

/// A message being written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Writing {
    /// The text.
    pub(crate) text: String,
    /// Files that go with it.
    pub(crate) files: Vec<PendingFile>,
    /// The message that it answers.
    pub(crate) reply: Option<Reply>,
    /// It is not a new message but another text of this one.
    pub(crate) edit: Option<Box<Editing>>,
}

/// An own message that gets another text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Editing {
    /// Its event.
    pub(crate) message: EventId,
    /// Its text so far.
    pub(crate) before: String,
    /// The text is that beside a file, which may be empty.
    pub(crate) caption: bool,
    /// What was being written, which comes back afterwards.
    pub(crate) aside: Writing,
}

/// A file that waits to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PendingFile {
    /// Where it is.
    pub(crate) source: FileSource,
    /// Its name.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) size: u64,
}

/// A message that is answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    /// Its event.
    pub(crate) id: EventId,
    /// Who wrote it.
    pub(crate) author: String,
    /// Its first words.
    pub(crate) excerpt: String,
}

impl Writing {
    /// Whether there is something to send.
    pub(crate) fn is_sendable(&self) -> bool {
        let may_be_empty = self.edit.as_ref().is_some_and(|edit| edit.caption);
        may_be_empty || !self.files.is_empty() || !self.text.trim().is_empty()
    }

    /// The text that is worth being kept; none if there is none.
    pub(crate) fn draft(&self) -> Option<&str> {
        let text = self.edit.as_ref().map_or(&self.text, |edit| &edit.aside.text);
        (!text.trim().is_empty()).then_some(text)
    }

    /// The messages that it becomes, each with what comes back if it fails: one, or one for each
    /// file, the first of which carries the text.
    pub(crate) fn into_messages(self) -> Vec<(Draft, Self)> {
        let Self { text, files, reply, edit: _ } = self;
        let reply_to = reply.as_ref().map(|reply| reply.id);
        let text = text.trim().to_owned();
        if files.is_empty() {
            let draft = Draft { text: text.clone(), file: None, reply_to };
            return vec![(draft, Self { text, files, reply, edit: None })];
        }
        let mut first = Some((text, reply));
        files
            .into_iter()
            .map(|file| {
                let (text, reply) = first.take().unwrap_or_default();
                let draft = Draft {
                    text: text.clone(),
                    file: Some(file.source.clone()),
                    reply_to: reply.as_ref().map(|reply| reply.id),
                };
                (draft, Self { text, files: vec![file], reply, edit: None })
            })
            .collect()
    }

    /// Takes back what was not sent, before what was written since.
    pub(crate) fn restore(&mut self, failed: Self) {
        if let Some(edit) = &mut self.edit {
            return edit.aside.restore(failed);
        }
        self.text = match (failed.text.is_empty(), self.text.is_empty()) {
            (true, _) => std::mem::take(&mut self.text),
            (false, true) => failed.text,
            (false, false) => format!("{}\n{}", failed.text, self.text),
        };
        self.files.splice(0..0, failed.files);
        self.reply = failed.reply.or(self.reply.take());
    }

    /// Adds files to the message being written.
    pub(crate) fn add_files(&mut self, files: Vec<PendingFile>) {
        match &mut self.edit {
            Some(edit) => edit.aside.add_files(files),
            None => self.files.extend(files),
        }
    }

    /// Puts what is being written aside to give a message another text.
    pub(crate) fn begin_editing(&mut self, message: EventId, text: String, caption: bool) {
        self.leave_editing();
        let aside = std::mem::take(self);
        let edit = Box::new(Editing { message, before: text.clone(), caption, aside });
        *self = Self { text, edit: Some(edit), ..Self::default() };
    }

    /// Goes back to what was being written.
    pub(crate) fn leave_editing(&mut self) {
        if let Some(edit) = self.edit.take() {
            *self = edit.aside;
        }
    }

    /// Goes back to what was being written. Gives the command that saves the other text, and what
    /// comes back if it fails; none if nothing was edited or the text is the same.
    pub(crate) fn finish_editing(&mut self) -> Option<(Command, Self)> {
        let edit = self.edit.as_mut()?;
        let aside = std::mem::take(&mut edit.aside);
        let (message, text) = (edit.message, self.text.trim().to_owned());
        let changed = edit.before.trim() != text;
        let edited = std::mem::replace(self, aside);
        changed.then_some((Command::Edit { message, text }, edited))
    }

    /// Takes back a text that could not be saved, unless another one is being edited.
    pub(crate) fn restore_edit(&mut self, mut failed: Self) {
        if let (None, Some(edit)) = (&self.edit, &mut failed.edit) {
            edit.aside = std::mem::take(self);
            *self = failed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> PendingFile {
        PendingFile { source: FileSource::Path(name.into()), name: name.to_owned(), size: 1 }
    }

    #[test]
    fn the_first_file_carries_the_text() {
        let reply = Reply {
            id: EventId::new([1; EventId::LENGTH]),
            author: "bob".to_owned(),
            excerpt: "hi".to_owned(),
        };
        let writing = Writing {
            text: " look ".to_owned(),
            files: vec![file("a"), file("b")],
            reply: Some(reply.clone()),
            edit: None,
        };
        let messages = writing.into_messages();
        let sent: Vec<_> = messages
            .iter()
            .map(|(draft, _)| (draft.text.as_str(), draft.file.is_some(), draft.reply_to))
            .collect();
        assert_eq!(sent, [("look", true, Some(reply.id)), ("", true, None)]);
    }

    #[test]
    fn what_failed_comes_back_before_what_was_written_since() {
        let mut writing = Writing { text: "second".to_owned(), ..Writing::default() };
        let failed =
            Writing { text: "first".to_owned(), files: vec![file("a")], ..Writing::default() };
        writing.restore(failed);
        assert_eq!(writing.text, "first\nsecond");
        assert_eq!(writing.files.len(), 1);
        let mut empty = Writing::default();
        empty.restore(Writing { text: "lost".to_owned(), ..Writing::default() });
        assert_eq!(empty.text, "lost");
    }

    #[test]
    fn what_was_being_written_comes_back_after_an_edit() {
        let id = EventId::new([1; EventId::LENGTH]);
        let draft = Writing { text: "draft".to_owned(), ..Writing::default() };
        let mut writing = draft.clone();
        writing.begin_editing(id, "good".to_owned(), false);
        assert_eq!(writing.text, "good");
        writing.add_files(vec![file("a")]);
        writing.text = " hello ".to_owned();
        let (command, failed) = writing.finish_editing().unwrap();
        assert_eq!(command, Command::Edit { message: id, text: "hello".to_owned() });
        assert_eq!(writing, Writing { files: vec![file("a")], ..draft.clone() });
        writing.restore_edit(failed);
        assert_eq!(writing.text, " hello ");
        writing.leave_editing();
        assert_eq!(writing, Writing { files: vec![file("a")], ..draft });
    }

    #[test]
    fn the_same_text_is_not_saved_and_only_a_caption_may_be_empty() {
        let id = EventId::new([1; EventId::LENGTH]);
        let mut writing = Writing::default();
        assert!(writing.finish_editing().is_none());
        writing.begin_editing(id, "same".to_owned(), false);
        assert!(writing.finish_editing().is_none());
        writing.begin_editing(id, "text".to_owned(), false);
        writing.text.clear();
        assert!(!writing.is_sendable());
        writing.begin_editing(id, "caption".to_owned(), true);
        writing.text.clear();
        assert!(writing.is_sendable());
    }
}
