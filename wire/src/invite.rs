//! Invitations as links: `natterjack:` and base64url without padding.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use multiaddr::{Multiaddr, Protocol};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    admission::AdmissionToken,
    bounded::Bounded,
    codec::{self, DecodeError},
    conversation::GroupSecret,
    id::DeviceId,
    limits::{ADDRESSES_MAX, INVITE_MAX},
    name::{GroupName, Username},
    rendezvous::Address,
    signed::Signed,
};

const SCHEME: &str = "natterjack:";

/// How to reach a server, and what to do there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// The rendezvous server.
    pub server: DeviceId,
    /// Its addresses, without the `/p2p` part.
    pub addresses: Bounded<Address, ADDRESSES_MAX>,
    /// What to do there.
    pub to: Invitation,
}

/// What an invitation is to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Invitation {
    /// Use the server.
    Server,
    /// Use the server, which admits new names with this token.
    Admission(Signed<AdmissionToken>),
    /// Talk to a person.
    Person(Username),
    /// Join a group.
    Group {
        /// What the inviter calls it.
        name: GroupName,
        /// What makes one a member.
        secret: GroupSecret,
    },
}

/// Why a link is no invitation.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InviteError {
    /// It does not begin with the scheme.
    #[error("an invitation begins with {SCHEME}")]
    Scheme,
    /// It was cut, changed or made by a newer program.
    #[error("the invitation is damaged or incomplete; copy the whole link")]
    Damaged(#[source] DecodeError),
}

impl Invite {
    /// The link.
    pub fn to_link(&self) -> String {
        format!("{SCHEME}{}", URL_SAFE_NO_PAD.encode(codec::encode(self)))
    }

    /// The server's addresses, each complete with its id.
    pub fn server_addresses(&self) -> Vec<Multiaddr> {
        let server = Protocol::P2p(self.server.peer_id());
        let complete = |address: &Address| address.as_multiaddr().clone().with(server.clone());
        self.addresses.iter().map(complete).collect()
    }

    /// What `Hello` carries for this invitation.
    pub fn token(&self) -> Option<Vec<u8>> {
        match &self.to {
            Invitation::Admission(token) => Some(codec::encode(token)),
            Invitation::Server | Invitation::Person(_) | Invitation::Group { .. } => None,
        }
    }

    /// Reads a link; white space around it is ignored.
    pub fn from_link(link: &str) -> Result<Self, InviteError> {
        let link = link.trim();
        let text = link.strip_prefix(SCHEME).ok_or(InviteError::Scheme)?;
        if text.len() > INVITE_MAX {
            let error = DecodeError::TooLarge { length: text.len(), limit: INVITE_MAX };
            return Err(InviteError::Damaged(error));
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_error| InviteError::Damaged(DecodeError::Malformed))?;
        codec::decode_canonical(&bytes, INVITE_MAX).map_err(InviteError::Damaged)
    }
}
