//! Where a message is: what each person's devices have said of it.

use std::collections::{BTreeMap, BTreeSet};

use wire::id::{AccountId, DeviceId, EventId};

use super::{
    command::{Answer, Failure},
    conversation::Conversation,
    input::CallId,
    machine::Machine,
    model::{DeviceDelivery, PersonDelivery, Stage},
    pending::Pending,
    storage::{MessageRow, StoreOp},
};

impl Machine {
    pub(super) fn on_delivery_command(&mut self, call: CallId, message: EventId) {
        let ticket = self.ticket_for(Pending::Delivery { call });
        self.store(StoreOp::Message { ticket, id: message });
    }

    pub(super) fn on_delivery_found(&mut self, call: CallId, row: Option<&MessageRow>) {
        let here = row.filter(|row| row.author == self.me.device);
        let found =
            here.and_then(|row| Some((row.sequence, self.conversations.get(&row.conversation)?)));
        let result = if let Some((sequence, conversation)) = found {
            Ok(Answer::Delivery(self.deliveries(conversation, sequence)))
        } else {
            let text = "Only the device that wrote a message knows who has it";
            Err(Failure::new("not_own", text))
        };
        self.answer(call, result);
    }

    /// The other people of a conversation, and the user if there are further devices.
    fn deliveries(&self, conversation: &Conversation, sequence: u64) -> Vec<PersonDelivery> {
        let stages: BTreeMap<_, _> = conversation.stages(sequence).collect();
        let mut devices: BTreeMap<AccountId, BTreeSet<DeviceId>> = BTreeMap::new();
        for account in conversation.others(self.me.account) {
            devices.entry(account).or_default().extend(self.people.devices_of(&account));
        }
        let known = stages.keys().chain(conversation.group.present.keys());
        for device in known.copied().chain(self.own_devices()) {
            if let Some(account) = self.people.owner_of(&device)
                && device != self.me.device
            {
                devices.entry(account).or_default().insert(device);
            }
        }
        let person = |(account, devices): (AccountId, BTreeSet<DeviceId>)| {
            let stage = |device| DeviceDelivery {
                device,
                stage: stages.get(&device).copied().unwrap_or_default(),
            };
            let devices: Vec<_> = devices.into_iter().map(stage).collect();
            PersonDelivery {
                username: self.people.name_of(&account),
                own: account == self.me.account,
                stage: devices.iter().map(|it| it.stage).max().unwrap_or(Stage::Waiting),
                devices,
            }
        };
        let mut people: Vec<_> = devices.into_iter().map(person).collect();
        people.sort_by(|a, b| (a.own, &a.username).cmp(&(b.own, &b.username)));
        people
    }
}
