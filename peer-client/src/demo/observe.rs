//! Looks at peers from the outside and waits for what is to happen.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::timeout,
};
use wire::{
    id::EventId,
    name::{ConversationName, Username},
};

use crate::{
    core::{
        command::{Answer, Command, Draft},
        model::{MessageView, Model, Stage},
        notice::Notice,
    },
    handle::Handle,
};

/// How long anything on one computer may take before it counts as not happening.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Messages that are looked at when one is sought.
const RECENT: u32 = 20;

/// Reads the clock.
#[expect(clippy::disallowed_methods, reason = "the demo measures what it shows")]
pub(super) fn clock() -> Instant {
    Instant::now()
}

/// An own message on its way.
pub(super) struct Sent {
    pub(super) id: EventId,
    to: ConversationName,
    since: Instant,
    notices: broadcast::Receiver<Notice>,
}

impl Sent {
    /// Counts the time from now on.
    pub(super) fn restart_clock(&mut self) {
        self.since = clock();
    }

    /// Waits until these people's devices have signed that they stored it, and tells how long it took.
    pub(super) async fn stored_by(&mut self, people: &[&Username]) -> anyhow::Result<Duration> {
        let mut missing: Vec<_> = people.to_vec();
        while !missing.is_empty() {
            let wait = timeout(PATIENCE, self.notices.recv());
            match wait.await.with_context(|| format!("no receipt of {missing:?}"))? {
                Ok(Notice::Status { message, stage: Stage::Stored, by: Some(by) })
                    if message == self.id =>
                {
                    missing.retain(|person| **person != by);
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => bail!("the peer has ended"),
            }
        }
        Ok(self.since.elapsed())
    }

    /// Waits until the message is in a recipient's history, where it lies under `there`.
    pub(super) async fn at(
        &self,
        recipient: &Handle,
        there: &ConversationName,
    ) -> anyhow::Result<MessageView> {
        let found = |message: &MessageView| message.id == self.id;
        message_in(recipient, there, found).await.context("the message did not arrive")
    }

    /// Waits for the next message of a person after this one.
    pub(super) async fn answered_by(
        &self,
        you: &Handle,
        person: &Username,
    ) -> anyhow::Result<MessageView> {
        let mut seen = false;
        let found = |message: &MessageView| {
            seen |= message.id == self.id;
            seen && message.from == *person
        };
        message_in(you, &self.to, found).await.with_context(|| format!("@{person} did not answer"))
    }
}

/// Sends a message.
pub(super) async fn send(
    you: &Handle,
    to: &ConversationName,
    draft: Draft,
) -> anyhow::Result<Sent> {
    let (notices, since) = (you.notices(), clock());
    match you.ask(Command::Send { to: to.clone(), draft }).await? {
        Answer::Message(id) => Ok(Sent { id, to: to.clone(), since, notices }),
        other => bail!("sending was answered {other:?}"),
    }
}

/// Waits until a peer's model is as wished.
pub(super) async fn until(
    peer: &Handle,
    what: &str,
    wished: impl FnMut(&Model) -> bool,
) -> anyhow::Result<()> {
    let (mut model, mut wished) = (peer.watch(), wished);
    let waiting = model.wait_for(|model| wished(model));
    timeout(PATIENCE, waiting).await.with_context(|| format!("{what} did not happen"))??;
    Ok(())
}

async fn message_in(
    peer: &Handle,
    conversation: &ConversationName,
    mut found: impl FnMut(&MessageView) -> bool,
) -> anyhow::Result<MessageView> {
    let searching = async {
        let mut model = peer.watch();
        loop {
            let history =
                Command::History { of: conversation.clone(), limit: RECENT, before: None };
            if let Ok(Answer::Messages(messages)) = peer.ask(history).await
                && let Some(message) = messages.into_iter().find(&mut found)
            {
                return Ok(message);
            }
            model.changed().await.context("the peer has ended")?;
        }
    };
    timeout(PATIENCE, searching).await.context("waited in vain")?
}
