//! What the window remembers between frames. Nothing of it is truth about messages.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use wire::{
    id::{DeviceId, EventId},
    name::{ConversationName, GroupName, Username},
};

use super::{
    Secret,
    choosing::Choice,
    images::Images,
    list::MessageList,
    mentioned::Mentioned,
    pages::{Dialog, Link},
    preferences::Preferences,
    search::Search,
    views::{
        completing::Completing, find::Find, lightbox::Lightbox, message_menu::Reacting,
        picker::Picker,
    },
    writing::Writing,
    zone::Zone,
};
use crate::core::{
    command::Command,
    model::{ConversationView, MessageView, Model, Timeline},
};

/// Seconds that a message in passing stays.
const TOAST_SECONDS: f64 = 6.0;
/// Older messages are loaded so many times to show one of them.
const SEEK_PAGES: u32 = 40;

/// What views see.
pub(crate) struct Scene<'a> {
    /// The newest state.
    pub(crate) model: &'a Model,
    /// Milliseconds since 1970.
    pub(crate) now_ms: u64,
    /// Local time.
    pub(crate) zone: &'a Zone,
    /// The window shows one column.
    pub(crate) narrow: bool,
    /// The window is in front.
    pub(crate) focused: bool,
}

impl Scene<'_> {
    /// A conversation of the list.
    pub(crate) fn conversation(&self, name: &ConversationName) -> Option<&ConversationView> {
        self.model.conversations.iter().find(|conversation| conversation.name == *name)
    }

    /// Whether a conversation is with somebody of whom the user does not want to hear.
    pub(crate) fn is_blocked(&self, name: &ConversationName) -> bool {
        self.conversation(name).is_some_and(|conversation| conversation.blocked)
    }

    /// Local time now.
    pub(crate) fn local_now(&self) -> i64 {
        self.zone.local(self.now_ms)
    }
}

/// A command, and what its answer is for.
#[derive(Debug)]
pub(crate) struct Wish {
    /// The command.
    pub(crate) command: Command,
    /// What its answer is for.
    pub(crate) purpose: Purpose,
}

/// What an answer is for.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// Nobody waits.
    Quiet,
    /// A failure is told.
    Tell,
    /// A message; what was written comes back if it fails.
    Send(ConversationName, Box<Writing>),
    /// A conversation is looked up, and shown if it exists.
    Start(ConversationName),
    /// A group is joined, and shown then.
    Join(GroupName),
    /// A private group is made, and shown with its link then.
    Create(GroupName),
    /// The link to a group is shown.
    Invite(GroupName),
    /// Messages with a text are sought, everywhere or in a conversation.
    Search(Option<ConversationName>, String),
    /// Unread messages of a conversation are looked through for the user's name.
    Mentions(ConversationName),
    /// A file is saved; told when it is.
    Save(String),
    /// A message gets another text, which comes back if that fails.
    Edit(ConversationName, Box<Writing>),
    /// Who has a message.
    Delivery(EventId),
    /// The user's devices.
    Devices,
    /// What kind of network this is.
    Diagnose,
    /// A code for a further device.
    NewDevice,
    /// A device is removed.
    Revoke(DeviceId),
}

impl Wish {
    /// A command whose failure does not matter.
    pub(crate) fn quiet(command: Command) -> Self {
        Self { command, purpose: Purpose::Quiet }
    }

    /// A command whose failure is told.
    pub(crate) fn tell(command: Command) -> Self {
        Self { command, purpose: Purpose::Tell }
    }
}

/// The conversation in view.
pub(crate) struct ChatState {
    /// Its rows and where the reader is.
    pub(crate) list: MessageList,
    /// What the rows were made of.
    pub(crate) timeline: Option<Arc<Timeline>>,
    /// The unread line stands before this message.
    pub(crate) unread_from: Option<EventId>,
    /// The rows have to be made anew.
    pub(crate) stale: bool,
    /// Older messages were asked for when this one was the oldest.
    pub(crate) older_asked: Option<EventId>,
    /// The newest message when everything was told to be read.
    pub(crate) read_told: Option<EventId>,
    /// A message that was jumped to, and until when it is marked, in egui's seconds.
    pub(crate) marked: Option<(EventId, f64)>,
    /// When the others were last told that the user writes, in egui's seconds.
    pub(crate) typing_told: f64,
    /// An emoji is being chosen.
    pub(crate) reacting: Option<Reacting>,
    /// A search within the conversation.
    pub(crate) find: Option<Box<Find>>,
    /// A message that is to be shown.
    pub(crate) seeking: Option<Seek>,
}

/// A message that is to be shown, for which older messages may have to be loaded first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seek {
    /// The message.
    pub(crate) message: EventId,
    /// So many times more older messages are asked for.
    pub(crate) pages: u32,
}

impl ChatState {
    /// Shows a message, which may be further back than what is loaded.
    pub(crate) fn seek(&mut self, message: EventId) {
        self.seeking = Some(Seek { message, pages: SEEK_PAGES });
    }

    /// A message of the timeline.
    pub(crate) fn message(&self, id: &EventId) -> Option<&Arc<MessageView>> {
        self.timeline.as_ref()?.messages.iter().rev().find(|message| message.id == *id)
    }
}

