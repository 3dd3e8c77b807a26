//! What a signature covers: the bytes, the purpose and the key, and nothing else opens.

use proptest::prelude::*;
use wire::{
    account::{AccountRecord, DeviceCertificate, Introduction},
    codec::{self, DecodeError},
    event::{Clock, EventHeader},
    id::{Hash, Signature},
    key::{AccountKey, DeviceKey, verify},
    limits::{NUMBER_MAX, VERSION},
    signed::{Signable, Signed},
    sync::{Head, Held, Receipt},
};

use crate::values::{
    NOW, alice, bob, certificate, first_event, introduction, laptop, list, phone, receipt, record,
    second_record, tablet, username,
};

const DOMAINS: [&str; 4] =
    [AccountRecord::DOMAIN, DeviceCertificate::DOMAIN, EventHeader::DOMAIN, Receipt::DOMAIN];

/// Opens a value under signatures that are all wrong.
fn refuses_wrong_signatures<T: Signable>(value: &T, sign: impl Fn(&str, &[u8]) -> Signature) {
    let body = codec::encode(value);
    let open = |signature| Signed::<T>::from_parts(body.clone(), signature).open().map(drop);
    let right = sign(T::DOMAIN, &body);
    assert_eq!(open(right), Ok(()));
    let wrong = Err(DecodeError::WrongSignature);
    for domain in DOMAINS.into_iter().filter(|domain| *domain != T::DOMAIN) {
        assert_eq!(open(sign(domain, &body)), wrong, "{} signed as {domain}", T::DOMAIN);
    }
    for bit in 0..8 * Signature::LENGTH {
        let mut bytes = *right.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(Signature::new(bytes)), wrong, "{} with bit {bit} turned", T::DOMAIN);
    }
    let stranger = AccountKey::from_seed([99; 32]);
    assert_eq!(open(stranger.sign(T::DOMAIN, &body)), wrong);
    assert_eq!(open(Signature::new([0; 64])), wrong);
}

#[test]
fn wrong_signatures_are_refused() {
    let account = |domain: &str, bytes: &[u8]| alice().sign(domain, bytes);
    let device = |domain: &str, bytes: &[u8]| phone().sign(domain, bytes);
    refuses_wrong_signatures(&record(), account);
    refuses_wrong_signatures(&certificate(), account);
    refuses_wrong_signatures(&first_event().header, device);
    refuses_wrong_signatures(&receipt(), |domain: &str, bytes: &[u8]| tablet().sign(domain, bytes));
}

#[test]
fn a_changed_body_does_not_open() {
    let signed = Signed::by_account(&record(), &alice());
    for bit in 0..8 * signed.body().len() {
        let mut body = signed.body().to_vec();
        body[bit / 8] ^= 1 << (bit % 8);
        let changed = Signed::<AccountRecord>::from_parts(body, *signed.signature());
        assert!(changed.open().is_err(), "bit {bit} turned");
    }
}

