//! Commands as JSON: what a line wants.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};
use wire::{
    id::{DeviceId, EventId},
    name::{ConversationName, GroupName, Username},
};

use crate::core::command::{Command, Draft, Failure, FileSource};

/// Messages that `history` gives when no limit is said.
const HISTORY: u32 = 50;
/// Messages that `search` gives when no limit is said.
const FOUND: u32 = 50;

/// What a line wants.
#[derive(Debug)]
pub(crate) enum Wish {
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
pub(crate) fn parse(line: &str) -> Result<(Option<Value>, Wish), (Option<Value>, Failure)> {
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

#[expect(clippy::too_many_lines, reason = "one arm for each command")]
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
            message: message_of(&fields)?,
            save_to: Some(fields.save_to.ok_or_else(|| missing("save_to"))?),
        },
        "cancel" => Command::CancelFetch { message: message_of(&fields)? },
        "react" => Command::React {
            message: message_of(&fields)?,
            emoji: fields.emoji.ok_or_else(|| missing("emoji"))?,
            on: fields.on.unwrap_or(true),
        },
        "edit" => Command::Edit {
            message: message_of(&fields)?,
            text: fields.text.ok_or_else(|| missing("text"))?,
        },
        "erase" => Command::Erase { message: message_of(&fields)? },
        "search" => Command::Search {
            text: fields.text.ok_or_else(|| missing("text"))?,
            within: fields.r#in.map(|text| conversation("in", Some(&text))).transpose()?,
            limit: fields.limit.unwrap_or(FOUND),
        },
        "accept" => Command::Accept { peer: person(fields.peer.as_deref())? },
        "block" => {
            Command::Block { peer: person(fields.peer.as_deref())?, on: fields.on.unwrap_or(true) }
        }
        "relay_only" => Command::RelayOnly {
            with: ConversationName::Direct(person(fields.peer.as_deref())?),
            on: fields.on.unwrap_or(true),
        },
        "diagnostics" => Command::Diagnose,
        "mute" => Command::Mute {
            conversation: conversation("in", fields.r#in.as_deref())?,
            on: fields.on.unwrap_or(true),
        },
        "create" => Command::Create { group: group(fields.group.as_deref())? },
        "invite" => Command::Invite { group: group(fields.group.as_deref())? },
        "delivery" => Command::Delivery { message: message_of(&fields)? },
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

fn message_of(fields: &Fields) -> Result<EventId, Failure> {
    message_id(needed("message", fields.message.as_deref())?)
}

fn message_id(text: &str) -> Result<EventId, Failure> {
    text.parse()
        .map_err(|_error| Failure::new("bad_command", "A message's id has 64 hexadecimal digits"))
}

fn device_id(text: &str) -> Result<DeviceId, Failure> {
    let device = text.parse::<libp2p::PeerId>().ok().and_then(|it| DeviceId::try_from(it).ok());
    device.ok_or_else(|| Failure::new("bad_command", "This is not the id of a device"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
}
