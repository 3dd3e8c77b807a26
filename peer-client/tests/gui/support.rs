//! A window without a screen, and the node's side of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use egui_kittest::{Harness, kittest::Queryable as _};
use peer_client::{
    core::{
        command::{Answer, Command, Failure},
        model::{
            Body, Completeness, ConversationView, Delivery, LastLine, Me, MessageView, Model, Path,
            ServerTie, Stage, Timeline,
        },
    },
    gui::{Announcement, Announcer, Launcher, Login, Options, Start, Window},
    handle::{self, Call, Handle, Port},
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use wire::{
    id::{AccountId, DeviceId, EventId},
    name::{ConversationName, Username},
};

pub(crate) const SERVER: &str =
    "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
/// Noon of a day in 2026.
pub(crate) const NOW_MS: u64 = 1_780_056_000_000;
/// Longest wait for what tasks and threads bring.
const PATIENCE: Duration = Duration::from_secs(20);

/// A window and the node's side of it.
pub(crate) struct Desk {
    pub(crate) harness: Harness<'static, Window>,
    pub(crate) port: Port,
    /// What was told outside of the window.
    pub(crate) announced: Arc<Mutex<Vec<Announcement>>>,
    pub(crate) model: Model,
    _runtime: Runtime,
    folder: tempfile::TempDir,
}

/// What the first page asked to be started, and how it ends.
pub(crate) struct Launches {
    pub(crate) asked: Arc<Mutex<Vec<Login>>>,
    results: mpsc::SyncSender<Result<Handle, Failure>>,
    queue: Arc<Mutex<mpsc::Receiver<Result<Handle, Failure>>>>,
}

impl Launches {
    pub(crate) fn new() -> Self {
        let (results, queue) = mpsc::sync_channel(4);
        Self { asked: Arc::default(), results, queue: Arc::new(Mutex::new(queue)) }
    }

    /// How the next start ends.
    pub(crate) fn end_with(&self, result: Result<Handle, Failure>) {
        self.results.send(result).unwrap();
    }

    fn launcher(&self) -> Launcher {
        let (asked, queue) = (Arc::clone(&self.asked), Arc::clone(&self.queue));
        Box::new(move |login| {
            asked.lock().unwrap().push(login);
            let (deliver, result) = mpsc::sync_channel(1);
            let ready = queue.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            deliver.send(ready).unwrap();
            result
        })
    }
}

impl Desk {
    /// A window of this size over a node that runs already.
    pub(crate) fn over(size: [f32; 2], model: Model) -> Self {
        let (handle, port) = handle::channel();
        let launches = Launches::new();
        let mut desk = Self::build(size, Start::default(), Some(handle), port, &launches);
        desk.publish(model);
        desk
    }

    /// A window that had its node started in a data folder of its own.
    pub(crate) fn at_home(size: [f32; 2], model: Model) -> Self {
        let (handle, port) = handle::channel();
        let launches = Launches::new();
        launches.end_with(Ok(handle));
        let mut desk = Self::build(size, home(), None, port, &launches);
        desk.publish(model);
        desk.wait_for("Settings");
        desk
    }

    /// The same once more over the same folder, as after a restart.
    pub(crate) fn restarted(self, size: [f32; 2]) -> Self {
        let Self { harness, port, announced: _, model, _runtime: runtime, folder } = self;
        drop((harness, port, runtime));
        let (handle, port) = handle::channel();
        let launches = Launches::new();
        launches.end_with(Ok(handle));
        let mut desk = Self::build_in(folder, size, home(), (None, port), &launches);
        desk.publish(model);
        desk.wait_for("Settings");
        desk
    }

    /// The data folder, and room for what a test writes.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Puts text into a field in place of what is there.
    #[track_caller]
    pub(crate) fn fill(&mut self, label: &str, text: &str) {
        self.harness.get_by_label(label).focus();
        self.run();
        self.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        self.harness.get_by_label(label).type_text(text);
        self.run();
    }

    /// Answers the next command.
    #[track_caller]
    pub(crate) fn answer(&mut self, command: &Command, answer: Result<Answer, Failure>) {
        let call = self.call();
        assert_eq!(call.command, *command);
        call.answer.unwrap().send(answer).unwrap();
    }

    /// A window that begins with the first page.
    pub(crate) fn first_page(launches: &Launches) -> Self {
        let (_handle, port) = handle::channel();
        Self::build([900.0, 700.0], Start::default(), None, port, launches)
    }

    fn build(
        size: [f32; 2],
        start: Start,
        handle: Option<Handle>,
        port: Port,
        launches: &Launches,
    ) -> Self {
        Self::build_in(tempfile::tempdir().unwrap(), size, start, (handle, port), launches)
    }

    fn build_in(
        folder: tempfile::TempDir,
        size: [f32; 2],
        mut start: Start,
        (handle, port): (Option<Handle>, Port),
        launches: &Launches,
    ) -> Self {
        start.data_dir = folder.path().to_path_buf();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let announced: Arc<Mutex<Vec<Announcement>>> = Arc::default();
        let told = Arc::clone(&announced);
        let teller: Announcer = Box::new(move |it| told.lock().unwrap().push(it));
        let options = Options {
            start,
            handle,
            runtime: runtime.handle().clone(),
            clock: || NOW_MS,
            shutdown: CancellationToken::new(),
            announcer: Some(teller),
        };
        let start_node = launches.launcher();
        let harness = Harness::builder()
            .with_size(size)
            .with_max_steps(40)
            // Fonts of other scripts come from the system, which tests do without.
            .allow_missing_glyphs()
            .build_eframe(move |creation| Window::new(&creation.egui_ctx, options, start_node));
        Self { harness, port, announced, model: Model::default(), _runtime: runtime, folder }
    }

    /// Shows a new state.
    pub(crate) fn publish(&mut self, model: Model) {
        self.model = model;
        self.port.model.send_replace(Arc::new(self.model.clone()));
        self.run();
    }

    /// Draws until nothing changes.
    pub(crate) fn run(&mut self) {
        self.harness.run_steps(6);
    }

    /// Draws until something is there.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, label: &str) {
        let deadline = now() + PATIENCE;
        while self.harness.query_all_by_label_contains(label).next().is_none() {
            assert!(now() < deadline, "no {label:?} in {:#?}", self.harness.root());
            self.harness.step();
            std::thread::yield_now();
        }
        // What moved to make room for it comes to rest.
        self.run();
    }

    /// Draws until the window asks for something.
    #[track_caller]
    pub(crate) fn wait_for_call(&mut self) {
        let deadline = now() + PATIENCE;
        while self.port.calls.is_empty() {
            assert!(now() < deadline, "the window asks for nothing");
            self.harness.step();
            std::thread::yield_now();
        }
    }

    #[track_caller]
    pub(crate) fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.run();
    }

    #[track_caller]
    pub(crate) fn has(&self, label: &str) -> bool {
        self.harness.query_all_by_label_contains(label).next().is_some()
    }

    /// The next command of the window, but for those that tell of typing.
    #[track_caller]
    pub(crate) fn call(&mut self) -> Call {
        loop {
            let call = self.port.calls.try_recv().expect("the window asked for nothing");
            if !matches!(call.command, Command::Typing { .. }) {
                return call;
            }
        }
    }

    /// The next command, which is answered well.
    #[track_caller]
    pub(crate) fn command(&mut self) -> Command {
        let Call { command, answer } = self.call();
        answer.unwrap().send(Ok(Answer::Done)).ok();
        command
    }

    #[track_caller]
    pub(crate) fn asks_nothing(&mut self) {
        assert!(self.port.calls.try_recv().is_err());
    }

    #[track_caller]
    pub(crate) fn asks_nothing_but_typing(&mut self) {
        while let Ok(call) = self.port.calls.try_recv() {
            assert!(matches!(call.command, Command::Typing { .. }), "{:?}", call.command);
        }
    }

    /// The next command, which has to be this one.
    #[track_caller]
    pub(crate) fn asks_only(&mut self, command: &Command) {
        assert_eq!(self.command(), *command);
        self.asks_nothing_but_typing();
    }

    /// Goes to another conversation of the list.
    #[track_caller]
    pub(crate) fn open_again(&mut self, name: &str) {
        self.asks_nothing_but_typing();
        self.harness.get_by_label_contains(&format!("{name}, ")).click();
        self.run();
        assert!(matches!(self.command(), Command::Close { .. }));
        assert_eq!(self.command(), Command::Open { conversation: conversation(name) });
    }

    /// Opens a conversation of the list, whose timeline is then published.
    #[track_caller]
    pub(crate) fn open(&mut self, name: &str, messages: Vec<MessageView>) {
        let conversation = conversation(name);
        self.harness.get_by_label_contains(&format!("{name}, ")).click();
        self.run();
        let opened = Command::Open { conversation: conversation.clone() };
        assert_eq!(self.command(), opened);
        let timeline =
            Timeline { messages: messages.into_iter().map(Arc::new).collect(), more_before: false };
        let mut model = self.model.clone();
        model.timelines = Arc::new(BTreeMap::from([(conversation, Arc::new(timeline))]));
        self.publish(model);
    }
}

