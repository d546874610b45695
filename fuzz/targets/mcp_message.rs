//! A message of MCP, after a byte for its transport and header fields.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::mcp_message(bytes));
