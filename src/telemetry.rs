//! The log: one line for each request, on stderr.
//!
//! It never has a memory's content or metadata, nor a credential.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// How lines are written.
#[derive(Debug, Clone, Copy)]
pub enum Format {
    /// For a person at a terminal.
    Text,
    /// For CloudWatch Logs: one JSON object a line.
    #[cfg(feature = "lambda")]
    Json,
}

/// Whether a line may be shown at all. What the SDK and the embedded S3's library tell is told by
/// our own line, once and with the request id; below a warning the runtime shows whole events.
fn is_harmless(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let is_told_by_us = target.starts_with("aws_") || target.starts_with("s3s");
    !is_told_by_us && (!target.starts_with("lambda_") || *metadata.level() <= Level::WARN)
}

/// Starts the log of this process. No filter makes a library tell what it must not.
pub fn init(format: Format, filter: &str) {
    let ansi = std::io::stderr().is_terminal();
    let lines = fmt::layer()
        // A log that nobody reads any more must not end the service.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_target(false);
    let lines = match format {
        Format::Text => lines.boxed(),
        #[cfg(feature = "lambda")]
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    let shown = EnvFilter::new(filter).and(filter_fn(is_harmless));
    tracing_subscriber::registry()
        .with(lines.with_filter(shown))
        .init();
}
