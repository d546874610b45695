//! The value of an `Accept` field.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::accept(bytes));
