//! Conversation ids, group secrets and what is derived from them, sealing of group messages.

use std::fmt;

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload as Sealing},
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    bounded::Bounded,
    codec::{self, DecodeError},
    event::Event,
    id::{AccountId, ConversationId, DeviceId, MembershipProof, TopicTag},
    limits::{EVENTS_PER_GOSSIP, GOSSIP_MAX},
    name::GroupName,
    signed::Signed,
    sync::Receipt,
};

/// Bytes of a sealed message's nonce.
const NONCE_LENGTH: usize = 24;

impl ConversationId {
    /// The conversation of two people; the same whichever of them comes first.
    pub fn direct(one: &AccountId, other: &AccountId) -> Self {
        let (first, second) = if one <= other { (one, other) } else { (other, one) };
        Self::new(derive(
            "natterjack direct conversation 1",
            &[first.as_bytes(), second.as_bytes()],
        ))
    }
}

/// What makes someone a member of a group.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSecret(#[serde(with = "serde_bytes")] [u8; 32]);

impl fmt::Debug for GroupSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("GroupSecret(…)")
    }
}

impl GroupSecret {
    /// A private group's secret, from 32 random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// An open group's secret: whoever knows the name on that server may join.
    pub fn open(rendezvous: &DeviceId, name: &GroupName) -> Self {
        Self(derive("natterjack open group 1", &[rendezvous.as_bytes(), name.as_str().as_bytes()]))
    }

    /// The bytes, to be kept secret.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The group's conversation.
    pub fn conversation(&self) -> ConversationId {
        ConversationId::new(derive("natterjack group conversation 1", &[&self.0]))
    }

    /// What the server and the topic know the group by.
    pub fn tag(&self) -> TopicTag {
        let bytes = derive("natterjack group topic 1", &[&self.0]);
        let mut tag = [0; TopicTag::LENGTH];
        tag.copy_from_slice(&bytes[..TopicTag::LENGTH]);
        TopicTag::new(tag)
    }

    /// Proves to `to` that `from` knows the secret. Useless to anyone else.
    pub fn proof(&self, from: &DeviceId, to: &DeviceId) -> MembershipProof {
        let key = derive("natterjack group membership 1", &[&self.0]);
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(from.as_bytes()).update(to.as_bytes());
        MembershipProof::new(*hasher.finalize().as_bytes())
    }

    /// Whether `proof` is the one of `from` to `to`, compared in constant time.
    pub fn accepts(&self, proof: &MembershipProof, from: &DeviceId, to: &DeviceId) -> bool {
        blake3::Hash::from(*self.proof(from, to).as_bytes())
            == blake3::Hash::from(*proof.as_bytes())
    }

    /// Seals a message for the group with XChaCha20-Poly1305. `nonce` must be random.
    ///
    /// # Panics
    ///
    /// Never: sealing fails only beyond 256 GiB.
    pub fn seal(&self, message: &GroupMessage, nonce: [u8; NONCE_LENGTH]) -> Vec<u8> {
        let plain = codec::encode(message);
        let tag = self.tag();
        let sealing = Sealing { msg: &plain, aad: tag.as_bytes() };
        #[expect(clippy::expect_used, reason = "sealing fails only beyond 256 GiB")]
        let ciphertext =
            self.cipher().encrypt(XNonce::from_slice(&nonce), sealing).expect("short message");
        codec::encode(&Sealed {
            epoch: 0,
            nonce: ByteBuf::from(nonce),
            ciphertext: ByteBuf::from(ciphertext),
        })
    }

    /// Opens what [`GroupSecret::seal`] made.
    pub fn unseal(&self, bytes: &[u8]) -> Result<GroupMessage, DecodeError> {
        let sealed: Sealed = codec::decode_canonical(bytes, GOSSIP_MAX)?;
        if sealed.epoch != 0 {
            return Err(DecodeError::Invalid("unknown key epoch"));
        }
        if sealed.nonce.len() != NONCE_LENGTH {
            return Err(DecodeError::Malformed);
        }
        let tag = self.tag();
        let opening = Sealing { msg: &sealed.ciphertext, aad: tag.as_bytes() };
        let plain = self
            .cipher()
            .decrypt(XNonce::from_slice(&sealed.nonce), opening)
            .map_err(|_error| DecodeError::Invalid("not sealed for this group"))?;
        codec::decode(&plain, GOSSIP_MAX)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&derive("natterjack group sealing 1", &[&self.0]).into())
    }
}

/// A sealed [`GroupMessage`] as gossip carries it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    /// Which of the group's keys sealed it; there is one, 0.
    epoch: u32,
    nonce: ByteBuf,
    ciphertext: ByteBuf,
}

/// What members of a group tell each other by gossip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupMessage {
    /// New events.
    Events(Bounded<Event, EVENTS_PER_GOSSIP>),
    /// What a member has durably: a receipt, and a digest against which others find gaps.
    Have(Signed<Receipt>),
    /// A member is writing.
    Typing(DeviceId),
}

/// BLAKE3 in its key derivation mode over length-prefixed parts.
pub(crate) fn derive(context: &'static str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
    }
    *hasher.finalize().as_bytes()
}
