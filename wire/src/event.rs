//! Events: the signed entries of a conversation's logs, and what they carry.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    account::{AccountRecord, Introduction},
    bounded::Bounded,
    codec::{self, DecodeError},
    conversation::GroupSecret,
    id::{BlobHash, ConversationId, DeviceId, EventId, Hash},
    key::DeviceKey,
    limits::{
        BLOB_MAX, CAPTION_MAX, DISPLAY_NAME_MAX, EMOJI_MAX, FILE_NAME_MAX, HEADER_MAX,
        MEDIA_TYPE_MAX, PARENTS_MAX, PAYLOAD_MAX, PREVIEW_MAX, TEXT_MAX, VERSION,
    },
    name::GroupName,
    signed::{Signable, Signed},
};

/// A hybrid logical clock (Kulkarni et al. 2014): wall time, and a counter where that stands still.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Milliseconds since 1970.
    pub ms: u64,
    /// Order within the millisecond.
    pub counter: u32,
}

impl Clock {
    /// The next time of a clock that shows `self` when the wall shows `now_ms`. Always later, but
    /// for the last time that there is, which repeats.
    #[must_use]
    pub fn tick(self, now_ms: u64) -> Self {
        if now_ms > self.ms {
            Self { ms: now_ms, counter: 0 }
        } else if let Some(counter) = self.counter.checked_add(1) {
            Self { ms: self.ms, counter }
        } else if let Some(ms) = self.ms.checked_add(1) {
            Self { ms, counter: 0 }
        } else {
            self
        }
    }
}

/// The signed part of an event. Its bytes' hash is the event's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventHeader {
    /// Format version, [`VERSION`].
    pub version: u8,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The device whose log it is in, which signs it.
    pub author: DeviceId,
    /// Place in that log, from 0.
    pub sequence: u64,
    /// The entry before; none for entry 0.
    pub previous: Option<EventId>,
    /// Heads of the conversation that the author had seen.
    pub parents: Bounded<EventId, PARENTS_MAX>,
    /// The author's clock.
    pub clock: Clock,
    /// BLAKE3 of the payload's bytes.
    pub payload_hash: Hash,
    /// Bytes of the payload.
    pub payload_length: u32,
}

impl Signable for EventHeader {
    const DOMAIN: &'static str = "natterjack/event/1";
    const MAX: usize = HEADER_MAX;

    fn signer(&self) -> &[u8; 32] {
        self.author.as_bytes()
    }

    fn check(&self) -> Result<(), DecodeError> {
        if self.version != VERSION {
            return Err(DecodeError::Invalid("unknown version of an event"));
        }
        if (self.sequence == 0) != self.previous.is_none() {
            return Err(DecodeError::Invalid("only the first entry of a log has no previous one"));
        }
        if self.payload_length as usize > PAYLOAD_MAX {
            return Err(DecodeError::Invalid("payload is too long"));
        }
        codec::bounded_numbers(&[self.sequence, self.clock.ms])
    }
}

/// An event as it travels and is stored. The payload is missing once it was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The signed header.
    pub header: Signed<EventHeader>,
    /// The payload's bytes.
    pub payload: Option<ByteBuf>,
}

/// An event whose header, signature and payload were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedEvent {
    /// Its id.
    pub id: EventId,
    /// The opened header.
    pub header: EventHeader,
    /// The opened payload; none if it was erased.
    pub payload: Option<Payload>,
    /// The event as it came.
    pub event: Event,
}

impl Event {
    /// Makes and signs an event. `header`'s payload fields are filled in here.
    ///
    /// # Panics
    ///
    /// On [`Payload::Unsupported`], which has no encoding.
    pub fn sign(mut header: EventHeader, payload: &Payload, key: &DeviceKey) -> CheckedEvent {
        let bytes = codec::encode(payload);
        header.payload_hash = Hash::of(&bytes);
        header.payload_length = bytes.len() as u32;
        let signed = Signed::by_device(&header, key);
        CheckedEvent {
            id: EventId::new(*signed.hash().as_bytes()),
            header,
            payload: Some(payload.clone()),
            event: Self { header: signed, payload: Some(ByteBuf::from(bytes)) },
        }
    }

    /// Opens the header and holds the payload against it.
    pub fn check(self) -> Result<CheckedEvent, DecodeError> {
        let header = self.header.open()?;
        let payload = match &self.payload {
            None => None,
            Some(bytes) => {
                if bytes.len() != header.payload_length as usize
                    || Hash::of(bytes) != header.payload_hash
                {
                    return Err(DecodeError::Invalid("payload is not the one that was signed"));
                }
                Some(Payload::read(bytes)?)
            }
        };
        let id = EventId::new(*self.header.hash().as_bytes());
        Ok(CheckedEvent { id, header, payload, event: self })
    }

