//! What a release publishes, built and run: the static programs for Linux, the bundles for agents, the container, and the
//! files that name all of them.
//!
//! `.ci/run release` installs what is needed and runs these tests. The tests of the container need the superuser, because
//! they make namespaces and mounts.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../harness/agent.rs"]
#[expect(
    dead_code,
    reason = "these tests start other programs than the one that cargo built"
)]
mod agent;
mod bundles;
mod image;
#[path = "../harness/installed.rs"]
mod installed;
mod names;
#[path = "../harness/process.rs"]
#[expect(dead_code, reason = "these tests send no requests of their own")]
mod process;
mod programs;
