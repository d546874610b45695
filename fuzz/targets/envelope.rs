//! A JSON:API document.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::envelope(bytes));
