//! The headless front end: JSON lines in and out, as `docs/headless.md` fixes them.

pub(crate) mod asked;
mod lines;
pub(crate) mod told;

use std::{pin::pin, time::Duration};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    cli,
    core::{
        command::{Answer, Command, Failure},
        notice::Notice,
    },
    handle::Handle,
    node::{self, Node},
    signals,
};

/// Lines that may wait to be written; beyond that, whoever makes them waits.
const OUTPUT: usize = 256;
/// Commands that may be at work at one time; beyond that, reading waits.
const AT_WORK: usize = 256;
/// Messages that are told in one go.
const TELL: u32 = 1024;
/// How long the end of input waits for commands that are at work.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// Runs until `quit`, the end of input or a signal.
pub async fn run(arguments: cli::Headless) -> anyhow::Result<()> {
    let (rendezvous, token) = cli::server(arguments.rendezvous, arguments.invite);
    let node = node::start(node::Config {
        data_dir: arguments.data_dir,
        rendezvous,
        token,
        username: arguments.username,
        listen: arguments.listen,
        relay_only: arguments.relay_only,
        local_network: !arguments.no_mdns,
        attachment_quota: arguments.attachment_quota,
    })
    .await?;
    let (output, written) = mpsc::channel(OUTPUT);
    let writing = tokio::task::spawn_blocking(move || write(written, std::io::stdout()));
    let Node { handle, notices, task, shutdown } = node;
    serve(&handle, notices, &output).await?;
    drop(output);
    shutdown.cancel();
    task.await.context("the node failed")?;
    writing.await.context("writing the output failed")
}

/// Obeys and tells until there is a reason to end, and finishes what was begun.
async fn serve(
    handle: &Handle,
    notices: broadcast::Receiver<Notice>,
    output: &mpsc::Sender<Said>,
) -> anyhow::Result<()> {
    let signals = signals::ended().context("cannot listen to signals")?;
    let enough = CancellationToken::new();
    let mut telling = pin!(tell(notices, handle, output, &enough));
    let mut commands = JoinSet::new();
    let told = tokio::select! {
        () = &mut telling => true,
        () = signals => false,
        () = obey(handle, output, &mut commands) => false,
    };
    enough.cancel();
    let finishing = async {
        while commands.join_next().await.is_some() {}
        if !told {
            telling.await;
        }
    };
    if timeout(FINISH_WITHIN, finishing).await.is_err() {
        tracing::info!("some commands were still at work");
    }
    Ok(())
}

/// Reads commands in order and lets each be answered when it is done. Ends with `quit` or the
/// end of input.
async fn obey(handle: &Handle, output: &mpsc::Sender<Said>, commands: &mut JoinSet<()>) {
    let mut lines = lines::read(std::io::stdin());
    while let Some(line) = lines.recv().await {
        while commands.len() >= AT_WORK {
            commands.join_next().await;
        }
        let (id, command) =
            match line.map_err(|error| (None, error)).and_then(|line| asked::parse(&line)) {
                Ok(parsed) => parsed,
                Err((id, failure)) => {
                    say(output, told::reply(id, Err(failure))).await;
                    continue;
                }
            };
        match command {
            asked::Wish::Quit => {
                say(output, told::reply(id, Ok(Answer::Done))).await;
                return;
            }
            asked::Wish::Command(command) => match handle.submit(command).await {
                Ok(answer) => {
                    let output = output.clone();
                    commands.spawn(async move {
                        let stopped = || Failure::new("stopped", "The program is shutting down");
                        let result = answer.await.unwrap_or_else(|_error| Err(stopped()));
                        say(&output, told::reply(id, result)).await;
                    });
                }
                Err(failure) => say(output, told::reply(id, Err(failure))).await,
            },
        }
    }
}

