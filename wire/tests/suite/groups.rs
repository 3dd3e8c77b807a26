//! Groups: what is derived from a secret, sealing, and proofs of membership.

use proptest::prelude::*;
use serde_bytes::ByteBuf;
use wire::{
    codec::{self, DecodeError},
    conversation::{GroupMessage, GroupSecret},
    id::{AccountId, ConversationId, DeviceId, MembershipProof},
    rendezvous::{topic, topic_tag},
};

use crate::{
    cbor::{Item, parse},
    strategies::{device_id, group_message, group_name},
    values::{group, group_name as name, phone, server, tablet},
};

const NOT_SEALED: DecodeError = DecodeError::Invalid("not sealed for this group");

fn sealed() -> Vec<u8> {
    group().seal(&GroupMessage::Typing(phone().id()), [3; 24])
}

#[test]
fn a_sealed_message_changed_anywhere_is_refused() {
    let sealed = sealed();
    for bit in 0..8 * sealed.len() {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(group().unseal(&changed).is_err(), "bit {bit} turned");
    }
}

#[test]
fn another_epoch_or_length_of_nonce_is_refused() {
    let with = |key: &str, value: Item| {
        let mut item = parse(&sealed());
        *item.find(key).unwrap() = value;
        group().unseal(&item.encode()).unwrap_err()
    };
    assert_eq!(with("epoch", Item::Unsigned(1)), DecodeError::Invalid("unknown key epoch"));
    assert_eq!(with("epoch", Item::Unsigned(1 << 32)), DecodeError::Malformed);
    for length in [0, 12, 23, 25, 1000] {
        assert_eq!(with("nonce", Item::Bytes(vec![3; length])), DecodeError::Malformed);
    }
    assert_eq!(with("nonce", Item::Bytes(vec![4; 24])), NOT_SEALED);
    for length in [0, 15, 16] {
        assert_eq!(with("ciphertext", Item::Bytes(vec![0; length])), NOT_SEALED);
    }
}

#[test]
fn a_sealed_message_shows_neither_content_nor_group() {
    let sealed = sealed();
    let author = phone().id();
    let shows = |part: &[u8]| sealed.windows(part.len()).any(|window| window == part);
    assert!(!shows(author.as_bytes()));
    assert!(!shows(b"Typing"));
    assert!(!shows(group().as_bytes()));
    assert!(!shows(group().tag().as_bytes()));
}

#[test]
fn each_derivation_has_its_own_result() {
    let secret = group();
    let mut results = vec![
        secret.as_bytes().to_vec(),
        secret.conversation().as_bytes().to_vec(),
        secret.tag().as_bytes().to_vec(),
        secret.proof(&phone().id(), &tablet().id()).as_bytes().to_vec(),
    ];
    let open = GroupSecret::open(&server().id(), &name("toads"));
    results.push(open.as_bytes().to_vec());
    results.push(open.conversation().as_bytes().to_vec());
    results.push(open.tag().as_bytes().to_vec());
    for (at, one) in results.iter().enumerate() {
        for other in &results[at + 1..] {
            assert_ne!(one[..16], other[..16]);
        }
    }
    assert!(!format!("{secret:?}").contains('7'), "a secret is not printed");
}

#[test]
fn an_open_group_is_of_one_server_and_one_name() {
    let here = GroupSecret::open(&server().id(), &name("toads"));
    assert_eq!(here, GroupSecret::open(&server().id(), &name("  TOADS ")));
    assert_ne!(here, GroupSecret::open(&phone().id(), &name("toads")));
    assert_ne!(here, GroupSecret::open(&server().id(), &name("frogs")));
}

#[test]
fn topics_that_are_not_of_a_group_have_no_tag() {
    let tag = group().tag();
    assert_eq!(topic_tag(&topic(&tag)), Some(tag));
    let hex = tag.to_string();
    let others = [
        String::new(),
        hex.clone(),
        format!("/natterjack/group/2/{hex}"),
        format!("/natterjack/group/1/{hex}0"),
        format!("/natterjack/group/1/{}", &hex[1..]),
        format!("/natterjack/group/1/{}g", &hex[1..]),
        format!("/natterjack/group/1//{}", &hex[1..]),
        format!("/natterjack/group/1/+{}", &hex[1..]),
    ];
    for topic in others {
        assert_eq!(topic_tag(&topic), None, "{topic}");
    }
}

