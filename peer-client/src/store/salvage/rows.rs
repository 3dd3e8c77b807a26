//! What a row is, told by its columns, since a page does not say whose it is. What has a signature or
//! is derived from a key is checked by that; the rest is only believed to be what it looks like.

use serde_bytes::ByteBuf;
use wire::{
    account::AccountRecord,
    conversation::GroupSecret,
    event::{CheckedEvent, Event},
    id::{AccountId, ConversationId, DeviceId, Signature},
    limits::NUMBER_MAX,
    name::Username,
    signed::Signed,
};

use super::records::{Record, Value};
use crate::core::storage::{AccountRow, ConversationRow, Kind};

/// A row of one of the tables.
#[derive(Debug)]
pub(super) enum Row {
    Event(Box<Entry>),
    Account(AccountRow),
    Conversation(ConversationRow),
    /// A log and the sequence after its last entry.
    Log {
        conversation: ConversationId,
        device: DeviceId,
        account: AccountId,
        next: u64,
    },
    Acknowledged {
        conversation: ConversationId,
        device: DeviceId,
        stage: i64,
        log: DeviceId,
        next: u64,
    },
    Read {
        conversation: ConversationId,
        log: DeviceId,
        next: u64,
    },
    Blocked(AccountId),
    Meta(String, Vec<u8>),
    /// The last arrival that was given.
    LastArrival(i64),
}

/// An entry whose signature and payload were checked.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) arrival: i64,
    pub(super) event: CheckedEvent,
    /// It is shown as a message, even if nothing of it is here any more.
    pub(super) message: bool,
    pub(super) path: Option<u64>,
}

impl Row {
    /// The row that a record is in the database of an account; none if it is of another table, or
    /// damaged.
    pub(super) fn of(record: &Record, own: &AccountId) -> Option<Self> {
        use Value::{Blob, Integer, Null, Text};
        Some(match &record.values[..] {
            [Null, Blob(_), Blob(_), Blob(_), Integer(_), Integer(_), Integer(_), rest @ ..] => {
                Self::Event(Box::new(entry(record.rowid, rest)?))
            }
            [Blob(account), Text(username), Blob(body), Blob(signature), Integer(verified)] => {
                let signed = Signed::from_parts(body.clone(), self::signature(signature)?);
                account_row(signed, *verified != 0)
                    .filter(|row| row.account.as_bytes()[..] == account[..])
                    .filter(|row| row.username.as_str() == username)
                    .map(Self::Account)?
            }
            [Blob(id), Text(name), peer, secret, Integer(request), Integer(left), rest @ ..] => {
                Self::Conversation(ConversationRow {
                    id: ConversationId::new(bytes(id)?),
                    name: name.parse().ok()?,
                    kind: kind(id, own, peer, secret)?,
                    request: *request != 0,
                    left: *left != 0,
                    muted: matches!(rest, [Integer(muted)] if *muted != 0),
                })
            }
            [Blob(account)] => Self::Blocked(AccountId::new(bytes(account)?)),
            [Text(key), Blob(value)] => Self::Meta(key.clone(), value.clone()),
            [Text(table), Integer(last)] if table == "events" => Self::LastArrival(*last),
            values => Self::of_log(values)?,
        })
    }

    /// The same for what is kept about logs.
    fn of_log(values: &[Value]) -> Option<Self> {
        use Value::{Blob, Integer};
        Some(match values {
            [Blob(conversation), Blob(device), Blob(account), Integer(sequence), Blob(_)] => {
                Self::Log {
                    conversation: ConversationId::new(bytes(conversation)?),
                    device: DeviceId::new(bytes(device)?),
                    account: AccountId::new(bytes(account)?),
                    next: number(sequence.checked_add(1)?)?,
                }
            }
            [
                Blob(conversation),
                Blob(device),
                Integer(stage @ 1..=2),
                Blob(log),
                Integer(next),
            ] => Self::Acknowledged {
                conversation: ConversationId::new(bytes(conversation)?),
                device: DeviceId::new(bytes(device)?),
                stage: *stage,
                log: DeviceId::new(bytes(log)?),
                next: number(*next)?,
            },
            [Blob(conversation), Blob(log), Integer(next)] => Self::Read {
                conversation: ConversationId::new(bytes(conversation)?),
                log: DeviceId::new(bytes(log)?),
                next: number(*next)?,
            },
            _ => return None,
        })
    }
}

/// An entry, by the columns from its header on.
fn entry(arrival: i64, columns: &[Value]) -> Option<Entry> {
    use Value::{Blob, Integer, Null};
    let [Blob(header), Blob(signature), payload, Integer(message), path, ..] = columns else {
        return None;
    };
    let header = Signed::from_parts(header.clone(), self::signature(signature)?);
    let payload = match payload {
        Blob(bytes) => Some(ByteBuf::from(bytes.clone())),
        Null => None,
        _ => return None,
    };
    let path = match path {
        Integer(path) => u64::try_from(*path).ok(),
        _ => None,
    };
    let event = Event { header, payload }.check().ok()?;
    Some(Entry { arrival, event, message: *message != 0, path })
}

/// The row of an account by its record, if the account signed that.
pub(super) fn account_row(record: Signed<AccountRecord>, verified: bool) -> Option<AccountRow> {
    let AccountRecord { account, username, .. } = record.open().ok()?;
    Some(AccountRow { account, username, record, verified })
}

/// The name of a conversation with somebody.
pub(super) fn direct_row(own: &AccountId, with: AccountId, name: Username) -> ConversationRow {
    ConversationRow {
        id: ConversationId::direct(own, &with),
        name: wire::name::ConversationName::Direct(name),
        kind: Kind::Direct(with),
        request: false,
        left: false,
        muted: false,
    }
}

/// Who belongs to a conversation, from which its id follows.
fn kind(id: &[u8], own: &AccountId, peer: &Value, secret: &Value) -> Option<Kind> {
    let (kind, derived) = match (peer, secret) {
        (Value::Blob(peer), Value::Null) => {
            let peer = AccountId::new(bytes(peer)?);
            (Kind::Direct(peer), ConversationId::direct(own, &peer))
        }
        (Value::Null, Value::Blob(secret)) => {
            let secret = GroupSecret::new(bytes(secret)?);
            let derived = secret.conversation();
            (Kind::Group(secret), derived)
        }
        _ => return None,
    };
    (derived.as_bytes()[..] == *id).then_some(kind)
}

fn signature(bytes: &[u8]) -> Option<Signature> {
    Some(Signature::new(bytes.try_into().ok()?))
}

fn bytes(bytes: &[u8]) -> Option<[u8; 32]> {
    bytes.try_into().ok()
}

fn number(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|number| *number <= NUMBER_MAX + 1)
}
