//! The demo: a rendezvous server on loopback, you and two companions as real peers, each with keys
//! and data of its own in a temporary folder that is removed at the end.

mod cast;
mod companion;
mod observe;
mod phrases;
mod picture;
mod table;
mod transcript;
mod world;

use std::{process::ExitCode, time::Duration};

use tokio::runtime::Runtime;

use self::{cast::Cast, transcript::say};
use crate::cli;

/// The companions' names.
pub(crate) const COMPANIONS: [&str; 2] = ["ada", "grace"];
const YOU: &str = "you";
const GROUP: &str = "pond";

/// Opens the window if there is a display and it is not unwanted; else tells the transcript.
pub fn run(arguments: &cli::Demo, runtime: &Runtime) -> anyhow::Result<ExitCode> {
    if cfg!(feature = "gui") && !arguments.headless && has_display() {
        #[cfg(feature = "gui")]
        return window::open(runtime).map(|()| ExitCode::SUCCESS);
    }
    runtime.block_on(transcript())
}

fn has_display() -> bool {
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos")) || named("DISPLAY") || named("WAYLAND_DISPLAY")
}

/// Plays everything without a window, tells it on standard output, and sums it up. The status is a
/// failure if anything did not happen.
async fn transcript() -> anyhow::Result<ExitCode> {
    let mut cast = Cast::gather(Duration::ZERO).await?;
    say("Natterjack on this computer: a server, you and two companions, for real")?;
    for address in cast.world.addresses() {
        say(&format!("  server: {address}"))?;
    }
    say(&format!("  keys and data: {}, removed at the end\n", cast.world.folder().display()))?;
    let happened = tokio::select! {
        happened = transcript::play(&mut cast) => happened,
        _ = tokio::signal::ctrl_c() => Ok(false),
    };
    cast.dismiss().await?;
    if happened? {
        say("Everything happened.")?;
        Ok(ExitCode::SUCCESS)
    } else {
        say("Not everything happened.")?;
        Ok(ExitCode::FAILURE)
    }
}

#[cfg(feature = "gui")]
mod window {
    //! The demo in the window: you are in a group with both companions, who answer.

    use std::time::Duration;

    use tokio::runtime::Runtime;

    use super::cast::Cast;
    use crate::{core::command::Failure, gui, signals, window};

    /// Companions take this long to answer, so that one sees them write.
    const PAUSE: Duration = Duration::from_millis(1200);

    /// Opens the window and ends everything when it closes.
    pub(super) fn open(runtime: &Runtime) -> anyhow::Result<()> {
        let cast = runtime.block_on(async {
            let cast = Cast::gather(PAUSE).await?;
            cast.all_registered().await?;
            cast.join_all().await?;
            cast.welcome().await?;
            anyhow::Ok(cast)
        })?;
        let options = gui::Options {
            start: gui::Start {
                documents: None,
                data_dir: cast.world.data_dir(&cast.you_name),
                rendezvous: cast.world.addresses().to_vec(),
                username: Some(cast.you_name.clone()),
                conversation: Some(cast.group()),
            },
            handle: Some(cast.you().clone()),
            runtime: runtime.handle().clone(),
            clock: window::unix_ms,
            shutdown: signals::shutdown(runtime)?,
            announcer: None,
        };
        let only_one = |_login| {
            let (answer, answered) = std::sync::mpsc::sync_channel(1);
            let failure = Failure::new("start", "The demo has one account; end it to use another");
            if answer.send(Err(failure)).is_err() {
                tracing::debug!("the window no longer waits");
            }
            answered
        };
        let shown = gui::run(options, Box::new(only_one));
        runtime.block_on(cast.dismiss())?;
        shown
    }
}
