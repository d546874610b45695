//! The JSON of an API Gateway event.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::gateway_event(bytes));
