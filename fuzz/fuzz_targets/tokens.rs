#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pollinator_fuzz::tokens(input));
