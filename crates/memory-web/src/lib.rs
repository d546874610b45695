//! What both halves of the service need of HTTP, JSON:API, MCP and Lambda: the frames around their
//! documents, and the checks before a request means anything.
//!
//! | module | what it holds |
//! |---|---|
//! | [`telemetry`], [`record`], [`config`] | the log, the line of a request in it, and the settings of the environment |
//! | [`terminal`] | texts of others, shown where a person reads |
//! | [`caller`], [`origin`], [`guard`] | who may call, and which browser pages may |
//! | [`login`] | where an agent without a token logs in |
//! | [`media_type`], [`body`], [`query`] | what a request may declare and send |
//! | [`problem`] | what a caller is told about a failure |
//! | [`documents`], [`flat`] | the frame of JSON:API documents, and the flat form |
//! | [`mcp`] | the Model Context Protocol, for any tools |
//! | [`http`] | endpoints, and the checks in front of them |
//! | `lambda` | events of API Gateway and function URLs, as requests (feature `lambda`) |
//! | `allocator` | what programs for musl allocate with |
//!
//! Invariant: nothing here knows a use case, S3 or AWS's SDK.

pub mod caller;
pub mod media_type;
pub mod origin;

pub mod problem;

pub mod telemetry;
pub mod terminal;

pub mod login;

pub mod config;

pub mod body;
pub mod guard;
pub mod query;

pub mod documents;
pub mod flat;
pub mod mcp;

pub mod record;

pub mod http;

#[cfg(feature = "lambda")]
pub mod lambda;

#[cfg(target_env = "musl")]
mod allocator;
