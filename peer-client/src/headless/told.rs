//! Answers and events as JSON: what is told.

use serde_json::{Map, Value, json};
use wire::name::Username;

use crate::core::{
    command::{Answer, Failure},
    diagnostics::{Attempt, Diagnostics},
    model::{
        Body, Carrier, Completeness, DeviceDelivery, DeviceView, MemberView, MessageView, PeerView,
        PersonDelivery, Reaction, Road, ServerTie,
    },
    notice::{Change, Notice},
};

fn device(view: &DeviceView) -> Value {
    json!({
        "device": view.device.peer_id().to_string(),
        "here": view.here,
        "online": view.online,
    })
}

/// Whether a person has a message.
fn delivery(person: &PersonDelivery) -> Value {
    let device = |it: &DeviceDelivery| {
        let device = it.device.peer_id().to_string();
        json!({"device": device, "stage": it.stage.to_string()})
    };
    let devices: Vec<Value> = person.devices.iter().map(device).collect();
    json!({
        "peer": person.username.as_str(),
        "stage": person.stage.to_string(),
        "devices": devices,
    })
}

/// The answer to a command.
pub(super) fn reply(id: Option<Value>, result: Result<Answer, Failure>) -> Value {
    let mut line = Map::new();
    line.insert("reply".to_owned(), id.unwrap_or(Value::Null));
    match result {
        Ok(answer) => {
            line.insert("ok".to_owned(), json!(true));
            let mut set = |name: &str, value: Value| line.insert(name.to_owned(), value);
            match answer {
                Answer::Done | Answer::Untold(_) => {}
                Answer::Message(id) => drop(set("message", json!(id.to_string()))),
                Answer::Messages(messages) => {
                    drop(set("messages", messages.iter().map(message).collect()));
                }
                Answer::Invitation(invite) => drop(set("invite", json!(invite))),
                Answer::Fetched { bytes } => drop(set("bytes", json!(bytes))),
                Answer::Delivery(people) => {
                    drop(set("delivery", people.iter().map(delivery).collect()));
                }
                Answer::Peers(peers) => drop(set("peers", peers.iter().map(peer).collect())),
                Answer::Diagnostics(it) => {
                    for (name, value) in diagnostics(&it) {
                        set(name, value);
                    }
                }
                Answer::Members { members, complete } => {
                    set("members", members.iter().map(member).collect());
                    set("complete", completeness(complete));
                }
                Answer::Devices(devices) => {
                    drop(set("devices", devices.iter().map(device).collect()));
                }
                Answer::Code(code) => drop(set("code", json!(code))),
                Answer::Contacts(contacts) => {
                    drop(set("contacts", contacts.iter().map(member).collect()));
                }
            }
        }
        Err(failure) => {
            line.insert("ok".to_owned(), json!(false));
            line.insert("code".to_owned(), json!(failure.code));
            line.insert("text".to_owned(), json!(failure.text));
        }
    }
    Value::Object(line)
}

/// A message as `history` lists it.
pub(crate) fn message(view: &MessageView) -> Value {
    let mut line = json!({
        "in": view.conversation.to_string(),
        "from": view.from.as_str(),
        "message": view.id.to_string(),
        "at": view.at_ms,
    });
    match &view.body {
        Body::Text(text) => line["text"] = json!(text),
        Body::Attachment(attachment) => {
            if let Some(caption) = &attachment.caption {
                line["text"] = json!(caption);
            }
            let mut file = json!({
                "name": attachment.name,
                "media": attachment.media_type,
                "size": attachment.size,
            });
            if let Some((width, height)) = attachment.dimensions {
                file["width"] = json!(width);
                file["height"] = json!(height);
            }
            line["attachment"] = file;
        }
        Body::Erased => line["erased"] = json!(true),
        Body::Unsupported => line["unsupported"] = json!(true),
    }
    if view.edited {
        line["edited"] = json!(true);
    }
    if !view.reactions.is_empty() {
        line["reactions"] = reactions(&view.reactions);
    }
    if let Some(quote) = &view.reply_to {
        line["reply_to"] = json!(quote.id.to_string());
    }
    if let Some(path) = view.path {
        line["path"] = json!(path.as_str());
        if let Some(carrier) = path.carrier() {
            carried(&mut line, carrier);
        }
    }
    if view.request {
        line["request"] = json!(true);
    }
    if let Some(delivery) = view.delivery {
        line["status"] = json!(delivery.stage.to_string());
    }
    line
}

/// Who reacted with which emoji.
fn reactions(reactions: &[Reaction]) -> Value {
    let by = |reaction: &Reaction| {
        let names = reaction.by.iter().map(|name| json!(name.as_str())).collect();
        (reaction.emoji.clone(), names)
    };
    Value::Object(reactions.iter().map(by).collect())
}

