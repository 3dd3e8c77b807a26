//! The two CBOR libraries side by side: `serde_cbor`, which we use, and `cbor4ii`.
//!
//! What we encode, both read alike (see `round_trips`), and where both accept other bytes they read
//! one value (see `fuzz_bodies`). They do not accept the same bytes; here is in what they differ.

use serde::de::DeserializeOwned;
use wire::{
    account::AccountRecord,
    codec::{self, DecodeError},
    rendezvous::ClientFrame,
    sync::SyncFrame,
};

use crate::{
    cbor::{DISTORTIONS, Distortion, parse},
    mutation::Mutator,
    values::{record, username},
    vectors::formats,
};

/// Whether each library accepts every encoding with one distortion: (ours, theirs).
fn accept_all<T: DeserializeOwned>(encodings: &[Vec<u8>]) -> (bool, bool) {
    assert!(!encodings.is_empty());
    let ours = |bytes: &[u8]| codec::decode::<T>(bytes, 1 << 20).is_ok();
    let theirs = |bytes: &[u8]| cbor4ii::serde::from_slice::<T>(bytes).is_ok();
    (encodings.iter().all(|bytes| ours(bytes)), encodings.iter().all(|bytes| theirs(bytes)))
}

#[test]
fn the_libraries_differ_in_what_they_accept() {
    let item = parse(&codec::encode(&record()));
    let accepted = |distortion| accept_all::<AccountRecord>(&item.distorted(distortion));
    // Ours reads these, and they are refused where the encoding matters.
    assert_eq!(accepted(Distortion::WideHead), (true, true));
    assert_eq!(accepted(Distortion::Indefinite), (true, true));
    assert_eq!(accepted(Distortion::Reversed), (true, true));
    assert_eq!(accepted(Distortion::NumberedKeys), (true, false));
    assert_eq!(accepted(Distortion::KeysLeftOut), (true, false));
    assert_eq!(accepted(Distortion::Undefined), (false, true));
    assert_eq!(accepted(Distortion::DuplicateKey), (false, false));
    assert_eq!(accepted(Distortion::UnknownKey), (false, false));
    assert_eq!(accepted(Distortion::HugeLength), (false, false));
    let whole_tagged = &item.distorted(Distortion::Tagged)[..1];
    assert_eq!(accept_all::<AccountRecord>(whole_tagged), (true, false));
}

#[test]
fn only_the_other_library_reads_past_a_value() {
    let bytes = [codec::encode(&username("alice")), vec![0]].concat();
    let ours = codec::decode::<wire::name::Username>(&bytes, 100);
    assert_eq!(ours, Err(DecodeError::Malformed));
    let theirs = cbor4ii::serde::from_slice::<wire::name::Username>(&bytes);
    assert_eq!(theirs.unwrap(), username("alice"));
}

#[test]
fn only_our_library_reads_a_variant_in_an_array_or_by_number() {
    for bytes in [&b"\x82\x66Typing\xf6"[..], &[3]] {
        assert_eq!(SyncFrame::decode(bytes), Ok(SyncFrame::Typing), "{bytes:02x?}");
        assert!(cbor4ii::serde::from_slice::<SyncFrame>(bytes).is_err(), "{bytes:02x?}");
    }
}

/// Of mutated frames, each library accepts some that the other refuses; what both accept is equal.
#[test]
fn mutations_that_both_accept_are_read_alike() {
    let frames: Vec<_> = formats()
        .into_iter()
        .filter(|vector| vector.format() == "client_frame")
        .flat_map(|vector| {
            let item = parse(&vector.bytes);
            let distorted = DISTORTIONS.into_iter().flat_map(move |kind| item.distorted(kind));
            std::iter::once(vector.bytes).chain(distorted)
        })
        .collect();
    let mut mutator = Mutator::new(2);
    let mut both = 0;
    for number in 0..20_000 {
        let bytes = frames.get(number).cloned().unwrap_or_else(|| mutator.next(&frames));
        let ours = codec::decode::<ClientFrame>(&bytes, 1 << 20);
        let theirs = cbor4ii::serde::from_slice::<ClientFrame>(&bytes);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            assert_eq!(ours, theirs, "{bytes:02x?}");
            both += 1;
        }
    }
    assert!(both > 500, "both accept only {both}");
}
