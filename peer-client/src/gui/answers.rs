//! What answers of the node mean for the window.

use wire::{
    id::EventId,
    name::{ConversationName, GroupName},
};

use super::{
    pages::{Code, Devices, Dialog, Link, NewDevice},
    state::{Purpose, UiState, Wish},
    views::diagnostics::Diagnosis,
    widgets::qr::Qr,
};
use crate::core::{
    command::{Answer, Failure},
    devices,
    model::{DeviceView, PersonDelivery},
};

/// Takes a positive answer in. Commands that follow from it go to `out`.
pub(crate) fn on_answer(
    purpose: Purpose,
    answer: Answer,
    (state, now): (&mut UiState, f64),
    out: &mut Vec<Wish>,
) {
    match purpose {
        Purpose::Quiet | Purpose::Tell | Purpose::Send(..) | Purpose::Edit(..) => {}
        Purpose::Start(conversation) => {
            state.dialog = None;
            state.show(Some(conversation), out);
        }
        Purpose::Join(group) => {
            state.dialog = None;
            state.show(Some(ConversationName::Group(group)), out);
        }
        Purpose::Create(group) => {
            state.show(Some(ConversationName::Group(group.clone())), out);
            state.dialog = invitation(&group, answer);
        }
        Purpose::Invite(group) => {
            if state.dialog.is_none() {
                state.dialog = invitation(&group, answer);
            }
        }
        Purpose::Search(within, text) => {
            if let Answer::Messages(messages) = answer {
                state.found(within.as_ref(), text, &messages);
            }
        }
        Purpose::Mentions(conversation) => {
            if let Answer::Messages(messages) = answer {
                state.mentions.take(conversation, &messages);
            }
        }
        Purpose::Save(name) => {
            if let Answer::Fetched { .. } = answer {
                state.tell(format!("Saved {name}"), false, now);
            }
        }
        Purpose::Delivery(message) => {
            if let Answer::Delivery(people) = answer {
                take_delivery(message, Ok(people), state);
            }
        }
        Purpose::Devices => {
            if let Answer::Devices(devices) = answer {
                take_devices(Ok(devices), state);
            }
        }
        Purpose::Diagnose => Diagnosis::answered(answer, state),
        Purpose::NewDevice => {
            if let Answer::Code(code) = answer {
                take_code(Ok(code), state, now);
            }
        }
        Purpose::Revoke(_) => {
            if let Some(Dialog::Revoke(_)) = state.dialog {
                state.dialog = Some(Dialog::Devices(Devices::default()));
            }
            state.tell("The device is removed", false, now);
        }
    }
}

fn take_delivery(
    message: EventId,
    people: Result<Vec<PersonDelivery>, String>,
    state: &mut UiState,
) {
    if let Some(Dialog::Details(details)) = &mut state.dialog
        && details.message == message
    {
        details.people = Some(people);
    }
}

fn take_devices(list: Result<Vec<DeviceView>, String>, state: &mut UiState) {
    if let Some(Dialog::Devices(devices) | Dialog::NewDevice(NewDevice { devices, .. })) =
        &mut state.dialog
    {
        devices.list = Some(list);
    }
}

fn take_code(code: Result<String, String>, state: &mut UiState, now: f64) {
    if let Some(Dialog::NewDevice(new)) = &mut state.dialog {
        let until = now + devices::CODE_LIFE.as_secs_f64();
        new.code = Some(code.map(|text| Code { picture: Qr::new(&text), text, until }));
    }
}

fn invitation(group: &GroupName, answer: Answer) -> Option<Dialog> {
    match answer {
        Answer::Invitation(link) => Some(Dialog::Invitation(Link::to_group(group, link))),
        _ => None,
    }
}

/// Takes a refusal in.
pub(crate) fn on_failure(purpose: Purpose, failure: Failure, state: &mut UiState, now: f64) {
    match purpose {
        Purpose::Quiet | Purpose::Mentions(_) => {}
        // The user did that.
        Purpose::Tell | Purpose::Save(_) if failure.code == "cancelled" => {}
        Purpose::Tell | Purpose::Save(_) | Purpose::Search(..) | Purpose::Invite(_) => {
            state.tell(failure.text, true, now);
        }
        Purpose::Send(conversation, writing) => {
            state.writing(&conversation).restore(*writing);
            state.tell(format!("Not sent: {}", failure.text), true, now);
        }
        Purpose::Edit(conversation, writing) => {
            state.writing(&conversation).restore_edit(*writing);
            state.tell(format!("Not changed: {}", failure.text), true, now);
        }
        Purpose::Start(_) | Purpose::Join(_) | Purpose::Create(_) => match &mut state.dialog {
            Some(
                Dialog::NewChat(entry) | Dialog::JoinGroup(entry) | Dialog::CreateGroup(entry),
            ) => {
                entry.busy = false;
                entry.error = Some(failure.text);
            }
            _ => state.tell(failure.text, true, now),
        },
        Purpose::Delivery(message) => take_delivery(message, Err(failure.text), state),
        Purpose::Devices => take_devices(Err(failure.text), state),
        Purpose::Diagnose => Diagnosis::take(Err(failure.text), state),
        Purpose::NewDevice => take_code(Err(failure.text), state, now),
        Purpose::Revoke(device) => match &mut state.dialog {
            Some(Dialog::Revoke(revocation)) if revocation.device == device => {
                revocation.busy = false;
                revocation.error = Some(failure.text);
            }
            _ => state.tell(failure.text, true, now),
        },
    }
}
