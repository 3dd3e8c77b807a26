//! The registry's rules, alone.

use proptest::prelude::*;
use rendezvous_server::names::{Change, NameEntry, RegisterError, register};
use wire::{
    account::AccountRecord,
    id::{DeviceId, Hash, Signature},
    rendezvous::Refusal,
    signed::Signed,
};

use crate::{
    memory_names::MemoryNames,
    people::{device, first_record, record, sign},
};

fn try_register(
    store: &mut MemoryNames,
    signed: &Signed<AccountRecord>,
    device: DeviceId,
) -> Result<Change, Refusal> {
    let entry = NameEntry::open(signed.clone())?;
    match register(store, &entry, device, |_| Ok(())) {
        Ok(change) => Ok(change),
        Err(RegisterError::Refused(refusal)) => Err(refusal),
        Err(RegisterError::Store(never)) => match never {},
    }
}

#[test]
fn a_free_name_is_taken_and_taken_up_again() {
    let mut store = MemoryNames::default();
    let bob = first_record(1, "bob");
    assert_eq!(try_register(&mut store, &bob, device(1)), Ok(Change::NewName));
    assert_eq!(try_register(&mut store, &bob, device(1)), Ok(Change::None));
}

#[test]
fn a_name_and_its_look_alikes_belong_to_one_account() {
    let mut store = MemoryNames::default();
    try_register(&mut store, &first_record(1, "paul"), device(1)).unwrap();
    for other in ["paul", "pau1", "PAUL"] {
        let refusal = try_register(&mut store, &first_record(2, other), device(2));
        assert_eq!(refusal, Err(Refusal::NameTaken), "{other}");
    }
    assert_eq!(try_register(&mut store, &first_record(2, "paula"), device(2)), Ok(Change::NewName));
}

#[test]
fn an_account_has_one_name() {
    let mut store = MemoryNames::default();
    let bob = first_record(1, "bob");
    try_register(&mut store, &bob, device(1)).unwrap();
    let rob = first_record(1, "rob");
    assert_eq!(try_register(&mut store, &rob, device(1)), Err(Refusal::TooMany));
    let renamed = record(1, "rob", &[device(1)], Some(&bob));
    assert_eq!(try_register(&mut store, &renamed, device(1)), Err(Refusal::TooMany));
}

#[test]
fn the_chain_grows_by_one_and_never_forks() {
    let mut store = MemoryNames::default();
    let first = first_record(1, "bob");
    let second = record(1, "bob", &[device(1), device(2)], Some(&first));
    let third = record(1, "bob", &[device(2)], Some(&second));
    let fork = record(1, "bob", &[device(1), device(3)], Some(&first));
    try_register(&mut store, &first, device(1)).unwrap();
    assert_eq!(try_register(&mut store, &third, device(2)), Err(Refusal::RecordInvalid), "gap");
    assert_eq!(try_register(&mut store, &second, device(2)), Ok(Change::NewRecord));
    assert_eq!(try_register(&mut store, &fork, device(1)), Err(Refusal::RecordInvalid), "fork");
    assert_eq!(try_register(&mut store, &first, device(1)), Err(Refusal::RecordOutdated));
    assert_eq!(try_register(&mut store, &third, device(2)), Ok(Change::NewRecord));
    assert_eq!(try_register(&mut store, &third, device(1)), Err(Refusal::RecordInvalid), "device");
}

#[test]
fn a_wrong_previous_record_is_refused() {
    let mut store = MemoryNames::default();
    try_register(&mut store, &first_record(1, "bob"), device(1)).unwrap();
    let wrong = sign(1, "bob", &[device(1)], (1, Some(Hash::of(b"another"))));
    assert_eq!(try_register(&mut store, &wrong, device(1)), Err(Refusal::RecordInvalid));
}

#[test]
fn a_new_name_begins_its_chain() {
    let mut store = MemoryNames::default();
    let late = sign(1, "bob", &[device(1)], (3, Some(Hash::of(b"unknown"))));
    assert_eq!(try_register(&mut store, &late, device(1)), Err(Refusal::RecordInvalid));
}

