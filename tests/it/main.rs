//! The service as its callers, its operators and its storage see it. These tests need only Rust and a C compiler.
//!
//! `app.rs` and the modules of `tests/harness` are the harness. Every other file tests a part of the contract.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../harness/agent.rs"]
mod agent;
mod app;
mod bad_input;
#[path = "../harness/change.rs"]
mod change;
mod change_faults;
mod changer;
mod changes;
mod collector;
mod command_line;
mod conduct;
mod connections;
mod contract;
mod damaged_object;
mod data_folder;
mod distant_recall;
mod durability;
mod endpoint;
mod erase;
mod erase_refused;
#[path = "../harness/erasure.rs"]
mod erasure;
mod events;
#[path = "../harness/exchange.rs"]
mod exchange;
mod faults;
#[path = "../harness/faulty.rs"]
mod faulty;
#[path = "../harness/folder.rs"]
mod folder;
mod fuzz_twins;
mod guard;
mod house;
#[path = "../harness/issuer.rs"]
mod issuer;
mod jsonapi_schema;
mod kept_connections;
mod lambda;
#[path = "../harness/local.rs"]
mod local;
mod local_s3;
mod login;
mod long_listing;
mod mcp;
mod mcp_client;
mod mcp_messages;
mod mcp_wire;
#[path = "../harness/message.rs"]
mod message;
mod metrics;
#[path = "../harness/misbehaving.rs"]
mod misbehaving;
mod negotiation;
#[path = "../harness/notice.rs"]
mod notice;
mod openapi;
mod openapi_changes;
mod openapi_recall;
mod outcomes;
mod pasted;
#[path = "../harness/place.rs"]
mod place;
#[path = "../harness/process.rs"]
mod process;
#[path = "../harness/reader.rs"]
mod reader;
mod reading;
mod readme;
mod recall;
mod recall_browsers;
mod recall_faults;
mod recall_lists;
mod recall_parameters;
mod recall_scopes;
mod recall_tools;
#[path = "../harness/receipt.rs"]
mod receipt;
mod record;
mod record_secrets;
mod runbook;
#[path = "../harness/s3_client.rs"]
mod s3_client;
#[path = "../harness/s3_suite.rs"]
mod s3_suite;
mod scopes;
mod search_command;
mod secrets;
#[path = "../harness/socket.rs"]
mod socket;
mod stdio;
#[path = "../harness/surface.rs"]
mod surface;
mod taught;
mod threat_model;
mod time;
mod tokens;
mod traces;
mod traces_lost;
mod vectors;
mod views;
#[path = "../harness/wire.rs"]
mod wire;
mod wire_faults;
