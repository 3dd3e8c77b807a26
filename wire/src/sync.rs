//! Replication of a conversation between two devices, `/natterjack/sync/1`.

use serde::{Deserialize, Serialize};

use crate::{
    account::Introduction,
    bounded::Bounded,
    codec::{self, DecodeError},
    event::Event,
    id::{ConversationId, DeviceId, EventId, MembershipProof},
    limits::{EVENTS_PER_FRAME, LOGS_MAX, NUMBER_MAX, RANGES_MAX, REASON_MAX, SYNC_FRAME_MAX},
    signed::{Signable, Signed},
};

/// Protocol id of replication streams.
pub const PROTOCOL: &str = "/natterjack/sync/1";

/// One frame of a replication stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncFrame {
    /// The first frame of each side: which conversation, why the sender may, and what it has.
    Hello {
        /// The conversation.
        conversation: ConversationId,
        /// The sender's right to it.
        proof: Proof,
        /// What the sender has.
        have: Have,
    },
    /// Events, oldest first within each log.
    Events(Bounded<Event, EVENTS_PER_FRAME>),
    /// What the sender has durably, or has shown to its user.
    Receipt(Signed<Receipt>),
    /// The sender's user is writing.
    Typing,
    /// Wants entries `from..=to` of a log.
    Ask {
        /// The log.
        device: DeviceId,
        /// First entry.
        from: u64,
        /// Last entry.
        to: u64,
    },
    /// The sender ends the stream.
    Bye {
        /// Why.
        reason: ByeReason,
        /// The same for a person, at most 200 bytes.
        text: String,
    },
}

impl SyncFrame {
    /// Decodes a frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let frame = codec::decode(bytes, SYNC_FRAME_MAX)?;
        match &frame {
            Self::Bye { text, .. } if text.len() > REASON_MAX => {
                Err(DecodeError::Invalid("reason is too long"))
            }
            Self::Ask { from, to, .. } if from > to || *to > NUMBER_MAX => Err(DISORDERED),
            Self::Hello { have, .. } if !have.iter().all(Held::is_valid) => Err(DISORDERED),
            _ => Ok(frame),
        }
    }
}

/// The right to a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// The sender's account is one of the two that the conversation's id is made of.
    Direct(Box<Introduction>),
    /// The sender knows the group's secret.
    Group(MembershipProof),
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ByeReason {
    /// The program ends or no longer needs the stream.
    Done,
    /// Another stream for the same conversation and devices stays.
    Duplicate,
    /// No right to the conversation.
    Unauthorised,
    /// The other side broke the protocol.
    Protocol,
    /// Too many streams.
    Busy,
}

/// What a device has of a conversation, log by log.
pub type Have = Bounded<Held, LOGS_MAX>;

/// What a device has of one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The log's author.
    pub device: DeviceId,
    /// Last entry up to which nothing is missing; none if even entry 0 is.
    pub head: Option<Head>,
    /// Entries beyond a gap, as inclusive ranges in order.
    pub beyond: Bounded<(u64, u64), RANGES_MAX>,
}

const DISORDERED: DecodeError = DecodeError::Invalid("ranges are not in order or out of bounds");

impl Held {
    /// Whether the ranges come after the head, in order and apart, and no number is too large.
    fn is_valid(&self) -> bool {
        let mut free = self.head.map_or(0, |head| head.sequence.saturating_add(1));
        let in_order = self.beyond.iter().all(|&(from, to)| {
            let follows = free <= from && from <= to;
            free = to.saturating_add(1);
            follows
        });
        in_order && free <= NUMBER_MAX + 1
    }
}

/// A place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The entry's sequence.
    pub sequence: u64,
    /// The entry's id.
    pub id: EventId,
}

/// How far a message came on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Durable on the device's disk.
    Stored,
    /// Shown to the device's user.
    Read,
}

/// A device's word on what it has. Covers every entry up to the heads it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The conversation.
    pub conversation: ConversationId,
    /// The device, which signs the receipt.
    pub device: DeviceId,
    /// How far the entries came.
    pub stage: Stage,
    /// The logs, each up to its head.
    pub have: Have,
    /// When it was made, milliseconds since 1970. For display only.
    pub at: u64,
}

impl Signable for Receipt {
    const DOMAIN: &'static str = "natterjack/receipt/1";
    const MAX: usize = SYNC_FRAME_MAX;

    fn signer(&self) -> &[u8; 32] {
        self.device.as_bytes()
    }

    fn check(&self) -> Result<(), DecodeError> {
        if !self.have.iter().all(Held::is_valid) {
            return Err(DISORDERED);
        }
        codec::bounded_numbers(&[self.at])
    }
}
