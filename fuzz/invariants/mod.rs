//! What must hold whatever bytes arrive: one function for each way in, which panics where it does
//! not.
//!
//! The fuzz targets call these, and so do `tests/it/fuzz_twins.rs`, by the corpus and what they make
//! of it. Where the service reads, the judge reads by other means: JSON by `serde_json`, timestamps
//! by hand.

mod accept;
mod answered;
mod at_once;
mod claim;
mod gateway;
mod instant;
mod mcp;
mod memory;
mod reading;
mod remembered;
mod rpc;
mod sent;

pub use accept::accept;
pub use gateway::gateway_event;
pub use mcp::mcp_message;
pub use memory::{envelope, tool_body};
