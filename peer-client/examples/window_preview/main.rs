//! The window over a made-up state, to look at it without a network.
//!
//! `cargo run --example window_preview -- [light|dark] [form]`

mod people;

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
    time::UNIX_EPOCH,
};

use peer_client::{
    core::{
        command::{Answer, Command, Failure},
        model::{Body, Delivery, MessageView, Quote, Stage, Timeline},
    },
    gui::{self, Launcher, Options, Start},
    handle::{self, Port},
};
use tokio_util::sync::CancellationToken;
use wire::{
    id::EventId,
    name::{ConversationName, Username},
};

#[expect(clippy::disallowed_methods, reason = "the window shows what time it is")]
fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |past| past.as_millis() as u64)
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let look = if has("dark") { "dark" } else { "light" };
    std::fs::write(folder.path().join("window.json"), format!(r#"{{"look":"{look}"}}"#))?;
    let server = "/ip4/203.0.113.5/udp/4001/quic-v1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
    let mut start = Start { data_dir: folder.path().to_path_buf(), ..Start::default() };
    if !has("form") {
        start.rendezvous = vec![server.parse()?];
        start.username = Some(Username::new("mira")?);
    }
    let pictures = people::pictures(folder.path())?;
    let tasks = runtime.handle().clone();
    let launcher: Launcher = Box::new(move |login| {
        let (deliver, result) = mpsc::sync_channel(1);
        if login.username.as_str() == "taken" {
            let text = "The name is taken; choose another one";
            drop(deliver.send(Err(Failure::new("name_taken", text))));
            return result;
        }
        let (handle, port) = handle::channel();
        let world = people::world(now_ms(), &login.username, &pictures);
        drop(tasks.spawn(serve(port, world)));
        drop(deliver.send(Ok(handle)));
        result
    });
    let options = Options {
        start,
        handle: None,
        runtime: runtime.handle().clone(),
        clock: now_ms,
        shutdown: CancellationToken::new(),
    };
    gui::run(options, launcher)
}

/// Answers the window's commands as far as one can without others.
async fn serve(mut port: Port, mut world: people::World) {
    port.model.send_replace(Arc::new(world.model.clone()));
    let mut count = 0_u64;
    while let Some(call) = port.calls.recv().await {
        let answer = obey(&mut world, call.command, &mut count);
        port.model.send_replace(Arc::new(world.model.clone()));
        if let Some(waiting) = call.answer {
            drop(waiting.send(answer));
        }
    }
}

fn obey(world: &mut people::World, command: Command, count: &mut u64) -> Result<Answer, Failure> {
    match command {
        Command::Open { conversation } => {
            let Some(timeline) = world.histories.get(&conversation) else {
                let text = format!("Nobody is registered as {conversation}; check the spelling");
                return Err(Failure::new("not_found", text));
            };
            let timelines: &mut BTreeMap<ConversationName, Arc<Timeline>> =
                Arc::make_mut(&mut world.model.timelines);
            timelines.insert(conversation, Arc::clone(timeline));
        }
        Command::Close { conversation } => {
            Arc::make_mut(&mut world.model.timelines).remove(&conversation);
        }
        Command::Read { of } => {
            for conversation in Arc::make_mut(&mut world.model.conversations) {
                if conversation.name == of {
                    conversation.unread = 0;
                }
            }
        }
        Command::Send { to, draft } => {
            *count += 1;
            let id = people::event(&count.to_string());
            let body = match draft.file {
                None => Body::Text(draft.text),
                Some(source) => Body::Attachment(Arc::new(people::sent_file(&source, draft.text))),
            };
            add(world, to, id, (body, draft.reply_to));
            return Ok(Answer::Message(id));
        }
        Command::Join { .. } => {
            return Err(Failure::new(
                "invite_invalid",
                "This group is private; paste its invitation",
            ));
        }
        Command::Fetch { .. }
        | Command::Leave { .. }
        | Command::Older { .. }
        | Command::Typing { .. }
        | Command::History { .. }
        | Command::Peers
        | Command::Members { .. }
        | Command::Contacts
        | Command::Devices
        | Command::AddDevice
        | Command::Revoke { .. }
        | Command::Untold { .. }
        | Command::Told { .. } => {}
    }
    Ok(Answer::Done)
}

fn add(
    world: &mut people::World,
    to: ConversationName,
    id: EventId,
    (body, reply_to): (Body, Option<EventId>),
) {
    let Some(me) = world.model.me.clone() else { return };
    let Some(timeline) = world.histories.get_mut(&to) else { return };
    let quoted = |id| timeline.messages.iter().find(|message| message.id == id);
    let reply_to = reply_to.map(|id| Quote {
        id,
        excerpt: quoted(id).map(|message| (message.from.clone(), people::excerpt(&message.body))),
    });
    let message = MessageView {
        id,
        conversation: to.clone(),
        from: me.username,
        own: true,
        at_ms: now_ms(),
        body,
        reply_to,
        path: None,
        delivery: Some(Delivery { stage: Stage::Waiting, of: 1, ..Delivery::default() }),
        request: false,
    };
    Arc::make_mut(timeline).messages.push(Arc::new(message));
    Arc::make_mut(&mut world.model.timelines).insert(to, Arc::clone(timeline));
}
