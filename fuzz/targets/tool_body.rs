//! The tool's body.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::tool_body(bytes));
