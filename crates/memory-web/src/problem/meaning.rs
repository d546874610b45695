//! The words of a failure: what each fault of a request, and each failure of the storage, says to a
//! caller.
//!
//! The module must not know where a request spells a place; that enters by an argument. Half of the
//! file is its tests.

use memory_log::fault::{Fault, Place, Violations};
use memory_log::json::{JsonError, quoted};
use memory_log::memory::NAME_BYTES_MAX;
use memory_log::metadata::METADATA_DEPTH_MAX;
use memory_log::timestamp::{Timestamp, TimestampError};

use super::{Code, Faults, Problem, Source, Storage, Written, did_you_mean};

/// Why a memory that was normalized is not proved to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageFailure {
    /// S3 certainly did not store it, and a repeat may succeed.
    Unavailable,
    /// S3 certainly did not store it, and a repeat will not help.
    Refused,
    /// Other bytes are under its key, and were left as they are.
    Damaged,
    /// The request had begun, and nothing proves whether it was stored.
    OutcomeUnknown,
    /// The service itself failed after the request had begun.
    Crashed,
}

impl StorageFailure {
    /// Its code.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::Unavailable => Code::StorageUnavailable,
            Self::Refused => Code::StorageRefused,
            Self::Damaged => Code::LogDamaged,
            Self::OutcomeUnknown => Code::StorageOutcomeUnknown,
            Self::Crashed => Code::Internal,
        }
    }
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
    pub fn of_storage(failure: StorageFailure, retry: Timestamp) -> Self {
        let (written, what, advice) = match failure {
            StorageFailure::Unavailable => (
                Written::NotWritten,
                "The memory was not stored: the storage could not take it now.",
                "Repeat",
            ),
            StorageFailure::Refused => (
                Written::NotWritten,
                "The memory was not stored: the storage refused it. A repeat will not help until the service's operator \
                 has removed the cause.",
                "Then repeat",
            ),
            StorageFailure::Damaged => (
                Written::NotWritten,
                "The log is damaged: the object under the memory's own key has other bytes, and nothing was written. Tell \
                 the service's operator. A repeat will not help until the object is repaired.",
                "Then repeat",
            ),
            StorageFailure::OutcomeUnknown => (
                Written::Unknown,
                "It is not known whether the memory was stored: the storage sent no proof.",
                "Repeat",
            ),
            StorageFailure::Crashed => (
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
            ..Self::new(failure.code(), Source::None, detail)
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
        Faults::of(problems.collect(), violations.unlisted()).into_problems()
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
                let given = path.last().map(String::as_str).unwrap_or_default();
                let guess = did_you_mean(given, known);
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                let detail = format!(
                    "{name} is not a known member, and ignoring it would lose data: remove it.{guess} Known members: {known}."
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
            "is a leap second, which this service does not support",
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

#[cfg(test)]
mod tests {
    use memory_log::json::Kind;

    use super::*;

    fn path(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    /// Every fault of a value; those of a timestamp are in [`TIMESTAMP_ERRORS`].
    fn faults() -> Vec<Fault> {
        vec![
            Fault::Required,
            Fault::WrongType {
                expected: "a string",
                found: Kind::Number,
            },
            Fault::Blank,
            Fault::TooLong { bytes: 151 },
            Fault::ControlCharacter,
            Fault::InvalidUuid,
            Fault::ConfidenceOutOfRange,
            Fault::TooDeep { levels: 65 },
            Fault::UnknownMember {
                known: &["content", "tags"],
            },
            Fault::UnknownMember { known: &[] },
            Fault::UnknownMember {
                known: &["content", "entityId"],
            },
        ]
    }

    const TIMESTAMP_ERRORS: [TimestampError; 7] = [
        TimestampError::Empty,
        TimestampError::DateOnly,
        TimestampError::NoOffset,
        TimestampError::LeapSecond,
        TimestampError::TooPrecise,
        TimestampError::NotRfc3339,
        TimestampError::OutOfRange,
    ];

    const STORAGE_FAILURES: [StorageFailure; 4] = [
        StorageFailure::Unavailable,
        StorageFailure::Refused,
        StorageFailure::OutcomeUnknown,
        StorageFailure::Crashed,
    ];

    /// A problem as its code and its sentence.
    fn said(problem: &Problem) -> String {
        format!("{}: {}", problem.code.name(), problem.detail)
    }

    fn all_said(problems: impl IntoIterator<Item = Problem>) -> String {
        let problems: Vec<_> = problems.into_iter().map(|problem| said(&problem)).collect();
        problems.join("\n")
    }

    fn retry() -> Timestamp {
        Timestamp::parse("2026-01-27T03:14:22.5Z").unwrap()
    }

    #[test]
    fn every_fault_has_its_code_and_names_the_member_the_limit_and_what_to_do() {
        let problems = faults().into_iter();
        let problems = problems.map(|fault| Problem::of_fault(&fault, path(&["entity_id"])));
        insta::assert_snapshot!(all_said(problems), @r#"
        required: "entity_id" is required and must not be null.
        invalid_type: "entity_id" is a number; it must be a string.
        blank: "entity_id" is blank; it must have more than white space.
        too_long: "entity_id" has 151 bytes in UTF-8; shorten it to at most 150.
        invalid_character: "entity_id" has a control character (Unicode category Cc); remove it.
        invalid_uuid: "entity_id" must be a UUID: 32 hexadecimal digits with hyphens, grouped 8-4-4-4-12.
        out_of_range: "entity_id" must be a number from 0 to 1.
        too_deep: "entity_id" is nested 65 levels deep; flatten it to at most 64.
        unknown_field: "entity_id" is not a known member, and ignoring it would lose data: remove it. Known members: content, tags.
        unknown_field: "entity_id" is not a known member, and ignoring it would lose data: remove it. Known members: none.
        unknown_field: "entity_id" is not a known member, and ignoring it would lose data: remove it. Did you mean "entityId"? Known members: content, entityId.
        "#);
    }

    #[test]
    fn every_refused_timestamp_has_its_reason_and_an_example() {
        let problems = TIMESTAMP_ERRORS.map(|error| {
            let fault = Fault::InvalidTimestamp(error);
            Problem::of_fault(&fault, path(&["timestamp"]))
        });
        insta::assert_snapshot!(all_said(problems), @r#"
        invalid_timestamp: "timestamp" is empty. Send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z, or leave it out to mean now.
        invalid_timestamp: "timestamp" is a date without a time of day. Send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z, or leave it out to mean now.
        invalid_timestamp: "timestamp" has no offset, so its instant is not known. Send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z, or leave it out to mean now.
        invalid_timestamp: "timestamp" is a leap second, which this service does not support. Send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z, or leave it out to mean now.
        invalid_timestamp: "timestamp" has more than 9 fraction digits. Send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z, or leave it out to mean now.
        invalid_timestamp: "timestamp" is not a timestamp. Send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z, or leave it out to mean now.
        out_of_range: "timestamp" is outside 1970-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z in UTC. Send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z, or leave it out to mean now.
        "#);
    }

    #[test]
    fn every_failed_write_says_what_is_known_and_names_the_timestamp_of_a_safe_repeat() {
        let problems = STORAGE_FAILURES.map(|failure| Problem::of_storage(failure, retry()));
        insta::assert_snapshot!(all_said(problems.clone()), @r#"
        storage_unavailable: The memory was not stored: the storage could not take it now. Repeat the same request with "timestamp":"2026-01-27T03:14:22.500Z": it is stored only once, however often it is sent.
        storage_refused: The memory was not stored: the storage refused it. A repeat will not help until the service's operator has removed the cause. Then repeat the same request with "timestamp":"2026-01-27T03:14:22.500Z": it is stored only once, however often it is sent.
        storage_outcome_unknown: It is not known whether the memory was stored: the storage sent no proof. Repeat the same request with "timestamp":"2026-01-27T03:14:22.500Z": it is stored only once, however often it is sent.
        internal: The service failed while it stored the memory. It is not known whether the memory was stored. Repeat the same request with "timestamp":"2026-01-27T03:14:22.500Z": it is stored only once, however often it is sent.
        "#);
        let known = problems.map(|problem| problem.storage.map(|storage| storage.written));
        use Written::{NotWritten, Unknown};
        assert_eq!(known, [NotWritten, NotWritten, Unknown, Unknown].map(Some));
    }

    #[test]
    fn only_what_certainly_was_not_stored_is_said_not_to_be_stored() {
        for failure in STORAGE_FAILURES {
            let problem = Problem::of_storage(failure, retry());
            let storage = problem.storage.unwrap();
            assert_eq!(storage.retry, Some(retry()), "{failure:?}");
            let is_certain = storage.written == Written::NotWritten;
            let says_so = problem.detail.contains("was not stored:");
            assert_eq!(says_so, is_certain, "{failure:?}");
            let says_unknown = problem.detail.contains("not known whether");
            assert_eq!(says_unknown, !is_certain, "{failure:?}");
        }
    }

    #[test]
    fn a_missing_member_points_at_its_parent_and_any_other_fault_at_the_member() {
        let path = path(&["metadata", "tags"]);
        for fault in faults() {
            let problem = Problem::of_fault(&fault, path.clone());
            let (pointer, field) = match fault == Fault::Required {
                true => ("/metadata", Some("tags")),
                false => ("/metadata/tags", None),
            };
            assert_eq!(problem.source, Source::Pointer(pointer.to_owned()));
            assert_eq!(problem.field.as_deref(), field, "{fault:?}");
            assert_eq!(problem.storage, None);
        }
        let at_root = Problem::of_fault(&Fault::Required, vec!["domain".to_owned()]);
        assert_eq!(at_root.source, Source::Pointer(String::new()));
    }

    #[test]
    fn a_sentence_names_the_path_without_the_outer_levels_of_the_envelope() {
        let spoken = |names: &[&str]| spoken(&path(names));
        assert_eq!(spoken(&["data", "attributes", "tags", "0"]), r#""tags.0""#);
        assert_eq!(spoken(&["metadata", "tags", "1"]), r#""metadata.tags.1""#);
        assert_eq!(spoken(&["data", "attributes"]), r#""data.attributes""#);
        assert_eq!(spoken(&["data", "type"]), r#""data.type""#);
        assert_eq!(
            spoken(&["attributes", "data", "x"]),
            r#""attributes.data.x""#
        );
        assert_eq!(
            spoken(&["a\"\n"]),
            r#""a\"\n""#,
            "one line, whatever is sent"
        );
    }

    #[test]
    fn a_hostile_name_cannot_fill_a_sentence() {
        let fault = Fault::UnknownMember { known: &[] };
        let problem = Problem::of_fault(&fault, vec!["n".repeat(100_000)]);
        assert!(problem.detail.len() < 250, "{}", problem.detail.len());
        assert_eq!(problem.source, Source::Pointer(String::new()));
    }

    #[test]
    fn the_faults_of_a_request_keep_their_order_and_their_places() {
        let mut violations = Violations::one(Place::Content, Fault::Blank);
        for _ in 0..150 {
            violations.push(Place::Domain, Fault::ControlCharacter);
        }
        let locate = |place: &Place| match *place == Place::Content {
            true => vec!["first".to_owned()],
            false => vec!["other".to_owned()],
        };
        let problems = Problem::of_violations(&violations, locate);
        assert_eq!(problems.len(), 100);
        assert_eq!(problems[0].source, Source::Pointer("/first".to_owned()));
        assert_eq!(problems[99].source, Source::Pointer("/other".to_owned()));
        assert!(problems[99].detail.ends_with("not listed: 51."));
    }

    #[test]
    fn a_body_that_is_not_json_is_named_with_its_place_in_the_text() {
        let error = JsonError {
            reason: "expected value".to_owned(),
            line: 2,
            column: 11,
        };
        let problem = Problem::malformed(&error);
        assert_eq!(
            said(&problem),
            "malformed_json: The text is not acceptable JSON: expected value, at line 2, column 11. Send one JSON object in UTF-8."
        );
        assert_eq!(problem.source, Source::None);
    }
}
