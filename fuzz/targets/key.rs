//! A key of the bucket.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::key(bytes));
