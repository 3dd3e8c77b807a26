//! A companion: a real peer that reads what it is sent and answers.

use std::time::Duration;

use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::JoinSet,
    time::sleep,
};
use wire::name::{ConversationName, Username};

use super::phrases;
use crate::{
    core::{
        command::{Answer, Command, Draft},
        model::{Body, MessageView},
        notice::Notice,
    },
    handle::Handle,
    node::Node,
};

/// Messages that are read in one go.
const READ: u32 = 16;

/// A peer and the task that answers for it.
#[derive(Debug)]
pub(super) struct Companion {
    node: Node,
    answering: JoinSet<()>,
}

impl Companion {
    /// Lets a peer answer what `you` write, each time after `pause`, in which it shows that it is writing.
    pub(super) fn animate(node: Node, you: &Username, pause: Duration) -> Self {
        let mut answering = JoinSet::new();
        let habits = Habits { you: you.clone(), pause, answered: 0 };
        answering.spawn(answer(node.handle.clone(), node.handle.notices(), habits));
        Self { node, answering }
    }

    /// The way in to the peer.
    pub(super) fn handle(&self) -> &Handle {
        &self.node.handle
    }

    /// Goes offline. Everything stays in its data folder.
    pub(super) async fn stop(self) {
        drop(self.answering);
        self.node.stop().await;
    }
}

/// Whom a companion answers, and how.
struct Habits {
    you: Username,
    pause: Duration,
    answered: usize,
}

async fn answer(handle: Handle, mut notices: broadcast::Receiver<Notice>, mut habits: Habits) {
    loop {
        match notices.recv().await {
            Ok(Notice::Arrived { .. } | Notice::Started { .. }) | Err(RecvError::Lagged(_)) => {
                read(&handle, &mut habits).await;
            }
            Ok(_) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn read(handle: &Handle, habits: &mut Habits) {
    loop {
        let Ok(Answer::Untold(messages)) = handle.ask(Command::Untold { limit: READ }).await else {
            return;
        };
        let Some(arrival) = messages.last().map(|(arrival, _)| *arrival) else { return };
        for (_, message) in &messages {
            if message.from == habits.you {
                react(handle, message, habits).await;
            }
        }
        log_failure(handle.ask(Command::Told { arrival }).await);
    }
}

async fn react(handle: &Handle, message: &MessageView, habits: &mut Habits) {
    let conversation = message.conversation.clone();
    log_failure(handle.ask(Command::Read { of: conversation.clone() }).await);
    let Some(me) = handle.model().me.clone() else { return };
    let in_group = matches!(conversation, ConversationName::Group(_));
    // In a group only one of the companions answers, by turns.
    if in_group && !phrases::is_my_turn(&me.username, message) {
        return;
    }
    if !habits.pause.is_zero() {
        log_failure(handle.ask(Command::Typing { within: conversation.clone() }).await);
        sleep(habits.pause).await;
    }
    let text = match &message.body {
        Body::Text(text) => phrases::answer(text, message.path, habits.answered),
        Body::Attachment(file) => {
            let whole = handle.ask(Command::Fetch { message: message.id, save_to: None }).await;
            match whole {
                Ok(Answer::Fetched { bytes }) => phrases::got_file(&file.name, bytes),
                Ok(_) => return,
                Err(failure) => format!("I could not get {}: {failure}", file.name),
            }
        }
        Body::Erased | Body::Unsupported => return,
    };
    habits.answered += 1;
    let draft = Draft { text, file: None, reply_to: in_group.then_some(message.id) };
    log_failure(handle.ask(Command::Send { to: conversation, draft }).await);
}

fn log_failure(result: Result<Answer, crate::core::command::Failure>) {
    if let Err(failure) = result {
        tracing::warn!(%failure, "a companion could not do something");
    }
}
