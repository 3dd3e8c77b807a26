use std::io::{Read as _, Write as _};

use super::age::{OpenError, Opener, Sealer};

fn seal(plain: &[u8]) -> Vec<u8> {
    let mut sealer = Sealer::new(Vec::new(), "a frog in a bog").unwrap();
    sealer.write_all(plain).unwrap();
    sealer.finish().unwrap()
}

fn open(sealed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    let mut opener = Opener::new(sealed, "a frog in a bog").map_err(std::io::Error::other)?;
    opener.read_to_end(&mut plain)?;
    Ok(plain)
}

#[test]
fn what_is_sealed_is_opened() {
    for length in [0, 1, 65_535, 65_536, 65_537, 3 * 65_536] {
        let plain: Vec<u8> = (0..length).map(|number: u32| number as u8).collect();
        let sealed = seal(&plain);
        assert_eq!(open(&sealed).unwrap(), plain, "{length} bytes");
    }
}

#[test]
fn a_wrong_passphrase_is_told_from_a_damaged_file() {
    let sealed = seal(&vec![7; 100_000]);
    let wrong = Opener::new(&sealed[..], "a toad in a road");
    assert!(matches!(wrong.err(), Some(OpenError::Passphrase)));
    assert!(matches!(Opener::new(&b"text\n"[..], "x").err(), Some(OpenError::Format)));
    for cut in [1, 16, 34_000, 40_000] {
        assert!(open(&sealed[..sealed.len() - cut]).is_err(), "{cut} bytes less");
    }
    let mut changed = sealed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(open(&changed).is_err());
    let mut longer = sealed;
    longer.push(0);
    assert!(open(&longer).is_err());
}

#[test]
fn a_file_may_not_demand_endless_work() {
    let header = "age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 40\nAAAA\n--- AAAA\n";
    assert!(matches!(Opener::new(header.as_bytes(), "x").err(), Some(OpenError::Work)));
}

/// Made by another program for the format (rage, through pyrage 1.4).
#[test]
fn a_file_of_another_program_is_opened() {
    let sealed = include_bytes!("tests/other.age");
    assert_eq!(open(sealed).unwrap(), b"made by another program\n");
}
