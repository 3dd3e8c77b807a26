//! A running node as the window holds it: commands go out, answers and notices come in.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{sync::broadcast::error::RecvError, task::JoinSet};

use super::{
    answers::{on_answer, on_failure},
    choosing::Choice,
    inbox::{Delivery, Door, Inbox},
    jobs,
    pages::{Backup, Dialog, Phrase},
    state::{Errand, Purpose, UiState, Wish},
};
use crate::{
    core::{
        command::{Command, Failure},
        model::Model,
        notice::{Change, Notice},
    },
    handle::Handle,
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

    /// The side of the inbox for tasks and threads.
    pub(crate) fn door(&self) -> Door {
        self.inbox.door()
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
                Delivery::Chosen(place) => choose(&place, state),
                Delivery::Written(result) => on_written(result, state, now),
                Delivery::Phrase(words) => {
                    if let Some(Dialog::Phrase(phrase)) = &mut state.dialog {
                        *phrase = Phrase { words: Some(words), ..Phrase::default() };
                    }
                }
                Delivery::Changed => {
                    state.search.repeat();
                    if let Some(find) = &mut state.chat.find {
                        find.search.repeat();
                    }
                }
                Delivery::Show(conversation) => {
                    state.dialog = None;
                    state.lightbox = None;
                    state.show(Some(conversation), out);
                    self.inbox.door().come_forward();
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
                    self.wait(jobs::choose_files(conversation, door));
                }
                Errand::SaveAs(message, name) => self.wait(async move {
                    if let Some(place) = Choice::NewFile(name).ask().await {
                        door.deliver(Delivery::SaveTo(message, place));
                    }
                }),
                Errand::AddFiles(conversation, paths) => {
                    self.work(move || jobs::deliver_files(conversation, &paths, &door));
                }
                Errand::AddImage(conversation, image) => {
                    self.work(move || jobs::deliver_image(conversation, &image, &door));
                }
                Errand::Paste(conversation, text) => {
                    self.work(move || jobs::deliver_pasted(conversation, text, &door));
                }
                Errand::Choose(choice) => self.wait(async move {
                    if let Some(place) = choice.ask().await {
                        door.deliver(Delivery::Chosen(place));
                    }
                }),
                Errand::Export(of, to) => {
                    self.wait(jobs::export(self.handle.clone(), (of, to), door));
                }
                Errand::Backup(to, passphrase) => {
                    let Some(folder) = self.folder.clone() else { continue };
                    self.work(move || jobs::back_up(&folder, &to, &passphrase, &door));
                }
                Errand::Phrase => {
                    let Some(folder) = self.folder.clone() else { continue };
                    self.work(move || jobs::read_phrase(&folder, &door));
                }
            }
        }
    }

    fn wait(&mut self, job: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(job, &self.runtime);
    }

    fn work(&mut self, job: impl FnOnce() + Send + 'static) {
        self.tasks.spawn_blocking_on(job, &self.runtime);
    }
}

/// Puts a chosen place into the dialog that asked for it.
fn choose(chosen: &Path, state: &mut UiState) {
    let Some(Dialog::Export(_, place) | Dialog::Backup(Backup { place, .. })) = &mut state.dialog
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
