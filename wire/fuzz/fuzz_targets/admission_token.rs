#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| wire_fuzz::admission_token(input));
