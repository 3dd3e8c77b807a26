//! What comes to the window from tasks and threads: each delivery wakes it.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, TryIter, sync_channel},
};

use egui::ViewportCommand;
use wire::{id::EventId, name::ConversationName};

use super::{Secret, state::Purpose, writing::PendingFile};
use crate::core::command::{Answer, Failure};

/// Deliveries that may wait for a frame.
const CAPACITY: usize = 256;

/// Something for the window.
pub(crate) enum Delivery {
    /// An answer to a command.
    Answer(Purpose, Result<Answer, Failure>),
    /// Files to be sent.
    Files(ConversationName, Vec<PendingFile>),
    /// Text that was pasted.
    Text(ConversationName, String),
    /// A place to save a message's file.
    SaveTo(EventId, PathBuf),
    /// A place that was chosen for the dialog that is open.
    Chosen(PathBuf),
    /// Something was written to the disk, or not.
    Written(Result<String, String>),
    /// The recovery phrase.
    Phrase(Result<Secret, String>),
    /// Texts of messages were changed or taken back.
    Changed,
    /// The user clicked on what was told of a conversation.
    Show(ConversationName),
    /// Something went wrong.
    Failed(String),
}

/// The window's side.
pub(crate) struct Inbox {
    deliveries: Receiver<Delivery>,
    door: Door,
}

/// A task's side.
#[derive(Clone)]
pub(crate) struct Door {
    deliveries: SyncSender<Delivery>,
    context: egui::Context,
}

impl Inbox {
    /// An empty inbox that wakes a window.
    pub(crate) fn new(context: &egui::Context) -> Self {
        let (door, deliveries) = sync_channel(CAPACITY);
        Self { deliveries, door: Door { deliveries: door, context: context.clone() } }
    }

    /// A side for a task.
    pub(crate) fn door(&self) -> Door {
        self.door.clone()
    }

    /// What has come.
    pub(crate) fn deliveries(&self) -> TryIter<'_, Delivery> {
        self.deliveries.try_iter()
    }
}

impl Door {
    /// Hands something over. It is dropped if the window is gone or hopelessly behind.
    pub(crate) fn deliver(&self, delivery: Delivery) {
        if self.deliveries.try_send(delivery).is_err() {
            tracing::warn!("the window takes nothing in");
        }
        self.context.request_repaint();
    }

    /// Brings the window to the front.
    pub(crate) fn come_forward(&self) {
        for command in [ViewportCommand::Minimized(false), ViewportCommand::Focus] {
            self.context.send_viewport_cmd(command);
        }
    }

    /// Wakes the window.
    pub(crate) fn wake(&self) {
        self.context.request_repaint();
    }
}
