//! memory-ingress takes one memory, stores it durably in Amazon S3, and confirms it only then.
//!
//! The way of a memory through the modules and crates:
//!
//! | step | module | in → out |
//! |---|---|---|
//! | 1 limits, caller, media types | [`http`] with [`guard`], [`caller`], [`origin`], [`media_type`] | request → bytes |
//! | 2 shape | [`http::shape`]: [`jsonapi`] or [`tool`] | bytes → [`memory_log::memory::Draft`] |
//! | 3 meaning | [`memory_log::memory`] | draft → [`memory_log::memory::Memory`] |
//! | 4 encoding | [`memory_log::object`] | memory → [`memory_log::object::Object`] |
//! | 5 durable write | [`memory_s3::writer`] | object → [`memory_s3::writer::Put`] |
//! | 6 the use case | [`remember`] | draft → [`remember::Receipt`] |
//! | 7 representation | [`jsonapi`], [`tool`], [`problem`] | receipt or failure → document |
//!
//! [`mcp`] is the protocol of agents; its calls join at step 2. `lambda` turns events of API Gateway
//! into requests. `server` reads requests from sockets, and `stdio` serves an agent on a pipe.
//! `client` calls a deployed service.
//! `openapi` generates the document of the HTTP interface. [`config`], [`clock`] and [`telemetry`]
//! are the settings, the time and the log. `docs/contract.md` is what all of this promises.

pub mod clock;
pub mod config;
pub mod telemetry;

pub mod caller;
pub mod guard;
pub mod media_type;
pub mod origin;
pub mod problem;

pub mod remember;

pub mod jsonapi;
pub mod mcp;
pub mod tool;

pub mod http;

#[cfg(feature = "local")]
pub mod client;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "local")]
pub mod openapi;
#[cfg(feature = "local")]
pub mod server;
#[cfg(feature = "local")]
pub mod stdio;
#[cfg(feature = "local")]
pub mod terminal;
