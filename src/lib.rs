//! memory-ingress takes one memory, stores it durably in Amazon S3, and says yes only then.
//!
//! The modules stand in the order of a memory's way:
//!
//! | step | module | in → out |
//! |---|---|---|
//! | 1 limits, media types | [`http`] with [`guard`], `body`, [`accept`], [`query`] | request → bytes |
//! | 2 shape | [`json`], [`shape`]: [`jsonapi`] or [`tool`] | bytes → [`memory::Draft`] |
//! | 3 meaning | [`memory`] with [`metadata`] and [`timestamp`] | draft → [`memory::Memory`] |
//! | 4 encoding | [`object`] | memory → [`object::Object`] |
//! | 5 durable write | [`store`] | object → [`store::Put`] |
//! | 6 the use case | [`remember`] | draft → [`remember::Receipt`] |
//! | 7 representation | [`problem`], [`jsonapi`], [`tool`] | receipt or failure → document |
//!
//! Beside the way: [`mcp`], the protocol of agents, whose calls join it at step 2; [`openapi`], [`config`], [`telemetry`], `lambda`, which reads the
//! events of API Gateway, and `local_s3`, the embedded S3.

pub mod http;

pub mod accept;
mod body;
pub mod guard;
pub mod query;

pub mod json;
pub mod shape;

pub mod jsonapi;
pub mod tool;

pub mod mcp;

pub mod memory;
pub mod metadata;
pub mod timestamp;

pub mod object;

pub mod store;

pub mod remember;

pub mod problem;

pub mod config;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "local")]
pub mod local_s3;
pub mod openapi;
pub mod telemetry;
