//! From the core's state to the model that front ends see.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wire::{
    event::Payload,
    id::{AccountId, ConversationId, DeviceId},
};

use super::{
    conversation::{Conversation, order},
    machine::Machine,
    model::{
        AttachmentView, Body, ConversationView, LastLine, MemberView, MessageView, Model, PeerView,
        Quote, Reaction, Timeline,
    },
    notice::Notice,
    storage::{Kind, MessageRow, Revision},
};

/// Characters of a quoted message or a last line that are shown.
const EXCERPT: usize = 160;
/// Members of a group that the model lists.
const MEMBERS_SHOWN: usize = 256;

/// Which parts of the model have to be made anew.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one flag for each part of the model")]
pub(crate) struct Dirty {
    pub(crate) tie: bool,
    pub(crate) conversations: bool,
    /// Who belongs to conversations, what they are called, who of them is online.
    pub(crate) members: bool,
    pub(crate) peers: bool,
    pub(crate) transfers: bool,
    /// A timeline is no longer wanted.
    pub(crate) closed: bool,
    pub(crate) timelines: BTreeSet<ConversationId>,
}

impl Dirty {
    pub(crate) fn all() -> Self {
        Self {
            tie: true,
            conversations: true,
            members: true,
            peers: true,
            transfers: true,
            closed: true,
            timelines: BTreeSet::new(),
        }
    }

    fn is_clean(&self) -> bool {
        let lists = self.conversations || self.members || self.peers || self.transfers;
        !self.tie && !lists && !self.closed && self.timelines.is_empty()
    }
}

impl Machine {
    pub(super) fn publish(&mut self) {
        if self.dirty.is_clean() {
            return;
        }
        let dirty = std::mem::take(&mut self.dirty);
        let mut model = Model::clone(&self.model);
        model.me = Some(self.me.clone());
        if dirty.tie {
            model.server = self.tie.shown.clone();
            model.listening = Arc::new(self.addresses.iter().map(ToString::to_string).collect());
        }
        if dirty.members {
            self.member_lists.clear();
        }
        if dirty.conversations || dirty.members {
            self.list_members();
            model.conversations = Arc::new(self.conversation_views());
        }
        if dirty.peers {
            model.peers = Arc::new(self.peer_views());
        }
        if dirty.transfers {
            model.transfers = Arc::new(self.attachments.transfers());
        }
        if dirty.closed || !dirty.timelines.is_empty() {
            model.timelines = Arc::new(self.timelines(&dirty.timelines, &model.timelines));
        }
        self.model = Arc::new(model);
    }

    fn timelines(
        &self,
        changed: &BTreeSet<ConversationId>,
        before: &BTreeMap<wire::name::ConversationName, Arc<Timeline>>,
    ) -> BTreeMap<wire::name::ConversationName, Arc<Timeline>> {
        let shown = self.conversations.values().filter_map(|conversation| {
            let window = conversation.window.as_ref()?;
            let name = &conversation.row.name;
            if !changed.contains(&conversation.row.id) {
                return Some((name.clone(), Arc::clone(before.get(name)?)));
            }
            let messages = window.rows().map(|row| Arc::new(self.message_view(row))).collect();
            Some((name.clone(), Arc::new(Timeline { messages, more_before: window.more_before })))
        });
        shown.collect()
    }

    /// Makes the lists of members that are not there yet: in a large group each costs more than all the rest.
    fn list_members(&mut self) {
        for (id, conversation) in &self.conversations {
            if !self.member_lists.contains_key(id) {
                let members = Arc::new(self.member_views(conversation));
                self.member_lists.insert(*id, members);
            }
        }
    }

    fn conversation_views(&self) -> Vec<ConversationView> {
        let shown = |conversation: &&Conversation| {
            (!conversation.row.left || conversation.last.is_some()) && !self.is_hidden(conversation)
        };
        let mut conversations: Vec<_> = self.conversations.values().filter(shown).collect();
        conversations.sort_by_key(|c| std::cmp::Reverse(c.last.as_ref().map(order)));
        conversations.into_iter().map(|conversation| self.conversation_view(conversation)).collect()
    }

    fn conversation_view(&self, conversation: &Conversation) -> ConversationView {
        let members = self.member_lists.get(&conversation.row.id).cloned().unwrap_or_default();
        let account = match conversation.row.kind {
            Kind::Direct(account) => Some(account),
            Kind::Group(_) => None,
        };
        let road = account.and_then(|account| self.road_to(&account));
        ConversationView {
            name: conversation.row.name.clone(),
            account,
            unread: conversation.unread,
            last: conversation.last.as_ref().map(|row| self.last_line(conversation, row)),
            online: members.iter().any(|member| member.online),
            typing: conversation
                .typing
                .keys()
                .map(|account| self.people.name_of(account))
                .collect(),
            request: conversation.row.request,
            muted: conversation.row.muted,
            blocked: matches!(conversation.row.kind, Kind::Direct(it) if self.people.is_blocked(&it)),
            relay_only: matches!(conversation.row.kind, Kind::Direct(it) if self.hidden.contains(&it)),
            road,
            waiting: conversation.waiting(self.me.device, |device| self.people.owner_of(device)),
            complete: conversation.completeness(),
            members,
        }
    }

    pub(super) fn member_views(&self, conversation: &Conversation) -> Vec<MemberView> {
        let present: BTreeSet<_> = conversation.group.present.values().copied().collect();
        let view = |account: &AccountId| MemberView {
            username: self.people.name_of(account),
            online: present.contains(account) || self.is_online(account),
        };
        let others = conversation.others(self.me.account);
        others.iter().take(MEMBERS_SHOWN).map(view).collect()
    }

