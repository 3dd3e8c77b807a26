//! Signed values: the exact bytes that were signed travel with the signature.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

use crate::{
    codec::{self, DecodeError},
    id::{Hash, Signature},
    key::{self, AccountKey, DeviceKey},
};

/// A value that one key signs, and that names this key itself.
pub trait Signable: Serialize + DeserializeOwned {
    /// Separates this purpose from all others: `natterjack/<what>/1`.
    const DOMAIN: &'static str;
    /// Largest encoding, in bytes.
    const MAX: usize;
    /// The public key that must have signed.
    fn signer(&self) -> &[u8; 32];
    /// Rules that a well-formed encoding can still break.
    fn check(&self) -> Result<(), DecodeError>;
}

/// The bytes of a `T` and the signature of the key that the `T` names.
///
/// Nothing is known of the bytes until [`Signed::open`] has checked them.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct Signed<T> {
    body: ByteBuf,
    signature: Signature,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

impl<T: Signable> Signed<T> {
    /// Signs with a device's key. [`Signed::open`] refuses it unless the value names that key.
    pub fn by_device(value: &T, key: &DeviceKey) -> Self {
        let body = codec::encode(value);
        let signature = key.sign(T::DOMAIN, &body);
        Self::from_parts(body, signature)
    }

    /// Signs with an account's key. [`Signed::open`] refuses it unless the value names that key.
    pub fn by_account(value: &T, key: &AccountKey) -> Self {
        let body = codec::encode(value);
        let signature = key.sign(T::DOMAIN, &body);
        Self::from_parts(body, signature)
    }

    /// Decodes the value and checks its encoding, its rules and its signature.
    pub fn open(&self) -> Result<T, DecodeError> {
        let value: T = codec::decode_canonical(&self.body, T::MAX)?;
        value.check()?;
        key::verify(value.signer(), T::DOMAIN, &self.body, &self.signature)?;
        Ok(value)
    }
}

impl<T> Signed<T> {
    /// Puts together what [`Signed::body`] and [`Signed::signature`] gave.
    pub fn from_parts(body: Vec<u8>, signature: Signature) -> Self {
        Self { body: ByteBuf::from(body), signature, of: PhantomData }
    }

    /// The bytes that are signed.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The signature over the body.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// BLAKE3 of the signed bytes.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.body)
    }
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self { body: self.body.clone(), signature: self.signature, of: PhantomData }
    }
}

impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.body == other.body && self.signature == other.signature
    }
}

impl<T> Eq for Signed<T> {}

impl<T> fmt::Debug for Signed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signed({} bytes, {:?})", self.body.len(), self.hash())
    }
}