impl Default for ChatState {
    fn default() -> Self {
        Self {
            list: MessageList::new(),
            timeline: None,
            unread_from: None,
            stale: true,
            older_asked: None,
            read_told: None,
            marked: None,
            typing_told: f64::NEG_INFINITY,
            reacting: None,
            find: None,
            seeking: None,
        }
    }
}

/// A message in passing.
#[derive(Debug)]
pub(crate) struct Toast {
    /// What it says.
    pub(crate) text: String,
    /// Something failed.
    pub(crate) failure: bool,
    /// Until when it is shown, in egui's seconds.
    pub(crate) until: f64,
}

/// Work for which the window's owner has to leave the frame.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Choose files to send.
    ChooseFiles(ConversationName),
    /// Read what is known about files to send.
    AddFiles(ConversationName, Vec<PathBuf>),
    /// Make a file of a pasted image.
    AddImage(ConversationName, Arc<egui::ColorImage>),
    /// Look whether pasted text stands for files.
    Paste(ConversationName, String),
    /// Choose where to save a message's file.
    SaveAs(EventId, String),
    /// Choose a place for the dialog that is open.
    Choose(Choice),
    /// Write a conversation into a folder.
    Export(ConversationName, PathBuf),
    /// Write everything into a file that the passphrase opens.
    Backup(PathBuf, Secret),
    /// Read the recovery phrase.
    Phrase,
}

/// What is known of the surroundings.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// Addresses of the server.
    pub(crate) server: Vec<libp2p::Multiaddr>,
    /// The account's keys are in a folder of the window's own.
    pub(crate) keeps_keys: bool,
    /// Where the user's own files are.
    pub(crate) documents: Option<PathBuf>,
}

impl Surroundings {
    /// The link by which others find the user.
    pub(crate) fn contact_link(&self, me: &Username) -> Option<Link> {
        Link::to_person(me, &self.server)
    }
}

/// All that the window remembers.
pub(crate) struct UiState {
    /// What is known of the surroundings.
    pub(crate) around: Surroundings,
    /// The conversation in view.
    pub(crate) current: Option<ConversationName>,
    /// Its view.
    pub(crate) chat: ChatState,
    /// What the list is narrowed to, and which messages are sought.
    pub(crate) search: Search,
    /// What is being written, by conversation.
    pub(crate) writings: BTreeMap<ConversationName, Writing>,
    /// What the word being written may become.
    pub(crate) completing: Completing,
    /// Where the user is named in what was not read.
    pub(crate) mentions: Mentioned,
    /// What the user prefers.
    pub(crate) preferences: Preferences,
    /// The user was reminded of the recovery phrase.
    pub(crate) phrase_put_off: bool,
    /// The dialog that is open.
    pub(crate) dialog: Option<Dialog>,
    /// The emoji picker.
    pub(crate) picker: Picker,
    /// The image that is shown enlarged.
    pub(crate) lightbox: Option<Lightbox>,
    /// A message in passing.
    pub(crate) toast: Option<Toast>,
    /// Decoded images.
    pub(crate) images: Images,
    /// What is to be done between frames.
    pub(crate) errands: Vec<Errand>,
    /// The text field of the conversation takes the keyboard.
    pub(crate) focus_composer: bool,
}

impl UiState {
    /// The state at the start.
    pub(crate) fn new(context: &egui::Context) -> Self {
        Self {
            around: Surroundings::default(),
            current: None,
            chat: ChatState::default(),
            search: Search::default(),
            writings: BTreeMap::new(),
            completing: Completing::default(),
            mentions: Mentioned::default(),
            preferences: Preferences::default(),
            phrase_put_off: false,
            dialog: None,
            picker: Picker::default(),
            lightbox: None,
            toast: None,
            images: Images::new(context),
            errands: Vec::new(),
            focus_composer: false,
        }
    }

    /// Shows a conversation, or the list alone.
    pub(crate) fn show(&mut self, name: Option<ConversationName>, out: &mut Vec<Wish>) {
        if self.current == name {
            return;
        }
        if let Some(conversation) = self.current.take() {
            out.push(Wish::quiet(Command::Close { conversation }));
        }
        self.chat = ChatState::default();
        self.picker.close();
        self.completing = Completing::default();
        if let Some(conversation) = name.clone() {
            out.push(Wish::tell(Command::Open { conversation }));
            self.focus_composer = true;
        }
        self.current = name;
    }

    /// What is being written in a conversation.
    pub(crate) fn writing(&mut self, name: &ConversationName) -> &mut Writing {
        self.writings.entry(name.clone()).or_default()
    }

    /// Takes what was found, everywhere or in a conversation.
    pub(crate) fn found(
        &mut self,
        within: Option<&ConversationName>,
        text: String,
        messages: &[MessageView],
    ) {
        if within.is_none() {
            self.search.take(text, messages);
        } else if self.current.as_ref() == within
            && let Some(find) = &mut self.chat.find
        {
            find.search.take(text, messages);
        }
    }

    /// Tells something in passing; `now` is in egui's seconds.
    pub(crate) fn tell(&mut self, text: impl Into<String>, failure: bool, now: f64) {
        self.toast = Some(Toast { text: text.into(), failure, until: now + TOAST_SECONDS });
    }
}
