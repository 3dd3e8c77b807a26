//! Scenarios: a server and peers as real processes over real sockets, told apart by matter.
//!
//! One alone: `tests/run.sh --test e2e groups::five`; any part of a name will do.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod changes;
mod command_line;
mod contract;
mod crash;
mod devices;
mod diagnostics;
mod direct;
mod disk;
mod files;
mod groups;
mod names;
mod node;
mod offline;
mod relay_only;
mod restart;
mod survival;
mod window;

/// A file beside this one that nobody declares would be compiled by nobody.
#[test]
fn every_file_is_declared() {
    let declarations = include_str!("main.rs");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let declared = name == "main" || declarations.contains(&format!("\nmod {name};\n"));
        assert!(declared, "{} is not declared", path.display());
    }
}