/// What became of a message.
fn change(view: &MessageView, by: &Username, change: Change) -> Value {
    let mut line = json!({
        "event": "change",
        "in": view.conversation.to_string(),
        "message": view.id.to_string(),
        "by": by.as_str(),
    });
    match (change, &view.body) {
        (Change::Reaction, _) => line["reactions"] = reactions(&view.reactions),
        (Change::Erasure, _) => line["erased"] = json!(true),
        (Change::Edit, Body::Text(text)) => line["text"] = json!(text),
        (Change::Edit, Body::Attachment(file)) => line["text"] = json!(file.caption),
        (Change::Edit, _) => {}
    }
    line
}

/// A message as it is told.
pub(super) fn message_event(view: &MessageView) -> Value {
    let mut line = message(view);
    line["event"] = json!("message");
    line
}

fn road(line: &mut Value, road: Option<Road>) {
    let Some(road) = road else {
        line["path"] = json!("none");
        return;
    };
    line["path"] = json!(if road.relayed { "relayed" } else { "direct" });
    carried(line, road.carrier());
}

fn carried(line: &mut Value, Carrier { transport, punched, rtt_ms }: Carrier) {
    line["transport"] = json!(transport.as_str());
    line["punched"] = json!(punched);
    if let Some(rtt_ms) = rtt_ms {
        line["rtt_ms"] = json!(rtt_ms);
    }
}

fn peer(view: &PeerView) -> Value {
    let mut line = json!({
        "peer": view.username.as_str(),
        "device": view.device.peer_id().to_string(),
        "online": view.online,
    });
    road(&mut line, view.road);
    line["sent"] = json!(view.traffic.sent);
    line["received"] = json!(view.traffic.received);
    line
}

/// The network as it shows itself, for programs and as a text.
fn diagnostics(it: &Diagnostics) -> [(&'static str, Value); 7] {
    let pairs = |pairs: &[(String, String)], said: &str| -> Value {
        pairs.iter().map(|(at, what)| json!({"server": at, said: what})).collect()
    };
    let attempt = |it: &Attempt| {
        let mut line = json!({"at": it.at_ms, "whom": it.whom, "ok": it.outcome.is_ok()});
        if let Some(address) = &it.address {
            line["address"] = json!(address);
        }
        let (Ok(text) | Err(text)) = &it.outcome;
        line["text"] = json!(text);
        line
    };
    [
        ("nat", json!(it.nat.as_str())),
        ("seen", pairs(&it.seen, "as")),
        ("silent", pairs(&it.silent, "text")),
        ("listening", json!(it.listening)),
        ("opened", json!(it.opened)),
        ("tried", it.tried.iter().map(attempt).collect()),
        ("text", json!(it.text())),
    ]
}

fn member(view: &MemberView) -> Value {
    json!({"peer": view.username.as_str(), "online": view.online})
}

fn completeness(complete: Completeness) -> Value {
    json!({"have": complete.have, "missing": complete.missing})
}

/// A notice as an event; none for those that are told otherwise.
pub(super) fn event(notice: &Notice) -> Option<Value> {
    Some(match notice {
        Notice::Started { me, listening } => json!({
            "event": "started",
            "device": me.device.peer_id().to_string(),
            "account": me.account.to_string(),
            "username": me.username.as_str(),
            "listening": listening,
        }),
        Notice::Server(tie) => server(tie),
        Notice::Arrived { .. } => return None,
        Notice::Status { message, stage, by } => {
            let mut line = json!({"event": "status", "message": message.to_string(), "stage": stage.to_string()});
            if let Some(by) = by {
                line["by"] = json!(by.as_str());
            }
            line
        }
        Notice::Changed { message, by, change: what } => change(message, by, *what),
        Notice::Path { peer, road: taken } => {
            let mut line = json!({"event": "path", "peer": peer.as_str()});
            road(&mut line, *taken);
            line
        }
        Notice::Presence { peer, online } => {
            json!({"event": "presence", "peer": peer.as_str(), "online": online})
        }
        Notice::Typing { conversation, peer } => {
            json!({"event": "typing", "in": conversation.to_string(), "peer": peer.as_str()})
        }
        Notice::Progress { message, done, total } => {
            json!({"event": "progress", "message": message.to_string(), "done": done, "total": total})
        }
        Notice::Complete { conversation, complete } => json!({
            "event": "complete",
            "in": conversation.to_string(),
            "have": complete.have,
            "missing": complete.missing,
        }),
        Notice::Error { code, text } => json!({"event": "error", "code": code, "text": text}),
    })
}

fn server(tie: &ServerTie) -> Value {
    match tie {
        ServerTie::Connecting => json!({"event": "rendezvous", "state": "connecting"}),
        ServerTie::Registered => json!({"event": "rendezvous", "state": "registered"}),
        ServerTie::Lost { text } => json!({"event": "rendezvous", "state": "lost", "text": text}),
        ServerTie::Refused { code, text } => {
            json!({"event": "rendezvous", "state": "refused", "code": code, "text": text})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_repeats_the_id() {
        assert_eq!(reply(Some(json!(7)), Ok(Answer::Done)), json!({"reply": 7, "ok": true}));
        let refused = reply(None, Err(Failure::new("x", "y")));
        assert_eq!(refused, json!({"reply": null, "ok": false, "code": "x", "text": "y"}));
    }
}
