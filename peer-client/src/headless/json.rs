//! Commands, answers and events as JSON, both ways.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use wire::{
    id::{DeviceId, EventId},
    name::{ConversationName, GroupName, Username},
};

use crate::core::{
    command::{Answer, Command, Draft, Failure, FileSource},
    model::{
        Body, Completeness, DeviceView, MemberView, MessageView, PeerView, Reaction, Road,
        ServerTie,
    },
    notice::{Change, Notice},
};

/// Messages that `history` gives when no limit is said.
const HISTORY: u32 = 50;
/// Messages that `search` gives when no limit is said.
const FOUND: u32 = 50;

/// What a line wants.
#[derive(Debug)]
pub(super) enum Wish {
    /// Something of the core.
    Command(Command),
    /// The end.
    Quit,
}

/// A command's fields; which of them are needed depends on `do`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    group: Option<String>,
    invite: Option<String>,
    to: Option<String>,
    of: Option<String>,
    r#in: Option<String>,
    text: Option<String>,
    file: Option<PathBuf>,
    reply_to: Option<String>,
    limit: Option<u32>,
    before: Option<String>,
    message: Option<String>,
    emoji: Option<String>,
    peer: Option<String>,
    on: Option<bool>,
    save_to: Option<PathBuf>,
    device: Option<String>,
}

/// Reads a line. A failure comes with the command's id, if that could be read.
pub(super) fn parse(line: &str) -> Result<(Option<Value>, Wish), (Option<Value>, Failure)> {
    let value: Value = serde_json::from_str(line).map_err(|error| {
        (None, Failure::new("bad_line", format!("The line is not JSON: {error}")))
    })?;
    let Value::Object(mut object) = value else {
        return Err((None, Failure::new("bad_line", "A command is a JSON object")));
    };
    let id = object.remove("id");
    match wish(object) {
        Ok(wish) => Ok((id, wish)),
        Err(failure) => Err((id, failure)),
    }
}

