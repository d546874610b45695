//! What a caller is told of a failure: one table for every surface.
//!
//! A [`Problem`] is made here from each layer's failure and rendered by `jsonapi.rs` and `tool.rs`.
//! Its sentences are for a person or a model; nothing of S3's own message, bucket or role is ever
//! in one.

use std::fmt;

use crate::accept::{JSON, JSON_API};
use crate::json::{Malformed, quoted};
use crate::memory::{Fault, METADATA_DEPTH_MAX, NAME_BYTES_MAX, Place, Violations};
use crate::remember::Failure;
use crate::store::WriteError;
use crate::timestamp::{NotATimestamp, Timestamp};

mod code;

pub use code::Code;

/// Largest body: what a Lambda event of 6 MB still holds in base64.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One failure, as a caller is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of failure it is.
    pub code: Code,
    /// What is wrong, where, the limit, and what to do: full sentences.
    pub detail: String,
    /// The part of the request that is at fault.
    pub source: Source,
    /// The required member that is missing.
    pub field: Option<String>,
    /// What is known of the memory, once storing it was tried.
    pub storage: Option<Storage>,
}

/// The part of a request that is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// None in particular.
    None,
    /// A value of the body: a JSON Pointer (RFC 6901).
    Pointer(String),
    /// A query parameter's name.
    Parameter(String),
    /// A header field's name.
    Header(&'static str),
}

/// What is known of a memory whose storing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Whether it was stored.
    pub written: Written,
    /// The timestamp with which the request may be repeated, once the memory was normalised.
    pub retry: Option<Timestamp>,
}

/// Where a request's shape spells each place of a memory: the path in its body.
pub type Locate = fn(&Place) -> Vec<String>;

/// Whether a memory was stored; of two requests for it, the greater is true of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Written {
    /// It certainly was not.
    NotWritten,
    /// Nobody knows.
    Unknown,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotWritten => "not_written",
            Self::Unknown => "unknown",
        })
    }
}

