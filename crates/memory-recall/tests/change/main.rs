//! Changes of a memory's status, over the embedded S3 and the real client.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod failures;
mod history;
mod races;
mod replayed;
mod steps;
mod verdict;
mod world;
