//! The log on stderr: its format and its filter.
//!
//! It never has a memory's content or metadata, nor credentials.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// How lines are written.
#[derive(Debug, Clone, Copy)]
pub enum Format {
    /// Text for a person at a terminal.
    Text,
    /// One JSON object a line, for CloudWatch Logs.
    #[cfg(feature = "lambda")]
    Json,
}

/// Whether a line may be shown at all. Our own line says what the SDK and the library of the embedded
/// S3 would say, once and with the request id. Below a warning the Lambda runtime shows whole events.
fn is_harmless(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let is_in_our_line = target.starts_with("aws_") || target.starts_with("s3s");
    !is_in_our_line && (!target.starts_with("lambda_") || *metadata.level() <= Level::WARN)
}

/// Starts the log of this process. No filter can show what a library must not show.
pub fn init(format: Format, filter: &str) {
    let ansi = std::io::stderr().is_terminal();
    let lines = fmt::layer()
        // A log whose reader has gone must not end the service.
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
