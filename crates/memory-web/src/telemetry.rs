//! The log on stderr: its format and its filter.
//!
//! A request has one line in it, its record. Other lines are about the process. None has a memory's
//! content or metadata, nor credentials.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use memory_trace::settings::Settings;
use tracing::Level;
use tracing_subscriber::filter::{FilterExt, LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::problem::Severity;

/// Where the log of this process goes.
#[derive(Debug, Clone)]
pub enum Reader {
    /// CloudWatch Logs, as the log of this function: JSON with metrics.
    CloudWatch {
        /// The name of the function.
        function: String,
    },
    /// Whoever reads stderr: a person at a terminal, and else a program, which gets JSON.
    Stderr,
}

/// What the lines of records look like.
#[derive(Debug)]
pub(crate) enum Form {
    /// Text for a person.
    Text,
    /// A JSON object.
    Json,
    /// A JSON object with metrics in it.
    Metrics {
        /// The function that they are of.
        function: String,
    },
}

/// The log of this process, as far as records need it.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) form: Form,
    /// Whether names of domains and entities are hashed.
    pub(crate) hashes_names: bool,
    shown: Targets,
}

/// By which name a filter can name records.
const RECORDS: &str = "memory_web::record";

impl Log {
    /// Whether a record is shown. Alarms rest on those with metrics, so no filter hides them.
    pub(crate) fn shows(&self, severity: Severity) -> bool {
        let level = match severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARN,
            Severity::Info => Level::INFO,
        };
        match self.form {
            Form::Metrics { .. } => true,
            Form::Text | Form::Json => self.shown.would_enable(RECORDS, &level),
        }
    }
}

static LOG: OnceLock<Log> = OnceLock::new();

/// The log of this process, once it is started.
pub(crate) fn log() -> Option<&'static Log> {
    LOG.get()
}

/// Writes a line of the log. A log whose reader has gone must not end the service.
pub(crate) fn write(line: &str) {
    let _ = io::stderr().lock().write_all(line.as_bytes());
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
    let harmless = Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_target("aws_", LevelFilter::OFF)
        .with_target("s3s", LevelFilter::OFF)
        .with_target("lambda_", LevelFilter::WARN);
    #[cfg(feature = "otel")]
    let harmless = harmless.with_target(memory_trace::span::SPANS, LevelFilter::OFF);
    harmless
}

/// Starts the log of this process. No filter can show what a library must not show. Where names are
/// hashed, records have no domain and no entity in clear. Spans go where the settings of traces say.
#[cfg_attr(
    not(feature = "otel"),
    expect(unused_variables, reason = "there are no traces")
)]
pub fn init(reader: Reader, filter: &str, hashes_names: bool, traces: &Settings) {
    let is_terminal = io::stderr().is_terminal();
    let form = match reader {
        Reader::CloudWatch { function } => Form::Metrics { function },
        Reader::Stderr if is_terminal => Form::Text,
        Reader::Stderr => Form::Json,
    };
    let lines = fmt::layer()
        .log_internal_errors(false)
        .with_writer(io::stderr)
        .with_ansi(is_terminal)
        .with_target(false);
    let lines = match form {
        Form::Text => lines.boxed(),
        Form::Json | Form::Metrics { .. } => lines.json().flatten_event(true).boxed(),
    };
    let shown = shown(filter).unwrap_or_default();
    #[cfg(feature = "otel")]
    let mut spans = memory_trace::export::layer(
        traces,
        memory_trace::export::Process {
            function: match &form {
                Form::Metrics { function } => Some(function),
                Form::Text | Form::Json => None,
            },
            hides_names: hashes_names,
        },
    );
    let _ = LOG.set(Log {
        form,
        hashes_names,
        shown: shown.clone(),
    });
    let registry = tracing_subscriber::registry().with(lines.with_filter(shown.and(harmless())));
    #[cfg(feature = "otel")]
    let registry = registry.with(spans.as_mut().ok().and_then(Option::take));
    registry.init();
    #[cfg(feature = "otel")]
    if let Err(why) = spans {
        tracing::error!(why, "no traces are exported");
    }
}

/// Sends the last spans of a process that ends, if there is a collector that takes them in time.
pub async fn finish() {
    #[cfg(feature = "otel")]
    memory_trace::export::flush(memory_trace::export::FLUSH_TIME).await;
}

#[cfg(test)]
mod tests {
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
    fn a_filter_shows_records_by_their_level_and_hides_none_with_metrics() {
        let log = |form, filter| Log {
            form,
            hashes_names: false,
            shown: shown(filter).unwrap(),
        };
        let warn = log(Form::Json, "warn");
        assert!(warn.shows(Severity::Error) && warn.shows(Severity::Warning));
        assert!(!warn.shows(Severity::Info));
        assert!(log(Form::Text, "off,memory_web::record=info").shows(Severity::Info));
        assert!(!log(Form::Text, "off").shows(Severity::Error));
        let function = "f".to_owned();
        assert!(log(Form::Metrics { function }, "off").shows(Severity::Info));
    }

    #[test]
    fn a_level_ends_the_lines_below_it_before_they_are_made() {
        let both: &dyn tracing_subscriber::layer::Filter<tracing_subscriber::Registry> =
            &shown("info").unwrap().and(harmless());
        assert_eq!(both.max_level_hint(), Some(LevelFilter::INFO));
    }
}
