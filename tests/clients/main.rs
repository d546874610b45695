//! Programs of others that read the OpenAPI documents, and clients of others, against the real
//! binary. They are installed once from their registries, in the versions that are named here.
//!
//! A binary of its own, since these take minutes, and tests of `it` measure time.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod documents;
mod examples;
mod generated;
#[path = "../it/installed.rs"]
mod installed;
mod jsonapi;
mod places;
#[path = "../it/process.rs"]
#[expect(dead_code, reason = "the harness has more than these tests need")]
mod process;
mod unreliable;
