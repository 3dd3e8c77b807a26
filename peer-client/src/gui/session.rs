//! A running node as the window holds it: commands go out, answers and notices come in.

use std::{
    io::Cursor,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{sync::broadcast::error::RecvError, task::JoinSet};
use wire::name::ConversationName;

use super::{
    Secret,
    answers::{on_answer, on_failure},
    inbox::{Delivery, Door, Inbox},
    pages::{Backup, Dialog, Phrase},
    state::{Errand, Purpose, UiState, Wish},
    writing::PendingFile,
};
use crate::{
    backup,
    core::{
        command::{Answer, Command, Failure, FileSource},
        model::Model,
        notice::{Change, Notice},
    },
    handle::Handle,
    media,
    node::files::Files,
    recovery,
};

/// A running node.
pub(crate) struct Session {
    handle: Handle,
    inbox: Inbox,
    runtime: tokio::runtime::Handle,
    tasks: JoinSet<()>,
    /// The node's data folder, if the window had it started there.
    folder: Option<PathBuf>,
}

impl Session {
    /// Wakes the window whenever the model changes.
    pub(crate) fn new(
        handle: Handle,
        runtime: tokio::runtime::Handle,
        folder: Option<PathBuf>,
        context: &egui::Context,
    ) -> Self {
        let inbox = Inbox::new(context);
        let mut tasks = JoinSet::new();
        tasks.spawn_on(wake_on_change(handle.clone(), inbox.door()), &runtime);
        tasks.spawn_on(pass_notices(handle.clone(), inbox.door()), &runtime);
        Self { handle, inbox, runtime, tasks, folder }
    }

    /// The newest model.
    pub(crate) fn model(&self) -> Arc<Model> {
        self.handle.model()
    }

    /// Hands over the frame's commands.
    pub(crate) fn send(&mut self, wishes: impl IntoIterator<Item = Wish>) {
        while self.tasks.try_join_next().is_some() {}
        for Wish { command, purpose } in wishes {
            let door = self.inbox.door();
            match self.handle.try_ask(command) {
                Err(failure) => door.deliver(Delivery::Answer(purpose, Err(failure))),
                Ok(_unawaited) if matches!(purpose, Purpose::Quiet) => {}
                Ok(answer) => {
                    let wait = async move {
                        let stopped = Failure::new("stopped", "The program is shutting down");
                        let answer = answer.await.unwrap_or(Err(stopped));
                        door.deliver(Delivery::Answer(purpose, answer));
                    };
                    self.tasks.spawn_on(wait, &self.runtime);
                }
            }
        }
    }

    /// Takes in what has come. Commands that follow from it go to `out`.
    pub(crate) fn receive(&mut self, state: &mut UiState, now: f64, out: &mut Vec<Wish>) {
        let deliveries: Vec<Delivery> = self.inbox.deliveries().collect();
        for delivery in deliveries {
            match delivery {
                Delivery::Answer(purpose, Ok(answer)) => {
                    on_answer(purpose, answer, (state, now), out);
                }
                Delivery::Answer(purpose, Err(failure)) => on_failure(purpose, failure, state, now),
                Delivery::Files(conversation, files) => {
                    state.writing(&conversation).add_files(files);
                    state.focus_composer = true;
                }
                Delivery::Text(conversation, text) => {
                    state.writing(&conversation).text.push_str(&text);
                    state.focus_composer = true;
                }
                Delivery::SaveTo(message, place) => {
                    let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    let command = Command::Fetch { message, save_to: Some(place) };
                    out.push(Wish { command, purpose: Purpose::Save(name) });
                }
                Delivery::Chosen(place) => choose(place, state),
                Delivery::Written(result) => on_written(result, state, now),
                Delivery::Phrase(words) => {
                    if let Some(Dialog::Phrase(phrase)) = &mut state.dialog {
                        *phrase = Phrase { words: Some(words), busy: false };
                    }
                }
                Delivery::Changed => {
                    state.search.repeat();
                    if let Some(find) = &mut state.chat.find {
                        find.search.repeat();
                    }
                }
                Delivery::Failed(text) => state.tell(text, true, now),
            }
        }
    }

    /// Does in tasks what would hold up a frame.
    pub(crate) fn run(&mut self, errands: Vec<Errand>) {
        for errand in errands {
            let door = self.inbox.door();
            match errand {
                Errand::ChooseFiles(conversation) => {
                    self.tasks.spawn_on(choose_files(conversation, door), &self.runtime);
                }
                Errand::SaveAs(message, name) => {
                    let dialog = rfd::AsyncFileDialog::new().set_file_name(name).save_file();
                    let save = async move {
                        if let Some(place) = dialog.await {
                            door.deliver(Delivery::SaveTo(message, place.path().to_path_buf()));
                        }
                    };
                    self.tasks.spawn_on(save, &self.runtime);
                }
                Errand::AddFiles(conversation, paths) => {
                    let read = move || deliver_files(conversation, &paths, &door);
                    self.tasks.spawn_blocking_on(read, &self.runtime);
                }
                Errand::AddImage(conversation, image) => {
                    let [width, height] = image.size;
                    let read = move || {
                        let pixels =
                            image.pixels.iter().flat_map(egui::Color32::to_srgba_unmultiplied);
                        deliver_image(conversation, (width, height), pixels.collect(), &door);
                    };
                    self.tasks.spawn_blocking_on(read, &self.runtime);
                }
                Errand::Paste(conversation, text) => {
                    let read = move || deliver_pasted(conversation, text, &door);
                    self.tasks.spawn_blocking_on(read, &self.runtime);
                }
                Errand::Choose(choice) => {
                    let ask = async move {
                        if let Some(place) = choice.ask().await {
                            door.deliver(Delivery::Chosen(place));
                        }
                    };
                    self.tasks.spawn_on(ask, &self.runtime);
                }
                Errand::Export(of, to) => {
                    let handle = self.handle.clone();
                    let write = async move {
                        let written = export(handle, of, to).await;
                        door.deliver(Delivery::Written(written.map_err(sentence)));
                    };
                    self.tasks.spawn_on(write, &self.runtime);
                }
                Errand::Backup(to, passphrase) => self.back_up(to, passphrase, door),
                Errand::Phrase => {
                    let Some(folder) = self.folder.clone() else { continue };
                    let read = move || {
                        let words = recovery::phrase_of(&Files::beside_node(&folder));
                        door.deliver(Delivery::Phrase(words.map(Secret::new).map_err(sentence)));
                    };
                    self.tasks.spawn_blocking_on(read, &self.runtime);
                }
            }
        }
    }
}

impl Session {
    /// Writes everything into a file, while the node goes on.
    fn back_up(&mut self, to: PathBuf, passphrase: Secret, door: Door) {
        let Some(folder) = self.folder.clone() else { return };
        let write = move || {
            let files = Files::beside_node(&folder);
            let written = backup::write(&files, &to, passphrase.reveal());
            let done = written.map(|()| format!("Everything is in {}", to.display()));
            door.deliver(Delivery::Written(done.map_err(sentence)));
        };
        self.tasks.spawn_blocking_on(write, &self.runtime);
    }
}

/// Reads a conversation page by page and writes it into a folder.
async fn export(handle: Handle, of: ConversationName, to: PathBuf) -> anyhow::Result<String> {
    let mut export = backup::Export::default();
    while let Some(before) = export.before() {
        let limit = backup::Export::PAGE;
        match handle.ask(Command::History { of: of.clone(), limit, before }).await? {
            Answer::Messages(page) => export.take(page),
            _ => anyhow::bail!("the messages cannot be read"),
        }
    }
    tokio::task::spawn_blocking(move || {
        let count = export.write(&to)?;
        let messages = if count == 1 { "message is" } else { "messages are" };
        Ok(format!("{count} {messages} in {}", to.display()))
    })
    .await?
}

/// An error as one line for the user.
#[expect(clippy::needless_pass_by_value, reason = "it ends here")]
fn sentence(error: anyhow::Error) -> String {
    super::format::sentence(&format!("{error:#}"))
}

/// Puts a chosen place into the dialog that asked for it.
fn choose(chosen: PathBuf, state: &mut UiState) {
    let (Some(Dialog::Export(_, place)) | Some(Dialog::Backup(Backup { place, .. }))) =
        &mut state.dialog
    else {
        return;
    };
    place.path = chosen.display().to_string();
    place.error = None;
}

fn on_written(result: Result<String, String>, state: &mut UiState, now: f64) {
    match (&mut state.dialog, result) {
        (Some(Dialog::Export(_, place) | Dialog::Backup(Backup { place, .. })), result)
            if place.busy =>
        {
            place.end(result);
        }
        (_, Ok(done)) => state.tell(done, false, now),
        (_, Err(error)) => state.tell(error, true, now),
    }
}

async fn wake_on_change(handle: Handle, door: Door) {
    let mut model = handle.watch();
    drop(handle);
    while model.changed().await.is_ok() {
        door.wake();
    }
}

async fn pass_notices(handle: Handle, door: Door) {
    let mut notices = handle.notices();
    drop(handle);
    loop {
        match notices.recv().await {
            Ok(Notice::Error { text, .. }) => door.deliver(Delivery::Failed(text)),
            Ok(Notice::Changed { change: Change::Edit | Change::Erasure, .. }) => {
                door.deliver(Delivery::Changed);
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => break,
        }
    }
}

async fn choose_files(conversation: ConversationName, door: Door) {
    let Some(files) = rfd::AsyncFileDialog::new().set_title("Send files").pick_files().await else {
        return;
    };
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_path_buf()).collect();
    let read = tokio::task::spawn_blocking(move || deliver_files(conversation, &paths, &door));
    if let Err(error) = read.await {
        tracing::warn!(%error, "reading chosen files ended early");
    }
}

fn deliver_files(conversation: ConversationName, paths: &[PathBuf], door: &Door) {
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        match describe(path) {
            Ok(file) => files.push(file),
            Err(text) => door.deliver(Delivery::Failed(text)),
        }
    }
    door.deliver(Delivery::Files(conversation, files));
}

