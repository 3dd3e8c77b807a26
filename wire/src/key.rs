//! The two keys of a person: one for the account, one for each device.

use std::fmt;

use libp2p_identity::{Keypair, ed25519};

use crate::{
    codec::DecodeError,
    id::{AccountId, DeviceId, Signature},
};

macro_rules! key {
    ($(#[$doc:meta])* $name:ident, $id:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(ed25519::Keypair);

        impl $name {
            /// Makes the key of a 32-byte seed, which must come from a good random source.
            ///
            /// # Panics
            ///
            /// Never: every 32 bytes are a seed.
            pub fn from_seed(mut seed: [u8; 32]) -> Self {
                let secret = ed25519::SecretKey::try_from_bytes(&mut seed).expect("32 bytes are a seed");
                Self(secret.into())
            }

            /// The seed, to be kept secret.
            pub fn seed(&self) -> [u8; 32] {
                let mut seed = [0; 32];
                seed.copy_from_slice(self.0.secret().as_ref());
                seed
            }

            /// The public half.
            pub fn id(&self) -> $id {
                $id::new(self.0.public().to_bytes())
            }

            /// Signs `domain`, its length and `bytes`.
            ///
            /// # Panics
            ///
            /// Never: an Ed25519 signature has 64 bytes.
            pub fn sign(&self, domain: &str, bytes: &[u8]) -> Signature {
                let signature = self.0.sign(&signing_input(domain, bytes));
                Signature::from_slice(&signature).expect("64 bytes")
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({})", stringify!($name), self.id())
            }
        }
    };
}

key!(
    /// Signs account records and device certificates, nothing else. Its seed is the recovery phrase.
    AccountKey, AccountId
);
key!(
    /// Signs events and receipts, and proves the device in libp2p. Never leaves the device.
    DeviceKey, DeviceId
);

impl DeviceKey {
    /// The key in libp2p's form.
    pub fn to_libp2p(&self) -> Keypair {
        self.0.clone().into()
    }
}

/// Checks a signature made by [`AccountKey::sign`] or [`DeviceKey::sign`].
pub fn verify(
    public: &[u8; 32],
    domain: &str,
    bytes: &[u8],
    signature: &Signature,
) -> Result<(), DecodeError> {
    let key =
        ed25519::PublicKey::try_from_bytes(public).map_err(|_error| DecodeError::WrongSignature)?;
    if key.verify(&signing_input(domain, bytes), signature.as_bytes()) {
        Ok(())
    } else {
        Err(DecodeError::WrongSignature)
    }
}

/// Domain and length first, so that no bytes signed for one purpose pass for another.
fn signing_input(domain: &str, bytes: &[u8]) -> Vec<u8> {
    let mut input = Vec::with_capacity(domain.len() + 9 + bytes.len());
    input.extend_from_slice(domain.as_bytes());
    input.push(0);
    input.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    input.extend_from_slice(bytes);
    input
}
