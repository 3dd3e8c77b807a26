//! Fixed-length ids: byte strings on the wire, hex in text.

use std::{fmt, str::FromStr};

use libp2p_identity::PeerId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

/// Text that is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of {bytes} bytes in hex")]
pub struct ParseIdError {
    /// Bytes that the id has.
    pub bytes: usize,
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $length]);

        impl $name {
            /// Bytes of this id.
            pub const LENGTH: usize = $length;

            /// Wraps the bytes; any are valid.
            pub const fn new(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// Reads exactly [`Self::LENGTH`] bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                for byte in self.0 {
                    write!(formatter, "{byte:02x}")?;
                }
                Ok(())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({:02x}{:02x}{:02x}{:02x}…)", stringify!($name), self.0[0], self.0[1], self.0[2], self.0[3])
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                read_hex(text).map(Self).ok_or(ParseIdError { bytes: $length })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_bytes(FixedBytes::<$length>).map(Self)
            }
        }
    };
}

fn read_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

struct FixedBytes<const N: usize>;

impl<const N: usize> Visitor<'_> for FixedBytes<N> {
    type Value = [u8; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{N} bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<[u8; N], E> {
        bytes.try_into().map_err(|_error| E::invalid_length(bytes.len(), &self))
    }
}

byte_id!(
    /// A person: the public half of the account's Ed25519 key.
    AccountId, 32
);
byte_id!(
    /// A device: the public half of its Ed25519 key. [`DeviceId::peer_id`] is the same in libp2p's form.
    DeviceId, 32
);
byte_id!(
    /// A conversation, derived from its members' accounts or its group's secret.
    ConversationId, 32
);
byte_id!(
    /// An event: BLAKE3 of its header's bytes.
    EventId, 32
);
byte_id!(
    /// An attachment: BLAKE3 of its bytes, which is also the root of its verified ranges.
    BlobHash, 32
);
byte_id!(
    /// An admission token: random bytes.
    TokenId, 16
);
byte_id!(
    /// What a puzzle is about: random bytes.
    Challenge, 16
);
byte_id!(
    /// BLAKE3 of other bytes, as of a payload or of an account record.
    Hash, 32
);
byte_id!(
    /// What the server and the gossip topic know a group by.
    TopicTag, 16
);
byte_id!(
    /// Proof of knowing a group's secret, bound to the two devices of a stream.
    MembershipProof, 32
);
byte_id!(
    /// An Ed25519 signature.
    Signature, 64
);

impl Hash {
    /// Hashes bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// A libp2p peer id that is not made of an Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("peer id is not an Ed25519 key")]
pub struct NotEd25519;

impl DeviceId {
    /// The device's id in libp2p: the identity multihash of its key.
    ///
    /// Bytes that are no point of the curve give an id that nobody can prove to own.
    ///
    /// # Panics
    ///
    /// Never: the bytes have the form of a peer id whatever the key.
    pub fn peer_id(&self) -> PeerId {
        // Protobuf `PublicKey { type: Ed25519, data: 32 bytes }` behind the identity multihash,
        // <https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md>.
        let mut bytes = vec![0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
        bytes.extend_from_slice(&self.0);
        #[expect(clippy::expect_used, reason = "the length is that of an identity multihash")]
        PeerId::from_bytes(&bytes).expect("an identity multihash of 36 bytes")
    }
}

impl TryFrom<PeerId> for DeviceId {
    type Error = NotEd25519;

    fn try_from(peer: PeerId) -> Result<Self, NotEd25519> {
        let bytes = peer.to_bytes();
        match bytes.strip_prefix(&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20]) {
            Some(key) => Self::from_slice(key).ok_or(NotEd25519),
            None => Err(NotEd25519),
        }
    }
}
