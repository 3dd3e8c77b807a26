#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| peer_client::fuzzing::backup(input));
