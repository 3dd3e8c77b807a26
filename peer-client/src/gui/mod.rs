//! The window: a view of the newest [`Model`](crate::core::model::Model), from which wishes leave as
//! commands. It holds no truth of its own and draws nothing while nothing changes.

use std::{fmt, path::PathBuf, sync::mpsc};

use libp2p::Multiaddr;
use tokio_util::sync::CancellationToken;
use wire::name::{ConversationName, Username};

use self::settings::Settings;
use crate::{core::command::Failure, handle::Handle};

mod announcing;
mod answers;
mod app;
mod choosing;
mod completion;
mod composer;
mod direction;
mod drafts;
mod editing;
mod emoji;
mod fonts;
mod format;
mod grouping;
mod images;
mod inbox;
mod jobs;
mod links;
mod list;
mod markup;
mod mentioned;
mod mentions;
mod pages;
mod preferences;
mod search;
mod session;
mod settings;
mod start_form;
mod state;
mod text;
mod theme;
mod views;
mod widgets;
mod writing;
mod zone;

pub use self::{
    announcing::{Announcement, Announcer},
    app::Window,
};

/// What the window starts with.
pub struct Options {
    /// What is known before anything is asked.
    pub start: Start,
    /// A node that runs already; the first page is skipped then.
    pub handle: Option<Handle>,
    /// Where tasks run that wait for the node, for files and for dialogs.
    pub runtime: tokio::runtime::Handle,
    /// Milliseconds since 1970.
    pub clock: fn() -> u64,
    /// Closes the window.
    pub shutdown: CancellationToken,
    /// Tells of new messages while the window is not looked at; without it nothing is told.
    pub announcer: Option<Announcer>,
}

/// What is known before anything is asked.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Folder of keys, messages and files; the window keeps its settings there.
    pub data_dir: PathBuf,
    /// Addresses of the rendezvous server.
    pub rendezvous: Vec<Multiaddr>,
    /// The name at the server.
    pub username: Option<Username>,
    /// What is shown first.
    pub conversation: Option<ConversationName>,
    /// Where the user's own files are, as a suggestion for backups.
    pub documents: Option<PathBuf>,
}

/// What the first page asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Addresses of the rendezvous server, at least one.
    pub rendezvous: Vec<Multiaddr>,
    /// What the server wants to see before it gives a new name, from an invitation to it.
    pub token: Option<Vec<u8>>,
    /// Whose account it is, and how it comes to this device.
    pub account: Account,
}

/// How an account comes to this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// The data folder has it, or it is made.
    Here(Username),
    /// By the words of its recovery phrase.
    Phrase {
        /// The name at the server.
        username: Username,
        /// The words.
        words: Secret,
        /// Remove all other devices from the account.
        revoke_others: bool,
    },
    /// By the code that another device shows.
    Code(Secret),
    /// From a backup.
    Backup {
        /// The file.
        file: PathBuf,
        /// What opens it.
        passphrase: Secret,
        /// Be the device again that made the backup.
        same_device: bool,
    },
}

/// A text that appears in no log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Starts a node. The result comes through the receiver.
pub type Launcher = Box<dyn Fn(Login) -> mpsc::Receiver<Result<Handle, Failure>> + Send>;

/// Width and height of the window at the first start, in points.
const SIZE: [f32; 2] = [1120.0, 780.0];
/// The least of both.
const LEAST: [f32; 2] = [360.0, 420.0];

/// The most of both.
const MOST: f32 = 8_192.0;

/// Shows the window until it is closed.
pub fn run(options: Options, launcher: Launcher) -> anyhow::Result<()> {
    let kept = Settings::load(&options.start.data_dir).preferences.size;
    let within = |kept: u32, least: f32| (kept as f32).clamp(least, MOST);
    let size =
        kept.map_or(SIZE, |[width, height]| [within(width, LEAST[0]), within(height, LEAST[1])]);
    let viewport = egui::ViewportBuilder::default()
        .with_title("Natterjack")
        .with_app_id("natterjack")
        .with_inner_size(size)
        .with_min_inner_size(LEAST)
        .with_drag_and_drop(true);
    let native = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    let create: eframe::AppCreator<'_> =
        Box::new(move |creation| Ok(Box::new(Window::new(&creation.egui_ctx, options, launcher))));
    eframe::run_native("natterjack", native, create)
        .map_err(|error| anyhow::anyhow!("the window cannot be opened: {error}"))
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Options").field("start", &self.start).finish_non_exhaustive()
    }
}