/// What a window starts with whose user has registered.
fn home() -> Start {
    Start {
        rendezvous: vec![SERVER.parse().unwrap()],
        username: Some(name("me")),
        ..Start::default()
    }
}

#[expect(clippy::disallowed_methods, reason = "bounds a wait for another thread")]
fn now() -> Instant {
    Instant::now()
}

pub(crate) fn name(text: &str) -> Username {
    Username::new(text).unwrap()
}

/// The account of somebody with this name.
pub(crate) fn account(name: &str) -> AccountId {
    AccountId::new(*blake3::hash(name.as_bytes()).as_bytes())
}

pub(crate) fn conversation(text: &str) -> ConversationName {
    text.parse().unwrap()
}

pub(crate) fn event(number: u8) -> EventId {
    EventId::new([number; EventId::LENGTH])
}

/// A message; from `me` if own.
pub(crate) fn message(number: u8, within: &str, from: &str, text: &str) -> MessageView {
    let own = from == "me";
    MessageView {
        id: event(number),
        conversation: conversation(within),
        from: name(from),
        own,
        at_ms: NOW_MS - 600_000 + u64::from(number),
        body: Body::Text(text.to_owned()),
        reply_to: None,
        path: Some(Path::Direct(None)),
        delivery: own.then(|| Delivery { stage: Stage::Sent, of: 1, ..Delivery::default() }),
        request: false,
        edited: false,
        reactions: Vec::new(),
    }
}

