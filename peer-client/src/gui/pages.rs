//! Dialogs over the window, and what is entered in them.

use std::path::PathBuf;

use wire::{
    id::{DeviceId, EventId},
    invite::{Invitation, Invite},
    name::{ConversationName, GroupName, Username},
};

use super::{
    Secret,
    views::{diagnostics::Diagnosis, palette::Palette, safety::Written, verify::Verify},
    widgets::qr::Qr,
};
use crate::{
    core::model::{DeviceView, PersonDelivery},
    node,
};

/// A dialog over the window.
#[derive(Debug)]
pub(crate) enum Dialog {
    /// Begin a conversation with a person.
    NewChat(Entry),
    /// Join a group.
    JoinGroup(Entry),
    /// Make a private group.
    CreateGroup(Entry),
    /// A link that lets others come.
    Invitation(Link),
    /// About the conversation in view.
    About,
    /// Leave the group in view?
    Leave(GroupName),
    /// Take a message back?
    Erase(EventId),
    /// How far a message came, and how.
    Details(Details),
    /// Write a conversation into a folder.
    Export(ConversationName, Place),
    /// The user, the look, and what else can be set.
    Settings,
    /// The user's devices.
    Devices(Devices),
    /// The code for a further device.
    NewDevice(NewDevice),
    /// Remove a device?
    Revoke(Revocation),
    /// The recovery phrase.
    Phrase(Phrase),
    /// Write everything into a file.
    Backup(Backup),
    /// People of whom the user does not want to hear.
    Blocked,
    /// The network around this device.
    Diagnostics(Diagnosis),
    /// About the program.
    Program,
    /// Open an address?
    Address(Address),
    /// Make sure that a person is who they seem to be.
    Verify(Box<Verify>),
    /// What the user prefers.
    Behaviour,
    /// What the keys do.
    Keys,
    /// Anything by a part of its name.
    Palette(Palette),
}

/// An address that is better looked at before it is opened.
#[derive(Debug)]
pub(crate) struct Address {
    /// The address.
    pub(crate) url: String,
    /// What is odd about it.
    pub(crate) why: &'static str,
}

/// What is entered in a dialog.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// The name.
    pub(crate) name: String,
    /// The invitation.
    pub(crate) invite: String,
    /// Why it was not accepted.
    pub(crate) error: Option<String>,
    /// The answer is awaited.
    pub(crate) busy: bool,
}

/// A link as it is shown.
#[derive(Debug)]
pub(crate) struct Link {
    /// To what.
    pub(crate) title: String,
    /// What whoever has it can do.
    pub(crate) words: &'static str,
    /// The link.
    pub(crate) text: String,
    /// The same as a picture, unless it is too long.
    pub(crate) picture: Option<Qr>,
}

impl Link {
    /// To a group.
    pub(crate) fn to_group(group: &GroupName, text: String) -> Self {
        let words = "Whoever has this link can join and read everything. Give it only to those \
                     who may";
        let picture = Qr::new(&text);
        Self { title: format!("Invite to #{group}"), words, text, picture }
    }

    /// To the user, for others who may not have the server's address yet.
    pub(crate) fn to_person(me: &Username, server: &[libp2p::Multiaddr]) -> Option<Self> {
        let (server, addresses) = node::server_of(server).ok()?;
        let addresses = addresses.into_iter().filter_map(wire::rendezvous::Address::new);
        let addresses = wire::bounded::Bounded::truncated(addresses);
        let invite = Invite { server, addresses, to: Invitation::Person(me.clone()) };
        let text = invite.to_link();
        let words = "With this link others find your server and write to you. It holds no secret";
        let picture = Qr::new(&text);
        Some(Self { title: "Your contact link".to_owned(), words, text, picture })
    }
}

/// A place on the disk.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// Its path.
    pub(crate) path: String,
    /// Why it did not work.
    pub(crate) error: Option<String>,
    /// It is being written.
    pub(crate) busy: bool,
    /// It is written: what is there.
    pub(crate) done: Option<String>,
}

impl Place {
    /// A place that is suggested.
    pub(crate) fn suggested(folder: Option<&PathBuf>, name: &str) -> Self {
        let path = folder.map(|folder| folder.join(name).display().to_string());
        Self { path: path.unwrap_or_default(), ..Self::default() }
    }

    /// Takes in how writing ended.
    pub(crate) fn end(&mut self, result: Result<String, String>) {
        self.busy = false;
        match result {
            Ok(done) => self.done = Some(done),
            Err(error) => self.error = Some(error),
        }
    }
}

/// How far a message came.
#[derive(Debug)]
pub(crate) struct Details {
    /// The message.
    pub(crate) message: EventId,
    /// For which state of it people were asked for.
    pub(crate) asked: Option<crate::core::model::Delivery>,
    /// Who has it; none before the answer.
    pub(crate) people: Option<Result<Vec<PersonDelivery>, String>>,
}

/// The user's devices.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    /// None before the answer.
    pub(crate) list: Option<Result<Vec<DeviceView>, String>>,
    /// When they were last asked for, in egui's seconds.
    pub(crate) asked: Option<f64>,
}

impl Devices {
    /// How many there are, if that is known.
    pub(crate) fn count(&self) -> Option<usize> {
        Some(self.list.as_ref()?.as_ref().ok()?.len())
    }
}

/// The code for a further device.
#[derive(Debug, Default)]
pub(crate) struct NewDevice {
    /// The code, and until when it is good in egui's seconds; none before the answer.
    pub(crate) code: Option<Result<Code, String>>,
    /// It was asked for.
    pub(crate) asked: bool,
    /// The devices before and now.
    pub(crate) devices: Devices,
    /// How many devices there were when the code came.
    pub(crate) before: Option<usize>,
}

/// A code as it is shown.
#[derive(Debug)]
pub(crate) struct Code {
    /// The code.
    pub(crate) text: String,
    /// The same as a picture.
    pub(crate) picture: Option<Qr>,
    /// Until when it is good, in egui's seconds.
    pub(crate) until: f64,
}

/// A device to be removed.
#[derive(Debug)]
pub(crate) struct Revocation {
    /// The device.
    pub(crate) device: DeviceId,
    /// Why it is still there.
    pub(crate) error: Option<String>,
    /// The answer is awaited.
    pub(crate) busy: bool,
}

/// The recovery phrase.
#[derive(Debug, Default)]
pub(crate) struct Phrase {
    /// The words, once the user wanted to see them.
    pub(crate) words: Option<Result<Secret, String>>,
    /// They are being read.
    pub(crate) busy: bool,
    /// Whether they are written down, once that is asked.
    pub(crate) written: Option<Written>,
}

/// What a backup is made with.
#[derive(Default)]
pub(crate) struct Backup {
    /// Where to.
    pub(crate) place: Place,
    /// The passphrase.
    pub(crate) passphrase: String,
    /// The same again.
    pub(crate) again: String,
    /// What is wrong with it.
    pub(crate) passphrase_error: Option<String>,
}

impl std::fmt::Debug for Backup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Backup").field("place", &self.place).finish_non_exhaustive()
    }
}
