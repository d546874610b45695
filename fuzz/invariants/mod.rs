//! What holds for any bytes: one function for each kind of input, which panics if something does not
//! hold.
//!
//! The fuzz targets and `tests/it/fuzz_twins.rs` call these functions, the latter with the corpus and
//! with inputs that they generate. The checks do not read an input with the code under test: they read
//! JSON with `serde_json`, and timestamps and keys with readers of their own.

mod accept;
mod all_faults;
mod gateway;
mod instant;
mod key;
mod mcp;
mod memory;
mod problem;
mod reading;
mod response;
mod rpc;
mod sent;
mod subject;
mod verdict;

pub use accept::accept;
pub use gateway::gateway_event;
pub use key::key;
pub use mcp::mcp_message;
pub use memory::{envelope, tool_body};
pub use verdict::verdict;
