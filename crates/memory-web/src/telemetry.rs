//! The log on stderr: its format and its filter.
//!
//! It never has a memory's content or metadata, nor credentials.

use std::io::IsTerminal;

use tracing_subscriber::filter::{FilterExt, LevelFilter, ParseError, Targets};
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

/// What a filter of the settings shows: a level, or `target=level` for the modules whose path begins
/// with the target, separated by commas.
///
/// # Errors
/// The text is something else.
pub fn shown(filter: &str) -> Result<Targets, ParseError> {
    let directives = filter.split(',').map(str::trim);
    let given: Vec<_> = directives
        .filter(|directive| !directive.is_empty())
        .collect();
    given.join(",").parse()
}

/// What may be shown at all. Our own line says what the SDK and the library of the embedded S3 would
/// say, once and with the request id. Below a warning the Lambda runtime shows whole events.
fn harmless() -> Targets {
    Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_target("aws_", LevelFilter::OFF)
        .with_target("s3s", LevelFilter::OFF)
        .with_target("lambda_", LevelFilter::WARN)
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
    let shown = shown(filter).unwrap_or_default().and(harmless());
    tracing_subscriber::registry()
        .with(lines.with_filter(shown))
        .init();
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    /// Whether a filter shows a line, if it may be shown at all.
    fn shows(filter: &str, target: &str, level: Level) -> bool {
        let shown = shown(filter).unwrap();
        shown.would_enable(target, &level) && harmless().would_enable(target, &level)
    }

    #[test]
    fn a_filter_is_a_level_or_levels_by_target() {
        assert!(shows("info", "memory_web::http", Level::INFO));
        assert!(!shows("info", "memory_web::http", Level::DEBUG));
        let several = " warn, memory_web=debug,,";
        assert!(shows(several, "memory_web::http", Level::DEBUG));
        assert!(shows(several, "hyper", Level::WARN));
        assert!(!shows(several, "hyper", Level::INFO));
        assert!(!shows("off", "memory_ingress", Level::ERROR));
        for mistake in ["a=b=c", "memory_ingress=loud", "=nonsense="] {
            assert!(shown(mistake).is_err(), "{mistake}");
        }
    }

    #[test]
    fn no_filter_shows_what_a_library_must_not_show() {
        for filter in [
            "trace",
            "trace,aws_sigv4=trace,s3s::service=trace,lambda_runtime=trace",
        ] {
            for target in [
                "aws_sigv4::http_request",
                "aws_smithy_runtime",
                "s3s",
                "s3s_aws",
            ] {
                assert!(!shows(filter, target, Level::ERROR), "{target} by {filter}");
            }
            assert!(shows(filter, "lambda_runtime", Level::WARN));
            assert!(!shows(filter, "lambda_runtime", Level::INFO));
            assert!(shows(filter, "memory_ingress", Level::TRACE));
        }
    }

    #[test]
    fn a_level_ends_the_lines_below_it_before_they_are_made() {
        let both: &dyn tracing_subscriber::layer::Filter<tracing_subscriber::Registry> =
            &shown("info").unwrap().and(harmless());
        assert_eq!(both.max_level_hint(), Some(LevelFilter::INFO));
    }
}
