//! What needs programs and rights of the operating system: strace, script, and mounts.
//!
//! `.ci/run os` installs the programs and runs these tests.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../harness/change.rs"]
mod change;
mod disk_full;
mod durability;
#[path = "../harness/folder.rs"]
mod folder;
mod folder_around;
mod folders_read;
#[path = "../harness/local.rs"]
mod local;
#[path = "../harness/notice.rs"]
mod notice;
mod one_case;
mod power_loss;
#[path = "../harness/process.rs"]
mod process;
#[path = "../harness/receipt.rs"]
mod receipt;
mod terminal;
mod tool;
mod trace;
