//! A running node as the window holds it: commands go out, answers and notices come in.

use std::{
    io::Cursor,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{sync::broadcast::error::RecvError, task::JoinSet};
use wire::name::{ConversationName, GroupName};

use super::{
    inbox::{Delivery, Door, Inbox},
    state::{Dialog, Errand, Purpose, UiState, Wish},
    writing::PendingFile,
};
use crate::{
    core::{
        command::{Answer, Command, Failure, FileSource},
        model::Model,
        notice::{Change, Notice},
    },
    handle::Handle,
    media,
};

/// A running node.
pub(crate) struct Session {
    handle: Handle,
    inbox: Inbox,
    runtime: tokio::runtime::Handle,
    tasks: JoinSet<()>,
}

impl Session {
    /// Wakes the window whenever the model changes.
    pub(crate) fn new(
        handle: Handle,
        runtime: tokio::runtime::Handle,
        context: &egui::Context,
    ) -> Self {
        let inbox = Inbox::new(context);
        let mut tasks = JoinSet::new();
        tasks.spawn_on(wake_on_change(handle.clone(), inbox.door()), &runtime);
        tasks.spawn_on(pass_notices(handle.clone(), inbox.door()), &runtime);
        Self { handle, inbox, runtime, tasks }
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
                    on_answer(purpose, &answer, (state, now), out);
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
            }
        }
    }
}

fn on_answer(
    purpose: Purpose,
    answer: &Answer,
    (state, now): (&mut UiState, f64),
    out: &mut Vec<Wish>,
) {
    match purpose {
        Purpose::Quiet | Purpose::Tell | Purpose::Send(..) | Purpose::Edit(..) => {}
        Purpose::Start(conversation) => {
            state.dialog = None;
            state.show(Some(conversation), out);
        }
        Purpose::Join(group) => {
            state.dialog = None;
            state.show(Some(ConversationName::Group(group)), out);
        }
        Purpose::Create(group) => {
            state.show(Some(ConversationName::Group(group.clone())), out);
            state.dialog = invitation(group, answer);
        }
        Purpose::Invite(group) => {
            if state.dialog.is_none() {
                state.dialog = invitation(group, answer);
            }
        }
        Purpose::Search(within, text) => {
            if let Answer::Messages(messages) = answer {
                state.found(within.as_ref(), text, messages);
            }
        }
        Purpose::Save(name) => {
            if let Answer::Fetched { .. } = answer {
                state.tell(format!("Saved {name}"), false, now);
            }
        }
    }
}

fn invitation(group: GroupName, answer: &Answer) -> Option<Dialog> {
    match answer {
        Answer::Invitation(link) => Some(Dialog::Invitation(group, link.clone())),
        _ => None,
    }
}

fn on_failure(purpose: Purpose, failure: Failure, state: &mut UiState, now: f64) {
    match purpose {
        Purpose::Quiet => {}
        Purpose::Tell | Purpose::Save(_) | Purpose::Search(..) | Purpose::Invite(_) => {
            state.tell(failure.text, true, now);
        }
        Purpose::Send(conversation, writing) => {
            state.writing(&conversation).restore(*writing);
            state.tell(format!("Not sent: {}", failure.text), true, now);
        }
        Purpose::Edit(conversation, writing) => {
            state.writing(&conversation).restore_edit(*writing);
            state.tell(format!("Not changed: {}", failure.text), true, now);
        }
        Purpose::Start(_) | Purpose::Join(_) | Purpose::Create(_) => match &mut state.dialog {
            Some(
                Dialog::NewChat(entry) | Dialog::JoinGroup(entry) | Dialog::CreateGroup(entry),
            ) => {
                entry.busy = false;
                entry.error = Some(failure.text);
            }
            _ => state.tell(failure.text, true, now),
        },
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
