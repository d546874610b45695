//! A response to the client of a deployed service.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::verdict(bytes));
