//! The OpenAPI documents and the real binary, tested by linters, generators and clients that others wrote. Each is
//! installed once from its registry, in the version that is named here.
//!
//! `.ci/run clients` runs these tests.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod documents;
mod examples;
mod generated;
#[path = "../harness/installed.rs"]
mod installed;
mod jsonapi;
mod places;
#[path = "../harness/process.rs"]
mod process;
#[path = "../harness/receipt.rs"]
mod receipt;
mod unreliable;
