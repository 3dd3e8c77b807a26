//! Attachments as verified ranges, `/natterjack/blob/1`.
//!
//! One stream per transfer: a [`BlobRequest`] frame, a [`BlobReply`] frame, then, if granted, the
//! requested ranges in the bao encoding with chunk groups of 16 KiB, without a further frame. While they
//! come, the receiver writes how much it took: a byte with the number of [`ACK_UNIT`]s since the last
//! one. The sender sends no more than a window ahead of that.

use serde::{Deserialize, Serialize};

use crate::{
    bounded::Bounded,
    codec::{self, DecodeError},
    id::{BlobHash, ConversationId},
    limits::{BLOB_MAX, BLOB_REPLY_MAX, BLOB_REQUEST_MAX, RANGES_MAX},
    sync::Proof,
};

/// Protocol id of attachment streams.
pub const PROTOCOL: &str = "/natterjack/blob/1";

/// Binary logarithm of the chunk group: 2⁴ chunks of 1 KiB.
pub const CHUNK_GROUP_LOG: u8 = 4;

/// Bytes of the encoding in which a receiver counts what it took.
pub const ACK_UNIT: u64 = 16 * 1024;
/// Bytes after which a receiver tells at the latest how much it took.
pub const ACK_MOST: u64 = 8 * ACK_UNIT;

/// Asks for ranges of an attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobRequest {
    /// The conversation in which an event names the attachment.
    pub conversation: ConversationId,
    /// The sender's right to that conversation.
    pub proof: Proof,
    /// The attachment.
    pub hash: BlobHash,
    /// Half-open byte ranges in order.
    pub ranges: Bounded<(u64, u64), RANGES_MAX>,
}

impl BlobRequest {
    /// Decodes and checks a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let request: Self = codec::decode(bytes, BLOB_REQUEST_MAX)?;
        let mut end_before = 0;
        for &(start, end) in &request.ranges {
            if start < end_before || end <= start || end > BLOB_MAX {
                return Err(DecodeError::Invalid("ranges are not in order or out of bounds"));
            }
            end_before = end;
        }
        Ok(request)
    }
}

/// Answers a [`BlobRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlobReply {
    /// The encoded ranges follow; the attachment has this many bytes.
    Granted {
        /// Bytes of the whole attachment.
        size: u64,
    },
    /// Not here, or not yet whole.
    NotFound,
    /// The sender has no right to it.
    Unauthorised,
    /// Too many transfers at once; try later.
    Busy,
}

impl BlobReply {
    /// Decodes and checks a reply.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match codec::decode(bytes, BLOB_REPLY_MAX)? {
            Self::Granted { size } if size > BLOB_MAX => {
                Err(DecodeError::Invalid("attachment is too large"))
            }
            reply => Ok(reply),
        }
    }
}