/// A conversation of the list with a newest message.
pub(crate) fn listed(name: &str, unread: u32, last: &str) -> ConversationView {
    let from = match conversation(name) {
        ConversationName::Direct(person) => person,
        ConversationName::Group(_) => self::name("ada"),
    };
    ConversationView {
        account: match conversation(name) {
            ConversationName::Direct(person) => Some(account(person.as_str())),
            ConversationName::Group(_) => None,
        },
        name: conversation(name),
        unread,
        last: Some(LastLine {
            from,
            own: false,
            text: last.to_owned(),
            at_ms: NOW_MS - 600_000,
            delivery: None,
        }),
        online: false,
        typing: Vec::new(),
        request: false,
        muted: false,
        blocked: false,
        relay_only: false,
        road: None,
        waiting: 0,
        complete: Completeness::default(),
        members: Arc::default(),
    }
}

/// The state of a registered user with these conversations.
pub(crate) fn model(conversations: Vec<ConversationView>) -> Model {
    Model {
        me: Some(Me {
            username: name("me"),
            account: AccountId::new([1; AccountId::LENGTH]),
            device: DeviceId::new([1; DeviceId::LENGTH]),
        }),
        server: ServerTie::Registered,
        conversations: Arc::new(conversations),
        ..Model::default()
    }
}
