//! The thread that owns the name store and answers the service's questions.
//!
//! Questions that wait are answered in one transaction, so that many clients that register at once
//! share one write to the disk. Answers leave after the transaction is durable.

use std::{io, thread};

use tokio::sync::mpsc::{self, error::TrySendError};
use tracing::error;
use wire::rendezvous::Refusal;

use super::{StoreError, sqlite::SqliteNames};
use crate::{
    names::{self, NameEntry, NameStore as _, RegisterError},
    service::{Answer, AnswerKind, Question, QuestionKind},
};

/// Questions that may wait; more are answered with [`Refusal::Unavailable`].
const QUESTIONS_MAX: usize = 4_096;
/// Questions in one transaction.
const BATCH_MAX: usize = 256;

/// The thread that owns the store. It ends when this is dropped, after the questions that wait.
#[derive(Debug)]
pub struct NameWorker {
    questions: mpsc::Sender<Question>,
    thread: thread::JoinHandle<()>,
}

impl NameWorker {
    /// Starts the thread. Answers come out of the receiver.
    pub fn start(mut store: SqliteNames) -> io::Result<(Self, mpsc::Receiver<Answer>)> {
        let (questions, mut waiting) = mpsc::channel(QUESTIONS_MAX);
        let (answers, answered) = mpsc::channel(QUESTIONS_MAX);
        let thread = thread::Builder::new().name("names".to_owned()).spawn(move || {
            while let Some(first) = waiting.blocking_recv() {
                let mut batch = vec![first];
                while batch.len() < BATCH_MAX
                    && let Ok(question) = waiting.try_recv()
                {
                    batch.push(question);
                }
                for answer in answer_all(&mut store, &batch) {
                    if answers.blocking_send(answer).is_err() {
                        return;
                    }
                }
            }
        })?;
        Ok((Self { questions, thread }, answered))
    }

    /// Passes a question on. If too many wait or the thread is gone, this is the answer.
    pub fn ask(&self, question: Question) -> Result<(), Box<Answer>> {
        self.questions.try_send(question).map_err(|error| match error {
            TrySendError::Full(question) | TrySendError::Closed(question) => {
                Box::new(unavailable(&question))
            }
        })
    }

    /// Ends the thread and waits for it. The answers must be read or dropped meanwhile.
    pub fn stop(self) {
        drop(self.questions);
        if self.thread.join().is_err() {
            error!("the thread of the name store has panicked");
        }
    }
}

fn answer_all(store: &mut SqliteNames, batch: &[Question]) -> Vec<Answer> {
    let answered = store.transaction(|store| {
        batch.iter().map(|question| answer(store, question)).collect::<Result<Vec<_>, _>>()
    });
    answered.unwrap_or_else(|error| {
        error!(%error, questions = batch.len(), "the name store failed");
        batch.iter().map(unavailable).collect()
    })
}

fn answer(store: &mut SqliteNames, question: &Question) -> Result<Answer, StoreError> {
    let kind = match &question.kind {
        QuestionKind::Register { record, device, may_be_new, charged } => {
            let result = NameEntry::open(record.clone()).map_err(RegisterError::Refused);
            let result = result.and_then(|entry| {
                let change = names::register(store, &entry, *device, *may_be_new)?;
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

fn unavailable(question: &Question) -> Answer {
    let kind = match question.kind {
        QuestionKind::Register { charged, .. } => {
            AnswerKind::Registered { result: Err(Refusal::Unavailable), charged }
        }
        QuestionKind::Lookup { .. } => AnswerKind::Found(Err(Refusal::Unavailable)),
    };
    Answer { client: question.client, id: question.id, kind }
}
