//! What must hold, whatever happened.

use std::collections::BTreeSet;

use wire::{
    id::{ConversationId, DeviceId, EventId},
    name::ConversationName,
    sync::Held,
};

use super::world::{Wish, World};
use crate::core::{model::MessageView, tests::network::Place};

impl World {
    fn fail(&self, what: &str) -> ! {
        panic!("{what}\n{}", self.story.join("\n"))
    }

    /// Every word on a delivery was so when it was told.
    pub(super) fn check_told(&self) {
        if let Some(untrue) = self.network.untrue.first() {
            self.fail(untrue);
        }
    }

    /// No stage of an own message goes back.
    pub(super) fn check_stages(&mut self, place: Place) {
        if self.copied.contains(&place) {
            return;
        }
        for of in self.conversations[place].clone() {
            for message in self.history(place, &of) {
                let shown = message.delivery.map(|delivery| delivery.stage).unwrap_or_default();
                let told = self.told_stage.get(&(place, message.id)).copied().unwrap_or_default();
                if message.own && shown < told {
                    self.fail(&format!("{} at {place} was {told} and is {shown}", message.id));
                }
            }
        }
    }

    fn history(&mut self, place: Place, of: &ConversationName) -> Vec<MessageView> {
        self.network.history(place, &of.to_string())
    }

    /// The members of each conversation, each with its own name for it.
    fn all_conversations(&self) -> Vec<Vec<(Place, ConversationName)>> {
        let mut all = BTreeSet::new();
        for (place, conversations) in self.conversations.iter().enumerate() {
            for of in conversations {
                let members: Vec<_> = match of {
                    ConversationName::Group(_) => (0..self.names.len())
                        .filter(|place| self.conversations[*place].contains(of))
                        .map(|place| (place, of.clone()))
                        .collect(),
                    ConversationName::Direct(other) => {
                        let other = self.names.iter().position(|name| name == other.as_str());
                        let other = other.expect("a peer of the scenario");
                        let back = format!("@{}", self.names[place]).parse().expect("a username");
                        let mut members = vec![(place, of.clone()), (other, back)];
                        members.sort();
                        members
                    }
                };
                all.insert(members);
            }
        }
        all.into_iter().collect()
    }

    fn id_of(&self, place: Place, of: &ConversationName) -> Option<ConversationId> {
        self.network.peers[place].machine.as_ref()?.names.get(of).copied()
    }

    /// What a peer has of the logs that cannot have forked.
    fn have(&self, place: Place, of: &ConversationName) -> Vec<Held> {
        let forked: BTreeSet<DeviceId> =
            self.copied.iter().map(|place| self.network.peers[*place].device()).collect();
        let machine = self.network.peers[place].machine.as_ref().expect("all run");
        let id = self.id_of(place, of);
        let conversation = id.and_then(|id| machine.conversations.get(&id));
        let have = conversation.map(|conversation| conversation.have().into_inner());
        have.unwrap_or_default().into_iter().filter(|held| !forked.contains(&held.device)).collect()
    }

    /// What the members of a conversation know of it, for a person who looks into a failure.
    fn state(&self, members: &[(Place, ConversationName)]) -> String {
        let of = |(place, of): &(Place, ConversationName)| {
            let machine = self.network.peers[*place].machine.as_ref()?;
            let conversation = machine.conversations.get(&self.id_of(*place, of)?)?;
            Some(format!(
                "{place} {}:\n{conversation:?}\n{:?}\n",
                machine.me.device, machine.sessions
            ))
        };
        members.iter().filter_map(of).collect()
    }

    /// Whether all members of all conversations have the same and know that.
    pub(super) fn settled(&self) -> Result<(), String> {
        let waits = |wish: &&Wish| wish.asked == Some(self.network.peers[wish.place].life);
        if let Some(wish) = self.wishes.iter().find(waits) {
            return Err(format!("{wish:?} has no answer"));
        }
        for members in self.all_conversations() {
            let (first, name) = &members[0];
            let expected = self.have(*first, name);
            for (place, of) in &members {
                let have = self.have(*place, of);
                if have != expected {
                    return Err(format!("{of} at {place} and {first}: {have:?}, {expected:?}"));
                }
                let Some(view) = self.network.view(*place, &of.to_string()) else { continue };
                if self.copied.is_empty() && view.complete.missing > 0 {
                    return Err(format!("{of} at {place}: {:?}", view.complete));
                }
                if self.copied.is_empty() && members.len() > 1 && view.waiting > 0 {
                    let state = self.state(&members);
                    return Err(format!("{of} at {place}: {} wait\n{state}", view.waiting));
                }
            }
        }
        Ok(())
    }

    /// Everything that must hold at the end.
    pub(super) fn check(&mut self) {
        for place in 0..self.names.len() {
            self.check_stages(place);
            self.look(place);
        }
        for members in self.all_conversations() {
            self.check_conversation(&members);
        }
        let twice = self
            .told
            .iter()
            .find(|((place, _), times)| **times != 1 && !self.copied.contains(place));
        if let Some(((place, id), times)) = twice {
            self.fail(&format!("{id} was told {times} times at {place}"));
        }
    }

    fn check_conversation(&mut self, members: &[(Place, ConversationName)]) {
        let mut expected: Option<Vec<EventId>> = None;
        for (place, of) in members {
            let mut history = self.history(*place, of);
            history.retain(|message| {
                let from = self.network.named(&message.from).expect("a peer of the scenario");
                !self.copied.contains(&from)
            });
            let ids: Vec<_> = history.iter().map(|message| message.id).collect();
            let different: BTreeSet<_> = ids.iter().collect();
            if different.len() != ids.len() {
                self.fail(&format!("{of} at {place} has a message twice"));
            }
            if expected.get_or_insert_with(|| ids.clone()) != &ids {
                self.fail(&format!("{of} at {place}: {ids:?}, others have {expected:?}"));
            }
            let untold = history
                .iter()
                .find(|message| !message.own && !self.told.contains_key(&(*place, message.id)));
            if let Some(message) = untold {
                self.fail(&format!("{} of {of} was never told at {place}", message.id));
            }
        }
        for (place, of) in members {
            self.check_written(*place, of, expected.as_deref().unwrap_or_default());
        }
    }

    /// All that a member was promised is there, in the order of writing.
    fn check_written(&self, place: Place, of: &ConversationName, history: &[EventId]) {
        if self.copied.contains(&place) {
            return;
        }
        let mut last = None;
        for wish in self.wishes.iter().filter(|wish| wish.place == place && wish.to == *of) {
            let Some(id) = wish.answered else { continue };
            let Some(position) = history.iter().position(|other| *other == id) else {
                self.fail(&format!("{id}, which {place} wrote to {of}, is lost"));
            };
            if last.is_some_and(|last| last > position) {
                self.fail(&format!("{id}, which {place} wrote to {of}, is out of order"));
            }
            last = Some(position);
        }
    }
}
