//! The encodings that version 1 has for ever: `golden.txt` only ever grows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::vectors::{derivations, formats};

fn golden() -> BTreeMap<&'static str, Vec<u8>> {
    let lines = include_str!("golden.txt").lines();
    let mut vectors = BTreeMap::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, hex) = line.split_once(' ').unwrap();
        let bytes = (0..hex.len()).step_by(2);
        let bytes = bytes.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        assert!(vectors.insert(name, bytes).is_none(), "{name} is there twice");
    }
    vectors
}

fn line(name: &str, bytes: &[u8]) -> String {
    let mut line = format!("{name} ");
    for byte in bytes {
        write!(line, "{byte:02x}").unwrap();
    }
    line
}

#[test]
fn encodings_are_the_golden_vectors() {
    let golden = golden();
    let formats = formats().into_iter().map(|vector| (vector.name, vector.bytes));
    let derived = derivations().into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    let mut differing = String::new();
    let mut names = BTreeSet::new();
    for (name, bytes) in formats.chain(derived) {
        if golden.get(name.as_str()) != Some(&bytes) {
            writeln!(differing, "{}", line(&name, &bytes)).unwrap();
        }
        names.insert(name);
    }
    assert!(differing.is_empty(), "not as in golden.txt, which has no such line:\n{differing}");
    let untested: Vec<_> = golden.keys().filter(|name| !names.contains(**name)).collect();
    assert!(untested.is_empty(), "golden.txt has vectors that no test makes: {untested:?}");
}

#[test]
fn golden_vectors_are_read_as_their_values() {
    let golden = golden();
    for vector in formats() {
        let bytes = &golden[vector.name.as_str()];
        assert_eq!((vector.is_example)(bytes), Ok(true), "{}", vector.name);
    }
}

/// The hex of an annotated example: what stands before the notes, which begin in a fixed column.
fn annotated_hex(example: &str) -> String {
    let hex = example.lines().map(|line| line.get(..54).unwrap_or(line));
    hex.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn the_examples_of_the_specification_are_golden_vectors() {
    let specification = include_str!("../../../docs/protocol.md");
    let (_, examples) = specification.split_once("## Annotated examples").unwrap();
    let golden = include_str!("golden.txt");
    let mut found = 0;
    for example in examples.split("```").skip(1).step_by(2).flat_map(|it| it.split("\n\n")) {
        let hex = if example.trim().starts_with("natterjack:") {
            let link: String = example.split_whitespace().collect();
            line("", link.as_bytes()).trim().to_owned()
        } else {
            annotated_hex(example)
        };
        let is_golden = golden.lines().any(|line| line.ends_with(&format!(" {hex}")));
        assert!(is_golden, "not in golden.txt: {example}");
        found += 1;
    }
    assert_eq!(found, 8);
}