#[test]
fn a_signature_has_one_form() {
    // The group's order, least significant byte first: S and S + order satisfy one equation.
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let signed = Signed::by_account(&record(), &alice());
    let mut bytes = *signed.signature().as_bytes();
    let mut carry = 0;
    for (at, byte) in bytes[32..].iter_mut().enumerate() {
        let digit = u16::from_str_radix(&order[2 * at..2 * at + 2], 16).unwrap();
        let sum = u16::from(*byte) + digit + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    let other = Signed::<AccountRecord>::from_parts(signed.body().to_vec(), Signature::new(bytes));
    assert_eq!(other.open(), Err(DecodeError::WrongSignature));
}

#[test]
fn bytes_that_are_no_key_verify_nothing() {
    // y = 2 is on no point of the curve.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let signature = alice().sign("natterjack/test/1", b"bytes");
    let refused = Err(DecodeError::WrongSignature);
    assert_eq!(verify(&no_point, "natterjack/test/1", b"bytes", &signature), refused);
}

#[test]
fn a_value_opens_only_under_the_key_that_it_names() {
    let others = AccountRecord { account: bob().id(), ..record() };
    assert_eq!(Signed::by_account(&others, &alice()).open(), Err(DecodeError::WrongSignature));
    let header = EventHeader { author: laptop().id(), ..first_event().header };
    assert_eq!(Signed::by_device(&header, &phone()).open(), Err(DecodeError::WrongSignature));
    // One seed would be one key: accounts and devices are told apart by domains alone.
    let as_device = DeviceKey::from_seed([1; 32]);
    assert_eq!(Signed::by_device(&record(), &as_device).open(), Ok(record()));
}

#[test]
fn a_record_keeps_the_rules_of_the_chain() {
    let open = |record: &AccountRecord| Signed::by_account(record, &alice()).open();
    let first_with_previous = AccountRecord { previous: Some(Hash::new([1; 32])), ..record() };
    let second_without = AccountRecord { previous: None, ..second_record() };
    let without_device = AccountRecord { devices: list(vec![]), ..record() };
    for wrong in [first_with_previous, second_without, without_device] {
        assert!(matches!(open(&wrong), Err(DecodeError::Invalid(_))), "{wrong:?}");
    }

    let hash = Signed::by_account(&record(), &alice()).hash();
    assert!(second_record().follows(&record(), hash));
    assert!(!second_record().follows(&record(), Hash::new([1; 32])));
    assert!(!record().follows(&record(), hash));
    let skipping = AccountRecord { sequence: 2, ..second_record() };
    assert!(!skipping.follows(&record(), hash));
    let renamed = AccountRecord { username: username("mallory"), ..second_record() };
    assert!(!renamed.follows(&record(), hash));
    let taken_over = AccountRecord { account: bob().id(), ..second_record() };
    assert!(!taken_over.follows(&record(), hash));
    let last = AccountRecord { sequence: u64::MAX, ..second_record() };
    let after_last = AccountRecord { sequence: 0, ..second_record() };
    assert!(!after_last.follows(&last, hash));
}

#[test]
fn an_introduction_is_of_one_account_and_a_device_that_it_lists() {
    let identity = introduction().open().unwrap();
    assert_eq!(identity.account, alice().id());
    assert_eq!(identity.device, phone().id());
    assert_eq!(identity.username, username("alice"));

    let record = introduction().record;
    let refused = |introduction: Introduction| {
        let error = introduction.open().unwrap_err();
        assert!(matches!(error, DecodeError::Invalid(_)), "{error:?}");
    };
    refused(Introduction::new(record.clone(), phone().id(), NOW, &bob()));
    refused(Introduction::new(record.clone(), laptop().id(), NOW, &alice()));

    let swapped = Introduction {
        record: Signed::from_parts(record.body().to_vec(), *introduction().certificate.signature()),
        certificate: introduction().certificate,
    };
    assert_eq!(swapped.open(), Err(DecodeError::WrongSignature));
}

#[test]
fn a_receipt_names_ordered_ranges() {
    let open = |head, beyond: Vec<(u64, u64)>| {
        let held = Held { device: phone().id(), head, beyond: list(beyond) };
        let receipt = Receipt { have: list(vec![held]), ..receipt() };
        Signed::by_device(&receipt, &tablet()).open().map(drop)
    };
    let id = first_event().id;
    let head = |sequence| Some(Head { sequence, id });
    let wrong = Err(DecodeError::Invalid("ranges are not in order or out of bounds"));
    assert_eq!(open(None, vec![(1, 1), (2, 5)]), Ok(()));
    assert_eq!(open(head(0), vec![(2, NUMBER_MAX)]), Ok(()));
    assert_eq!(open(head(NUMBER_MAX), vec![]), Ok(()));
    assert_eq!(open(head(2), vec![(2, 4)]), wrong);
    assert_eq!(open(None, vec![(5, 4)]), wrong);
    assert_eq!(open(None, vec![(5, 6), (6, 7)]), wrong);
    assert_eq!(open(None, vec![(5, 6), (1, 2)]), wrong);
    assert_eq!(open(None, vec![(5, NUMBER_MAX + 1)]), wrong);
    assert_eq!(open(None, vec![(1, u64::MAX), (1, 2)]), wrong);
    assert_eq!(open(head(NUMBER_MAX + 1), vec![]), wrong);
    assert_eq!(open(head(u64::MAX), vec![(u64::MAX, u64::MAX)]), wrong);
}

#[test]
fn no_number_is_larger_than_databases_hold() {
    fn bounded<T: Signable>(value: impl Fn(u64) -> T) {
        assert_eq!(value(NUMBER_MAX).check(), Ok(()), "{}", T::DOMAIN);
        for number in [NUMBER_MAX + 1, u64::MAX] {
            let refused = Err(DecodeError::Invalid("a number is too large"));
            assert_eq!(value(number).check(), refused, "{}", T::DOMAIN);
        }
    }
    let second = || EventHeader { previous: Some(first_event().id), ..first_event().header };
    bounded(|sequence| AccountRecord { sequence, ..second_record() });
    bounded(|issued_at| AccountRecord { issued_at, ..record() });
    bounded(|issued_at| DeviceCertificate { issued_at, ..certificate() });
    bounded(|sequence| EventHeader { sequence, ..second() });
    bounded(|ms| EventHeader { clock: Clock { ms, counter: 0 }, ..first_event().header });
    bounded(|at| Receipt { at, ..receipt() });
}

#[test]
fn headers_keep_their_rules() {
    let open = |header: &EventHeader| Signed::by_device(header, &phone()).open();
    let header = first_event().header;
    let later = EventHeader { version: VERSION + 1, ..header.clone() };
    let without_previous = EventHeader { sequence: 1, ..header.clone() };
    let with_previous = EventHeader { previous: Some(first_event().id), ..header.clone() };
    let long = EventHeader { payload_length: 48 * 1024 + 1, ..header.clone() };
    for wrong in [later, without_previous, with_previous, long] {
        assert!(matches!(open(&wrong), Err(DecodeError::Invalid(_))), "{wrong:?}");
    }
    assert_eq!(
        open(&EventHeader { payload_length: 48 * 1024, ..header.clone() }).map(drop),
        Ok(())
    );
}

proptest! {
    #[test]
    fn a_signature_is_for_one_purpose_and_one_message(
        seed: [u8; 32],
        domain in "[a-z/]{0,12}",
        other_domain in "[a-z/]{0,12}",
        bytes: Vec<u8>,
        other_bytes: Vec<u8>,
    ) {
        let key = AccountKey::from_seed(seed);
        prop_assert_eq!(key.seed(), seed);
        let signature = key.sign(&domain, &bytes);
        let public = key.id();
        prop_assert_eq!(verify(public.as_bytes(), &domain, &bytes, &signature), Ok(()));
        let passes = verify(public.as_bytes(), &other_domain, &other_bytes, &signature).is_ok();
        prop_assert_eq!(passes, domain == other_domain && bytes == other_bytes);
    }

    #[test]
    fn where_a_domain_ends_is_signed(text in "[a-z]{2,20}", cut in 1_usize..20) {
        // The same bytes in a row, divided elsewhere.
        let cut = cut.min(text.len() - 1);
        let signature = alice().sign(&text, b"");
        let divided =
            verify(alice().id().as_bytes(), &text[..cut], &text.as_bytes()[cut..], &signature);
        prop_assert_eq!(divided, Err(DecodeError::WrongSignature));
    }
}
