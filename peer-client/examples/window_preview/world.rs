//! The made-up state, which obeys the window as far as one can without others.

use std::{collections::BTreeMap, sync::Arc};

use peer_client::core::{
    command::{Answer, Command, Draft, Failure},
    model::{
        Body, Completeness, ConversationView, Delivery, DeviceDelivery, DeviceView, MemberView,
        MessageView, Model, PersonDelivery, Quote, Reaction, Stage, Timeline,
    },
};
use wire::{
    id::EventId,
    name::{ConversationName, GroupName, Username},
};

use crate::{now_ms, own, people};

/// Messages that a conversation begins with, and by which it grows backwards.
const PAGE: usize = 24;

/// The state that is shown, and the histories of all conversations.
pub(crate) struct World {
    /// The state that is shown.
    pub(crate) model: Model,
    histories: BTreeMap<ConversationName, Vec<Arc<MessageView>>>,
    /// How many messages of open conversations are shown.
    open: BTreeMap<ConversationName, usize>,
    sent: u64,
    devices: Vec<DeviceView>,
}

impl World {
    /// A state in which no conversation is open.
    pub(crate) fn new(
        model: Model,
        histories: BTreeMap<ConversationName, Vec<Arc<MessageView>>>,
    ) -> Self {
        Self { model, histories, open: BTreeMap::new(), sent: 0, devices: own::devices() }
    }

    /// Does what the window asks for.
    pub(crate) fn obey(&mut self, command: Command) -> Result<Answer, Failure> {
        let answer = self.answer(command);
        let page = |(name, shown): (&ConversationName, &usize)| {
            let history = self.histories.get(name)?;
            let start = history.len().saturating_sub(*shown);
            let messages = history[start..].to_vec();
            let timeline = Timeline { messages, more_before: start > 0 };
            Some((name.clone(), Arc::new(timeline)))
        };
        self.model.timelines = Arc::new(self.open.iter().filter_map(page).collect());
        for view in Arc::make_mut(&mut self.model.conversations) {
            view.last = self.histories.get(&view.name).and_then(|it| people::last_line(it));
        }
        answer
    }

    fn answer(&mut self, command: Command) -> Result<Answer, Failure> {
        match command {
            Command::Open { conversation } => {
                if !self.histories.contains_key(&conversation) {
                    let text =
                        format!("Nobody is registered as {conversation}; check the spelling");
                    return Err(Failure::new("not_found", text));
                }
                self.open.insert(conversation, PAGE);
            }
            Command::Older { conversation } => {
                self.open.entry(conversation).and_modify(|shown| *shown += PAGE);
            }
            Command::Close { conversation } => {
                self.open.remove(&conversation);
            }
            Command::Read { of } => self.view(&of, |view| view.unread = 0),
            Command::Send { to, draft } => return Ok(Answer::Message(self.add(&to, draft))),
            Command::Join { .. } => {
                let text = "This group is private; paste its invitation";
                return Err(Failure::new("invite_invalid", text));
            }
            Command::React { .. } | Command::Edit { .. } | Command::Erase { .. } => {
                self.change(&command);
            }
            Command::Search { text, within, limit } => {
                return Ok(Answer::Messages(self.search(&text, within.as_ref(), limit)));
            }
            Command::Accept { peer } => {
                self.view(&ConversationName::Direct(peer), |view| view.request = false);
            }
            Command::Block { peer, on } => {
                self.view(&ConversationName::Direct(peer), |view| view.blocked = on);
            }
            Command::Mute { conversation, on } => self.view(&conversation, |view| view.muted = on),
            Command::Create { group } => {
                let link = link(&group);
                self.create(group);
                return Ok(Answer::Invitation(link));
            }
            Command::Invite { group } => return Ok(Answer::Invitation(link(&group))),
            Command::Devices => return Ok(Answer::Devices(self.devices.clone())),
            Command::AddDevice => return Ok(Answer::Code(own::code())),
            Command::Revoke { device } => self.devices.retain(|it| it.device != device),
            Command::Delivery { message } => {
                return Ok(Answer::Delivery(self.delivery(message)));
            }
            _ => {}
        }
        Ok(Answer::Done)
    }

    /// Made up from what the message's own state says.
    fn delivery(&self, message: EventId) -> Vec<PersonDelivery> {
        let found = self.histories.values().flatten().find(|it| it.id == message);
        let Some((delivery, found)) = found.and_then(|it| Some((it.delivery?, it))) else {
            return Vec::new();
        };
        let members = self.model.conversations.iter().find(|it| it.name == found.conversation);
        let members = members.map(|view| Arc::clone(&view.members)).unwrap_or_default();
        let person = |(index, member): (usize, &MemberView)| {
            let index = index as u32;
            let stage = if index < delivery.read_by {
                Stage::Read
            } else if index < delivery.stored_by {
                Stage::Stored
            } else {
                Stage::Waiting
            };
            let devices = [(stage, 0), (Stage::Waiting, 1)].map(|(stage, number)| {
                let words = format!("{} {number}", member.username);
                DeviceDelivery { device: own::device(&words), stage }
            });
            let count = if index == 0 { 2 } else { 1 };
            PersonDelivery {
                username: member.username.clone(),
                own: false,
                stage,
                devices: devices[..count].to_vec(),
            }
        };
        members.iter().enumerate().map(person).collect()
    }