impl Problem {
    /// A failure of no part of the body.
    #[must_use]
    pub fn new(code: Code, source: Source, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            source,
            field: None,
            storage: None,
        }
    }

    /// A failure of the value at a path of the body.
    #[must_use]
    pub fn at(code: Code, path: &[String], detail: impl Into<String>) -> Self {
        Self::new(code, Source::Pointer(pointer(path)), detail)
    }

    /// A path where nothing is.
    #[must_use]
    pub fn not_found() -> Self {
        let detail = "There is nothing at this path. Memories are sent to POST /memory; see GET /openapi.json.";
        Self::new(Code::NotFound, Source::None, detail)
    }

    /// A path that has other methods.
    #[must_use]
    pub fn method_not_allowed(allow: &str) -> Self {
        Self::new(
            Code::MethodNotAllowed,
            Source::None,
            format!("This path takes {allow} only."),
        )
    }

    /// A body over the limit.
    #[must_use]
    pub fn too_large() -> Self {
        let detail = format!(
            "The body is larger than {BODY_BYTES_MAX} bytes (4 MiB): send a shorter memory."
        );
        Self::new(Code::TooLarge, Source::None, detail)
    }

    /// A body of another type.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        let detail = format!(
            "The body must be declared as {JSON_API}, without parameters but profile, or as {JSON}: set one Content-Type \
             header."
        );
        Self::new(
            Code::UnsupportedMediaType,
            Source::Header("Content-Type"),
            detail,
        )
    }

    /// A message of MCP of another type.
    #[must_use]
    pub fn unsupported_message_type() -> Self {
        let detail = format!("A message must be declared as {JSON}, or not at all.");
        Self::new(
            Code::UnsupportedMediaType,
            Source::Header("Content-Type"),
            detail,
        )
    }

    /// A body in a content coding.
    #[must_use]
    pub fn unsupported_coding() -> Self {
        let detail = "The body must not be encoded: send it as it is, without Content-Encoding.";
        Self::new(
            Code::UnsupportedMediaType,
            Source::Header("Content-Encoding"),
            detail,
        )
    }

    /// No representation that the caller takes.
    #[must_use]
    pub fn not_acceptable() -> Self {
        let detail = format!(
            "The answer can be {JSON_API} without parameters, or {JSON}: name one of them in Accept."
        );
        Self::new(Code::NotAcceptable, Source::Header("Accept"), detail)
    }

    /// A caller that may not come in.
    #[must_use]
    pub fn forbidden(source: Source, detail: &str) -> Self {
        Self::new(Code::Forbidden, source, detail)
    }

    /// A body whose end never came.
    #[must_use]
    pub fn cut_off() -> Self {
        let detail = "The body did not arrive whole: the connection broke, or its framing is wrong. Nothing was stored.";
        Self::new(Code::MalformedJson, Source::None, detail)
    }

    /// A body that is not JSON.
    #[must_use]
    pub fn malformed(fault: &Malformed) -> Self {
        let Malformed {
            reason,
            line,
            column,
        } = fault;
        let detail = format!(
            "The text is not acceptable JSON: {reason}, at line {line}, column {column}. Send one \
             JSON object in UTF-8."
        );
        Self::new(Code::MalformedJson, Source::None, detail)
    }

    /// A bug that says nothing about the memory.
    #[must_use]
    pub fn internal() -> Self {
        let detail =
            "The service failed, and the fault is its own: tell its operator the request id.";
        Self::new(Code::Internal, Source::None, detail)
    }

    /// A deadline that passed before storing began.
    #[must_use]
    pub fn too_slow() -> Self {
        let detail = "The memory was not stored: the time for this request ran out before its body had arrived. \
                      Repeat the same request.";
        let storage = Some(Storage {
            written: Written::NotWritten,
            retry: None,
        });
        Self {
            storage,
            ..Self::new(Code::StorageUnavailable, Source::None, detail)
        }
    }

    /// What a draft's failure to become durable means to the caller, `locate` giving each place its
    /// path in the request.
    #[must_use]
    pub fn of(failure: &Failure, locate: Locate) -> Vec<Self> {
        use WriteError::{Refused, Unavailable, Unknown};

        let (code, written, said, advice, retry) = match failure {
            Failure::Invalid(violations) => return Self::of_violations(violations, locate),
            Failure::Write {
                error: Unavailable(_),
                retry,
            } => (
                Code::StorageUnavailable,
                Written::NotWritten,
                "The memory was not stored: the storage could not take it now.",
                "Repeat",
                retry,
            ),
            Failure::Write {
                error: Refused(_),
                retry,
            } => (
                Code::StorageRefused,
                Written::NotWritten,
                "The memory was not stored: the storage refused it, and a repeat will not help until \
                 the service's operator has mended the cause.",
                "Then repeat",
                retry,
            ),
            Failure::Write {
                error: Unknown(_),
                retry,
            } => (
                Code::StorageOutcomeUnknown,
                Written::Unknown,
                "Whether the memory was stored is not known: the storage gave no proof.",
                "Repeat",
                retry,
            ),
            Failure::Crashed { retry } => (
                Code::Internal,
                Written::Unknown,
                "The service failed while it stored the memory, and whether it was stored is not \
                 known.",
                "Repeat",
                retry,
            ),
        };
        let detail = format!(
            "{said} {advice} the same request with \"timestamp\":\"{retry}\": however often it is \
             sent, it is stored once."
        );
        let storage = Some(Storage {
            written,
            retry: Some(*retry),
        });
        vec![Self {
            storage,
            ..Self::new(code, Source::None, detail)
        }]
    }

    /// Every fault of a request.
    #[must_use]
    pub fn of_violations(violations: &Violations, locate: Locate) -> Vec<Self> {
        let listed = violations.listed().iter();
        let problems = listed.map(|found| Self::of_fault(&found.fault, locate(&found.place)));
        Self::and_unlisted(problems.collect(), violations.unlisted())
    }

    /// Says with the last problem how many more there are.
    pub(crate) fn and_unlisted(mut problems: Vec<Self>, unlisted: usize) -> Vec<Self> {
        if let (Some(last), 1..) = (problems.last_mut(), unlisted) {
            last.detail += &format!(" More faults that are not listed: {unlisted}.");
        }
        problems
    }

    fn of_fault(fault: &Fault, mut path: Vec<String>) -> Self {
        let name = spoken(&path);
        let (code, detail) = match fault {
            Fault::Required => {
                let field = path.pop();
                let detail = format!("{name} is required: send it, and not as null.");
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
                format!("{name} is blank; it must hold more than white space."),
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
            Fault::NotAUuid => (
                Code::InvalidUuid,
                format!(
                    "{name} is no UUID; send 32 hexadecimal digits with hyphens, grouped 8-4-4-4-12."
                ),
            ),
            Fault::NotATimestamp(reason) => not_a_timestamp(*reason, &name),
            Fault::NotAConfidence => (
                Code::OutOfRange,
                format!("{name} is below 0 or above 1; send a number from 0 to 1."),
            ),
            Fault::TooDeep { levels } => (
                Code::TooDeep,
                format!(
                    "{name} is nested {levels} levels deep; flatten it to at most {METADATA_DEPTH_MAX}."
                ),
            ),
            Fault::Unknown { known } => {
                let known = if known.is_empty() {
                    "nothing".to_owned()
                } else {
                    known.join(", ")
                };
                let detail = format!(
                    "{name} is not stored, and to drop it would lose data: leave it out. Known here: \
                     {known}."
                );
                (Code::UnknownField, detail)
            }
        };
        Self::at(code, &path, detail)
    }
}

fn not_a_timestamp(reason: NotATimestamp, name: &str) -> (Code, String) {
    const EXAMPLE: &str = "Send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z";
    let (code, said) = match reason {
        NotATimestamp::Empty => (Code::InvalidTimestamp, "is empty"),
        NotATimestamp::DateOnly => (Code::InvalidTimestamp, "is a date without a time of day"),
        NotATimestamp::NoOffset => (
            Code::InvalidTimestamp,
            "has no offset, so its instant is not known",
        ),
        NotATimestamp::LeapSecond => (
            Code::InvalidTimestamp,
            "names a leap second, which cannot be kept in order",
        ),
        NotATimestamp::TooPrecise => (Code::InvalidTimestamp, "has more than 9 fraction digits"),
        NotATimestamp::NotRfc3339 => (Code::InvalidTimestamp, "is no timestamp"),
        NotATimestamp::OutOfRange => (
            Code::OutOfRange,
            "lies outside 1970-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z in UTC",
        ),
    };
    (
        code,
        format!("{name} {said}. {EXAMPLE}, or leave it out to mean now."),
    )
}

/// Longest member name that a pointer repeats, in bytes: beyond it the parent is named, which
/// exists as well.
const POINTER_TOKEN_BYTES_MAX: usize = 1024;

/// RFC 6901: each token after a slash, `~` as `~0` and `/` as `~1`.
fn pointer(path: &[String]) -> String {
    let short = path
        .iter()
        .take_while(|token| token.len() <= POINTER_TOKEN_BYTES_MAX);
    short
        .map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")))
        .collect()
}

/// A path as a sentence names it: the envelope's own levels left out.
fn spoken(path: &[String]) -> String {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let path = match *path {
        ["data", "attributes", _, ..] => path.get(2..).unwrap_or_default(),
        _ => &path,
    };
    quoted(&path.join("."))
}
