//! Adding a device to an account: the code that the first device shows, and the exchange that
//! follows, `/natterjack/pairing/1`.
//!
//! The code holds a secret that works once and for a short time. The new device proves that it
//! knows the secret, and gets its certificate. Keys stay where they are.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    account::Introduction,
    bounded::Bounded,
    codec::{self, DecodeError},
    conversation::derive,
    id::{AccountId, DeviceId, MembershipProof},
    limits::{ADDRESSES_MAX, INVITE_MAX, PAIRING_FRAME_MAX},
    name::Username,
    rendezvous::Address,
};

/// Protocol id of the stream that a new device opens.
pub const PROTOCOL: &str = "/natterjack/pairing/1";

const SCHEME: &str = "natterjack-device:";

/// What makes a code good for once: 32 random bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairingSecret(#[serde(with = "serde_bytes")] [u8; 32]);

impl fmt::Debug for PairingSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PairingSecret(…)")
    }
}

impl PairingSecret {
    /// From 32 random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Proves to `to` that `from` knows the secret. Useless to anyone else.
    pub fn proof(&self, from: &DeviceId, to: &DeviceId) -> MembershipProof {
        let key = derive("natterjack device pairing 1", &[&self.0]);
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(from.as_bytes()).update(to.as_bytes());
        MembershipProof::new(*hasher.finalize().as_bytes())
    }

    /// Whether `proof` is the one of `from` to `to`, compared in constant time.
    pub fn accepts(&self, proof: &MembershipProof, from: &DeviceId, to: &DeviceId) -> bool {
        blake3::Hash::from(*self.proof(from, to).as_bytes())
            == blake3::Hash::from(*proof.as_bytes())
    }
}

/// What the first device shows, as text or as a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairingCode {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub username: Username,
    /// The device that shows the code.
    pub device: DeviceId,
    /// Where that device can be reached, best first.
    pub addresses: Bounded<Address, ADDRESSES_MAX>,
    /// Good for once.
    pub secret: PairingSecret,
}

/// Why a text is no code.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("this is not the code of a device, or only a part of it; copy the whole code")]
pub struct PairingCodeError;

impl PairingCode {
    /// The code as text.
    pub fn to_text(&self) -> String {
        format!("{SCHEME}{}", URL_SAFE_NO_PAD.encode(codec::encode(self)))
    }

    /// Reads a code; white space around it is ignored.
    pub fn from_text(text: &str) -> Result<Self, PairingCodeError> {
        let text = text.trim().strip_prefix(SCHEME).ok_or(PairingCodeError)?;
        if text.len() > INVITE_MAX {
            return Err(PairingCodeError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_error| PairingCodeError)?;
        codec::decode_canonical(&bytes, INVITE_MAX).map_err(|_error| PairingCodeError)
    }
}

/// The new device's only frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairingRequest {
    /// That it knows the code's secret, for the two devices of the connection.
    pub proof: MembershipProof,
}

impl PairingRequest {
    /// Reads a frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, PAIRING_FRAME_MAX)
    }
}

/// The answer, the other device's only frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum PairingReply {
    /// The server knows the device now; this is what it shows to others.
    Added(Box<Introduction>),
    /// There is no such code, or not any more.
    Refused,
    /// The code is right, but the account's record could not be changed now.
    Unavailable,
}

impl PairingReply {
    /// Reads a frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, PAIRING_FRAME_MAX)
    }
}
