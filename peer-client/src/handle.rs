//! How a front end holds the node: the newest model, notices, and a bounded way in for commands.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::core::{
    command::{Answer, Command, Failure},
    model::Model,
    notice::Notice,
};

/// Commands that may wait for the node.
pub const COMMANDS: usize = 64;
/// Notices that a slow reader may be behind before it loses some.
pub const NOTICES: usize = 4096;

/// A command and where its answer goes.
#[derive(Debug)]
pub struct Call {
    /// The command.
    pub command: Command,
    /// Gets the answer; none if nobody waits for it.
    pub answer: Option<oneshot::Sender<Result<Answer, Failure>>>,
}

/// A front end's side of the node. The node ends when every handle is gone.
#[derive(Clone, Debug)]
pub struct Handle {
    model: watch::Receiver<Arc<Model>>,
    notices: broadcast::Sender<Notice>,
    calls: mpsc::Sender<Call>,
}

/// The node's side of a [`Handle`].
#[derive(Debug)]
pub struct Port {
    /// Publishes the model.
    pub model: watch::Sender<Arc<Model>>,
    /// Publishes notices.
    pub notices: broadcast::Sender<Notice>,
    /// Gets commands.
    pub calls: mpsc::Receiver<Call>,
}

/// Makes both sides.
pub fn channel() -> (Handle, Port) {
    let (model_out, model) = watch::channel(Arc::new(Model::default()));
    let (notices, _) = broadcast::channel(NOTICES);
    let (calls, calls_in) = mpsc::channel(COMMANDS);
    let port = Port { model: model_out, notices: notices.clone(), calls: calls_in };
    (Handle { model, notices, calls }, port)
}

impl Handle {
    /// The newest model.
    pub fn model(&self) -> Arc<Model> {
        Arc::clone(&self.model.borrow())
    }

    /// A receiver that wakes whenever the model changes.
    pub fn watch(&self) -> watch::Receiver<Arc<Model>> {
        self.model.clone()
    }

    /// Notices from now on.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Hands over a command and waits for its answer.
    pub async fn ask(&self, command: Command) -> Result<Answer, Failure> {
        self.submit(command).await?.await.map_err(|_error| gone())?
    }

    /// Hands over a command, after those that were handed over before. The answer comes through
    /// the receiver.
    pub async fn submit(
        &self,
        command: Command,
    ) -> Result<oneshot::Receiver<Result<Answer, Failure>>, Failure> {
        let (answer, wait) = oneshot::channel();
        let call = Call { command, answer: Some(answer) };
        self.calls.send(call).await.map_err(|_error| gone())?;
        Ok(wait)
    }

    /// Hands over a command without waiting, for threads that must not block. The answer, if
    /// wanted, comes through the receiver.
    pub fn try_ask(
        &self,
        command: Command,
    ) -> Result<oneshot::Receiver<Result<Answer, Failure>>, Failure> {
        let (answer, wait) = oneshot::channel();
        match self.calls.try_send(Call { command, answer: Some(answer) }) {
            Ok(()) => Ok(wait),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(Failure::new("busy", "Too much at once; try again in a moment"))
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(gone()),
        }
    }
}

fn gone() -> Failure {
    Failure::new("stopped", "The program is shutting down")
}
