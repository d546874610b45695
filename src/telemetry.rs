//! The log: one line for each request, on stderr.
//!
//! It never has a memory's content or metadata, nor a credential.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How lines are written.
#[derive(Debug, Clone, Copy)]
pub enum Format {
    /// For a person at a terminal.
    Text,
    /// For CloudWatch Logs: one JSON object a line.
    #[cfg(feature = "lambda")]
    Json,
}

/// Starts the log of this process.
pub fn init(format: Format, filter: &str) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match format {
        Format::Text => log.init(),
        #[cfg(feature = "lambda")]
        Format::Json => log.json().flatten_event(true).init(),
    }
}
