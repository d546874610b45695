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

/// Libraries that a filter cannot make talkative: at `debug` they show requests and what they are
/// signed with.
const QUIET: &[&str] = &[
    "s3s=off",
    "aws_config=warn",
    "aws_runtime=warn",
    "aws_sdk_s3=warn",
    "aws_sigv4=warn",
    "aws_smithy_http_client=warn",
    "aws_smithy_runtime=warn",
    "aws_smithy_runtime_api=warn",
    "lambda_runtime=warn",
];

/// Starts the log of this process.
pub fn init(format: Format, filter: &str) {
    let quiet = QUIET.iter().filter_map(|directive| directive.parse().ok());
    let filter = quiet.fold(EnvFilter::new(filter), EnvFilter::add_directive);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match format {
        Format::Text => log.init(),
        #[cfg(feature = "lambda")]
        Format::Json => log.json().flatten_event(true).init(),
    }
}
