//! Replays the fuzz corpus, and mutations of it, without a fuzzer.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::{fuzz_bodies::TARGETS, mutation::Mutator, vectors::formats};

/// Inputs that each target gets beside its corpus.
const MUTATIONS: usize = 4000;

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

#[test]
fn what_must_hold_holds_for_the_corpus() {
    for (name, target) in TARGETS {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "no corpus for {name}");
        for input in inputs.values() {
            target(input);
        }
    }
}

#[test]
fn what_must_hold_holds_for_mutations_of_the_corpus() {
    for (name, target) in TARGETS {
        let inputs: Vec<_> = corpus(name).into_values().collect();
        let mut mutator = Mutator::new(1);
        for number in 0..MUTATIONS {
            let input = mutator.next(&inputs);
            let held = std::panic::catch_unwind(|| target(&input));
            assert!(held.is_ok(), "mutation {number} of {name}: {input:02x?}");
        }
    }
}

/// Writes them with `WRITE_CORPUS=1`, for use after a format was added.
#[test]
fn golden_vectors_are_in_the_corpus() {
    for vector in formats() {
        let file = folder().join(&vector.name);
        if std::env::var_os("WRITE_CORPUS").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &vector.bytes).unwrap();
        }
        let found = fs::read(&file).unwrap_or_default();
        assert!(found == vector.bytes, "{} is not the golden vector", file.display());
    }
}

#[test]
fn each_target_has_a_file_and_each_folder_a_target() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        let file = folder().with_file_name("fuzz_targets").join(format!("{name}.rs"));
        let body = fs::read_to_string(&file).unwrap();
        assert!(body.contains(&format!("wire_fuzz::{name}(input)")), "{}", file.display());
    }
    let mut folders: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, names);
}
