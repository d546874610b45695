//! What a caller is told about a failure: one vocabulary for every surface.
//!
//! A [`Problem`] is made from each layer's error and rendered by `jsonapi.rs`, `tool.rs` and
//! `mcp.rs`. Its sentences are for a person or a model. Nothing of S3's own message, bucket or role
//! is ever in one. The module must not know the storage or the use case.

use std::fmt;

use memory_log::fault::{VIOLATIONS_LISTED_MAX, meant};
use memory_log::json::quoted;
use memory_log::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

mod code;
mod meaning;
mod refusal;

pub use code::Code;
pub(crate) use code::Severity;
pub use meaning::StorageFailure;

/// One failure, as a caller is told about it (contract 3.7).
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What kind of failure it is.
    pub code: Code,
    /// What is wrong, where, the limit, and what to do: full sentences.
    pub detail: String,
    /// The part of the request that is at fault.
    pub source: Source,
    /// The required member that is missing.
    pub field: Option<String>,
    /// What is known about the memory, once the service tried to store it.
    pub storage: Option<Storage>,
    /// What was found when the memory was read.
    pub found: Option<Box<Found>>,
}

/// What a failure says about what was read, in members that apply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The memory's status.
    pub status: Option<String>,
    /// The number of its highest event.
    pub seq: Option<u8>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// How many events it has, for stewards.
    pub events: Option<usize>,
    /// Its newest events, for stewards.
    pub history: Vec<Past>,
    /// The part of the scopes that was read, from 0 to 1.
    pub progress: Option<f64>,
}

/// A change of a memory's status, as stewards see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Past {
    /// Its number.
    pub seq: u8,
    /// The status that it made.
    pub status: String,
    /// Who asked for it, as the gateway names them.
    pub actor: String,
    /// Why, in the actor's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// When it was asked for.
    #[schema(format = DateTime)]
    pub timestamp: String,
}

/// The part of a request that is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// No part in particular.
    None,
    /// A value of the body: a JSON Pointer (RFC 6901).
    Pointer(String),
    /// A query parameter's name.
    Parameter(String),
    /// A header field.
    Header(Header),
}

/// The header fields that can be at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the names of header fields")]
pub enum Header {
    Accept,
    Authorization,
    ContentEncoding,
    ContentType,
    Host,
    IfMatch,
    Origin,
    SecFetchSite,
}

impl Header {
    /// The field's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "Accept",
            Self::Authorization => "Authorization",
            Self::ContentEncoding => "Content-Encoding",
            Self::ContentType => "Content-Type",
            Self::Host => "Host",
            Self::IfMatch => "If-Match",
            Self::Origin => "Origin",
            Self::SecFetchSite => "Sec-Fetch-Site",
        }
    }
}

/// What is known about a memory whose storing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Whether it was stored.
    pub written: Written,
    /// The timestamp with which the request may be repeated, once the memory was normalized.
    pub retry: Option<Timestamp>,
}

/// Whether a memory was stored. Ordered: for two attempts, the maximum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Written {
    /// It certainly was not stored.
    NotWritten,
    /// It is not known.
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
            found: None,
        }
    }

    /// A failure of the value at a path of the body.
    #[must_use]
    pub fn at(code: Code, path: &[String], detail: impl Into<String>) -> Self {
        Self::new(code, Source::Pointer(pointer(path)), detail)
    }

    /// The same failure, with what is known about what should be stored.
    #[must_use]
    pub fn written(self, written: Written) -> Self {
        let storage = Some(Storage {
            written,
            retry: None,
        });
        Self { storage, ..self }
    }

    /// The same failure, with what was found.
    #[must_use]
    pub fn with(self, found: Found) -> Self {
        let found = Some(Box::new(found));
        Self { found, ..self }
    }
}

/// The problems of a request: the first hundred, and how many more there are.
#[derive(Debug, Default)]
pub struct Faults {
    listed: Vec<Problem>,
    unlisted: usize,
}

impl Faults {
    /// These problems, and so many more.
    #[must_use]
    pub fn of(listed: Vec<Problem>, unlisted: usize) -> Self {
        Self { listed, unlisted }
    }