    fn view(&mut self, name: &ConversationName, change: impl Fn(&mut ConversationView)) {
        let views = Arc::make_mut(&mut self.model.conversations);
        views.iter_mut().filter(|view| view.name == *name).for_each(change);
    }

    fn add(&mut self, to: &ConversationName, draft: Draft) -> EventId {
        self.sent += 1;
        let id = people::event(&self.sent.to_string());
        let body = match draft.file {
            None => Body::Text(draft.text),
            Some(source) => Body::Attachment(Arc::new(people::sent_file(&source, draft.text))),
        };
        let (Some(me), Some(history)) = (&self.model.me, self.histories.get_mut(to)) else {
            return id;
        };
        let quoted = |id| history.iter().find(|message| message.id == id);
        let excerpt =
            |message: &Arc<MessageView>| (message.from.clone(), people::excerpt(&message.body));
        let reply_to = draft.reply_to.map(|id| Quote { id, excerpt: quoted(id).map(excerpt) });
        history.push(Arc::new(MessageView {
            id,
            conversation: to.clone(),
            from: me.username.clone(),
            own: true,
            at_ms: now_ms(),
            body,
            reply_to,
            path: None,
            delivery: Some(Delivery { stage: Stage::Waiting, of: 1, ..Delivery::default() }),
            request: false,
            edited: false,
            reactions: Vec::new(),
        }));
        id
    }

    fn change(&mut self, command: &Command) {
        let me = self.model.me.as_ref().map(|me| me.username.clone());
        let (Command::React { message: id, .. }
        | Command::Edit { message: id, .. }
        | Command::Erase { message: id }) = command
        else {
            return;
        };
        let messages = self.histories.values_mut().flatten();
        for message in messages.filter(|message| message.id == *id) {
            let message = Arc::make_mut(message);
            match command {
                Command::React { emoji, on, .. } => react(message, emoji, *on, me.as_ref()),
                Command::Edit { text, .. } => {
                    message.edited = true;
                    message.body = match &message.body {
                        Body::Attachment(file) => {
                            let mut file = (**file).clone();
                            file.caption = Some(text.clone()).filter(|text| !text.is_empty());
                            Body::Attachment(Arc::new(file))
                        }
                        _ => Body::Text(text.clone()),
                    };
                }
                _ => {
                    message.body = Body::Erased;
                    message.reactions.clear();
                }
            }
        }
    }

    /// The newest messages with all words of a text, the last of which may be only begun.
    fn search(
        &self,
        text: &str,
        within: Option<&ConversationName>,
        limit: u32,
    ) -> Vec<MessageView> {
        let sought = words(text);
        let matches = |message: &&Arc<MessageView>| {
            let has = words(&people::excerpt(&message.body));
            let Some((last, whole)) = sought.split_last() else { return false };
            within.is_none_or(|within| message.conversation == *within)
                && whole.iter().all(|word| has.contains(word))
                && has.iter().any(|word| word.starts_with(last))
        };
        let mut found: Vec<&Arc<MessageView>> =
            self.histories.values().flatten().filter(matches).collect();
        found.sort_by_key(|message| message.at_ms);
        let start = found.len().saturating_sub(limit as usize);
        found[start..].iter().map(|message| (***message).clone()).collect()
    }

    fn create(&mut self, group: GroupName) {
        let name = ConversationName::Group(group);
        self.histories.entry(name.clone()).or_default();
        let view = ConversationView {
            name,
            account: None,
            unread: 0,
            last: None,
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
        };
        Arc::make_mut(&mut self.model.conversations).insert(0, view);
    }
}

fn react(message: &mut MessageView, emoji: &str, on: bool, me: Option<&Username>) {
    let Some(me) = me else { return };
    let found = message.reactions.iter().position(|reaction| reaction.emoji == emoji);
    let index = found.unwrap_or_else(|| {
        let reaction = Reaction { emoji: emoji.to_owned(), by: Vec::new(), own: false };
        message.reactions.push(reaction);
        message.reactions.len() - 1
    });
    let reaction = &mut message.reactions[index];
    reaction.by.retain(|name| name != me);
    reaction.own = on;
    if on {
        reaction.by.push(me.clone());
    }
    message.reactions.retain(|reaction| !reaction.by.is_empty());
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// What stands for an invitation here: nobody can use it.
fn link(group: &GroupName) -> String {
    let made_up = blake3::hash(group.to_string().as_bytes()).to_hex();
    format!("natterjack:preview-{}", made_up.repeat(4))
}