    /// The server says that a person is present, or there is a connection.
    pub(super) fn is_online(&self, account: &AccountId) -> bool {
        self.people.is_present(account) || self.road_to(account).is_some()
    }

    fn road_to(&self, account: &AccountId) -> Option<super::model::Road> {
        let devices = self.people.devices_of(account);
        let roads = devices.into_iter().filter_map(|device| self.paths.road(&device));
        roads.min_by_key(|road| road.relayed)
    }

    fn last_line(&self, conversation: &Conversation, row: &MessageRow) -> LastLine {
        let own = self.is_own(&row.author);
        LastLine {
            from: self.people.name_of_device(&row.author),
            own,
            text: last_words(row),
            at_ms: row.clock.ms,
            delivery: self.delivery(conversation, row),
        }
    }

    /// How far a message of this device came; of others only they know.
    fn delivery(
        &self,
        conversation: &Conversation,
        row: &MessageRow,
    ) -> Option<super::model::Delivery> {
        let owner = |device: &DeviceId| self.people.owner_of(device);
        let here = row.author == self.me.device;
        here.then(|| conversation.delivery(row.sequence, self.me.account, owner))
    }

    pub(super) fn message_view(&self, row: &MessageRow) -> MessageView {
        let own = self.is_own(&row.author);
        let conversation = self.conversations.get(&row.conversation);
        let fallback =
            || wire::name::ConversationName::Direct(self.people.name_of_device(&row.author));
        MessageView {
            id: row.id,
            conversation: conversation.map_or_else(fallback, |c| c.row.name.clone()),
            from: self.people.name_of_device(&row.author),
            own,
            at_ms: row.clock.ms,
            body: self.body(row),
            reply_to: super::log::reply_to(&row.payload).map(|id| Quote {
                id,
                excerpt: row.quoted.as_ref().map(|(author, payload)| {
                    (self.people.name_of_device(author), excerpt(payload))
                }),
            }),
            path: row.path,
            delivery: conversation.and_then(|conversation| self.delivery(conversation, row)),
            request: !own && conversation.is_some_and(|c| c.row.request),
            edited: matches!(row.revision, Revision::Edited(_)),
            reactions: self.reactions(row),
        }
    }

    fn reactions(&self, row: &MessageRow) -> Vec<Reaction> {
        let mut reactions: Vec<Reaction> = Vec::new();
        for (account, emoji) in &row.reactions {
            let own = *account == self.me.account;
            let by = self.people.name_of(account);
            if let Some(reaction) = reactions.iter_mut().find(|it| it.emoji == *emoji) {
                reaction.by.push(by);
                reaction.own |= own;
            } else {
                reactions.push(Reaction { emoji: emoji.clone(), by: vec![by], own });
            }
        }
        reactions
    }

    fn body(&self, row: &MessageRow) -> Body {
        let edited = match &row.revision {
            Revision::Erased => return Body::Erased,
            Revision::Edited(text) => Some(text.clone()),
            Revision::None => None,
        };
        match &row.payload {
            Payload::Text { body, .. } => Body::Text(edited.unwrap_or_else(|| body.clone())),
            Payload::Attachment(attachment) => Body::Attachment(Arc::new(AttachmentView {
                blob: attachment.blob,
                name: crate::media::safe_file_name(&attachment.name),
                media_type: attachment.media_type.clone(),
                size: attachment.size,
                caption: edited.or_else(|| attachment.caption.clone()),
                preview: attachment.preview.as_ref().map(|preview| Arc::from(preview.as_slice())),
                dimensions: attachment.dimensions,
                file: self.attachments.file(&attachment.blob),
            })),
            _ => Body::Unsupported,
        }
    }

    pub(super) fn peer_views(&self) -> Vec<PeerView> {
        let mut devices = self.paths.linked();
        for conversation in self.conversations.values() {
            devices.extend(conversation.group.present.keys());
            if let Kind::Direct(account) = conversation.row.kind {
                devices.extend(self.people.devices_of(&account));
            }
        }
        devices.remove(&self.me.device);
        let view = |device: DeviceId| {
            let owner = self.people.owner_of(&device)?;
            let road = self.paths.road(&device);
            let present = self.people.is_device_present(&owner, &device);
            let username = self.people.name_of(&owner);
            let traffic = self.traffic.get(&device).copied().unwrap_or_default();
            Some(PeerView { username, device, online: present || road.is_some(), road, traffic })
        };
        devices.into_iter().filter_map(view).collect()
    }

    /// Tells how complete a conversation is, if that changed.
    pub(super) fn tell_complete(&mut self, id: ConversationId) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let complete = conversation.completeness();
        if complete != conversation.told {
            conversation.told = complete;
            let conversation = conversation.row.name.clone();
            self.dirty.conversations = true;
            self.notice(Notice::Complete { conversation, complete });
        }
    }
}

/// The first words of a message as it is now, or what stands for it.
fn last_words(row: &MessageRow) -> String {
    match &row.revision {
        Revision::Erased => "Message erased".to_owned(),
        Revision::Edited(text) => one_line(text),
        Revision::None => excerpt(&row.payload),
    }
}

/// The first words of a message, or what stands for it.
fn excerpt(payload: &Payload) -> String {
    let text = match payload {
        Payload::Text { body, .. } => body.as_str(),
        Payload::Attachment(attachment) => match &attachment.caption {
            Some(caption) => caption.as_str(),
            None => attachment.name.as_str(),
        },
        _ => "Unsupported message",
    };
    one_line(text)
}

fn one_line(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(EXCERPT).collect()
}
