//! The thread that owns the name store and answers the service's questions.
//!
//! Questions that wait are answered in one transaction, so that many clients that register at once
//! share one write to the disk. Answers leave after the transaction is durable.

use std::{fmt, io, thread};

use tokio::sync::mpsc::{self, error::TrySendError};
use tracing::error;
use wire::{admission, id::DeviceId, rendezvous::Refusal};

use super::{StoreError, sqlite::SqliteNames};
use crate::{
    names::{self, NameEntry, NameStore as _, Newcomer, RegisterError},
    service::{Answer, AnswerKind, Question, QuestionKind},
    system,
};

/// Questions that may wait; more are answered with [`Refusal::Unavailable`].
const QUESTIONS_MAX: usize = 4_096;
/// Questions in one transaction.
const BATCH_MAX: usize = 256;

/// Work of the operator on the store, in a transaction of its own.
pub type Task = Box<dyn FnOnce(&mut SqliteNames) + Send>;

/// What waits for the thread.
enum Job {
    Question(Question),
    Task(Task),
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Question(question) => question.fmt(formatter),
            Self::Task(_) => formatter.write_str("Task"),
        }
    }
}

/// The thread that owns the store. It ends when this is dropped, after the questions that wait.
#[derive(Debug)]
pub struct NameWorker {
    jobs: mpsc::Sender<Job>,
    thread: thread::JoinHandle<()>,
}

/// The store as the thread sees it.
struct Registry {
    store: SqliteNames,
    /// The server, whose tokens are good here.
    server: DeviceId,
}

impl NameWorker {
    /// Starts the thread for the names of `server`. Answers come out of the receiver.
    pub fn start(
        store: SqliteNames,
        server: DeviceId,
    ) -> io::Result<(Self, mpsc::Receiver<Answer>)> {
        let (jobs, mut waiting) = mpsc::channel(QUESTIONS_MAX);
        let (answers, answered) = mpsc::channel(QUESTIONS_MAX);
        let mut registry = Registry { store, server };
        let thread = thread::Builder::new().name("names".to_owned()).spawn(move || {
            while let Some(first) = waiting.blocking_recv() {
                let (batch, task) = collect(first, &mut waiting);
                if !batch.is_empty() {
                    for answer in registry.answer_all(&batch) {
                        if answers.blocking_send(answer).is_err() {
                            return;
                        }
                    }
                }
                if let Some(task) = task {
                    task(&mut registry.store);
                }
            }
        })?;
        Ok((Self { jobs, thread }, answered))
    }

    /// Passes a question on. If too many wait or the thread is gone, this is the answer.
    pub fn ask(&self, question: Question) -> Result<(), Box<Answer>> {
        self.jobs.try_send(Job::Question(question)).map_err(|error| match error.into_inner() {
            Job::Question(question) => Box::new(unavailable(&question)),
            Job::Task(_) => unreachable!("a question was sent"),
        })
    }

    /// Passes work of the operator on; false if too much waits.
    pub fn run(&self, task: Task) -> bool {
        match self.jobs.try_send(Job::Task(task)) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        }
    }

    /// Ends the thread and waits for it. The answers must be read or dropped meanwhile.
    pub fn stop(self) {
        drop(self.jobs);
        if self.thread.join().is_err() {
            error!("the thread of the name store has panicked");
        }
    }
}

/// The questions that wait, up to the operator's next task.
fn collect(first: Job, waiting: &mut mpsc::Receiver<Job>) -> (Vec<Question>, Option<Task>) {
    let mut batch = Vec::new();
    let mut next = Some(first);
    while let Some(job) = next.take() {
        match job {
            Job::Question(question) => batch.push(question),
            Job::Task(task) => return (batch, Some(task)),
        }
        if batch.len() < BATCH_MAX {
            next = waiting.try_recv().ok();
        }
    }
    (batch, None)
}

impl Registry {
    fn answer_all(&mut self, batch: &[Question]) -> Vec<Answer> {
        let server = self.server;
        let now = system::unix_ms();
        let answered = self.store.transaction(|store| {
            let answer = |question| answer(store, server, now, question);
            batch.iter().map(answer).collect::<Result<Vec<_>, _>>()
        });
        answered.unwrap_or_else(|error| {
            error!(%error, questions = batch.len(), "the name store failed");
            batch.iter().map(unavailable).collect()
        })
    }
}

fn answer(
    store: &mut SqliteNames,
    server: DeviceId,
    now: u64,
    question: &Question,
) -> Result<Answer, StoreError> {
    let kind = match &question.kind {
        QuestionKind::Register { record, device, newcomer, charged } => {
            let result = NameEntry::open(record.clone()).map_err(RegisterError::Refused);
            let result = result.and_then(|entry| {
                let admit = |store: &mut SqliteNames| admit(store, server, now, newcomer);
                let change = names::register(store, &entry, *device, admit)?;
                Ok((entry, change))
            });
            let result = match result {
                Ok(registered) => Ok(registered),
                Err(RegisterError::Refused(refusal)) => Err(refusal),
                Err(RegisterError::Store(error)) => return Err(error),
            };
            AnswerKind::Registered { result, charged: *charged }
        }
        QuestionKind::Lookup { username } => {
            AnswerKind::Found(store.by_username(username)?.ok_or(Refusal::NotFound))
        }
    };
    Ok(Answer { client: question.client, id: question.id, kind })
}

/// Lets an account take a new name, for a token of this server if it wants one.
fn admit(
    store: &mut SqliteNames,
    server: DeviceId,
    now: u64,
    newcomer: &Newcomer,
) -> Result<(), RegisterError<StoreError>> {
    let Newcomer::WithToken(token) = newcomer else {
        return newcomer.without_tokens().map_err(RegisterError::Refused);
    };
    let token = admission::read_token(token).and_then(|token| token.open());
    let is_good = match token {
        Ok(token) if token.server == server => {
            store.spend(&token, now).map_err(RegisterError::Store)?
        }
        Ok(_) | Err(_) => false,
    };
    if is_good { Ok(()) } else { Err(RegisterError::Refused(Refusal::NotAdmitted)) }
}

fn unavailable(question: &Question) -> Answer {
    let kind = match question.kind {
        QuestionKind::Register { charged, .. } => {
            AnswerKind::Registered { result: Err(Refusal::Unavailable), charged }
        }
        QuestionKind::Lookup { .. } => AnswerKind::Found(Err(Refusal::Unavailable)),
    };
    Answer { client: question.client, id: question.id, kind }
}
