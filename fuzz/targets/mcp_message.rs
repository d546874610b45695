//! A message of MCP, after a byte for how it arrives.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::mcp_message(bytes));
