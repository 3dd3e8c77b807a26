//! The user's made-up devices.

use peer_client::core::model::DeviceView;
use wire::{
    bounded::Bounded,
    id::{AccountId, DeviceId},
    key::DeviceKey,
    pairing::{PairingCode, PairingSecret},
    rendezvous::Address,
};

use crate::people;

/// A device that stands for some words.
pub(crate) fn device(words: &str) -> DeviceId {
    DeviceKey::from_seed(*blake3::hash(words.as_bytes()).as_bytes()).id()
}

/// The user's devices.
pub(crate) fn devices() -> Vec<DeviceView> {
    [("mira desk", true, true), ("mira laptop", false, true), ("mira phone", false, false)]
        .map(|(words, here, online)| DeviceView { device: device(words), here, online })
        .to_vec()
}

/// A code with which nothing can be added.
pub(crate) fn code() -> String {
    let addresses = ["/ip4/203.0.113.40/udp/4001/quic-v1", "/ip4/192.168.1.20/tcp/4001"];
    let addresses = addresses.into_iter().filter_map(|it| Address::new(it.parse().ok()?));
    PairingCode {
        account: AccountId::new([1; AccountId::LENGTH]),
        username: people::me(),
        device: device("mira desk"),
        addresses: Bounded::truncated(addresses),
        secret: PairingSecret::new([7; 32]),
    }
    .to_text()
}
