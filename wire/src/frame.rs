//! Length-delimited frames: four bytes of length, most significant first, then the body.

use serde::Serialize;

use crate::codec::{self, DecodeError};

/// Bytes of the length in front of a body.
pub const PREFIX: usize = 4;

/// Encodes a value as a frame, ready to be written.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let body = codec::encode(value);
    let mut frame = Vec::with_capacity(PREFIX + body.len());
    frame.extend_from_slice(&(body.len() as u32).to_be_bytes());
    frame.extend_from_slice(&body);
    frame
}

/// Reads a frame's length, refusing one beyond `limit` before anything is allocated.
pub fn body_length(prefix: [u8; PREFIX], limit: usize) -> Result<usize, DecodeError> {
    let length = u32::from_be_bytes(prefix) as usize;
    if length <= limit { Ok(length) } else { Err(DecodeError::TooLarge { length, limit }) }
}
