//! What recall reads of an embedded S3: complete or refused, inside its scopes, and at which cost.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod costs;
mod damage;
mod faults;
mod naive;
mod pages;
mod spoiled;
mod views;
mod world;
