//! The window over a made-up state, to look at it without a network.
//!
//! `cargo run --example window_preview -- [light|dark] [form]`

mod own;
mod people;
mod world;

use std::{
    sync::{Arc, mpsc},
    time::UNIX_EPOCH,
};

use peer_client::{
    core::command::Failure,
    gui::{self, Account, Launcher, Options, Start},
    handle::{self, Port},
};
use tokio_util::sync::CancellationToken;

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
    for key in ["device.key", "account.key"] {
        std::fs::write(folder.path().join(key), blake3::hash(key.as_bytes()).as_bytes())?;
    }
    let server = "/ip4/203.0.113.5/udp/4001/quic-v1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
    let mut start = Start {
        data_dir: folder.path().to_path_buf(),
        documents: Some("/home/mira/Documents".into()),
        ..Start::default()
    };
    if !has("form") {
        start.rendezvous = vec![server.parse()?];
        start.username = Some(people::me());
    }
    let pictures = people::pictures(folder.path())?;
    let tasks = runtime.handle().clone();
    let launcher: Launcher = Box::new(move |login| {
        let (deliver, result) = mpsc::sync_channel(1);
        let username = match login.account {
            Account::Here(username) | Account::Phrase { username, .. } => username,
            Account::Code(_) | Account::Backup { .. } => people::me(),
        };
        if username.as_str() == "taken" {
            let text = "The name is taken; choose another one";
            drop(deliver.send(Err(Failure::new("name_taken", text))));
            return result;
        }
        let (handle, port) = handle::channel();
        let world = people::world(now_ms(), &username, &pictures);
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
        announcer: None,
    };
    gui::run(options, launcher)
}

/// Answers the window's commands as far as one can without others.
async fn serve(mut port: Port, mut world: world::World) {
    port.model.send_replace(Arc::new(world.model.clone()));
    while let Some(call) = port.calls.recv().await {
        let answer = world.obey(call.command);
        port.model.send_replace(Arc::new(world.model.clone()));
        if let Some(waiting) = call.answer {
            drop(waiting.send(answer));
        }
    }
}
