//! Changes of a memory's status, over the embedded S3 and the real client.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod failures;
mod races;
mod replayed;
mod steps;
mod world;