/// Tells notices, and messages from the store: those wait there until they were told. Once it is
/// `enough`, it ends after what it has begun, so that nothing is told again at the next start.
async fn tell(
    mut notices: broadcast::Receiver<Notice>,
    handle: &Handle,
    output: &mpsc::Sender<Said>,
    enough: &CancellationToken,
) {
    let mut next = None;
    loop {
        let notice = if let Some(notice) = next.take() {
            notice
        } else {
            tokio::select! {
                biased;
                () = enough.cancelled() => return,
                notice = notices.recv() => notice,
            }
        };
        match notice {
            Ok(Notice::Arrived { .. }) => {
                next = after_arrivals(&mut notices);
                tell_messages(handle, output, enough).await;
            }
            Ok(notice) => {
                let started = matches!(notice, Notice::Started { .. });
                if let Some(event) = told::event(&notice) {
                    say(output, event).await;
                }
                if started {
                    tell_messages(handle, output, enough).await;
                }
            }
            Err(broadcast::error::RecvError::Lagged(count)) => {
                let text =
                    format!("{count} events were not told, since output was not read in time");
                say(output, json!({"event": "error", "code": "lagged", "text": text})).await;
                tell_messages(handle, output, enough).await;
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Skips further arrivals, which one look into the store tells of as well, and gives what follows.
fn after_arrivals(
    notices: &mut broadcast::Receiver<Notice>,
) -> Option<Result<Notice, broadcast::error::RecvError>> {
    use broadcast::error::{RecvError, TryRecvError};
    loop {
        match notices.try_recv() {
            Ok(Notice::Arrived { .. }) => {}
            Ok(notice) => return Some(Ok(notice)),
            Err(TryRecvError::Lagged(count)) => return Some(Err(RecvError::Lagged(count))),
            // Waiting for the next tells that they are closed.
            Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
        }
    }
}

async fn tell_messages(handle: &Handle, output: &mpsc::Sender<Said>, enough: &CancellationToken) {
    while !enough.is_cancelled() {
        let Ok(Answer::Untold(messages)) = handle.ask(Command::Untold { limit: TELL }).await else {
            return;
        };
        let Some(arrival) = messages.last().map(|(arrival, _)| *arrival) else { return };
        for (_, message) in &messages {
            say(output, told::message_event(message)).await;
        }
        // Only what has left this process was told: after a kill, the rest is told again.
        if !is_written(output).await || handle.ask(Command::Told { arrival }).await.is_err() {
            return;
        }
    }
}

/// What goes to the output in its order.
#[derive(Debug)]
enum Said {
    Line(Value),
    /// Answered once everything before it is written.
    Written(oneshot::Sender<()>),
}

/// Waits until everything that was said is written. Tells whether it could be.
async fn is_written(output: &mpsc::Sender<Said>) -> bool {
    let (written, told) = oneshot::channel();
    output.send(Said::Written(written)).await.is_ok() && told.await.is_ok()
}

async fn say(output: &mpsc::Sender<Said>, line: Value) {
    if output.send(Said::Line(line)).await.is_err() {
        tracing::debug!("nobody reads the output");
    }
}

fn write(mut lines: mpsc::Receiver<Said>, mut to: impl std::io::Write) {
    while let Some(said) = lines.blocking_recv() {
        match said {
            Said::Line(line) => {
                // At once, so that a kill hardly leaves a part of it.
                let line = format!("{line}\n");
                if to.write_all(line.as_bytes()).and_then(|()| to.flush()).is_err() {
                    return;
                }
            }
            // Who asked may have gone meanwhile.
            Said::Written(asked) => drop(asked.send(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_not_taken_for_written() {
        for (length, expected) in [(4096, true), (2, false)] {
            let (output, lines) = mpsc::channel(4);
            let (written, told) = oneshot::channel();
            output.try_send(Said::Line(json!({"event": "message"}))).unwrap();
            output.try_send(Said::Written(written)).unwrap();
            drop(output);
            let mut room = vec![0; length];
            write(lines, &mut room[..]);
            assert_eq!(told.blocking_recv().is_ok(), expected);
            assert_eq!(room.starts_with(b"{\"event\":\"message\"}\n"), expected);
        }
    }
}