    /// Adds one. It is not made when it would not be listed.
    pub fn push(&mut self, problem: impl FnOnce() -> Problem) {
        match self.listed.len() < VIOLATIONS_LISTED_MAX {
            true => self.listed.push(problem()),
            false => self.unlisted += 1,
        }
    }

    /// The problems. The last one says how many more there are.
    #[must_use]
    pub fn into_problems(mut self) -> Vec<Problem> {
        if let (Some(last), 1..) = (self.listed.last_mut(), self.unlisted) {
            last.detail += &format!(" More faults that are not listed: {}.", self.unlisted);
        }
        self.listed
    }

    /// What was read, unless something is wrong.
    ///
    /// # Errors
    /// The problems.
    pub fn unless_any<T>(self, read: Option<T>) -> Result<T, Vec<Problem>> {
        match read {
            Some(read) if self.listed.is_empty() => Ok(read),
            _ => Err(self.into_problems()),
        }
    }
}

/// The code of a response: all problems of one response have the same status.
#[must_use]
pub fn code_of(problems: &[Problem]) -> Code {
    problems
        .first()
        .map_or(Code::Internal, |problem| problem.code)
}

/// The sentence that names what a caller probably meant, with a space before it; nothing if no known name is like
/// the given one.
#[must_use]
pub fn did_you_mean(given: &str, known: &[&str]) -> String {
    meant(given, known).map_or_else(String::new, |name| {
        format!(" Did you mean {}?", quoted(name))
    })
}

/// Every detail, joined by a space: the one text of the flat form and of JSON-RPC.
#[must_use]
pub fn in_words(problems: &[Problem]) -> String {
    let details: Vec<_> = problems.iter().map(|problem| &*problem.detail).collect();
    details.join(" ")
}

/// Longest member name that a pointer repeats, in bytes. For a longer one the parent is named, which
/// exists as well, so that a hostile name cannot fill the response.
const POINTER_TOKEN_BYTES_MAX: usize = 1024;

/// RFC 6901: a slash before each token, `~` as `~0` and `/` as `~1`.
fn pointer(path: &[String]) -> String {
    let short = path
        .iter()
        .take_while(|token| token.len() <= POINTER_TOKEN_BYTES_MAX);
    short
        .map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &[&str]) -> String {
        let path: Vec<_> = path.iter().map(ToString::to_string).collect();
        pointer(&path)
    }

    #[test]
    fn a_pointer_escapes_the_tilde_before_the_slash() {
        assert_eq!(of(&[]), "");
        assert_eq!(of(&["data", "attributes"]), "/data/attributes");
        assert_eq!(of(&["a/b", "~1", ""]), "/a~1b/~01/");
    }

    #[test]
    fn a_pointer_stops_before_a_name_over_the_limit() {
        let (long, longest) = ("x".repeat(1025), "x".repeat(1024));
        assert_eq!(of(&["metadata", &long]), "/metadata");
        assert_eq!(of(&["metadata", &long, "a"]), "/metadata");
        assert_eq!(of(&["metadata", &longest]), format!("/metadata/{longest}"));
    }

    #[test]
    fn of_two_attempts_the_maximum_holds() {
        use Written::{NotWritten, Unknown};
        assert_eq!(NotWritten.max(Unknown), Unknown);
        assert_eq!(NotWritten.max(NotWritten), NotWritten);
    }

    #[test]
    fn unlisted_faults_are_counted_in_the_last_problem() {
        let problems = || vec![Problem::internal(), Problem::internal()];
        let told = |listed, unlisted| Faults::of(listed, unlisted).into_problems();
        assert_eq!(told(problems(), 0), problems());
        let counted = told(problems(), 3);
        assert_eq!(counted[0], problems()[0]);
        assert!(counted[1].detail.ends_with("that are not listed: 3."));
        assert_eq!(told(Vec::new(), 3), []);
    }

    #[test]
    fn a_hundred_faults_are_listed_and_no_other_is_made() {
        let mut faults = Faults::default();
        for _ in 0..100 {
            faults.push(Problem::internal);
        }
        faults.push(|| panic!("not listed"));
        let problems = faults.into_problems();
        assert_eq!(problems.len(), 100);
        assert!(problems[99].detail.ends_with("that are not listed: 1."));
    }
}
