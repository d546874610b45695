//! What needs programs from the package registries: another S3, a verifier of signatures, an authorization server, and
//! the conformance suite and the clients of MCP. Each is installed once, in the version that is named here. The browser is
//! Debian's.
//!
//! `.ci/run peers` runs these tests.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../harness/agent.rs"]
mod agent;
mod browser;
mod buckets;
mod conduct;
mod endpoint;
mod erase;
#[path = "../harness/erasure.rs"]
mod erasure;
#[path = "../harness/exchange.rs"]
mod exchange;
#[path = "../harness/folder.rs"]
mod folder;
mod gateway;
#[path = "../harness/installed.rs"]
mod installed;
mod login;
mod mcp_clients;
mod mcp_wire;
#[path = "../harness/message.rs"]
mod message;
mod moto;
#[path = "../harness/notice.rs"]
mod notice;
#[path = "../harness/place.rs"]
mod place;
#[path = "../harness/process.rs"]
mod process;
#[path = "../harness/s3_client.rs"]
mod s3_client;
#[path = "../harness/s3_suite.rs"]
mod s3_suite;
#[path = "../harness/wire.rs"]
mod wire;
