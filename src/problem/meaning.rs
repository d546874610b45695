//! The words of a failure: what each fault of a request, and each failure of the storage, says to a
//! caller.
//!
//! The module must not know where a request spells a place; that enters by an argument.

use memory_log::fault::{Fault, Place, Violations};
use memory_log::json::{JsonError, quoted};
use memory_log::memory::NAME_BYTES_MAX;
use memory_log::metadata::METADATA_DEPTH_MAX;
use memory_log::timestamp::{Timestamp, TimestampError};

use super::{Code, Problem, Source, Storage, Written};

/// Why a memory that was normalized is not proved to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StorageFailure {
    /// S3 certainly did not store it, and a repeat may succeed.
    Unavailable,
    /// S3 certainly did not store it, and a repeat will not help.
    Refused,
    /// The request had begun, and nothing proves whether it was stored.
    OutcomeUnknown,
    /// The service itself failed after the request had begun.
    Crashed,
}

impl Problem {
    /// A body that is not JSON.
    #[must_use]
    pub fn malformed(error: &JsonError) -> Self {
        let JsonError {
            reason,
            line,
            column,
        } = error;
        let detail = format!(
            "The text is not acceptable JSON: {reason}, at line {line}, column {column}. Send one JSON object in UTF-8."
        );
        Self::new(Code::MalformedJson, Source::None, detail)
    }

    /// A write that failed; `retry` is the timestamp with which a repeat cannot store it twice.
    #[must_use]
    pub(crate) fn of_storage(failure: StorageFailure, retry: Timestamp) -> Self {
        let (code, written, what, advice) = match failure {
            StorageFailure::Unavailable => (
                Code::StorageUnavailable,
                Written::NotWritten,
                "The memory was not stored: the storage could not take it now.",
                "Repeat",
            ),
            StorageFailure::Refused => (
                Code::StorageRefused,
                Written::NotWritten,
                "The memory was not stored: the storage refused it. A repeat will not help until the service's operator \
                 has removed the cause.",
                "Then repeat",
            ),
            StorageFailure::OutcomeUnknown => (
                Code::StorageOutcomeUnknown,
                Written::Unknown,
                "It is not known whether the memory was stored: the storage sent no proof.",
                "Repeat",
            ),
            StorageFailure::Crashed => (
                Code::Internal,
                Written::Unknown,
                "The service failed while it stored the memory. It is not known whether the memory was stored.",
                "Repeat",
            ),
        };
        let detail = format!("{what} {}", repeat_advice(advice, retry));
        let storage = Some(Storage {
            written,
            retry: Some(retry),
        });
        Self {
            storage,
            ..Self::new(code, Source::None, detail)
        }
    }

    /// Every fault of a request; `locate` gives each place its path in the request.
    #[must_use]
    pub fn of_violations(
        violations: &Violations,
        locate: impl Fn(&Place) -> Vec<String>,
    ) -> Vec<Self> {
        let listed = violations.listed().iter();
        let problems = listed.map(|found| Self::of_fault(&found.fault, locate(&found.place)));
        Self::and_unlisted(problems.collect(), violations.unlisted())
    }

    fn of_fault(fault: &Fault, mut path: Vec<String>) -> Self {
        let name = spoken(&path);
        let (code, detail) = match fault {
            Fault::Required => {
                let field = path.pop();
                let detail = format!("{name} is required and must not be null.");
                return Self {
                    field,
                    ..Self::at(Code::Required, &path, detail)
                };
            }
            Fault::WrongType { expected, found } => (
                Code::InvalidType,
                format!("{name} is {found}; it must be {expected}."),
            ),
            Fault::Blank => (
                Code::Blank,
                format!("{name} is blank; it must have more than white space."),
            ),
            Fault::TooLong { bytes } => (
                Code::TooLong,
                format!(
                    "{name} has {bytes} bytes in UTF-8; shorten it to at most {NAME_BYTES_MAX}."
                ),
            ),
            Fault::ControlCharacter => (
                Code::InvalidCharacter,
                format!("{name} has a control character (Unicode category Cc); remove it."),
            ),
            Fault::InvalidUuid => (
                Code::InvalidUuid,
                format!(
                    "{name} must be a UUID: 32 hexadecimal digits with hyphens, grouped 8-4-4-4-12."
                ),
            ),
            Fault::InvalidTimestamp(error) => of_timestamp(*error, &name),
            Fault::ConfidenceOutOfRange => (
                Code::OutOfRange,
                format!("{name} must be a number from 0 to 1."),
            ),
            Fault::TooDeep { levels } => (
                Code::TooDeep,
                format!(
                    "{name} is nested {levels} levels deep; flatten it to at most {METADATA_DEPTH_MAX}."
                ),
            ),
            Fault::UnknownMember { known } => {
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                let detail = format!(
                    "{name} is not a known member, and ignoring it would lose data: remove it. Known members: {known}."
                );
                (Code::UnknownField, detail)
            }
        };
        Self::at(code, &path, detail)
    }
}

/// How to repeat a request without storing its memory twice.
fn repeat_advice(advice: &str, retry: Timestamp) -> String {
    format!(
        "{advice} the same request with \"timestamp\":\"{retry}\": it is stored only once, however often it is sent."
    )
}

fn of_timestamp(error: TimestampError, name: &str) -> (Code, String) {
    const EXAMPLE: &str = "Send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z";
    let (code, what) = match error {
        TimestampError::Empty => (Code::InvalidTimestamp, "is empty"),
        TimestampError::DateOnly => (Code::InvalidTimestamp, "is a date without a time of day"),
        TimestampError::NoOffset => (
            Code::InvalidTimestamp,
            "has no offset, so its instant is not known",
        ),
        TimestampError::LeapSecond => (
            Code::InvalidTimestamp,
            "is a leap second, which has no place in the order of the log",
        ),
        TimestampError::TooPrecise => (Code::InvalidTimestamp, "has more than 9 fraction digits"),
        TimestampError::NotRfc3339 => (Code::InvalidTimestamp, "is not a timestamp"),
        TimestampError::OutOfRange => (
            Code::OutOfRange,
            "is outside 1970-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z in UTC",
        ),
    };
    (
        code,
        format!("{name} {what}. {EXAMPLE}, or leave it out to mean now."),
    )
}

/// A path as a sentence names it: without the outer levels of the envelope.
fn spoken(path: &[String]) -> String {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let path = match *path {
        ["data", "attributes", _, ..] => path.get(2..).unwrap_or_default(),
        _ => &path,
    };
    quoted(&path.join("."))
}
