//! The service as its callers, its operators and its storage see it.
//!
//! One binary: `app.rs` is the harness, every other file a part of the contract.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod agent;
mod app;
mod bad_input;
mod command_line;
mod conduct;
mod disk_full;
mod durability;
mod endpoint;
mod events;
mod faults;
mod faulty;
mod fuzz_twins;
mod house;
mod installed;
mod jsonapi_schema;
mod lambda;
mod local_s3;
mod mcp;
mod mcp_clients;
mod mcp_wire;
mod misbehaving;
mod negotiation;
mod openapi;
mod outcomes;
mod peer;
mod power_loss;
mod process;
mod properties;
mod readme;
mod socket;
mod stdio;
mod surface;
mod time;
mod vectors;
mod wire_faults;
