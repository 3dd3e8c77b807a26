//! Replays the fuzz corpus, and changes of it, without a fuzzer.

use std::{collections::BTreeMap, io::Write as _, path::PathBuf};

use ::image::ImageFormat;
use proptest::prelude::*;
use wire::key::AccountKey;

use super::*;
use crate::{backup::age::Sealer, core::tests::siege::HARMLESS};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// A target's inputs by the names of their files, in order.
fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder().join(target)).unwrap();
    let files = entries.map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    });
    files.collect()
}

/// An archive as an export makes it, but small.
fn small_archive() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let blob = "ab".repeat(32);
    let names = ["device.key", "account.key", "messages.sqlite", &format!("blobs/{blob}")];
    for name in names {
        let mut header = tar::Header::new_gnu();
        header.set_size(32);
        header.set_mode(0o600);
        archive.append_data(&mut header, name, &[7; 32][..]).unwrap();
    }
    archive.into_inner().unwrap()
}

fn small_backup() -> Vec<u8> {
    let mut sealer = Sealer::with_work(Vec::new(), PASSPHRASE, 1).unwrap();
    sealer.write_all(&[b'x'; 300]).unwrap();
    sealer.finish().unwrap()
}

/// A page with rows of the table of names and values, and one whose row overflows.
fn pages() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small");
    let database = rusqlite::Connection::open(&path).unwrap();
    let rows = "PRAGMA page_size = 512; CREATE TABLE meta(key TEXT, value BLOB);
        INSERT INTO meta VALUES ('told', x'0102'), ('registered', zeroblob(600));
        INSERT INTO meta VALUES ('replaces', 7), (NULL, 1.5), ('', 1 << 40);";
    database.execute_batch(rows).unwrap();
    drop(database);
    let bytes = fs::read(path).unwrap();
    [&bytes[512..1024], &bytes[512..1024]].concat()
}

fn small_image(format: ImageFormat) -> Vec<u8> {
    let picture = ::image::RgbImage::from_fn(9, 7, |x, y| ::image::Rgb([x as u8, y as u8, 99]));
    let mut bytes = io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Inputs to begin with.
fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let words = phrase::words(&AccountKey::from_seed([7; 32]));
    let send = r##"{"do":"send","id":1,"to":"#rust","text":"hi","reply_to":"00","file":"x"}"##;
    vec![
        ("archive", "whole", small_archive()),
        ("backup", "whole", small_backup()),
        ("blob_stream", "as_it_is", vec![0]),
        ("blob_stream", "changed", vec![0, 0, 90, 1, 9]),
        ("blob_stream", "cut", vec![2, 1, 0, 0, 255]),
        ("command", "history", br#"{"do":"history","of":"@bob","limit":3}"#.to_vec()),
        ("command", "send", send.as_bytes().to_vec()),
        ("database", "rows", pages()),
        ("file_name", "plain", b"a picture.png".to_vec()),
        ("file_name", "sly", "..\\\u{202e}gnp.exe/ CON .txt".as_bytes().to_vec()),
        ("image", "gif", small_image(ImageFormat::Gif)),
        ("image", "jpeg", small_image(ImageFormat::Jpeg)),
        ("image", "png", small_image(ImageFormat::Png)),
        ("image", "webp", small_image(ImageFormat::WebP)),
        ("phrase", "whole", words.into_bytes()),
        ("sync_machine", "harmless", HARMLESS.to_vec()),
    ]
}

/// Writes them with `WRITE_CORPUS=1`, for use after a target was added.
#[test]
fn there_is_something_to_begin_with() {
    for (target, name, bytes) in seeds() {
        let file = folder().join(target).join(name);
        if std::env::var_os("WRITE_CORPUS").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &bytes).unwrap();
        }
        assert!(file.is_file(), "{} is missing", file.display());
    }
    let whole = |target: &str, name: &str| corpus(target)[name].clone();
    assert!(Opener::new(&whole("backup", "whole")[..], PASSPHRASE).is_ok());
    assert!(salvage::rows_on(&whole("database", "rows"), 2, &[0; 512]) > 0);
    assert!(media::decode_limited(&whole("image", "webp"), 9).is_ok());
}

#[test]
fn what_must_hold_holds_for_the_corpus() {
    for (name, target) in TARGETS {
        for input in corpus(name).values() {
            target(input);
        }
    }
}

#[test]
fn each_target_has_a_file_and_each_folder_a_target() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        let file = folder().with_file_name("fuzz_targets").join(format!("{name}.rs"));
        let body = fs::read_to_string(&file).unwrap();
        assert!(body.contains(&format!("fuzzing::{name}(input)")), "{}", file.display());
    }
    let entries = fs::read_dir(folder()).unwrap();
    let mut folders: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, names);
}

/// How bytes are changed: where, how, and with what.
type Change = (prop::sample::Index, u8, Vec<u8>);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let bytes = prop::collection::vec(any::<u8>(), 1..12);
    prop::collection::vec((any::<prop::sample::Index>(), 0u8..5, bytes), 1..6)
}

fn change(bytes: &mut Vec<u8>, (place, kind, new): &Change) {
    let place = place.index(bytes.len() + 1);
    let end = (place + new.len()).min(bytes.len());
    match kind {
        0 => bytes.truncate(place),
        1 => drop(bytes.drain(place..end)),
        2 => drop(bytes.splice(place..place, new.iter().copied())),
        3 => drop(bytes.splice(place..end, new.iter().copied())),
        _ => bytes[place..end].iter_mut().zip(new).for_each(|(byte, new)| *byte ^= new & 0x11),
    }
}

proptest! {
    #[test]
    fn what_must_hold_holds_for_changes_of_the_corpus(
        which in any::<prop::sample::Index>(),
        changes in changes(),
    ) {
        for (name, target) in TARGETS {
            let inputs: Vec<_> = corpus(name).into_values().collect();
            let mut input = inputs[which.index(inputs.len())].clone();
            for it in &changes {
                change(&mut input, it);
            }
            target(&input);
        }
    }
}
