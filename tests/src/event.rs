//! Conditions on the lines of the headless front end.

use serde_json::Value;

/// The text of a field; empty if there is none.
pub fn text<'value>(value: &'value Value, field: &str) -> &'value str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The elements of a field; none if it is no list.
pub fn list<'value>(value: &'value Value, field: &str) -> &'value [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether the line is an event of this kind.
pub fn is(event: &Value, kind: &str) -> bool {
    text(event, "event") == kind
}

/// A message with this text.
pub fn message(body: &str) -> impl Fn(&Value) -> bool {
    move |event| is(event, "message") && text(event, "text") == body
}

/// A message with a file.
pub fn attachment(event: &Value) -> bool {
    is(event, "message") && event.get("attachment").is_some()
}

/// An own message at a stage, as far as `by`, a username, is concerned.
pub fn status(id: &str, stage: &str, by: &str) -> impl Fn(&Value) -> bool {
    move |event| {
        is(event, "status")
            && text(event, "message") == id
            && text(event, "stage") == stage
            && text(event, "by") == by
    }
}

/// An own message that was handed to a connection.
pub fn sent(id: &str) -> impl Fn(&Value) -> bool {
    status(id, "sent", "")
}

/// A state of the tie to the server.
pub fn rendezvous(state: &str) -> impl Fn(&Value) -> bool {
    move |event| is(event, "rendezvous") && text(event, "state") == state
}

/// A person who came or went.
pub fn presence(peer: &str, online: bool) -> impl Fn(&Value) -> bool {
    move |event| {
        is(event, "presence")
            && text(event, "peer") == peer
            && event.get("online") == Some(&Value::Bool(online))
    }
}

/// A road to a person.
pub fn path(peer: &str, path: &str) -> impl Fn(&Value) -> bool {
    move |event| is(event, "path") && text(event, "peer") == peer && text(event, "path") == path
}