#[test]
fn a_record_speaks_for_its_devices_only() {
    let mut store = MemoryNames::default();
    let bob = first_record(1, "bob");
    assert_eq!(try_register(&mut store, &bob, device(2)), Err(Refusal::RecordInvalid));
}

#[test]
fn a_forged_or_malformed_record_is_refused() {
    let bob = first_record(1, "bob");
    let mut signature = *bob.signature().as_bytes();
    signature[3] ^= 1;
    let forged = Signed::from_parts(bob.body().to_vec(), Signature::new(signature));
    assert_eq!(NameEntry::open(forged), Err(Refusal::RecordInvalid));
    let cut = Signed::from_parts(bob.body()[1..].to_vec(), *bob.signature());
    assert_eq!(NameEntry::open(cut), Err(Refusal::RecordInvalid));
}

#[test]
fn who_is_not_admitted_can_only_come_back() {
    let mut store = MemoryNames::default();
    let bob = NameEntry::open(first_record(1, "bob")).unwrap();
    let refuse = |_: &mut MemoryNames| Err(RegisterError::Refused(Refusal::NotAdmitted));
    let refused = register(&mut store, &bob, device(1), refuse);
    assert!(matches!(refused, Err(RegisterError::Refused(Refusal::NotAdmitted))), "{refused:?}");
    register(&mut store, &bob, device(1), |_| Ok(())).unwrap();
    assert!(matches!(register(&mut store, &bob, device(1), refuse), Ok(Change::None)));
}

/// A registration: account, name, sequence, whether it names the stored record as its previous
/// one, and whether the device is one of its own.
type Step = (u8, usize, u64, bool, bool);

const NAMES: [&str; 4] = ["bob", "b0b", "modern", "modem"];
/// Names that look alike have one number.
const LOOKS: [usize; 4] = [0, 0, 1, 1];

/// What the rules say, over a list of (account, name, sequence, hash).
fn expected(
    known: &[(u8, usize, u64, Hash)],
    (account, name, sequence, linked, own): Step,
    hash: Hash,
) -> Result<Change, Refusal> {
    if !own {
        return Err(Refusal::RecordInvalid);
    }
    let Some((_, known_name, known_sequence, known_hash)) =
        known.iter().find(|(it, ..)| *it == account)
    else {
        return match known.iter().any(|(_, it, ..)| LOOKS[*it] == LOOKS[name]) {
            true => Err(Refusal::NameTaken),
            false if sequence > 0 => Err(Refusal::RecordInvalid),
            false => Ok(Change::NewName),
        };
    };
    match sequence.cmp(known_sequence) {
        _ if name != *known_name => Err(Refusal::TooMany),
        _ if hash == *known_hash => Ok(Change::None),
        std::cmp::Ordering::Less => Err(Refusal::RecordOutdated),
        std::cmp::Ordering::Greater if sequence == known_sequence + 1 && linked => {
            Ok(Change::NewRecord)
        }
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => Err(Refusal::RecordInvalid),
    }
}

proptest! {
    // Each step signs and checks a record.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_registry_agrees_with_its_rules(
        steps in prop::collection::vec((1u8..4, 0usize..4, 0u64..4, any::<bool>(), prop::bool::weighted(0.9)), 1..60)
    ) {
        let mut store = MemoryNames::default();
        let mut known: Vec<(u8, usize, u64, Hash)> = Vec::new();
        for step in steps {
            let (account, name, sequence, linked, own) = step;
            let stored = known.iter().find(|(it, ..)| *it == account).map(|it| it.3);
            let previous = match stored {
                _ if sequence == 0 => None,
                Some(hash) if linked => Some(hash),
                _ => Some(Hash::of(b"another")),
            };
            let signed = sign(account, NAMES[name], &[device(account)], (sequence, previous));
            let by = if own { device(account) } else { device(9) };
            let result = try_register(&mut store, &signed, by);
            prop_assert_eq!(result, expected(&known, step, signed.hash()));
            if matches!(result, Ok(Change::NewName | Change::NewRecord)) {
                known.retain(|(it, ..)| *it != account);
                known.push((account, name, sequence, signed.hash()));
            }
            prop_assert_eq!(store.0.len(), known.len());
        }
    }
}
