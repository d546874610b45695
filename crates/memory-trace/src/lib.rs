//! Traces: the spans of a request, and how they get to a collector of OpenTelemetry.
//!
//! | module | what it holds |
//! |---|---|
//! | [`span`] | a span, which has no size without the feature `otel` |
//! | [`settings`] | where spans go, by the variables that OpenTelemetry defines |
//! | `export` | the layer of `tracing` that sends spans (feature `otel`) |
//! | `collector` | the HTTP client of a collector (feature `otel`) |
//!
//! Invariant: only spans that this crate makes are exported, and no line of the log. Whoever fills a span
//! follows the rule of the record: never content, metadata, queries, reasons, tokens or keys of an API.

pub mod settings;
pub mod span;

#[cfg(feature = "otel")]
mod collector;
#[cfg(feature = "otel")]
pub mod export;