    /// Bytes that this event takes in a frame, roughly.
    pub fn size(&self) -> usize {
        const AROUND: usize = 128;
        self.header.body().len() + self.payload.as_ref().map_or(0, |bytes| bytes.len()) + AROUND
    }
}

/// Events of one frame after their checks.
#[derive(Debug, Default)]
pub struct CheckedEvents {
    /// Those before the first that is not valid.
    pub events: Vec<CheckedEvent>,
    /// What is wrong with that one, if there is one.
    pub fault: Option<DecodeError>,
}

impl CheckedEvents {
    /// Checks events in order, up to the first that is not valid.
    pub fn of(events: impl IntoIterator<Item = Event>) -> Self {
        let mut checked = Self::default();
        for event in events {
            match event.check() {
                Ok(event) => checked.events.push(event),
                Err(fault) => {
                    checked.fault = Some(fault);
                    break;
                }
            }
        }
        checked
    }
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Payload {
    /// Who the author is. The first entry of every log, and again when it changes.
    Introduction(Introduction),
    /// A text message.
    Text {
        /// The text, plain Unicode.
        body: String,
        /// The message that it answers.
        reply_to: Option<EventId>,
    },
    /// A message with a file.
    Attachment(Attachment),
    /// A reaction to a message.
    Reaction {
        /// The message.
        event: EventId,
        /// The emoji.
        emoji: String,
        /// False takes the reaction back.
        on: bool,
    },
    /// A new text for an own message.
    Edit {
        /// The message.
        event: EventId,
        /// The new text.
        body: String,
    },
    /// Takes an own message back.
    Erase {
        /// The message.
        event: EventId,
    },
    /// How the author wants to be shown.
    Profile {
        /// Free text instead of the username.
        display_name: Option<String>,
        /// A picture.
        picture: Option<BlobHash>,
    },
    /// The user takes part in a conversation, or not any more. Only in the conversation of an
    /// account with itself, where it tells the account's other devices.
    Membership {
        /// The conversation.
        of: Membership,
        /// Whether the user left it.
        left: bool,
    },
    /// A kind of a later version: kept and replicated, shown as such.
    #[serde(skip)]
    Unsupported,
}

/// A conversation as one device tells the user's other devices of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Membership {
    /// With a person.
    Person(Signed<AccountRecord>),
    /// A group.
    Group {
        /// What the user calls it.
        name: GroupName,
        /// What makes one a member.
        secret: GroupSecret,
    },
}

/// A file in a message. The bytes themselves are fetched apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// BLAKE3 of the bytes.
    pub blob: BlobHash,
    /// How many bytes.
    pub size: u64,
    /// Media type (RFC 6838).
    pub media_type: String,
    /// File name, for display and as a suggestion.
    pub name: String,
    /// Text beside the file.
    pub caption: Option<String>,
    /// A small image of it, JPEG or PNG.
    pub preview: Option<ByteBuf>,
    /// Width and height of an image, in pixels.
    pub dimensions: Option<(u32, u32)>,
    /// The message that it answers.
    pub reply_to: Option<EventId>,
}

impl Payload {
    /// Reads a payload's bytes. A kind that this version does not know is [`Payload::Unsupported`].
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > PAYLOAD_MAX {
            return Err(DecodeError::TooLarge { length: bytes.len(), limit: PAYLOAD_MAX });
        }
        let Ok(payload) = codec::decode_canonical::<Self>(bytes, PAYLOAD_MAX) else {
            return Ok(Self::Unsupported);
        };
        payload.check()?;
        Ok(payload)
    }

    fn check(&self) -> Result<(), DecodeError> {
        let within = |text: &str, limit: usize, what: &'static str| {
            if text.len() <= limit { Ok(()) } else { Err(DecodeError::Invalid(what)) }
        };
        match self {
            Self::Text { body, .. } | Self::Edit { body, .. } => {
                within(body, TEXT_MAX, "text is too long")
            }
            Self::Reaction { emoji, .. } => within(emoji, EMOJI_MAX, "emoji is too long"),
            Self::Profile { display_name, .. } => within(
                display_name.as_deref().unwrap_or_default(),
                DISPLAY_NAME_MAX,
                "display name is too long",
            ),
            Self::Attachment(attachment) => attachment.check(),
            Self::Introduction(_)
            | Self::Erase { .. }
            | Self::Membership { .. }
            | Self::Unsupported => Ok(()),
        }
    }
}

impl Attachment {
    fn check(&self) -> Result<(), DecodeError> {
        let fits = self.size <= BLOB_MAX
            && self.media_type.len() <= MEDIA_TYPE_MAX
            && self.name.len() <= FILE_NAME_MAX
            && self.caption.as_ref().is_none_or(|caption| caption.len() <= CAPTION_MAX)
            && self.preview.as_ref().is_none_or(|preview| preview.len() <= PREVIEW_MAX);
        if fits { Ok(()) } else { Err(DecodeError::Invalid("attachment exceeds a limit")) }
    }
}