fn wish(mut object: Map<String, Value>) -> Result<Wish, Failure> {
    let Some(Value::String(word)) = object.remove("do") else {
        return Err(Failure::new("bad_command", "A command has a word in \"do\""));
    };
    let fields: Fields = serde_json::from_value(Value::Object(object))
        .map_err(|error| Failure::new("bad_command", format!("A field is wrong: {error}")))?;
    let command = match word.as_str() {
        "quit" => return Ok(Wish::Quit),
        "join" => Command::Join { group: group(fields.group.as_deref())?, invite: fields.invite },
        "leave" => Command::Leave { group: group(fields.group.as_deref())? },
        "send" => send(fields)?,
        "read" => Command::Read { of: conversation("of", fields.of.as_deref())? },
        "typing" => Command::Typing { within: conversation("in", fields.r#in.as_deref())? },
        "history" => Command::History {
            of: conversation("of", fields.of.as_deref())?,
            limit: fields.limit.unwrap_or(HISTORY),
            before: fields.before.as_deref().map(message_id).transpose()?,
        },
        "fetch" => Command::Fetch {
            message: target(&fields)?,
            save_to: Some(fields.save_to.ok_or_else(|| missing("save_to"))?),
        },
        "cancel" => Command::CancelFetch { message: target(&fields)? },
        "react" => Command::React {
            message: target(&fields)?,
            emoji: fields.emoji.ok_or_else(|| missing("emoji"))?,
            on: fields.on.unwrap_or(true),
        },
        "edit" => Command::Edit {
            message: target(&fields)?,
            text: fields.text.ok_or_else(|| missing("text"))?,
        },
        "erase" => Command::Erase { message: target(&fields)? },
        "search" => Command::Search {
            text: fields.text.ok_or_else(|| missing("text"))?,
            within: fields.r#in.map(|text| conversation("in", Some(&text))).transpose()?,
            limit: fields.limit.unwrap_or(FOUND),
        },
        "accept" => Command::Accept { peer: person(fields.peer.as_deref())? },
        "block" => {
            Command::Block { peer: person(fields.peer.as_deref())?, on: fields.on.unwrap_or(true) }
        }
        "mute" => Command::Mute {
            conversation: conversation("in", fields.r#in.as_deref())?,
            on: fields.on.unwrap_or(true),
        },
        "create" => Command::Create { group: group(fields.group.as_deref())? },
        "invite" => Command::Invite { group: group(fields.group.as_deref())? },
        "peers" => Command::Peers,
        "members" => Command::Members { of: conversation("of", fields.of.as_deref())? },
        "contacts" => Command::Contacts,
        "devices" => Command::Devices,
        "add_device" => Command::AddDevice,
        "revoke" => {
            Command::Revoke { device: device_id(needed("device", fields.device.as_deref())?)? }
        }
        _ => return Err(Failure::new("bad_command", format!("There is no command \"{word}\""))),
    };
    Ok(Wish::Command(command))
}

fn send(fields: Fields) -> Result<Command, Failure> {
    let to = conversation("to", fields.to.as_deref())?;
    let reply_to = fields.reply_to.as_deref().map(message_id).transpose()?;
    if fields.text.is_none() && fields.file.is_none() {
        return Err(missing("text"));
    }
    let draft = Draft {
        text: fields.text.unwrap_or_default(),
        file: fields.file.map(FileSource::Path),
        reply_to,
    };
    Ok(Command::Send { to, draft })
}

fn missing(field: &str) -> Failure {
    Failure::new("bad_command", format!("The field \"{field}\" is missing"))
}

fn needed<'a>(field: &str, text: Option<&'a str>) -> Result<&'a str, Failure> {
    text.ok_or_else(|| missing(field))
}

fn conversation(field: &str, text: Option<&str>) -> Result<ConversationName, Failure> {
    let text = needed(field, text)?;
    text.parse().map_err(|error| Failure::new("bad_name", format!("\"{text}\": {error}")))
}

fn group(text: Option<&str>) -> Result<GroupName, Failure> {
    let text = needed("group", text)?;
    let name = text.strip_prefix('#').unwrap_or(text);
    GroupName::new(name).map_err(|error| Failure::new("bad_name", format!("\"{text}\": {error}")))
}

fn person(text: Option<&str>) -> Result<Username, Failure> {
    let text = needed("peer", text)?;
    let name = text.strip_prefix('@').unwrap_or(text);
    Username::new(name).map_err(|error| Failure::new("bad_name", format!("\"{text}\": {error}")))
}

fn message_id(text: &str) -> Result<EventId, Failure> {
    text.parse()
        .map_err(|_error| Failure::new("bad_command", "A message's id has 64 hexadecimal digits"))
}

/// The message that a command is about.
fn target(fields: &Fields) -> Result<EventId, Failure> {
    message_id(needed("message", fields.message.as_deref())?)
}

fn device_id(text: &str) -> Result<DeviceId, Failure> {
    let device = text.parse::<libp2p::PeerId>().ok().and_then(|it| DeviceId::try_from(it).ok());
    device.ok_or_else(|| Failure::new("bad_command", "This is not the id of a device"))
}

fn device(view: &DeviceView) -> Value {
    json!({
        "device": view.device.peer_id().to_string(),
        "here": view.here,
        "online": view.online,
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
                Answer::Peers(peers) => drop(set("peers", peers.iter().map(peer).collect())),
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
    line["transport"] = json!(road.transport.as_str());
    line["punched"] = json!(road.punched);
    if let Some(rtt_ms) = road.rtt_ms {
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
    line
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

    fn failure(line: &str) -> &'static str {
        parse(line).unwrap_err().1.code
    }

    #[test]
    fn commands_are_read() {
        let (id, wish) = parse(r##"{"do":"join","group":"#Rust","id":[1]}"##).unwrap();
        assert_eq!(id, Some(json!([1])));
        assert!(
            matches!(wish, Wish::Command(Command::Join { group, invite: None }) if group.as_str() == "rust")
        );
        let (_, wish) = parse(r#"{"do":"history","of":"@bob"}"#).unwrap();
        assert!(matches!(
            wish,
            Wish::Command(Command::History { limit: HISTORY, before: None, .. })
        ));
    }

    #[test]
    fn what_is_no_command_is_said_to_be_none() {
        assert_eq!(failure("nonsense"), "bad_line");
        assert_eq!(failure("[]"), "bad_line");
        assert_eq!(failure("{}"), "bad_command");
        assert_eq!(failure(r#"{"do":"send","to":"@bob"}"#), "bad_command");
        assert_eq!(failure(r#"{"do":"send","to":"bob","text":"x"}"#), "bad_name");
        assert_eq!(failure(r#"{"do":"history","of":"@bob","before":"12"}"#), "bad_command");
        assert_eq!(failure(r#"{"do":"react","message":"12","emoji":"x"}"#), "bad_command");
        assert_eq!(failure(r#"{"do":"block","peer":"@"}"#), "bad_name");
    }

    #[test]
    fn an_answer_repeats_the_id() {
        assert_eq!(reply(Some(json!(7)), Ok(Answer::Done)), json!({"reply": 7, "ok": true}));
        let refused = reply(None, Err(Failure::new("x", "y")));
        assert_eq!(refused, json!({"reply": null, "ok": false, "code": "x", "text": "y"}));
    }
}