/// Seals bytes that need not be a message, as a member with another program could.
fn seal_bytes(plain: &[u8]) -> Vec<u8> {
    use chacha20poly1305::{
        KeyInit as _, XChaCha20Poly1305,
        aead::{Aead as _, Payload},
    };
    let mut hasher = blake3::Hasher::new_derive_key("natterjack group sealing 1");
    hasher.update(&32_u64.to_be_bytes()).update(group().as_bytes());
    let cipher = XChaCha20Poly1305::new(hasher.finalize().as_bytes().into());
    let tag = group().tag();
    let payload = Payload { msg: plain, aad: tag.as_bytes() };
    let ciphertext = cipher.encrypt(&[3; 24].into(), payload).unwrap();
    let entry = |key: &str, value| (Item::text(key), value);
    Item::Map(vec![
        entry("epoch", Item::Unsigned(0)),
        entry("nonce", Item::Bytes(vec![3; 24])),
        entry("ciphertext", Item::Bytes(ciphertext)),
    ])
    .encode()
}

#[test]
fn what_a_member_seals_is_not_trusted_to_be_a_message() {
    let plain = codec::encode(&GroupMessage::Typing(phone().id()));
    assert_eq!(seal_bytes(&plain), sealed(), "sealing is as the specification says");
    for length in 0..plain.len() {
        let cut = seal_bytes(&plain[..length]);
        assert_eq!(group().unseal(&cut), Err(DecodeError::Malformed), "cut to {length}");
    }
    let longer = seal_bytes(&[&plain[..], &[0]].concat());
    assert_eq!(group().unseal(&longer), Err(DecodeError::Malformed));
    let unknown = codec::encode(&ByteBuf::from(plain));
    assert_eq!(group().unseal(&seal_bytes(&unknown)), Err(DecodeError::Malformed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sealed_messages_open_with_their_secret_alone(
        message in group_message(),
        secret: [u8; 32],
        other: [u8; 32],
        nonce: [u8; 24],
    ) {
        prop_assume!(secret != other);
        let sealed = GroupSecret::new(secret).seal(&message, nonce);
        prop_assert_eq!(GroupSecret::new(secret).unseal(&sealed), Ok(message));
        prop_assert_eq!(GroupSecret::new(other).unseal(&sealed), Err(NOT_SEALED));
    }

    #[test]
    fn a_proof_is_for_one_secret_and_two_devices_in_order(
        secret: [u8; 32],
        other_secret: [u8; 32],
        from in device_id(),
        to in device_id(),
        third in device_id(),
    ) {
        prop_assume!(secret != other_secret && from != to && from != third && to != third);
        let secret = GroupSecret::new(secret);
        let proof = secret.proof(&from, &to);
        prop_assert!(secret.accepts(&proof, &from, &to));
        prop_assert!(!secret.accepts(&proof, &to, &from));
        prop_assert!(!secret.accepts(&proof, &from, &third));
        prop_assert!(!secret.accepts(&proof, &third, &to));
        prop_assert!(!GroupSecret::new(other_secret).accepts(&proof, &from, &to));
        let mut bytes = *proof.as_bytes();
        bytes[31] ^= 1;
        prop_assert!(!secret.accepts(&MembershipProof::new(bytes), &from, &to));
    }

    #[test]
    fn a_direct_conversation_is_the_same_from_both_sides(
        one: [u8; 32],
        other: [u8; 32],
        third: [u8; 32],
    ) {
        let [one, other, third] = [one, other, third].map(AccountId::new);
        let conversation = ConversationId::direct(&one, &other);
        prop_assert_eq!(conversation, ConversationId::direct(&other, &one));
        prop_assert_eq!(conversation == ConversationId::direct(&one, &third), other == third);
    }

    #[test]
    fn open_groups_are_told_apart(
        server in device_id(),
        other_server in device_id(),
        name in group_name(),
        other_name in group_name(),
    ) {
        let secret = GroupSecret::open(&server, &name);
        let other = GroupSecret::open(&other_server, &other_name);
        prop_assert_eq!(secret == other, server == other_server && name == other_name);
    }
}

#[test]
fn devices_have_a_form_in_libp2p() {
    let peer = phone().to_libp2p().public().to_peer_id();
    assert_eq!(phone().id().peer_id(), peer);
    assert_eq!(DeviceId::try_from(peer), Ok(phone().id()));
    let hashed = libp2p_identity::PeerId::random();
    assert!(DeviceId::try_from(hashed).is_err(), "{hashed} is no Ed25519 key");
}