/// A file manager's copy has the files' names as text too, which is not what is meant.
fn deliver_pasted(conversation: ConversationName, text: String, door: &Door) {
    let files = arboard::Clipboard::new().and_then(|mut board| board.get().file_list());
    match files {
        Ok(paths) if !paths.is_empty() => deliver_files(conversation, &paths, door),
        Ok(_) | Err(_) => door.deliver(Delivery::Text(conversation, text)),
    }
}

fn describe(path: &Path) -> Result<PendingFile, String> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let metadata =
        std::fs::metadata(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
    if !metadata.is_file() {
        return Err(format!("{name} is a folder; only files can be sent"));
    }
    let source = FileSource::Path(path.to_path_buf());
    Ok(PendingFile { source, name: media::safe_file_name(&name), size: metadata.len() })
}

fn deliver_image(
    conversation: ConversationName,
    (width, height): (usize, usize),
    pixels: Vec<u8>,
    door: &Door,
) {
    let image = image::RgbaImage::from_raw(width as u32, height as u32, pixels);
    let mut bytes = Vec::new();
    let encoded =
        image.map(|image| image.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png));
    match encoded {
        Some(Ok(())) => {
            let name = "image.png".to_owned();
            let size = bytes.len() as u64;
            let source = FileSource::Bytes { name: name.clone(), bytes: bytes.into() };
            door.deliver(Delivery::Files(conversation, vec![PendingFile { source, name, size }]));
        }
        Some(Err(_)) | None => {
            door.deliver(Delivery::Failed("The image on the clipboard cannot be read".to_owned()));
        }
    }
}
