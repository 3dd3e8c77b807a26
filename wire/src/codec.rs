//! CBOR, in the only file that sees it.
//!
//! `serde_cbor` reads leniently (tags, non-minimal lengths, integer keys), so what is signed,
//! hashed or used as an id is read by [`decode_canonical`], which encodes the value again and
//! wants the same bytes. Types are plain structs and enums: no recursion, no dynamic values, no
//! floats, no hash maps. Collections are [`crate::bounded::Bounded`].

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::limits::NUMBER_MAX;

/// Why bytes were not accepted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes exceed the limit of their type.
    #[error("{length} bytes where at most {limit} are allowed")]
    TooLarge {
        /// Bytes that came, or were announced.
        length: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// Not CBOR of the expected type, cut short, or followed by more.
    #[error("malformed data")]
    Malformed,
    /// The same value has another, shorter or ordered encoding.
    #[error("encoding is not canonical")]
    NotCanonical,
    /// The value breaks a rule of its type.
    #[error("{0}")]
    Invalid(&'static str),
    /// The signature does not belong to the signer and the bytes.
    #[error("wrong signature")]
    WrongSignature,
}

/// Refuses numbers beyond [`NUMBER_MAX`].
pub(crate) fn bounded_numbers(numbers: &[u64]) -> Result<(), DecodeError> {
    if numbers.iter().all(|number| *number <= NUMBER_MAX) {
        Ok(())
    } else {
        Err(DecodeError::Invalid("a number is too large"))
    }
}

/// Encodes a value. Equal values give equal bytes.
///
/// # Panics
///
/// On [`crate::event::Payload::Unsupported`], which stands for bytes and has none of its own. Never
/// on anything else of this crate: writing to memory does not fail.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "encoding a plain value into memory cannot fail")]
    serde_cbor::to_vec(value).expect("plain values encode")
}

/// Decodes a value from all of `bytes`, of which at most `limit` are accepted.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLarge { length: bytes.len(), limit });
    }
    serde_cbor::from_slice(bytes).map_err(|_error| DecodeError::Malformed)
}

/// Decodes like [`decode`] and refuses bytes that the value would not be encoded to.
pub fn decode_canonical<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    limit: usize,
) -> Result<T, DecodeError> {
    let value = decode(bytes, limit)?;
    if encode(&value) == bytes { Ok(value) } else { Err(DecodeError::NotCanonical) }
}
